"""The list of time integrators: what each is for, and where its coefficients live.

To add a method, write its coefficients in a new file and add one line to `METHODS`. The coefficients are a `Tableau`
(family "explicit"), an `ImplicitTableau` ("implicit"), `Coefficients` ("second-order") or a `SplitMethod` (the other
families) and are loaded when the method is first used.
"""

from __future__ import annotations

import functools
import html
import importlib
from dataclasses import dataclass
from typing import Any

from ritz.errors import OptionError, OptionValueError, UnsupportedError, nearest

EXPLICIT, EXPONENTIAL, IMEX = "explicit", "exponential", "imex"
IMPLICIT, SECOND_ORDER = "implicit", "second-order"


@dataclass(frozen=True)
class Method:
    """A time integrator.

    Attributes:
        name: What the user writes.
        order: Order of the error at fixed step size.
        error_order: Order of the embedded method; 0 for a method that needs a fixed `dt`.
        family: "explicit", "exponential", "imex", "implicit" or "second-order".
        source: ``module:name`` of the coefficients (a callable is called); of BDF2 those of its first step.
        summary: One sentence on what it is good for.
        memory: Share of the previous error in the step control, 0 for none.
    """

    name: str
    order: int
    error_order: int
    family: str
    source: str
    summary: str
    memory: float = 0.4

    @property
    def needs_split(self) -> bool:
        """Whether the method works on systems ``du/dt = L u + N(u)`` with diagonal L only."""
        return self.family in (EXPONENTIAL, IMEX)

    @property
    def is_implicit(self) -> bool:
        """Whether the method solves equations with the Jacobian, and so takes a mass matrix."""
        return self.family in (IMPLICIT, SECOND_ORDER)

    @property
    def adaptive(self) -> bool:
        """Whether the method can choose its step size."""
        return self.error_order > 0

    @functools.cached_property
    def coefficients(self) -> Any:
        """The tableau, or the passes of a split method; loaded when first asked for."""
        module, name = self.source.split(":")
        found = getattr(importlib.import_module(module), name)
        return found() if callable(found) else found


METHODS: tuple[Method, ...] = (
    Method("Tsit5", 5, 4, EXPLICIT, "ritz.solvers.tableaus:TSIT5",
           "Explicit Runge-Kutta 5(4) of Tsitouras: the default for equations that are not stiff."),
    Method("RK45", 5, 4, EXPLICIT, "ritz.solvers.tableaus:RK45",
           "Explicit Runge-Kutta 5(4) of Dormand and Prince, SciPy's default."),
    Method("DOP853", 8, 7, EXPLICIT, "ritz.solvers.tableaus:DOP853",
           "Explicit Runge-Kutta of order 8 with dense output of order 7: for tolerances below about 1e-8.", 0.0),
    Method("RK23", 3, 2, EXPLICIT, "ritz.solvers.tableaus:RK23",
           "Explicit Runge-Kutta 3(2) of Bogacki and Shampine: for loose tolerances."),
    Method("RK4", 4, 0, EXPLICIT, "ritz.solvers.tableaus:RK4",
           "The classical Runge-Kutta method of order 4; fixed step only, needs dt."),
    Method("ETDRK4", 4, 3, EXPONENTIAL, "ritz.solvers.exponential:ETDRK4",
           "Exponential Runge-Kutta of order 4: the default for split systems, exact for the stiff linear part."),
    Method("ARK4", 4, 3, IMEX, "ritz.solvers.imex:ark4",
           "Implicit-explicit Runge-Kutta 4(3) of Kennedy and Carpenter: stable for stiff L, little memory."),
    Method("ARK3", 3, 2, IMEX, "ritz.solvers.imex:ark3",
           "Implicit-explicit Runge-Kutta 3(2) of Kennedy and Carpenter: for loose tolerances."),
    Method("SBDF2", 2, 0, IMEX, "ritz.solvers.imex:SBDF2",
           "Two-step implicit-explicit method of order 2, one evaluation a step; fixed step only, needs dt."),
    Method("ESDIRK4", 4, 3, IMPLICIT, "ritz.solvers.implicit.tableaus:esdirk4",
           "Implicit Runge-Kutta 4(3) of Kennedy and Carpenter: the default for stiff equations and mass matrices."),
    Method("BDF2", 2, 2, IMPLICIT, "ritz.solvers.implicit.bdf2:first_step",
           "Two-step backward differentiation of order 2: one system of equations a step, for loose tolerances."),
    Method("SDIRK2", 2, 2, IMPLICIT, "ritz.solvers.implicit.tableaus:sdirk2",
           "Implicit Runge-Kutta of order 2 of Alexander, L-stable: robust with a fixed step."),
    Method("SDIRK3", 3, 2, IMPLICIT, "ritz.solvers.implicit.tableaus:sdirk3",
           "Implicit Runge-Kutta of order 3 of Alexander, L-stable."),
    Method("BackwardEuler", 1, 1, IMPLICIT, "ritz.solvers.implicit.tableaus:backward_euler",
           "The implicit Euler method: most damping, for rough starts and very loose tolerances."),
    Method("CrankNicolson", 2, 2, IMPLICIT, "ritz.solvers.implicit.tableaus:crank_nicolson",
           "The trapezoidal rule: no damping at all; keeps quadratic invariants of linear equations.", 0.0),
    Method("GeneralizedAlpha", 2, 0, SECOND_ORDER, "ritz.solvers.implicit.second_order:generalized_alpha",
           "For second-order equations: damps high modes only, by spectral_radius; fixed step only, needs dt."),
    Method("Newmark", 2, 0, SECOND_ORDER, "ritz.solvers.implicit.second_order:NEWMARK",
           "For second-order equations: average acceleration, keeps the energy; fixed step only, needs dt."),
)  # fmt: skip

_BY_NAME = {method.name: method for method in METHODS}
_STIFF = ("Radau", "BDF", "LSODA")


def find_method(name: object) -> Method:
    """Return the method with this name.

    Raises:
        OptionError: if the name is not a string.
        UnsupportedError: for SciPy's stiff methods, in place of which Ritz has others.
        OptionValueError: for any other unknown name; the nearest one is offered.
    """
    if not isinstance(name, str):
        raise OptionError(f"method must be a name such as 'Tsit5' or 'auto', not {type(name).__name__}.")
    found = _BY_NAME.get(name)
    if found is not None:
        return found
    names = ", ".join(_BY_NAME)
    if name in _STIFF:
        raise UnsupportedError(
            f"method {name!r} of SciPy is not available. For stiff equations use 'ESDIRK4' (tight tolerances) or "
            "'BDF2' (loose ones), for a partial differential equation on Fourier modes 'ETDRK4' or 'ARK4'. Available: "
            f"{names}."
        )
    raise OptionValueError(f"unknown method {name!r}.{nearest(name, [*_BY_NAME, 'auto'])} Available: auto, {names}.")


def _fit(method: Method) -> str:
    if method.family == SECOND_ORDER:
        return "second-order systems"
    return "split systems" if method.needs_split else "any" if method.is_implicit else "no mass matrix"


class MethodTable(tuple[Method, ...]):
    """The methods as a table: iterate over it, or print it."""

    def __repr__(self) -> str:
        return "\n".join(f"{m.name:<16} order {m.order}  {m.summary}" for m in self)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{html.escape(m.name)}</code></td><td>{m.order}</td>"
            f"<td>{_fit(m)}</td>"
            f"<td style='text-align:left'>{html.escape(m.summary)}</td></tr>"
            for m in self
        )
        return f"<table><tr><th>method</th><th>order</th><th>for</th><th></th></tr>{rows}</table>"


def methods() -> MethodTable:
    """List the time integrators with a sentence on each.

    Returns:
        A tuple of `Method` that prints as a table.

    Example:
        >>> [m.name for m in methods()][:2]
        ['Tsit5', 'RK45']
    """
    return MethodTable(METHODS)
