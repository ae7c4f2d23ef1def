"""The symbolic array that a program is called with: it behaves like a NumPy array and records what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Axis
from ritz.symbolic.tracing.place import user_line
from ritz.symbolic.tracing.tape import MOST_DIMENSIONS, UNROLLED, Array, Tape


def looped(length: int) -> bool:
    """Whether a dimension of this length is an axis of the graph; shorter ones are nodes side by side."""
    return length > UNROLLED


class TracedArray(NDArrayOperatorsMixin):
    """An array of graph nodes with the shape of the array it stands for.

    Dimensions of up to 8 entries are unrolled: there is one node for each entry. Along a longer dimension there is one
    node for all entries, which varies over an axis of the graph.

    Attributes:
        tape: where everything is recorded.
        shape: as of a NumPy array.
        nodes: node numbers, (n,) entries along unrolled dimensions and 1 along the others.
        is_bool: whether the values are truth values.
        owner: for an argument of the program, its name: it must not be changed.
    """

    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 1000

    def __init__(self, tape: Tape, shape: Sequence[int], nodes: Any, *, is_bool: bool = False, owner: str = "") -> None:
        self.tape, self.shape = tape, tuple(int(n) for n in shape)
        if len(self.shape) > MOST_DIMENSIONS:
            raise UnsupportedError(f"Traced arrays have at most {MOST_DIMENSIONS} dimensions, found {self.shape}.")
        self._nodes: Array = np.asarray(nodes, dtype=np.int64).reshape(collapsed(self.shape))
        self.is_bool, self.owner = is_bool, owner
        self.version = 0
        self._view: tuple[TracedArray, Any, int] | None = None

    # ------------------------------------------------------------------ views
    def view_of(self, base: TracedArray, key: Any) -> TracedArray:
        """Make this array, whose nodes are ``base[key]``, a view: changes of either reach the other."""
        self._view, self.owner = (base, key, base.version), base.owner
        return self

    @property
    def nodes(self) -> Array:
        """The nodes, up to date with the array that this one is a view of."""
        self._refresh()
        return self._nodes

    def _refresh(self) -> None:
        if self._view is None:
            return
        base, key, seen = self._view
        base._refresh()
        if base.version != seen:
            from ritz.symbolic.tracing.indexing import get

            self._nodes = get(base, key)._nodes
            self._view, self.version = (base, key, base.version), self.version + 1

    def assign(self, nodes: Array) -> None:
        """Replace all entries, and those of the array that this one is a view of.

        Raises:
            UnsupportedError: this is an argument of the program.
        """
        if self.owner:
            raise UnsupportedError(
                f"The program changes its argument {self.owner} in place, in {user_line()}. The solver's own state "
                f"would change with it. Work on a copy: {self.owner} = {self.owner}.copy()."
            )
        self._refresh()
        self._nodes, self.version = np.asarray(nodes).reshape(self._nodes.shape), self.version + 1
        if self._view is not None:
            from ritz.symbolic.tracing.indexing import put

            base, key, _ = self._view
            put(base, key, TracedArray(self.tape, self.shape, self._nodes, is_bool=self.is_bool))
            self._view = (base, key, base.version)

    # ------------------------------------------------------------------ attributes of an array
    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64, or bool for the result of a comparison."""
        return np.dtype(bool if self.is_bool else float)

    @property
    def T(self) -> TracedArray:  # noqa: N802
        """The transpose."""
        from ritz.symbolic.tracing.shapes import transpose

        return transpose(self)

    def axes(self) -> list[Axis | None]:
        """The axis of every dimension, None where it is unrolled."""
        return axes_of(self.tape, self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[TracedArray]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        if looped(self.shape[0]):
            raise UnsupportedError(
                f"The program runs through the {self.shape[0]} entries of an array one by one, in {user_line()}. "
                "Write the loop with slices, join arrays by np.stack or np.concatenate, leave out np.asarray, and "
                "make an array that you fill by np.zeros_like(u) from an argument u."
            )
        return iter([self[k] for k in range(self.shape[0])])

    def __repr__(self) -> str:
        return f"<traced {'bool ' if self.is_bool else ''}array of shape {self.shape}>"

    # ------------------------------------------------------------------ indexing
    def __getitem__(self, key: Any) -> TracedArray:
        from ritz.symbolic.tracing.indexing import get, is_basic

        found = get(self, key)
        if found is self:  # all of it: still an array of its own
            found = TracedArray(self.tape, self.shape, self.nodes, is_bool=self.is_bool)
        return found.view_of(self, key) if is_basic(key) and found.ndim else found  # single entries are numbers

    def __setitem__(self, key: Any, value: Any) -> None:
        from ritz.symbolic.tracing.indexing import put

        put(self, key, value)

    # ------------------------------------------------------------------ what cannot be known while recording
    def _refuse(self, what: str) -> NoReturn:
        raise UnsupportedError(
            f"The program needs the value of a traced array {what}, in {user_line()}, but values are known only when "
            "the compiled program runs. Write a choice as np.where(condition, a, b), np.maximum or np.clip."
        )

    def __bool__(self) -> bool:
        self._refuse("to decide a branch")

    def __float__(self) -> float:
        raise UnsupportedError(
            f"The program turns a traced array into plain numbers, in {user_line()}. Leave out float(...), use "
            "np.sin and not math.sin, np.stack or np.concatenate instead of np.array, and make the arrays that you "
            "fill by np.zeros_like(u) or np.empty_like(u) from an argument u, not by np.zeros(...)."
        )

    def __int__(self) -> int:
        self._refuse("as a whole number")

    def __index__(self) -> int:
        self._refuse("as an index")

    def __complex__(self) -> complex:
        raise UnsupportedError(f"Traced arrays are real; {user_line()} asks for a complex one. Trace two real arrays.")

    # ------------------------------------------------------------------ NumPy's protocols
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        from ritz.symbolic.tracing.ufuncs import apply

        return apply(self.tape, ufunc, method, inputs, out, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from ritz.symbolic.tracing.functions import call

        return call(self.tape, func, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(name)
        from ritz.symbolic.tracing.functions import method

        return method(self, name)


# ---------------------------------------------------------------------- making arrays
def axes_of(tape: Tape, shape: Sequence[int]) -> list[Axis | None]:
    """The axis of every dimension of a shape, None where it is unrolled."""
    last = len(shape) - 1
    return [tape.axis(last - d, n) if looped(n) else None for d, n in enumerate(shape)]


def collapsed(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of the array of nodes."""
    return tuple(1 if looped(n) else n for n in shape)


def constant(tape: Tape, values: Any) -> TracedArray:
    """A traced array of known values."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise UnsupportedError(
            f"The program uses an array of type {values.dtype} in {user_line()}; only real ones work."
        )
    shape, small = values.shape, collapsed(values.shape)
    axes = axes_of(tape, shape)
    looped_axes = [a for a in axes if a is not None]
    nodes = np.empty(small, dtype=np.int64)
    for place in np.ndindex(*small):
        part = values[tuple(slice(None) if a is not None else k for a, k in zip(axes, place, strict=True))]
        nodes[place] = tape.array(part, looped_axes)
    return TracedArray(tape, shape, nodes, is_bool=values.dtype == bool)


def as_traced(tape: Tape, value: Any) -> TracedArray:
    """Any array-like as a traced array; lists and object arrays of traced arrays are stacked."""
    if isinstance(value, TracedArray):
        if value.tape is not tape:
            raise UnsupportedError(f"An array of another traced program is used in {user_line()}.")
        return value
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return as_traced(tape, value.item())
        from ritz.symbolic.tracing.shapes import stack

        return stack(tape, [as_traced(tape, v) for v in value], 0)
    return constant(tape, value)


def pointwise(
    tape: Tape, build: Callable[..., int], arrays: Sequence[TracedArray], *, is_bool: bool = False
) -> TracedArray:
    """Apply a function of nodes to arrays that broadcast against each other."""
    try:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = " and ".join(str(a.shape) for a in arrays)
        raise UnsupportedError(
            f"Arrays of the shapes {shapes} meet in {user_line()} and do not broadcast against each other. Is the grid "
            "too small for the stencil, or a slice off by one?"
        ) from None
    nodes = [np.broadcast_to(a.nodes, collapsed(shape)) for a in arrays]
    built = [build(*(int(n) for n in group)) for group in zip(*(n.ravel() for n in nodes), strict=True)]
    return TracedArray(tape, shape, np.array(built, dtype=np.int64).reshape(collapsed(shape)), is_bool=is_bool)
