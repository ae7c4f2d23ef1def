"""Evaluation of a graph by NumPy broadcasting: slow, plain, and the oracle of every test of generated code.

Arrays are laid out by the caller. With `layout` every array has one dimension per listed axis, of length 1 where the
node does not vary, so a node that varies over ``x`` only has shape ``(nx, 1)`` under ``layout=(x, y)``. Sums, gathers
and scatters are then done here; without `layout` a gather reads along the last dimension and a sum needs a callable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ritz.errors import UnsupportedError, nearest
from ritz.symbolic.graph import Axis, Graph, LinearMap, Number

Array = npt.NDArray[Any]


@lru_cache(maxsize=1)
def functions() -> dict[str, Callable[..., Any]]:
    """The NumPy meaning of every function name a graph may contain."""
    from scipy.special import erf

    same = (
        "exp log sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh expm1 log1p "
        "sign maximum minimum floor ceil"
    ).split()
    table = {name: getattr(np, name) for name in same}
    table.update(
        abs=np.abs, conj=np.conj, re=np.real, im=np.imag, arg=np.angle, erf=erf, pow=np.power, where=_where,
        complex=_complex, lt=np.less, le=np.less_equal, gt=np.greater, ge=np.greater_equal, eq=np.equal,
        ne=np.not_equal,
    )  # fmt: skip
    table.update({"and": np.logical_and, "or": np.logical_or, "not": np.logical_not})
    return table


def _complex(re: Any, im: Any) -> Any:
    return np.asarray(re) + 1j * np.asarray(im)


def _where(condition: Any, then: Any, otherwise: Any) -> Any:
    return np.where(np.asarray(condition, dtype=bool), then, otherwise)


def evaluate(
    g: Graph,
    roots: Sequence[int],
    values: Mapping[int, Any],
    maps: Mapping[str, Callable[[Array], Array]] | None = None,
    gathers: Mapping[str, Array] | None = None,
    *,
    layout: Sequence[Axis] = (),
    sizes: Mapping[str, int] | None = None,
) -> list[Any]:
    """Evaluate nodes with NumPy in double (or the given) precision.

    Args:
        g: the graph.
        roots: nodes wanted.
        values: value of every input below `roots`, as numbers or arrays that broadcast against each other. Any other
            node may be given too; it is then not computed.
        maps: linear maps by name. They receive the whole array of the argument and return that of the result.
        gathers: index arrays (integers) by name.
        layout: which array dimension is which axis; see the module's text. Empty: the caller's maps know.
        sizes: length of axes by name, for axes whose length no value shows (otherwise read off `values`).

    Returns:
        One array or NumPy scalar per root. Logical results are booleans.

    NaN and infinity appear in the results as they would in compiled code; NumPy's warnings about them are off because
    both branches of a ``where`` are computed.

    Raises:
        UnsupportedError: names the input, map, gather or axis for which nothing was given.

    Example:
        >>> g = Graph()
        >>> x = g.input("x", "state")
        >>> evaluate(g, [g.add([(2, x)], 1)], {x: np.array([1.0, 2.0])})
        [array([3., 5.])]
    """
    order = layout if isinstance(layout, tuple) else tuple(layout)  # a subclass may let axes share a dimension
    run = _Evaluation(g, dict(maps or {}), dict(gathers or {}), order, dict(sizes or {}))
    run.read(values)
    with np.errstate(all="ignore"):
        for node in g.topological(roots, stop=values):
            if node not in run.done:
                run.done[node] = run.compute(node)
    return [run.done[r] for r in roots]


class _Evaluation:
    """One run: the values so far and what the caller supplied."""

    def __init__(
        self,
        g: Graph,
        maps: dict[str, Callable[[Array], Array]],
        gathers: dict[str, Array],
        layout: tuple[Axis, ...],
        sizes: dict[str, int],
    ) -> None:
        self.g, self.maps, self.gathers, self.layout, self.sizes = g, maps, gathers, layout, sizes
        self.done: dict[int, Any] = {}

    def read(self, values: Mapping[int, Any]) -> None:
        for node, value in values.items():
            array = np.asarray(value)
            kind = complex if self.g.is_complex[node] else float
            if array.dtype != bool:
                array = array.astype(np.promote_types(array.dtype, kind), copy=False)
            self.done[node] = array[()]
            if self.layout and array.ndim == len(self.layout):
                for axis, n in zip(self.layout, array.shape, strict=True):
                    if axis in self.g.axes[node]:
                        self.sizes.setdefault(axis.name, n)

    def compute(self, node: int) -> Any:
        op, args = self.g.op[node], self.g.args[node]
        if op == "const":
            return np.float64(args)
        if op == "imag":
            return np.complex128(1j)
        if op == "input":
            given = [self.g.args[n][0] for n in self.done if self.g.op[n] == "input"]
            raise UnsupportedError(f"No value given for input {args[0]!r} ({args[1]}).{nearest(args[0], given)}")
        if op == "add":
            return self.add(args)
        if op == "mul":
            return self.mul(args)
        if op == "func":
            return functions()[args[0]](*(self.done[n] for n in args[1]))
        if op == "map":
            return self.apply(args[0], args[1])
        return self.gather(node)

    def add(self, args: tuple[Number, tuple[tuple[int, Number], ...]]) -> Any:
        total: Any = np.float64(args[0])
        for n, k in args[1]:
            total = total + (self.done[n] if k == 1 else np.float64(k) * self.done[n])
        return total

    def mul(self, args: tuple[Number, tuple[tuple[int, Number], ...]]) -> Any:
        product: Any = np.float64(args[0])
        for n, e in args[1]:
            product = product * power(self.done[n], e)
        return product

    def apply(self, m: LinearMap, argument: int) -> Any:
        value = self.done[argument]
        if m.name in self.maps:
            result = self.maps[m.name](self.spread(value, m.source) if self.layout else value)
            for axis in m.target if self.layout else ():
                self.sizes.setdefault(axis.name, np.shape(result)[self.layout.index(axis)])
            return result
        if m.kind == "sum" and self.layout:
            return self.spread(value, m.source).sum(axis=tuple(map(self.layout.index, m.source)), keepdims=True)
        if m.kind == "scatter" and self.layout and m.name.removesuffix(".T") in self.gathers:
            return self.scatter(m, value)
        raise UnsupportedError(f"No callable given for the linear map {m.name!r}.{nearest(m.name, self.maps)}")

    def gather(self, node: int) -> Any:
        name, argument, source, target = self.g.args[node]
        if name not in self.gathers:
            raise UnsupportedError(f"No index array given for the gather {name!r}.{nearest(name, self.gathers)}")
        value, index = self.done[argument], np.asarray(self.gathers[name])
        if not self.layout:
            return np.take(value, index, axis=-1)
        self.sizes.setdefault(target.name, index.size)
        read = np.take(self.spread(value, (source,)), index, axis=self.layout.index(source))
        return self.rename(read, source, target)

    def scatter(self, m: LinearMap, value: Any) -> Any:
        (source,), (target,) = m.source, m.target
        index = np.asarray(self.gathers[m.name.removesuffix(".T")])
        self.sizes.setdefault(source.name, index.size)
        moved = np.moveaxis(self.rename(self.spread(value, (source,)), source, target), self.layout.index(target), 0)
        out = np.zeros((self.size(target), *moved.shape[1:]), dtype=moved.dtype)
        np.add.at(out, index, moved)
        return np.moveaxis(out, 0, self.layout.index(target))

    def rename(self, value: Array, old: Axis, new: Axis) -> Array:
        """Let the dimension of `old` become that of `new` (which has length 1 before)."""
        if old == new:
            return value
        return np.swapaxes(value, self.layout.index(old), self.layout.index(new))

    def spread(self, value: Any, axes: Sequence[Axis]) -> Array:
        """Broadcast a value to its full length along some axes."""
        array = np.asarray(value)
        if missing := [a for a in axes if a not in self.layout]:
            raise UnsupportedError(f"The layout lacks axis {missing[0].name!r} of a map; it lists {self.layout}.")
        shape = list(array.shape) if array.ndim == len(self.layout) else [1] * len(self.layout)
        for axis in axes:
            if shape[self.layout.index(axis)] == 1:
                shape[self.layout.index(axis)] = self.size(axis)
        return np.broadcast_to(array, shape)

    def size(self, axis: Axis) -> int:
        if axis.name not in self.sizes:
            raise UnsupportedError(f"The length of axis {axis.name!r} is unknown. Give it in sizes=.")
        return self.sizes[axis.name]


def power(base: Any, e: Number) -> Any:
    """Return ``base ** e`` with square roots and reciprocals done by their own operations."""
    if e == 1:
        return base
    if isinstance(e, int):
        return base**e if e > 0 else 1.0 / base**-e
    if e == 0.5:
        return np.sqrt(base)
    return 1.0 / np.sqrt(base) if e == -0.5 else np.power(base, float(e))
