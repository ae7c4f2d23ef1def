"""Implicit-explicit methods for split systems: L implicitly, N explicitly; with diagonal L no equation is solved.

`ARK3` and `ARK4` are ARK3(2)4L[2]SA and ARK4(3)6L[2]SA of C. A. Kennedy and M. H. Carpenter, "Additive Runge-Kutta
schemes for convection-diffusion-reaction equations", Appl. Numer. Math. 44 (2003) 139-181, appendix C: L-stable and
stiffly accurate in L, with an embedded method one order lower. `SBDF2` is the two-step method of U. M. Ascher, S. J.
Ruuth and B. T. R. Wetton, "Implicit-explicit methods for time-dependent partial differential equations", SIAM J.
Numer. Anal. 32 (1995) 797-823, in its form for unequal steps; its first step is an IMEX Euler step.

Dense output of the Runge-Kutta pairs: the polynomial that meets the order conditions up to order 3 (ARK4) or 2 (ARK3)
at every place and stays bounded for infinitely fast modes, which fixes it uniquely (`dense_weights`). `SBDF2` uses
the parabola through three states.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ritz.solvers.split_step import SplitMethod

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveTableau:
    """An additive Runge-Kutta pair with common nodes and weights.

    Attributes:
        explicit: S rows for N, strictly lower triangular.
        implicit: S rows for L, lower triangular; the first row is empty, the last one equals `weights`.
        weights: (S,) weights of the new state.
        embedded: (S,) weights of the embedded method.
        nodes: (S,) places of the stages.
        dense_order: Order of the dense output.
    """

    explicit: tuple[tuple[Fraction, ...], ...]
    implicit: tuple[tuple[Fraction, ...], ...]
    weights: tuple[Fraction, ...]
    embedded: tuple[Fraction, ...]
    nodes: tuple[Fraction, ...]
    dense_order: int

    def arrays(self) -> tuple[Array, Array, Array, Array, Array]:
        """Square matrices for N and L, weights, embedded weights and nodes as floats."""
        size = len(self.nodes)

        def square(rows: tuple[tuple[Fraction, ...], ...]) -> Array:
            return np.array([[float(a) for a in row] + [0.0] * (size - len(row)) for row in rows])

        vectors = [np.array([float(a) for a in row]) for row in (self.weights, self.embedded, self.nodes)]
        return square(self.explicit), square(self.implicit), vectors[0], vectors[1], vectors[2]


def _fractions(text: str) -> tuple[Fraction, ...]:
    return tuple(Fraction(word) for word in text.split())


_G3 = "1767732205903/4055673282236"
_B3 = f"1471266399579/7840856788654 -4482444167858/7529755066697 11266239266428/11593286722821 {_G3}"

ARK3_TABLEAU = AdditiveTableau(
    explicit=(
        (),
        _fractions("1767732205903/2027836641118"),
        _fractions("5535828885825/10492691773637 788022342437/10882634858940"),
        _fractions("6485989280629/16251701735622 -4246266847089/9704473918619 10755448449292/10357097424841"),
    ),
    implicit=(
        (),
        _fractions(f"{_G3} {_G3}"),
        _fractions(f"2746238789719/10658868560708 -640167445237/6845629431997 {_G3}"),
        _fractions(_B3),
    ),
    weights=_fractions(_B3),
    embedded=_fractions(
        "2756255671327/12835298489170 -10771552573575/22201958757719 9247589265047/10645013368117 "
        "2193209047091/5459859503100"
    ),
    nodes=_fractions("0 1767732205903/2027836641118 3/5 1"),
    dense_order=2,
)

_B4 = "82889/524892 0 15625/83664 69875/102672 -2260/8211 1/4"

ARK4_TABLEAU = AdditiveTableau(
    explicit=(
        (),
        _fractions("1/2"),
        _fractions("13861/62500 6889/62500"),
        _fractions("-116923316275/2393684061468 -2731218467317/15368042101831 9408046702089/11113171139209"),
        _fractions(
            "-451086348788/2902428689909 -2682348792572/7519795681897 12662868775082/11960479115383 "
            "3355817975965/11060851509271"
        ),
        _fractions(
            "647845179188/3216320057751 73281519250/8382639484533 552539513391/3454668386233 "
            "3354512671639/8306763924573 4040/17871"
        ),
    ),
    implicit=(
        (),
        _fractions("1/4 1/4"),
        _fractions("8611/62500 -1743/31250 1/4"),
        _fractions("5012029/34652500 -654441/2922500 174375/388108 1/4"),
        _fractions("15267082809/155376265600 -71443401/120774400 730878875/902184768 2285395/8070912 1/4"),
        _fractions(_B4),
    ),
    weights=_fractions(_B4),
    embedded=_fractions(
        "4586570599/29645900160 0 178811875/945068544 814220225/1159782912 -3700637/11593932 61727/225920"
    ),
    nodes=_fractions("0 1/2 83/250 31/50 17/20 1"),
    dense_order=3,
)


def dense_weights(tableau: AdditiveTableau) -> Array:
    """Coefficients of the weights ``b_k(x) = sum_j B[k, j] x^(j+1)`` of the dense output.

    For each power of x the conditions are linear in b: ``sum b = x``, ``sum b c = x^2/2``, ``sum b c^2 = x^3/3``, and
    for six stages also ``sum b A c = x^3/6`` with the matrix of N (for that of L it follows: its stages are of order
    2) and ``sum b c^3 = x^4/4``; and the numerical solution of ``u' = lambda u`` must not grow with lambda when that
    is large. That makes as many conditions as stages.

    Returns:
        (S, degree) coefficients, degree 3 for four stages and 4 for six; at x = 1 they sum to the method's weights.
    """
    explicit, implicit, _, _, nodes = tableau.arrays()
    size = len(nodes)
    fast = np.ones(size)  # stages of an infinitely fast mode, relative to the old state
    fast[1:] = -np.linalg.solve(implicit[1:, 1:], implicit[1:, 0])
    conditions = [np.ones(size), nodes, fast, nodes**2]
    values = np.zeros((size, 3 if size == 4 else 4))
    values[0, 0], values[1, 1], values[3, 2] = 1.0, 1 / 2, 1 / 3
    if size == 6:
        conditions += [explicit @ nodes, nodes**3]
        values[4, 2], values[5, 3] = 1 / 6, 1 / 4
    return np.asarray(np.linalg.solve(np.array(conditions), values))


def _weighted(terms: list[tuple[float, str]]) -> str:
    return " + ".join(f"{a!r} * {name}[]" for a, name in terms if a != 0.0) or "0.0"


def _slopes(weights: Array) -> list[tuple[float, str]]:
    return [(float(b), name) for k, b in enumerate(weights) for name in (f"n{k}", f"z{k}")]


def _polynomial(coefficients: list[float]) -> str:
    text = "0.0"
    for a in reversed(coefficients):
        text = f"x * ({a!r} + {text})"
    return text


def additive_method(name: str, tableau: AdditiveTableau) -> SplitMethod:
    """Write an additive pair as passes: row nk is N at stage k, the array zk is L times stage k."""
    explicit, implicit, weights, embedded, nodes = tableau.arrays()
    size = len(nodes)
    gamma = float(implicit[1, 1])
    stages = []
    for j in range(1, size):
        terms = [
            (float(a), symbol) for k in range(j) for a, symbol in ((explicit[j, k], f"n{k}"), (implicit[j, k], f"z{k}"))
        ]
        lines = [f"w[] = c0[i] * (u[] + h * ({_weighted(terms)}))", f"z{j}[] = linear[i] * w[]"]
        stages.append(("z0[] = linear[i] * u[]", *lines) if j == 1 else tuple(lines))
    # Stiffly accurate: the last stage already holds the whole part of L, only the weights of N differ from its row.
    correction = [(float(b), f"n{k}") for k, b in enumerate(weights - explicit[-1])]
    dense = dense_weights(tableau)
    setup = tuple(f"b{k} = h * ({_polynomial(row)})" for k, row in enumerate(dense.tolist()))
    slopes = " + ".join(f"b{k} * (n{k}[] + z{k}[])" for k in range(size))
    return SplitMethod(
        name=name,
        nodes=tuple(nodes.tolist()),
        stages=tuple(stages),
        arguments=("w",) * (size - 1),
        targets=tuple(range(1, size)),
        update=(f"new[] = w[] + h * ({_weighted(correction)})",),
        error=(f"error[] = h * ({_weighted(_slopes(weights - embedded))})",),
        rows=size + 1,
        own=tuple(f"z{k}" for k in range(size)),
        tables=1,
        prepare=(f"c0[i] = 1.0 / (1.0 - h * {gamma!r} * linear[i])",),
        dense_rows=tuple((f"out[] = h * ({_weighted(_slopes(column))})",) for column in dense.T),
        point=(f"out[] = u[] + {slopes}",),
        point_setup=setup,
    )


@cache
def ark3() -> SplitMethod:
    """ARK3(2)4L[2]SA as passes."""
    return additive_method("ARK3", ARK3_TABLEAU)


@cache
def ark4() -> SplitMethod:
    """ARK4(3)6L[2]SA as passes."""
    return additive_method("ARK4", ARK4_TABLEAU)


# With r = h / last: ((1+2r)/(1+r) new - (1+r) u + r^2/(1+r) previous) / h = L new + (1+r) n0 - r n2. The first step has
# no past (last = 0, r = 0): new - u = h (L new + n0).
SBDF2 = SplitMethod(
    name="SBDF2",
    nodes=(0.0,),
    stages=(),
    arguments=(),
    targets=(),
    update=(
        "r = h / last if last != 0.0 else 0.0",
        "new[] = c0[i] * ((1.0 + r) * u[] - r * r / (1.0 + r) * previous[] + h * ((1.0 + r) * n0[] - r * n2[]))",
    ),
    error=(),
    rows=3,
    tables=1,
    prepare=("r = h / last if last != 0.0 else 0.0", "c0[i] = 1.0 / ((1.0 + 2.0 * r) / (1.0 + r) - h * linear[i])"),
    dense_rows=(
        (
            "r = h / last if last != 0.0 else 0.0",
            "out[] = (new[] - u[] + r * r * (u[] - previous[])) / (1.0 + r)",
        ),
        (
            "r = h / last if last != 0.0 else 0.0",
            "out[] = (r * (new[] - u[]) - r * r * (u[] - previous[])) / (1.0 + r)",
        ),
    ),
    point=(
        "out[] = u[] + x / (1.0 + r) * (new[] - u[] + r * r * (u[] - previous[])"
        " + x * (r * (new[] - u[]) - r * r * (u[] - previous[])))",
    ),
    point_setup=("r = h / last if last != 0.0 else 0.0",),
    history=True,
)
