"""Floor 1: the language of problems, the expression graph, calculus on it and the rewriter."""
