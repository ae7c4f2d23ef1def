"""NumPy programs as graphs: a user's function is called once with symbolic arrays that record what is done to them."""
