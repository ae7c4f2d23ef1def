"""What `eigenvalues` returns: eigenvalues and modes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.errors import OptionError, OptionValueError, nearest
from ritz.solvers.solution import Solution

Array = NDArray[Any]


@dataclass(frozen=True)
class Which:
    """Which eigenvalues are wanted: in words, and what is smallest for them, a function of the distance to a shift."""

    words: str
    key: Callable[[Array], Array]


WHICH = {
    "SM": Which("smallest magnitude", np.abs),
    "LM": Which("largest magnitude", lambda values: -np.abs(values)),
    "SR": Which("smallest real part", np.real),
    "LR": Which("largest real part", lambda values: -np.real(values)),
    "LI": Which("largest imaginary part", lambda values: -np.abs(np.imag(values))),
}


@dataclass
class Eigenpairs:
    """Eigenvalues and modes of ``-J u = lambda M u``.

    ``pairs["u"]`` gives the modes of a field, (k, *grid); ``pairs.mode(i)`` is one mode as a `Solution`, to be plotted.

    Attributes:
        eigenvalues: (k,) by growing distance from `sigma`, or in the sense of `which`; real for symmetric problems,
            else complex.
        vectors: (size, k) modes as raw states; symmetric problems: ``vectors.T @ M @ vectors`` is the identity, else of
            length 1.
        residuals: (k,) ``|-J u - lambda M u| / (|J u| + |lambda| |M u|)``.
        sigma: the shift.
        system: the system.
        params: (n_params,) parameter values.
        which: what was asked for: SM for those next to the shift, else LM, SR, LR or LI.
        statistics: run record: linear solver, seconds.
    """

    eigenvalues: Array
    vectors: Array
    residuals: Array
    sigma: complex
    system: Any
    params: Array
    which: str = "SM"
    statistics: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.eigenvalues.size)

    def __repr__(self) -> str:
        shown = ", ".join(f"{value:.6g}" for value in self.eigenvalues[:8])
        more = ", ..." if len(self) > 8 else ""
        where = f"near {self.sigma:g}" if self.which == "SM" else f"with {WHICH[self.which].words}"
        return f"<{len(self)} eigenvalues of {self.system.name} {where}: {shown}{more}>"

    def _fields(self, vectors: Array) -> dict[str, Array]:
        """Component -> values of modes; what is prescribed or constant in a field is taken off."""
        layout = self.system.layout

        def linear(v: Array) -> dict[str, Array]:
            zero = layout.to_fields(np.zeros_like(v))
            return {
                str(name): np.asarray(x) - zero[name] for name, x in layout.to_fields(np.ascontiguousarray(v)).items()
            }

        if not np.iscomplexobj(vectors):
            return linear(vectors)
        real, imaginary = linear(vectors.real), linear(vectors.imag)
        return {name: real[name] + 1j * imaginary[name] for name in real}

    def __getitem__(self, name: Any) -> Array:
        """The modes of a field, (k, *grid).

        Raises:
            OptionError: there is no such field.
        """
        found = self._fields(self.vectors)
        if str(name) not in found:
            raise OptionError(
                f"These modes have no field {str(name)!r}.{nearest(str(name), found)} They have: {', '.join(found)}."
            )
        return np.moveaxis(found[str(name)], -1, 0)

    def mode(self, index: int, *, part: str = "real") -> Solution:
        """One mode as a `Solution` with a single time.

        Args:
            index: which.
            part: "real" or "imag" of a complex mode.

        Raises:
            OptionValueError: another part.
        """
        if part not in ("real", "imag"):
            raise OptionValueError(f"part must be 'real' or 'imag', not {part!r}.")
        vector = np.ascontiguousarray(getattr(self.vectors[:, [index]], part))
        solution = Solution(
            t=np.zeros(1), y=vector, message=f"lambda = {self.eigenvalues[index]:.8g}", system=self.system,
            method="eigenvalues", params=self.params, statistics={},
        )  # fmt: skip
        solution._values = {name: np.moveaxis(x, -1, 0) for name, x in self._fields(vector).items()}
        return solution

    def plot(self, index: int = 0, fields: Any = None, **kwargs: Any) -> Any:
        """Draw the real part of a mode; see `ritz.solvers.plotting.plot` for options."""
        return self.mode(index).plot(fields, **kwargs)
