"""Steady problems for the tests of Newton's method and of continuation."""

from __future__ import annotations

import numpy as np
from model_matrices import second_difference
from scipy.sparse import diags_array

import ritz as rz
from ritz.codegen.structure import Structure


def bratu(n: int = 99) -> rz.FunctionSystem:
    """``u'' + lam exp(u) = 0`` on (0, 1), u = 0 at the ends; no solution for lam above 3.5138."""
    a = second_difference(n)
    return rz.FunctionSystem(
        lambda t, u, p: p["lam"] * np.exp(u) - a @ u, n,
        jacobian=lambda t, u, p: diags_array(p["lam"] * np.exp(u)) - a,
        parameters={"lam": 1.0}, steady=True, structure=Structure(symmetric=True, dimension=1), name="Bratu",
    )  # fmt: skip
