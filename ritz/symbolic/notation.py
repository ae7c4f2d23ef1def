"""The functions users write: derivatives by name and tensor algebra, each making one operator node."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..errors import ProblemError
from . import operators as op
from .coordinates import Coordinate, Time


def dt(e: Any, n: int = 1) -> sp.Expr:
    """Return the n-th time derivative of `e`.

    Orders above one are reduced to first order with auxiliary fields such as ``u_t``; give their initial values as
    ``initial={u: ..., dt(u): ...}``.

    Raises:
        ProblemError: if `n` is no whole number.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> dt(fields("u"), 2)
        dt(u, 2)
    """
    return op.Dt(e, n)


def d(e: Any, x: Any, n: int = 1) -> sp.Expr:
    """Return the n-th derivative of `e` along `x`, a coordinate or time.

    Raises:
        ProblemError: if `x` is neither, or `n` no whole number.

    Example:
        >>> from ritz.symbolic.coordinates import coords
        >>> from ritz.symbolic.fields import fields
        >>> d(fields("u"), coords("r"), 2)
        d(u, r, 2)
    """
    return op.Dt(e, n) if isinstance(x, Time) else op.D(e, x, n)


def dx(e: Any, n: int = 1) -> sp.Expr:
    """Return the n-th derivative of `e` along the coordinate named x.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> dx(fields("u"), 4)
        dx(u, 4)
    """
    return op.D(e, Coordinate("x"), n)


def dy(e: Any, n: int = 1) -> sp.Expr:
    """Return the n-th derivative of `e` along the coordinate named y (see `dx`)."""
    return op.D(e, Coordinate("y"), n)


def dz(e: Any, n: int = 1) -> sp.Expr:
    """Return the n-th derivative of `e` along the coordinate named z (see `dx`)."""
    return op.D(e, Coordinate("z"), n)


def lap(e: Any) -> sp.Expr:
    """Return the Laplacian of `e` over all coordinates of the domain; of a vector, component by component.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> lap(fields("u"))
        lap(u)
    """
    return op.Lap(e)


def grad(e: Any) -> sp.Expr:
    """Return the gradient; the derivative comes first: ``grad(u)[i, j] = d_i u_j``.

    Example:
        >>> from ritz.symbolic.fields import vector_fields
        >>> u = vector_fields("u")
        >>> dot(u, grad(u))
        dot(u, grad(u))
    """
    return op.Grad(e)


def div(e: Any) -> sp.Expr:
    """Return the divergence over the first index: ``div(S)[j] = d_i S[i, j]``; `e` must not be a scalar.

    Example:
        >>> from ritz.symbolic.fields import vector_fields
        >>> div(vector_fields("u"))
        div(u)
    """
    return op.Div(e)


def curl(e: Any) -> sp.Expr:
    """Return the curl: in 3-D of a vector; in 2-D of a vector ``d_x u_y - d_y u_x``, of a scalar ``(d_y s, -d_x s)``.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> curl(fields("psi"))
        curl(psi)
    """
    return op.Curl(e)


def dot(a: Any, b: Any) -> sp.Expr:
    """Contract the last index of `a` with the first of `b`; neither may be a scalar.

    ``dot(u, v)`` of vectors is a scalar, ``dot(S, n)`` a vector, ``dot(A, B)`` the matrix product, and
    ``dot(u, grad(u))`` is advection, ``u_i d_i u_j``.

    Example:
        >>> from ritz.symbolic.fields import vector_fields
        >>> u, v = vector_fields("u v")
        >>> dot(u, v)
        dot(u, v)
    """
    return op.Dot(a, b)


def inner(a: Any, b: Any) -> sp.Expr:
    """Contract all indices of two tensors of one rank: ``inner(A, B) = A[i, j] B[i, j]``.

    Example:
        >>> from ritz.symbolic.fields import tensor_fields
        >>> inner(tensor_fields("A"), tensor_fields("B"))
        inner(A, B)
    """
    return op.Inner(a, b)


def cross(a: Any, b: Any) -> sp.Expr:
    """Return the cross product: in 3-D of two vectors; in 2-D of two vectors (a scalar) or of a scalar and a vector.

    In 2-D a scalar stands for a vector normal to the plane: ``cross(w, u) = (-w u_y, w u_x)``.

    Example:
        >>> from ritz.symbolic.fields import vector_fields
        >>> u, B = vector_fields("u B")
        >>> curl(cross(u, B))
        curl(cross(u, B))
    """
    return op.Cross(a, b)


def outer(a: Any, b: Any) -> sp.Expr:
    """Return the outer product of two vectors: ``outer(a, b)[i, j] = a_i b_j``.

    Example:
        >>> from ritz.symbolic.fields import vector_fields
        >>> u = vector_fields("u")
        >>> div(outer(u, u))
        div(outer(u, u))
    """
    return op.Outer(a, b)


def sym(e: Any) -> sp.Expr:
    """Return the symmetric part ``(e + transpose(e))/2`` of a tensor.

    Example:
        >>> from ritz.symbolic.fields import vector_fields
        >>> sym(grad(vector_fields("u")))
        sym(grad(u))
    """
    return op.Sym(e)


def trace(e: Any) -> sp.Expr:
    """Return the trace of a tensor (see `inner`)."""
    return op.Trace(e)


def det(e: Any) -> sp.Expr:
    """Return the determinant of a tensor."""
    return op.Det(e)


def inv(e: Any) -> sp.Expr:
    """Return the inverse of a tensor, by cofactors."""
    return op.Inv(e)


def transpose(e: Any) -> sp.Expr:
    """Return the transpose of a tensor."""
    return op.Transpose(e)


def vector(*components: Any) -> sp.Expr:
    """Return the vector with these components, one per coordinate of the domain.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> vector(0, fields("b"))
        vector(0, b)
    """
    return op.Vector(*components)


def tensor(*rows: Any) -> sp.Expr:
    """Return the tensor with these rows, each a sequence of components.

    Raises:
        ProblemError: if a row is no sequence.

    Example:
        >>> tensor((0, 1), (1, 0))
        vector(vector(0, 1), vector(1, 0))
    """
    for row in rows:
        if not isinstance(row, (tuple, list, op.Operator)):
            raise ProblemError(f"Each row of tensor(...) must be a sequence of components, but got {row!r}.")
    return op.Vector(*rows)


def identity() -> sp.Expr:
    """Return the unit tensor of the domain's dimension.

    Example:
        >>> from ritz.symbolic.fields import fields
        >>> div(fields("p")*identity())
        div(p*identity())
    """
    return op.Identity()


def component(e: Any, *axes: Any) -> sp.Expr:
    """Return one component of a vector or tensor: ``component(u, x)``, ``component(S, x, y)``.

    Args:
        e: a vector or tensor.
        axes: one coordinate per index, as an object or by name.

    Raises:
        ProblemError: if an axis is neither a coordinate nor a name.

    Example:
        >>> from ritz.symbolic.fields import vector_fields
        >>> component(vector_fields("u"), "y")
        component(u, y)
    """
    chosen = [Coordinate(axis) if isinstance(axis, str) else axis for axis in axes]
    if not chosen or not all(isinstance(axis, Coordinate) for axis in chosen):
        raise ProblemError(f"component({e}, ...) needs one coordinate per index, but got {axes!r}.")
    return op.Component(e, *chosen)
