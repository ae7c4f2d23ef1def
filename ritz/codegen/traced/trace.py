"""`trace`: the public way from a NumPy program to a system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from ritz.errors import OptionError


def trace(
    function: Any,
    *,
    parameters: Mapping[str, float | None] | Iterable[str] | None = None,
    initial: Any = None,
    coordinates: Mapping[str, Any] | None = None,
    rewriter: str | None = "egraph",
    **fields: Any,
) -> Any:
    """Turn a NumPy program into a system; of a tensor expression, return the trace.

    The program is called once with symbolic arrays, which record what is done to them, and once with numbers, to
    compare. Loops over array dimensions of more than 8 entries stay loops: the compiled code does not grow with the
    grid. Supported are indexing and slicing, assignment into arrays made from an argument (``np.zeros_like(u)``),
    arithmetic and element-wise functions, comparisons, ``np.where``, ``np.roll``, ``np.pad``, joins, reductions,
    products of arrays, and loops over fixed ranges. What depends on values (``if u > 0``) is refused with the line it
    stands in.

    Args:
        function: ``function(t, *fields, *parameters)`` returns the time derivative of every field, as one array, as a
            tuple or list in the order of the fields, or as a dictionary. Arrays have the shapes given here (they are
            not flattened); arguments are float64. A tensor expression instead gives its trace.
        parameters: scalar arguments -> default value (or None); they stay parameters of the system. Other numbers and
            arrays that the function uses are constants.
        initial: initial values: an array for a single field, else a dictionary field -> array.
        coordinates: name -> (n,) grid points for every long dimension, for tables and pictures; by default indices
            named i, j, k.
        rewriter: as in ``problem.discretize``.
        **fields: shape, or example array (which becomes the initial value), of every field, in their order.

    Returns:
        A `ritz.System`. Its state vector holds the arrays one after the other; an array with short dimensions is cut
        along them into components (``y_0``, ``y_1`` of shape (2, 128, 128)), so that with short dimensions in front the
        vector is ``y.ravel()``. ``solution["y"]`` is (nt, 2, 128, 128); several short dimensions are joined into one.

    Raises:
        OptionError: no field, a field that is no shape, a wrong option.
        ProblemError: the arguments or the result of the function do not fit the fields.
        UnsupportedError: something in the program cannot be recorded, or it does not compute the same on numbers.

    Warns:
        RitzWarning: the result does not depend on the fields.

    Example:
        >>> def heat(t, u, k):
        ...     return k * (np.roll(u, 1) - 2 * u + np.roll(u, -1))
        >>> system = rz.trace(heat, u=(100,), parameters={"k": 0.1})
        >>> u = np.sin(np.arange(100) / 100 * 2 * np.pi)
        >>> bool(np.allclose(system.rhs(0.0, u), heat(0.0, u, 0.1), atol=1e-15))
        True
        >>> solution = rz.solve(system, (0, 10), y0={"u": u})
        >>> solution["u"].shape[1:]
        (100,)
    """
    if isinstance(function, (sp.Basic, sp.MatrixBase)) or not callable(function):
        from ritz.symbolic.notation import trace as tensor_trace

        given = {"parameters": parameters, "initial": initial, "coordinates": coordinates, **fields}
        if surplus := [name for name, value in given.items() if value is not None]:
            raise OptionError(f"trace() of an expression takes no {surplus[0]}=; to trace a program pass a function.")
        return tensor_trace(function)
    from ritz.codegen.traced.program import TracedProgram, read_shapes

    if not fields:
        raise OptionError("trace() needs the shape of every field by name, such as trace(f, u=(128, 128)).")
    shapes, examples = read_shapes(fields)
    if initial is not None and not isinstance(initial, Mapping):
        if len(shapes) > 1:
            raise OptionError(f"initial= takes a dictionary with arrays for {', '.join(shapes)}.")
        initial = {next(iter(shapes)): initial}
    named = parameters if isinstance(parameters, Mapping) else dict.fromkeys(parameters or ())
    start = initial if initial is not None else examples
    return TracedProgram(function, shapes, named, start, coordinates).discretize(rewriter=rewriter)
