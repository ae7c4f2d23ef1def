"""Sparse linear systems: one interface over direct, multigrid, Krylov and block solvers, chosen with the reason."""
