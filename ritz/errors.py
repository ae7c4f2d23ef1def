"""Exceptions and warnings of Ritz: one base class, one subclass for each thing a caller may want to catch."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RitzError(Exception):
    """Base class of every error that Ritz raises on purpose."""


class ProblemError(RitzError, ValueError):
    """The equations, conditions or initial values as written cannot be a problem."""


class UnknownSymbol(ProblemError):
    """An equation mentions something that is neither a coordinate, a field nor a parameter."""


class RankError(ProblemError):
    """Tensor ranks do not fit (a scalar added to a vector, div of a scalar, ...)."""


class ConditionError(ProblemError):
    """A condition is missing, surplus, misspelt or contradicts another one."""


class ParameterError(ProblemError):
    """A parameter is unused, unknown, out of bounds or not finite."""


class InitialValueError(ProblemError):
    """An initial value is missing, has the wrong shape or is not finite."""


class ParseError(ProblemError):
    """A string equation could not be read; the message points at the place."""


class DiscretizationError(RitzError, ValueError):
    """A discretisation cannot represent this problem (grid too small, wrong kind of domain, ...)."""


class MeshError(RitzError, ValueError):
    """A mesh is broken, cannot be read, or has no such group; the message names the cells, the file or the groups."""


class UnsupportedError(RitzError, ValueError):
    """Something Ritz does not do; the message says what would be needed."""


class OptionError(RitzError, TypeError):
    """An unknown keyword or an option of the wrong kind; the nearest valid name is offered."""


class OptionValueError(OptionError, ValueError):
    """An option of the right kind with an impossible value (a negative tolerance, t_eval out of range, ...)."""


class RewriteError(RitzError, RuntimeError):
    """A rewritten form failed its check against the source."""


class SolveError(RitzError, RuntimeError):
    """A time integration or a nonlinear solve cannot go on."""


class LinearSolveError(SolveError):
    """A system of linear equations is singular, or its solver did not converge."""


class ConvergenceError(SolveError):
    """Newton's method did not converge; the message shows the iterations as a table."""


class NonFiniteError(SolveError):
    """A value became infinite or not a number; the message names term, field, place and time."""


class MissingPackage(RitzError, ImportError):
    """An optional package is needed here; the message names the extra to install."""


class StorageError(RitzError, OSError):
    """A result file exists already, is missing, or was not written by Ritz."""


class RitzWarning(UserWarning):
    """Base class of every warning that Ritz issues."""


class ResolutionWarning(RitzWarning):
    """The grid does not resolve the data (or the data are not periodic)."""


class ExtrapolationWarning(RitzWarning):
    """A reduced model is evaluated outside the region it was trained on."""


class ModelFileWarning(RitzWarning):
    """A model file means something that is read in a simpler sense, so that the answer may differ."""


class AccuracyWarning(RitzWarning):
    """The result may be less accurate than asked for."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest known name, or an empty string.

    Example:
        >>> nearest("rtoll", ["rtol", "atol"])
        " Did you mean 'rtol'?"
    """
    by_folded = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.6)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""


def reject_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise `OptionError` for the first name in `given` that `known` lacks.

    Raises:
        OptionError: names the unknown keyword, the nearest valid one and all valid ones.
    """
    valid = sorted(known)
    for name in given:
        if name not in valid:
            listed = ", ".join(valid)
            raise OptionError(f"{what} has no option {name!r}.{nearest(name, valid)} Valid options: {listed}.")
