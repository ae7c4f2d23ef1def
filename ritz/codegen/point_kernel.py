"""Products at chosen grid points: the compiled right-hand side between the transforms, over any set of points."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen import loops
from ritz.codegen.emit_loops import straight_line
from ritz.codegen.layout import Array
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Graph
from ritz.symbolic.polynomial import polynomial_in
from ritz.symbolic.rewrite.lowering import schedule_naive

_CALL = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 3, ctypes.c_double, *[ctypes.c_ssize_t] * 3)

_MODULE = '''"""Products of {title} at chosen grid points, made by Ritz"""

import math

from ritz.codegen import elementary
from ritz.codegen.loops import as_f64, as_i64, sign


def products(m: int, points_: int, values_: int, t: float, p_: int, out_: int, ctx: int):
    points, context = as_i64(points_), as_i64(ctx)
    values, p, out = as_f64(values_), as_f64(p_), as_f64(out_)
    for s in range(m):
        point = points[s]
{body}
'''


class PointKernel:
    """Evaluates all products of a system at chosen grid points.

    Called as ``kernel(values, points, t, p)`` with values (n_inputs, m) and points (m,) it returns (n_products, m).
    Compiled loops use `address` and `context`: ``void q(intp m, intp points, intp values, double t, intp p, intp out,
    intp ctx)``.

    Args:
        g: the graph.
        roots: the products, real-valued.
        inputs: node of a grid field -> its row in `values`.
        coordinates: coordinate node -> its value at every grid point.
        parameters: names in the order of the parameter vector.
        title: for the generated module.
    """

    def __init__(
        self,
        g: Graph,
        roots: Sequence[int],
        inputs: Mapping[int, int],
        coordinates: Mapping[int, Array],
        parameters: Sequence[str],
        title: str,
    ) -> None:
        self.g, self.roots, self.inputs, self.parameters = g, list(roots), dict(inputs), list(parameters)
        self.coordinates = {n: np.ascontiguousarray(v, dtype=float) for n, v in coordinates.items()}
        self.title = title
        self._context = np.array([v.ctypes.data for v in self.coordinates.values()], dtype=np.int64)
        self.context = int(self._context.ctypes.data)

    @cached_property
    def source(self) -> str:
        """The generated module."""
        code = schedule_naive(self.g, self.roots, known=list(self.inputs))
        lines, names = straight_line(code, self._load)
        lines += [f"out[{j}*m + s] = {names[r]}" for j, r in enumerate(code.roots)]
        return _MODULE.format(title=self.title, body="\n".join("        " + line for line in lines))

    def _load(self, node: int) -> str:
        if node in self.inputs:
            return f"values[{self.inputs[node]}*m + s]"
        name, kind = self.g.args[node]
        if kind == "time":
            return "t"
        if kind == "param":
            return f"p[{self.parameters.index(name)}]"
        return f"as_f64(context[{list(self.coordinates).index(node)}])[point]"

    @cached_property
    def _function(self) -> Any:
        return loops.load(self.source)

    @property
    def address(self) -> int:
        """Address of the compiled kernel."""
        return int(self._function.address("products"))

    def __call__(self, values: Array, points: Array, t: float, p: Array) -> Array:
        values = np.ascontiguousarray(values, dtype=float)
        points, p = np.ascontiguousarray(points, dtype=np.int64), np.ascontiguousarray(p, dtype=float)
        out = np.zeros((len(self.roots), len(points)))
        _CALL(self.address)(
            len(points), points.ctypes.data, values.ctypes.data, float(t), p.ctypes.data, out.ctypes.data, self.context
        )
        return out

    @cached_property
    def polynomials(self) -> list[list[tuple[float | Callable[[Any, float], float], tuple[int, ...]]] | None]:
        """Per product its terms (coefficient, rows of `values` multiplied), or None if it is not such a polynomial.

        A coefficient is a number, or a function of the parameters and time.
        """
        return [self._polynomial(root) for root in self.roots]

    def _polynomial(self, root: int) -> list[tuple[float | Callable[[Any, float], float], tuple[int, ...]]] | None:
        terms = polynomial_in(self.g, root, list(self.inputs))
        if terms is None:
            return None
        result = []
        for variables, coefficient in terms.items():
            if any(a.kind == "point" for a in self.g.axes[coefficient]):
                return None
            value = self.g.args[coefficient] if self.g.op[coefficient] == "const" else self._scalar(coefficient)
            result.append(
                (value if callable(value) else float(value), tuple(sorted(self.inputs[v] for v in variables)))
            )
        return result

    def _scalar(self, node: int) -> Callable[[Any, float], float]:
        def value(p: Any, t: float) -> float:
            given: dict[int, Any] = {}
            for n in self.g.inputs([node]):
                name, kind = self.g.args[n]
                given[n] = t if kind == "time" else float(p[self.parameters.index(name)])
            return float(evaluate(self.g, [node], given)[0])

        return value
