"""The list of linear solvers: what each is for, where it lives, what has to be installed for it.

To add one, write a function ``make(matrix, structure, options, previous)`` that returns a `Raw` solver, and add a line.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.structure import Structure
from ritz.errors import MissingPackage, OptionError, OptionValueError, nearest

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearOptions:
    """How linear systems are solved.

    Attributes:
        name: a solver of `linear_solvers`, or "auto".
        rtol: residual relative to the right-hand side at which iterative solvers stop.
        max_iterations: iterations after which they give up.
    """

    name: str = "auto"
    rtol: float = 1e-11
    max_iterations: int = 500


class Raw(Protocol):
    """A factorised or prepared matrix."""

    iterations: int  # of the last solve; 0 for direct solvers

    def solve(self, b: Array) -> Array:
        """x of ``A x = b``, (size,)."""
        ...


Maker = Callable[[Any, Structure, LinearOptions, Any], Raw]


class SingularMatrix(ArithmeticError):
    """What a `Maker` raises where the matrix has no factorisation; `place` is an index or None."""

    def __init__(self, place: int | None = None) -> None:
        super().__init__("singular matrix")
        self.place = place


class NotConverged(ArithmeticError):
    """What an iterative `Raw` raises where it does not reach its tolerance; the message says how far it came."""


@dataclass(frozen=True)
class SolverInfo:
    """A linear solver: name, place of its maker, module that must be importable, what pip installs, a sentence."""

    name: str
    source: str
    needs: str
    package: str
    summary: str

    @property
    def installed(self) -> bool:
        """Whether it can be used here."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None

    def maker(self) -> Maker:
        """Its function.

        Raises:
            MissingPackage: names the line for pip.
        """
        if not self.installed:
            raise MissingPackage(
                f"linear={self.name!r} needs the package {self.package}, which is not installed: "
                f"pip install {self.package} (or pip install ritz[solvers] for all linear solvers). "
                'linear="auto" does without.'
            )
        module, name = self.source.split(":")
        found: Maker = getattr(importlib.import_module(module), name)
        return found


_HERE = "ritz.solvers.linear"
SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo("lapack", f"{_HERE}.direct:lapack", "", "", "Dense LU; for systems of up to a hundred unknowns."),
    SolverInfo("superlu", f"{_HERE}.direct:superlu", "", "", "Sparse LU of SciPy; always there."),
    SolverInfo("cholmod", f"{_HERE}.suitesparse:cholmod", "kvxopt", "kvxopt",
               "Sparse Cholesky of SuiteSparse; for symmetric positive definite matrices."),
    SolverInfo("umfpack", f"{_HERE}.suitesparse:umfpack", "kvxopt", "kvxopt",
               "Multifrontal LU of SuiteSparse; for unsymmetric matrices."),
    SolverInfo("klu", f"{_HERE}.suitesparse:klu", "kvxopt", "kvxopt",
               "LU of SuiteSparse for very sparse matrices: circuits, networks."),
    SolverInfo("pardiso", f"{_HERE}.pardiso:pardiso", "pypardiso", "pypardiso",
               "Supernodal Cholesky and LU of MKL; quick on large matrices, on several threads."),
    SolverInfo("amg", f"{_HERE}.multigrid:smoothed_aggregation", "pyamg", "pyamg",
               "Conjugate gradients with smoothed aggregation; for very large positive definite matrices."),
    SolverInfo("gmres", f"{_HERE}.krylov:gmres_ilu", "", "",
               "GMRES with incomplete LU; where memory does not suffice for a factorisation."),
    SolverInfo("block", f"{_HERE}.block:block", "", "",
               "MINRES or GMRES with a block preconditioner; for large saddle-point problems such as Stokes."),
)  # fmt: skip
_BY_NAME = {info.name: info for info in SOLVERS}


def linear_solvers() -> tuple[SolverInfo, ...]:
    """List the linear solvers with a sentence on each.

    Example:
        >>> [s.name for s in linear_solvers()][:2]
        ['lapack', 'superlu']
    """
    return SOLVERS


def find_solver(name: Any) -> SolverInfo:
    """The solver with this name.

    Raises:
        OptionError: it is no string.
        OptionValueError: there is none; the nearest one is offered.
    """
    if not isinstance(name, str):
        raise OptionError(f"linear must be a name such as 'superlu' or 'auto', not {type(name).__name__}.")
    if name not in _BY_NAME:
        raise OptionValueError(
            f"unknown linear solver {name!r}.{nearest(name, [*_BY_NAME, 'auto'])} Available: auto, "
            f"{', '.join(_BY_NAME)}."
        )
    return _BY_NAME[name]


def read_linear(linear: Any) -> LinearOptions:
    """The option ``linear=`` of a user: a name or a `LinearOptions`.

    Raises:
        OptionError, OptionValueError: an unknown name or an impossible value.
        MissingPackage: its package is not installed.
    """
    options = linear if isinstance(linear, LinearOptions) else LinearOptions(linear)
    if options.name != "auto":
        find_solver(options.name).maker()
    if not 0 < options.rtol < 1:
        raise OptionValueError(f"LinearOptions(rtol=...) must lie between 0 and 1, not {options.rtol!r}.")
    if options.max_iterations < 1:
        raise OptionValueError(f"LinearOptions(max_iterations=...) must be positive, not {options.max_iterations!r}.")
    return options
