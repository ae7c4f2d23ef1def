"""Pseudo-spectral right-hand sides as sums of multipliers applied to products of linear fields.

`ProductForm` says what is computed, as the equations were written. `GridForm` says how: which fields are brought to the
grid (inverse transforms), which sums of products are formed there and sent back (forward transforms), and which
multipliers turn them into the rows. Both are exact on dealiased modes of a periodic box with constant coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import sympy as sp

from ritz.symbolic.multiplier import Multiplier

GridProduct = tuple[tuple[sp.Expr, tuple[int, ...]], ...]
GridRow = tuple[tuple[sp.Expr, Multiplier, int], ...]


@dataclass(frozen=True, init=False)
class LinearField:
    """A field that is linear in the states: ``sum(multiplier * state)``. Iterates as (state index, multiplier) pairs.

    Attributes:
        terms: pairs (state index, non-zero multiplier), ascending in the index.

    Example:
        >>> w = LinearField({1: Multiplier.one().derivative(0), 0: -Multiplier.one().derivative(1)})
        >>> w.text(("u", "v"))
        '-dy u + dx v'
    """

    terms: tuple[tuple[int, Multiplier], ...]

    def __init__(self, terms: LinearField | Mapping[int, Multiplier] | Iterable[tuple[int, Multiplier]]) -> None:
        collected: dict[int, Multiplier] = {}
        for state, multiplier in terms.items() if isinstance(terms, Mapping) else terms:
            collected[state] = collected[state] + multiplier if state in collected else multiplier
        object.__setattr__(self, "terms", tuple(sorted((s, m) for s, m in collected.items() if m)))

    @staticmethod
    def state(index: int) -> LinearField:
        """The state itself."""
        return LinearField({index: Multiplier.one()})

    def items(self) -> tuple[tuple[int, Multiplier], ...]:
        """The pairs (state index, multiplier)."""
        return self.terms

    def __iter__(self) -> Iterator[tuple[int, Multiplier]]:
        return iter(self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __add__(self, other: LinearField) -> LinearField:
        return LinearField([*self.terms, *other.terms])

    def __sub__(self, other: LinearField) -> LinearField:
        return self + other * -1

    def __neg__(self) -> LinearField:
        return self * -1

    def __mul__(self, other: Multiplier | Fraction | int) -> LinearField:
        return LinearField([(state, multiplier * other) for state, multiplier in self.terms])

    __rmul__ = __mul__

    def derivative(self, axis: int, n: int = 1) -> LinearField:
        """Its n-th derivative along `axis`."""
        return LinearField([(state, multiplier.derivative(axis, n)) for state, multiplier in self.terms])

    def renamed(self, indices: Mapping[int, int]) -> LinearField:
        """The same multipliers on other states (indices not in the mapping stay)."""
        return LinearField([(indices.get(state, state), multiplier) for state, multiplier in self.terms])

    def simplified(self, dim: int) -> LinearField:
        """Each multiplier over one power of the inverse Laplacian; see `Multiplier.simplified`."""
        if not any(multiplier.depth for _, multiplier in self.terms):
            return self
        return LinearField([(state, multiplier.simplified(dim)) for state, multiplier in self.terms])

    def normalised(self) -> tuple[Fraction, LinearField]:
        """``(c, g)`` with ``self = c * g`` and the first coefficient of ``g`` equal to one."""
        if not self.terms:
            return Fraction(1), self
        lead = next(iter(self.terms[0][1].terms.values()))
        return lead, self if lead == 1 else self * (1 / lead)

    def text(self, names: tuple[str, ...]) -> str:
        """Readable text with the states' names, e.g. ``dx u``."""
        parts = [_applied(multiplier, names[state]) for state, multiplier in self.terms]
        return " + ".join(parts).replace("+ -", "- ") if parts else "0"


@dataclass(frozen=True)
class ProductTerm:
    """``coefficient * multiplier(product of factors)``.

    Attributes:
        coefficient: numbers, parameters, time and the imaginary unit; never a coordinate.
        multiplier: applied to the product.
        factors: two or more linear fields; mappings and pairs are accepted and converted.
    """

    coefficient: sp.Expr
    multiplier: Multiplier
    factors: tuple[LinearField, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficient", sp.sympify(self.coefficient))
        object.__setattr__(self, "factors", tuple(LinearField(factor) for factor in self.factors))
        if len(self.factors) < 2:
            raise ValueError(f"A product needs at least two factors, found {len(self.factors)}.")


@dataclass(frozen=True)
class ProductForm:
    """The nonlinear polynomial part of a system of evolution equations, as written.

    Attributes:
        dimension: 1, 2 or 3.
        states: names; a state's index is its position.
        rows: per state the terms of its time derivative.
        conjugates: index of a pseudo-state -> the state whose complex conjugate it is. Pseudo-states may stand in
            `states` (with an empty row) or follow after them.
        solenoidal: groups of `dimension` states, in the order of the axes, with zero divergence.
        forced: grid fields that are needed anyway and hence cost nothing.
        mean_free: states whose mean is known to be zero (a vorticity in three dimensions); checks sample them so.

    Raises:
        ValueError: if indices or lengths do not fit.
    """

    dimension: int
    states: tuple[str, ...]
    rows: tuple[tuple[ProductTerm, ...], ...]
    conjugates: Mapping[int, int] = field(default_factory=dict, hash=False)
    solenoidal: tuple[tuple[int, ...], ...] = ()
    forced: tuple[LinearField, ...] = ()
    mean_free: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(tuple(row) for row in self.rows))
        object.__setattr__(self, "forced", tuple(LinearField(item) for item in self.forced))
        if self.dimension not in (1, 2, 3):
            raise ValueError(f"The dimension must be 1, 2 or 3, found {self.dimension}.")
        if len(self.rows) != len(self.states):
            raise ValueError(f"One row per state is needed: {len(self.states)} states, {len(self.rows)} rows.")
        for group in self.solenoidal:
            if len(group) != self.dimension or self.dimension == 1:
                raise ValueError(
                    f"A solenoidal group has one state per axis, in two or three dimensions; found {group}."
                )
        known = range(self.size)
        for item in [*self.forced, *(factor for row in self.rows for term in row for factor in term.factors)]:
            for state, _ in item:
                if state not in known:
                    raise ValueError(f"A factor refers to state {state}, but there are only {self.size} states.")

    @property
    def size(self) -> int:
        """Number of states, pseudo-states included."""
        return max([len(self.states), *(index + 1 for index in self.conjugates)])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of states and pseudo-states."""
        extra = [f"conj({self.states[self.conjugates[index]]})" for index in range(len(self.states), self.size)]
        return (*self.states, *extra)

    @property
    def degrees(self) -> tuple[int, ...]:
        """The numbers of factors that occur, ascending."""
        return tuple(sorted({len(term.factors) for row in self.rows for term in row}))

    def conjugate(self, item: LinearField) -> LinearField:
        """The field whose grid values are the complex conjugates; the field itself where all is real."""
        swap = dict(self.conjugates) | {state: index for index, state in self.conjugates.items()}
        return item.renamed(swap)


@dataclass(frozen=True)
class FormReport:
    """What the search did.

    Attributes:
        written: (inverse, forward) transforms of the form as written, forced fields not counted.
        found: the same for the form returned.
        seconds: time spent.
        found_after: seconds until the form was found.
        complete: True if nothing better exists in the library of fields searched; False if the budget ended first.
        tried: number of sets of fields tested.
        error: largest relative difference between both forms on random dealiased fields.
        text: the form in readable mathematics.
    """

    written: tuple[int, int]
    found: tuple[int, int]
    seconds: float = 0.0
    found_after: float = 0.0
    complete: bool = True
    tried: int = 0
    error: float = 0.0
    text: str = ""

    def __str__(self) -> str:
        def count(pair: tuple[int, int]) -> str:
            return f"{sum(pair)} transforms ({pair[0]} inverse, {pair[1]} forward)"

        state = "complete within its library" if self.complete else "stopped by its budget"
        head = [
            f"written: {count(self.written)}",
            f"found:   {count(self.found)}, after {self.found_after:.2f} s",
            f"search:  {self.tried} sets of fields in {self.seconds:.2f} s, {state}",
            f"checked: relative difference {self.error:.1e} on random dealiased fields",
        ]
        return "\n".join([*head, self.text])


@dataclass(frozen=True)
class GridForm:
    """How to compute a `ProductForm` with transforms.

    Attributes:
        fields: linear fields brought to the grid (inverse transforms; a field and its conjugate share one).
        products: per forward transform the grid expression ``sum(coefficient * product of fields[i])``.
        rows: per state ``sum(coefficient * multiplier * products[j])``.
        report: counts, time, error and readable text.
    """

    fields: tuple[LinearField, ...]
    products: tuple[GridProduct, ...]
    rows: tuple[GridRow, ...]
    report: FormReport

    def __str__(self) -> str:
        return str(self.report)


def _applied(multiplier: Multiplier, name: str) -> str:
    word = str(multiplier)
    if word in ("1", "-1"):
        return word[:-1] + name
    return f"({word}) {name}" if len(multiplier.terms) > 1 else f"{word} {name}"
