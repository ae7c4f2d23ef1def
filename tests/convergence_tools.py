"""Orders of convergence on sequences of meshes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import sympy as sp
from case_tools import cases

import ritz as rz

x, y, z = rz.coords("x y z")
KNOWN = {"x": x, "y": y, "z": z, "t": rz.t}
NORMS = ("L2", "H1")
HALF = sp.Rational(1, 2)


def expression(case: dict[str, Any], *names: str, of: str = "exact_solution") -> Any:
    """Stored expressions over Ritz's coordinates and time: one, or a tuple for a vector."""
    found = tuple(sp.sympify(case[of][name], locals=KNOWN) for name in names)
    return found if len(found) > 1 else found[0]


def manufactured(case_id: str) -> dict[str, Any]:
    return cases("fem_manufactured")[case_id]


def reference_orders(case: dict[str, Any], degree: int) -> list[float]:
    """The orders in L2 and H1 that a case lists for a degree, also under ``space`` and under ``P1 (u)``."""
    listed = case["reference"].get("space", case["reference"])
    key = next(name for name in listed if name.split()[0] == f"P{degree}")
    return [listed[key][norm] for norm in NORMS]


def orders(errors: Iterable[Any]) -> np.ndarray:
    """Observed orders between successive levels, each of half the size of the one before: (levels - 1, norms)."""
    rows = np.array(list(errors), dtype=float)
    return np.log2(rows[:-1] / rows[1:])


def errors_of(
    system: Any, state: Any, exact: dict[Any, Any], t: float = 0.0, norms: Iterable[str] = NORMS
) -> list[float]:
    """Errors with a quadrature that is far finer than the elements."""
    highest = max(nodes.element.degree for nodes in system.model.space.nodes)
    return [system.error(exact, state, t, norm=norm, degree=2 * highest + 6) for norm in norms]


def steady_orders(
    make: Callable[[int], Any], sizes: Iterable[int], exact: dict[Any, Any], **options: Any
) -> np.ndarray:
    """Orders of a steady problem.

    Args:
        make: number of cells along an edge -> system.
        sizes: numbers of cells, each twice the one before.
        exact: field -> exact solution.
    """
    found = []
    for n in sizes:
        system = make(n)
        found.append(errors_of(system, rz.solve(system, **options).y[:, -1], exact))
    return orders(found)
