def low_rank_products(*a): return None
