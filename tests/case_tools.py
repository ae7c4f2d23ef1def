"""Reading of the reference cases in ``tests/cases`` and comparison with them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

import ritz as rz

CASES = Path(__file__).resolve().parent / "cases"


@cache
def load(family: str) -> dict[str, Any]:
    """A file of reference cases."""
    return json.loads((CASES / f"{family}.json").read_text())  # type: ignore[no-any-return]


@cache
def cases(family: str) -> dict[str, dict[str, Any]]:
    """Its cases by name."""
    return {case["id"]: case for case in load(family)["cases"]}


def number(value: Any) -> float:
    """A number stored as such, as a decimal or as an expression ("sqrt(1.1/0.9)")."""
    return float(sp.sympify(value))


def numbers(values: Any) -> np.ndarray:
    return np.array([number(value) for value in values])


def figures(value: Any) -> Any:
    """All numbers of a value, a list or a mapping of such."""
    if isinstance(value, dict):
        return {name: figures(part) for name, part in value.items()}
    return np.array([figures(part) for part in value]) if isinstance(value, list) else number(value)


def reference(family: str, case_id: str) -> Any:
    """The numbers that a case is compared with."""
    return figures(cases(family)[case_id]["reference"])


def parameters(family: str, case_id: str) -> dict[str, float]:
    """The parameters of a case."""
    return {name: number(value) for name, value in cases(family)[case_id]["parameters"].items()}


def several(made: Any) -> tuple[Any, ...]:
    """`rz.fields` and its kin return one object for one name: always a tuple here."""
    return made if isinstance(made, tuple) else (made,)


def ode_problem(names: list[str], equations: list[str], initial: Any, parameters: dict[str, Any]) -> rz.Problem:
    """A problem from equations written ``d(x)/dt = ...``, through Ritz's own parser of strings."""
    fields = several(rz.fields(" ".join(names)))
    known: tuple[Any, ...] = ()
    if parameters:
        known = several(rz.params(" ".join(parameters), default=tuple(number(v) for v in parameters.values())))
    written = [re.sub(r"^d\((\w+)\)/dt\s*=", r"dt(\1) =", equation) for equation in equations]
    start = dict(zip(fields, (number(value) for value in initial), strict=True))
    return rz.Problem(written, unknowns=fields, parameters=known, initial=start)


def largest_error(found: np.ndarray, reference: np.ndarray) -> float:
    """Largest error relative to the largest entry of the reference."""
    return float(np.abs(found - reference).max() / max(np.abs(reference).max(), np.finfo(float).tiny))


def sample(values: np.ndarray, bounds: list[tuple[float, float]], point: tuple[float, ...]) -> complex:
    """Value of a periodic grid function between its grid points, by its trigonometric interpolant."""
    modes = np.fft.fftn(values) / values.size
    for (low, high), place in zip(reversed(bounds), reversed(point), strict=True):
        n = modes.shape[-1]
        modes = modes @ np.exp(2j * np.pi * np.fft.fftfreq(n, 1 / n) * (place - low) / (high - low))
    return complex(modes)
