"""Constant-coefficient linear operators on periodic fields: derivatives, the inverse Laplacian and their products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.symbolic import modular

Exponents = tuple[int, int, int, int]
Number = Fraction | int
AXES = "xyz"
CONSTANT: Exponents = (0, 0, 0, 0)


class Multiplier:
    """An immutable sum of ``c * dx^a dy^b dz^c * lap^-e`` with exact rational coefficients.

    On Fourier modes it is a multiplication: ``dx`` becomes ``1j * kx`` and ``lap^-1`` becomes ``-1 / |k|**2``, defined
    as 0 at ``k = 0``. The Laplacian of the domain is meant, so ``lap`` times ``lap^-1`` is simplified only by
    `simplified`, which knows the dimension.

    Attributes:
        terms: read-only mapping from exponents ``(a, b, c, e)``, all non-negative, to non-zero `Fraction`.

    Example:
        >>> dx = Multiplier.one().derivative(0)
        >>> print(dx * dx + 2 * Multiplier.inverse_laplacian())
        dx^2 + 2*lap^-1
    """

    __slots__ = ("terms", "_hash")
    terms: Mapping[Exponents, Fraction]

    def __init__(self, terms: Mapping[Exponents, Number] | Iterable[tuple[Exponents, Number]] = ()) -> None:
        """Build from exponents and coefficients; equal exponents are added, zeros dropped.

        Raises:
            ValueError: if an exponent is negative or not four are given.
            TypeError: if a coefficient is not exact (a float).
        """
        collected: dict[Exponents, Fraction] = {}
        for exponents, coefficient in terms.items() if isinstance(terms, Mapping) else terms:
            if len(exponents) != 4 or min(exponents) < 0:
                raise ValueError(f"Exponents must be four non-negative integers (a, b, c, e), found {exponents!r}.")
            collected[exponents] = collected.get(exponents, Fraction(0)) + _exact(coefficient)
        self._fill(collected)

    def _fill(self, collected: Mapping[Exponents, Fraction]) -> None:
        clean = {key: value for key, value in sorted(collected.items(), reverse=True) if value}
        object.__setattr__(self, "terms", MappingProxyType(clean))
        object.__setattr__(self, "_hash", hash(tuple(clean.items())))

    @classmethod
    def _trusted(cls, collected: Mapping[Exponents, Fraction]) -> Multiplier:
        """From valid exponents and fractions, without checks."""
        made = cls.__new__(cls)
        made._fill(collected)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A Multiplier is immutable; {name!r} cannot be set.")

    def __reduce__(self) -> tuple[Any, ...]:
        return Multiplier, (dict(self.terms),)

    # ------------------------------------------------------------------ constructors
    @staticmethod
    def one() -> Multiplier:
        """The identity."""
        return Multiplier({CONSTANT: 1})

    @staticmethod
    def zero() -> Multiplier:
        """The zero operator."""
        return Multiplier()

    @staticmethod
    def inverse_laplacian() -> Multiplier:
        """``lap^-1``, zero on the mean."""
        return Multiplier({(0, 0, 0, 1): 1})

    @staticmethod
    def mean(dim: int) -> Multiplier:
        """The projection on the mean, ``1 - lap * lap^-1``, in `dim` dimensions."""
        return Multiplier.one() - Multiplier.inverse_laplacian().laplacian(dim)

    def derivative(self, axis: int, n: int = 1) -> Multiplier:
        """This operator followed by ``n`` derivatives along `axis` (0, 1 or 2).

        Raises:
            ValueError: for an axis that does not exist or a negative `n`.
        """
        if axis not in (0, 1, 2) or n < 0:
            raise ValueError(f"derivative needs an axis of 0, 1, 2 and n >= 0, found axis={axis}, n={n}.")
        shift = tuple(n if index == axis else 0 for index in range(4))
        return Multiplier._trusted({_shifted(key, shift): value for key, value in self.terms.items()})

    def laplacian(self, dim: int) -> Multiplier:
        """This operator followed by the Laplacian in `dim` dimensions."""
        total = Multiplier()
        for axis in range(dim):
            total = total + self.derivative(axis, 2)
        return total

    # ------------------------------------------------------------------ algebra
    def __add__(self, other: Multiplier) -> Multiplier:
        if not isinstance(other, Multiplier):
            return NotImplemented
        collected = dict(self.terms)
        for key, value in other.terms.items():
            collected[key] = collected[key] + value if key in collected else value
        return Multiplier._trusted(collected)

    def __sub__(self, other: Multiplier) -> Multiplier:
        if not isinstance(other, Multiplier):
            return NotImplemented
        return self + other * -1

    def __neg__(self) -> Multiplier:
        return self * -1

    def __mul__(self, other: Multiplier | Number) -> Multiplier:
        if not isinstance(other, Multiplier):
            factor = _exact(other)
            if factor == 1:
                return self
            return Multiplier._trusted({key: value * factor for key, value in self.terms.items()})
        collected: dict[Exponents, Fraction] = {}
        for left, x in self.terms.items():
            for right, y in other.terms.items():
                key = _shifted(left, right)
                collected[key] = collected.get(key, Fraction(0)) + x * y
        return Multiplier._trusted(collected)

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Multiplier) and self.terms == other.terms

    def __hash__(self) -> int:
        return int(self._hash)  # type: ignore[attr-defined]

    def __bool__(self) -> bool:
        return bool(self.terms)

    def simplified(self, dim: int) -> Multiplier:
        """The operator over one power of the inverse Laplacian, as low as possible.

        Equal operators become equal objects. Only the action on the mean may change, as ``lap * lap^-1`` becomes 1.
        """
        depth = self.depth
        if depth == 0 or (len(self.terms) == 1 and dim > 1):
            return self
        numerator = Multiplier()
        for (a, b, c, e), value in self.terms.items():
            term = Multiplier({(a, b, c, 0): value})
            for _ in range(depth - e):
                term = term.laplacian(dim)
            numerator = numerator + term
        while depth and (quotient := _divided_by_laplacian(numerator, dim)) is not None:
            numerator, depth = quotient, depth - 1
        return Multiplier({(a, b, c, depth): value for (a, b, c, _), value in numerator.terms.items()})

    # ------------------------------------------------------------------ properties
    @property
    def orders(self) -> tuple[int, ...]:
        """The distinct orders ``a + b + c - 2 e`` of its terms, ascending."""
        return tuple(sorted({a + b + c - 2 * e for a, b, c, e in self.terms}))

    @property
    def depth(self) -> int:
        """The highest power of the inverse Laplacian."""
        return max((key[3] for key in self.terms), default=0)

    @property
    def at_mean(self) -> Fraction:
        """Its value on the mean of a field (``k = 0``)."""
        return self.terms.get(CONSTANT, Fraction(0))

    # ------------------------------------------------------------------ values
    def modulo(self, k: Sequence[modular.Residues] | modular.Residues) -> modular.Residues:
        """Values modulo the prime with ``d -> k`` (no imaginary unit).

        Args:
            k: one int64 array per dimension, residues, of one shape.

        Returns:
            int64 residues of that shape.
        """
        waves = [np.asarray(wave, dtype=np.int64) for wave in k]
        inverse = _inverse_square(waves) if self.depth else waves[0]
        total = np.zeros(waves[0].shape, dtype=np.int64)
        for exponents, coefficient in self.terms.items():
            term = np.full(waves[0].shape, modular.residue(coefficient), dtype=np.int64)
            for base, exponent in _factors(waves, inverse, exponents):
                term = modular.reduced(term * modular.power(base, exponent))
            total = modular.reduced(total + term)
        return total

    def numeric(self, k: Sequence[NDArray[Any]] | NDArray[Any]) -> NDArray[np.complex128]:
        """Values on the wave numbers `k`, with ``d -> 1j * k`` and ``lap^-1 -> 0`` at ``k = 0``.

        Args:
            k: one real array of angular wave numbers per dimension (radians per length), broadcastable together.

        Returns:
            complex array of the broadcast shape.
        """
        return self._evaluated([1j * np.asarray(wave, dtype=float) for wave in k]).astype(complex)

    def symbol(self, k: Sequence[NDArray[Any]] | NDArray[Any]) -> NDArray[np.float64]:
        """Real values with ``d -> k``, without the imaginary unit; used to compare kernels in floating point."""
        return self._evaluated([np.asarray(wave, dtype=float) for wave in k])

    def _evaluated(self, derivatives: Sequence[NDArray[Any]]) -> NDArray[Any]:
        waves = np.broadcast_arrays(*derivatives)
        inverse = waves[0]
        if self.depth:
            square = sum((wave * wave for wave in waves), np.zeros_like(waves[0]))
            inverse = np.where(square == 0, 0, 1 / np.where(square == 0, 1, square))
        total = np.zeros_like(waves[0])
        for exponents, coefficient in self.terms.items():
            term = np.full_like(waves[0], float(coefficient))
            for base, exponent in _factors(waves, inverse, exponents):
                term = term * base**exponent
            total = total + term
        return total

    def __str__(self) -> str:
        parts: list[str] = []
        for exponents, coefficient in self.terms.items():
            word = _monomial(exponents)
            size = abs(coefficient)
            body = word if size == 1 and word else f"{size}*{word}" if word else str(size)
            parts.append(("- " if coefficient < 0 else "+ ") + body)
        text = " ".join(parts)
        return (text[2:] if text.startswith("+ ") else "-" + text[2:]) if parts else "0"

    def __repr__(self) -> str:
        return f"Multiplier({self})"


def _exact(value: Number) -> Fraction:
    if isinstance(value, float):
        raise TypeError(f"Multiplier coefficients are exact, found {value!r}: give a Fraction or use the coefficient.")
    return Fraction(value)


def _shifted(exponents: Exponents, shift: Sequence[int]) -> Exponents:
    a, b, c, e = (left + right for left, right in zip(exponents, shift, strict=True))
    return a, b, c, e


def _factors(waves: Sequence[Any], inverse: Any, exponents: Exponents) -> list[tuple[Any, int]]:
    """The (base, exponent) pairs with a positive exponent."""
    if any(exponents[len(waves) : 3]):
        raise ValueError(f"The operator {_monomial(exponents)} needs more than the {len(waves)} wave numbers given.")
    return [(base, n) for base, n in zip([*waves, inverse], [*exponents[: len(waves)], exponents[3]], strict=True) if n]


def _inverse_square(waves: Sequence[modular.Residues]) -> modular.Residues:
    square = np.zeros_like(waves[0])
    for wave in waves:
        square = modular.reduced(square + modular.reduced(wave * wave))
    return modular.inverse(square)


def _divided_by_laplacian(numerator: Multiplier, dim: int) -> Multiplier | None:
    """The quotient if the polynomial is a multiple of the Laplacian; division with respect to dx."""
    rest, quotient = numerator, Multiplier()
    while rest:
        lead, coefficient = max(rest.terms.items())
        if lead[0] < 2:
            return None
        step = Multiplier({(lead[0] - 2, *lead[1:]): coefficient})
        quotient, rest = quotient + step, rest - step.laplacian(dim)
    return quotient


def _monomial(exponents: Exponents) -> str:
    words = [f"d{axis}" + (f"^{n}" if n > 1 else "") for axis, n in zip(AXES, exponents[:3], strict=True) if n]
    if exponents[3]:
        words.append(f"lap^-{exponents[3]}")
    return "*".join(words)
