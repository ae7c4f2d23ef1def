"""How cosine and sine transforms are written through real Fourier transforms, as tables of places and weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from ritz.codegen.transforms.butterfly import root

PERIODS: dict[str, Callable[[int], int]] = {
    "dct1": lambda n: 2 * (n - 1),
    "dct2": lambda n: n,
    "dct3": lambda n: n,
    "dst1": lambda n: 2 * (n + 1),
    "dst2": lambda n: n,
    "dst3": lambda n: n,
}
"""Kind -> length of the real transform, by the number of points."""


@dataclass(frozen=True)
class Modes:
    """Modes that are numbers of the array: each involves two of them, or two involve the same mode.

    Forward, number k is ``weights[k][0] * Re V + weights[k][1] * Im V`` with the mode ``V = places[k][0]``. Inverse,
    mode m is ``weights[m][:2] @ x + i weights[m][2:] @ x`` with the numbers x at ``places[m]``.
    """

    places: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Tables:
    """A transform of n numbers through a real one of a period.

    Attributes:
        n, period: lengths.
        forward: whether the real transform leads from the array to modes, or from modes to the array.
        values: values of the real transform: place and sign, of each value in the array (forward) or of each number of
            the array among the values (inverse).
        modes: see `Modes`.
    """

    n: int
    period: int
    forward: bool
    values: tuple[tuple[int, float], ...]
    modes: Modes


def tables(kind: str, n: int) -> Tables:
    """The tables of a kind of transform of n numbers."""
    if kind in ("dct1", "dst1"):
        values, modes = _first(kind, n)
    elif kind in ("dct2", "dst2"):
        values, modes = _second(kind, n)
    else:
        values, modes = _third(kind, n)
    return Tables(n, PERIODS[kind](n), kind[-1] != "3", tuple(values), modes)


def _first(kind: str, n: int) -> tuple[list[tuple[int, float]], Modes]:
    """The continuation, even about its ends or odd about the places next to them."""
    if kind == "dct1":
        values = [(k, 1.0) for k in [*range(n), *range(n - 2, 0, -1)]]
        return values, Modes(tuple((k,) for k in range(n)), ((1.0, 0.0),) * n)
    rising, falling = [(k, 1.0) for k in range(n)], [(k, -1.0) for k in range(n - 1, -1, -1)]
    values = [(0, 0.0), *rising, (0, 0.0), *falling]
    return values, Modes(tuple((k + 1,) for k in range(n)), ((0.0, -1.0),) * n)


def _second(kind: str, n: int) -> tuple[list[tuple[int, float]], Modes]:
    """Even places and then odd ones backwards; numbers k and n - k are the two parts of one turned mode."""
    order = [*range(0, n, 2), *range(n - 1 - n % 2, 0, -2)]
    places, weights = [], []
    for k in range(n):
        m = min(k, n - k)
        c, s = root(m, 4 * n)
        places.append((m,))
        weights.append((2 * c, 2 * s) if k == m else (2 * s, -2 * c))
    if kind == "dst2":
        return [(k, 1.0 - 2 * (k % 2)) for k in order], Modes(tuple(places[::-1]), tuple(weights[::-1]))
    return [(k, 1.0) for k in order], Modes(tuple(places), tuple(weights))


def _third(kind: str, n: int) -> tuple[list[tuple[int, float]], Modes]:
    """The transpose of the second kind."""
    sine = kind == "dst3"
    places, weights = [], []
    for m in range(n // 2 + 1):
        i, j = m, (n - m) % n
        places.append((n - 1 - i, n - 1 - j) if sine else (i, j))
        c, s = root(m, 4 * n)
        weights.append((1.0, 0.0, 0.0, 0.0) if m == 0 else (sqrt(2.0), 0.0, 0.0, 0.0) if 2 * m == n else (c, s, s, -c))
    values = [(k // 2 if k % 2 == 0 else n - 1 - k // 2, 1.0 - 2 * (k % 2) * sine) for k in range(n)]
    return values, Modes(tuple(places), tuple(weights))
