"""Eigenvalues ``-J u = lambda M u`` of a system at a state: next to a shift, or at an end of the spectrum."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen.structure import Structure
from ritz.errors import (
    ConvergenceError,
    InitialValueError,
    LinearSolveError,
    OptionValueError,
    UnsupportedError,
)
from ritz.solvers.eigenpairs import WHICH, Eigenpairs
from ritz.solvers.linear.interface import LinearSolver, as_sparse
from ritz.solvers.linear.table import LinearOptions, read_linear
from ritz.solvers.options import as_system, read_start, real_number

Array = NDArray[Any]
COARSE = 1e-3  # relative accuracy with which an end of a spectrum is found before a shift beside it
DENSE = 300  # unknowns up to which all eigenvalues are computed at once: 0.15 s, and none is missed
GOOD = 1e-6  # residual, relative to the terms, above which a pair is refused


def eigenvalues(
    system: Any,
    k: int = 6,
    *,
    sigma: complex | None = None,
    which: str | None = None,
    at: Any = None,
    params: Mapping[Any, float] | None = None,
    t: float = 0.0,
    tol: float = 1e-10,
    linear: str | LinearOptions = "auto",
) -> Eigenpairs:
    """Some eigenvalues of ``-J u = lambda M u``, J being the Jacobian of the right-hand side: those nearest to zero, to
    a shift, or at an end of the spectrum.

    Perturbations of that state behave like ``exp(-lambda t)``: it is stable where all eigenvalues have positive real
    parts.

    Args:
        system: A System.
        k: How many.
        sigma: Shift; the eigenvalues nearest to it are found. Complex ones for unsymmetric systems.
        which: SciPy's names, where there is no shift: ``"SM"`` smallest magnitude (the default), ``"LM"`` largest
            magnitude, ``"SR"`` or ``"SA"`` smallest real part (what grows fastest or decays most slowly), ``"LR"`` or
            ``"LA"`` largest real part, ``"LI"`` largest imaginary part. All but SM take a mass matrix that is
            symmetric and regular; ends of the spectrum where eigenvalues lie close converge slowly.
        at: The state: as `y0` of `ritz.solve`; the problem's initial value by default, or zero where it has none.
        params: Parameter -> value.
        t: Time, where the equations contain it.
        tol: Relative accuracy.
        linear: Solver for ``-J - sigma M``, or for M at an end of the spectrum, as for `ritz.solve`.

    Returns:
        `Eigenpairs`.

    Raises:
        LinearSolveError: sigma is an eigenvalue: ``-J - sigma M`` is singular.
        ConvergenceError: the iteration did not converge, or a residual is too large.
        OptionValueError: more eigenvalues than unknowns, a complex shift for a symmetric problem, or an unknown `which`
            or one beside `sigma`.
        UnsupportedError: an end of the spectrum of a system with constraints, or with an unsymmetric mass matrix.

    Example:
        >>> from scipy.sparse import diags_array
        >>> a = diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(300, 300)) * 301**2
        >>> line = rz.FunctionSystem(lambda t, u: -a @ u, 300, jacobian=lambda t, u: -a, initial=np.zeros(300))
        >>> np.sqrt(rz.eigenvalues(line, 3).eigenvalues.real).round(2)
        array([3.14, 6.28, 9.42])
    """
    started = time.perf_counter()
    system = as_system(system)
    n = system.layout.size
    if k != int(real_number("k", k)) or not 1 <= k <= n:
        raise OptionValueError(f"k must be a whole number from 1 to {n}, the number of unknowns, not {k!r}.")
    if system.layout.is_complex:
        raise UnsupportedError(f"{system.name} is discretised by Fourier modes, where the Jacobian is dense.")
    p, u = _state(system, at, params)
    a = -as_sparse(system.jacobian(t, u, p))
    mass = system.mass(p)
    m = None if mass is None else as_sparse(mass)
    symmetric = system.structure.symmetric
    which, sigma = _read_which(which, sigma, symmetric)
    at_end = which != "SM" and not (which == "SR" and system.structure.definite)
    structure = Structure(symmetric=True, definite=True) if at_end else _shifted(system.structure, sigma)
    where = f" of the mass matrix of {system.name}" if at_end else f" of {system.name} at sigma = {sigma:g}"
    solver = LinearSolver(structure, read_linear(linear), system.layout.locate, where=where, probe=True)
    key = WHICH[which].key
    if n <= max(DENSE, 2 * k):
        values, vectors = _dense(a, m, int(k), symmetric, lambda values: key(values - sigma), solver)
    elif at_end:
        values, vectors = _end(a, m, int(k), which, symmetric, tol, solver, system.name)
    else:
        values, vectors = _sparse(a, m, int(k), sigma, symmetric, tol, solver)
    order = np.argsort(key(values - sigma), kind="stable")
    values, vectors = values[order], vectors[:, order]
    residuals = _residuals(a, m, values, vectors)
    if residuals.max() > max(GOOD, 1e3 * tol):
        raise ConvergenceError(
            f"Mode {int(np.argmax(residuals))} of {system.name} has a relative residual of {residuals.max():.3g}. "
            f"{'Give sigma near' if at_end else 'Move sigma nearer to'} the wanted eigenvalues, or ask for fewer."
        )
    record = {"linear": solver.why, "nlu": solver.factorised, "seconds": time.perf_counter() - started}
    return Eigenpairs(values, vectors, residuals, sigma, system, p, which, record)


def _read_which(which: str | None, sigma: complex | None, symmetric: bool) -> tuple[str, complex]:
    """What is asked for, in one of two spellings, and the shift."""
    if which is not None:
        known = {"LA": "LR", "SA": "SR", **{name: name for name in WHICH}}
        if which not in known:
            raise OptionValueError(f"which={which!r}: it is one of {', '.join(known)}, as in SciPy.")
        if sigma is not None:
            raise OptionValueError(
                f"which={which!r} beside sigma={sigma!r}: with a shift the eigenvalues nearest to it are found. Leave "
                "one of them out."
            )
        if which == "LI" and symmetric:
            raise OptionValueError("which='LI': the eigenvalues of a symmetric problem are real. Take 'LR' or 'SR'.")
        return known[which], 0.0
    sigma = 0.0 if sigma is None else sigma
    if symmetric and np.imag(sigma) != 0:
        raise OptionValueError(f"sigma must be real for a symmetric problem, whose eigenvalues are; found {sigma!r}.")
    return "SM", sigma


def _state(system: Any, at: Any, params: Any) -> tuple[Array, Array]:
    if at is not None:
        return read_start(system, at, params)
    p = np.ascontiguousarray(system.parameter_values(params), dtype=float)
    try:
        return read_start(system, None, params)
    except InitialValueError:
        return p, np.zeros(system.layout.size)


def _shifted(structure: Any, sigma: complex) -> Any:
    """What is left of the structure of ``-J`` after the shift."""
    below = structure.definite and np.imag(sigma) == 0 and np.real(sigma) <= 0
    return replace(structure, definite=below, saddle=None)


def _dense(a: Any, m: Any, k: int, symmetric: bool, key: Callable[[Array], Array], solver: LinearSolver) -> Any:
    """All eigenvalues of few unknowns."""
    from scipy.linalg import eig, eigh

    solver.name, solver.reason = "lapack", f"{a.shape[0]} unknowns: all eigenvalues at once"
    full, weight = a.toarray(), None if m is None else m.toarray()
    if symmetric and (weight is None or np.linalg.eigvalsh(weight).min() > 0):
        values, vectors = eigh(full, weight)
    else:
        values, vectors = eig(full, weight)
        finite = np.isfinite(values) & (np.abs(values) < 1e14 * max(1.0, np.abs(full).max()))  # not of constraints
        values, vectors = values[finite], vectors[:, finite]
        if symmetric:
            values, vectors = values.real, vectors.real
    chosen = np.argsort(key(values), kind="stable")[:k]
    if chosen.size < k:
        raise OptionValueError(f"There are {chosen.size} finite eigenvalues only (constraints have none); k = {k}.")
    return values[chosen], vectors[:, chosen]


def _sparse(a: Any, m: Any, k: int, sigma: complex, symmetric: bool, tol: float, solver: LinearSolver) -> Any:
    """The ones next to the shift, by ARPACK."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigs, eigsh

    start = np.random.default_rng(1).uniform(-1, 1, a.shape[0])
    try:
        if np.imag(sigma) != 0:
            return _complex_shift(a, m, k, sigma, tol, start, solver)
        factored = solver.factorise(a - float(np.real(sigma)) * (_unit(a) if m is None else m))
        inverse = LinearOperator(a.shape, matvec=factored.solve, dtype=float)
        shift = float(np.real(sigma))
        if symmetric:
            return eigsh(a, k, m, shift, OPinv=inverse, tol=tol, v0=start)
        return eigs(a, k, m, shift, OPinv=inverse, tol=tol, v0=start)
    except ArpackNoConvergence as error:
        raise ConvergenceError(
            f"{len(error.eigenvalues)} of {k} eigenvalues converged. Move sigma nearer to the wanted ones, ask for "
            "fewer, or loosen tol."
        ) from None
    except LinearSolveError as error:
        raise LinearSolveError(
            f"sigma = {sigma:g} is an eigenvalue (of a constant or rigid motion, where conditions are few): choose "
            f"another shift near it, e.g. sigma = {_beside(sigma, a, m):.2g}. {error}"
        ) from None
    except ArpackError as error:
        raise ConvergenceError(f"The eigenvalue iteration failed: {error}") from None


def _end(a: Any, m: Any, k: int, which: str, symmetric: bool, tol: float, solver: LinearSolver, name: str) -> Any:
    """Those at an end of the spectrum, by ARPACK with products and solutions with M.

    Of a symmetric problem the end alone is found so, coarsely: iterations without a shift miss one of two eigenvalues
    that are equal. A shift just outside finds those next to it.
    """
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigs, eigsh

    options: dict[str, Any] = {"v0": np.random.default_rng(1).uniform(-1, 1, a.shape[0])}
    if m is None:
        solver.name, solver.reason = "arpack", "no mass matrix to solve with"
    else:
        _check_mass(m, which, name)
        factored = solver.factorise(m)
        options |= {"M": m, "Minv": LinearOperator(a.shape, matvec=factored.solve, dtype=float)}
    try:
        if not symmetric:
            return eigs(a, k, **{**options, "which": which, "tol": tol})
        parts = []
        for sign, end in ((1, "LA"), (-1, "SA")):
            if which == "LM" or which[0] == end[0]:
                coarse = {**options, "which": end, "tol": COARSE, "return_eigenvectors": False}
                (edge,) = eigsh(a, 1, **coarse)
                outside = float(edge + sign * max(10 * COARSE * abs(edge), _width(a, m)))
                beyond = LinearSolver(Structure(symmetric=True), solver.options, solver.locate, probe=True)
                parts.append(_sparse(a, m, k, outside, True, tol, beyond))
    except ArpackNoConvergence as error:
        raise ConvergenceError(
            f"{len(error.eigenvalues)} of the eigenvalues with {WHICH[which].words} converged: they lie close, "
            "compared to the width of the spectrum. Give sigma near the wanted ones, or loosen tol."
        ) from None
    except ArpackError as error:
        raise ConvergenceError(f"The eigenvalue iteration failed: {error}") from None
    values, vectors = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
    chosen = np.argsort(WHICH[which].key(values), kind="stable")[:k]
    return values[chosen], vectors[:, chosen]


def _check_mass(m: Any, which: str, name: str) -> None:
    size = abs(m).max()
    symmetric = abs(m - m.T).max() <= 1e-12 * size
    if not symmetric or (abs(m).sum(axis=1) <= 1e-14 * size).any():
        what = "has rows of zeros (constraints)" if symmetric else "is not symmetric"
        raise UnsupportedError(
            f"which={which!r}: the mass matrix of {name} {what}, and ends of the spectrum are found for symmetric, "
            "regular ones. Give sigma near the wanted eigenvalues instead."
        )


def _complex_shift(a: Any, m: Any, k: int, sigma: complex, tol: float, start: Array, solver: LinearSolver) -> Any:
    from scipy.sparse.linalg import LinearOperator, eigs, splu

    factors = splu((a - sigma * (_unit(a) if m is None else m)).tocsc())
    solver.name, solver.reason = "superlu", "a complex shift"
    inverse = LinearOperator(a.shape, matvec=factors.solve, dtype=complex)
    return eigs(a.astype(complex), k, m, sigma, OPinv=inverse, tol=tol, v0=start.astype(complex))


def _unit(a: Any) -> Any:
    from scipy.sparse import eye_array

    return eye_array(a.shape[0], format="csc")


def _beside(sigma: complex, a: Any, m: Any) -> float:
    return float(np.real(sigma)) - _width(a, m)


def _width(a: Any, m: Any) -> float:
    """A small part of the width of the spectrum."""
    return 1e-6 * float(abs(a).sum(axis=1).max()) / (1.0 if m is None else float(abs(m).sum(axis=1).max()))


def _residuals(a: Any, m: Any, values: Array, vectors: Array) -> Array:
    left = a @ vectors
    right = (vectors if m is None else m @ vectors) * values
    lengths = np.linalg.norm(vectors, axis=0)
    sizes = np.linalg.norm(left, axis=0) + np.linalg.norm(right, axis=0)
    floor = 1e-8 * float(abs(a).sum(axis=1).max()) * lengths  # for eigenvalues that are zero up to rounding
    return np.asarray(np.linalg.norm(left - right, axis=0) / np.maximum(sizes, floor))
