"""A hand-made full model with all kinds of terms, small enough to project by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numba import carray, cfunc, types

from ritz.codegen.abi import as_f64, as_i64

SIZE, POINTS = 24, 30
SIGNATURE = types.void(*[types.intp] * 3, types.float64, *[types.intp] * 3)


@cfunc(SIGNATURE, cache=True)
def products_kernel(m, points, values, t, p, out, ctx):
    """q0 = a b, q1 = a b^2 + (1 + t) a, q2 = sin(a + x) / (1 + p0 b^2)."""
    v, index = carray(as_f64(values), (2, m)), carray(as_i64(points), m)
    q, par, x = carray(as_f64(out), (3, m)), carray(as_f64(p), 2), carray(as_f64(ctx), 30)
    for s in range(m):
        a, b = v[0, s], v[1, s]
        q[0, s] = a * b
        q[1, s] = a * b * b + (1 + t) * a
        q[2, s] = np.sin(a + x[index[s]]) / (1 + par[0] * b * b)


class Products:
    """The kernel by address and from Python."""

    def __init__(self) -> None:
        self.x = np.linspace(0, 1, POINTS)
        self.address, self.context = int(products_kernel.address), int(self.x.ctypes.data)
        self.polynomials = [[(1.0, (0, 1))], [(1.0, (0, 1, 1)), (lambda p, t: 1 + t, (0,))], None]

    def __call__(self, values: np.ndarray, points: np.ndarray, t: float, p: np.ndarray) -> np.ndarray:
        a, b = values
        return np.array([a * b, a * b**2 + (1 + t) * a, np.sin(a + self.x[points]) / (1 + p[0] * b**2)])


class Matrix:
    """A dense operator with the protocol of a LinearOperator."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def matmat(self, columns: np.ndarray) -> np.ndarray:
        return self.array @ columns


class FullModel:
    """Linear, quadratic, cubic, non-polynomial terms and a source, with parameter and time factors."""

    def __init__(self, *, with_time: bool = False, products: tuple[int, ...] = (0, 1, 2)) -> None:
        rng = np.random.default_rng(0)
        self.a, self.b = rng.standard_normal((2, POINTS, SIZE)) / 5
        self.outputs = rng.standard_normal((3, SIZE, POINTS)) / 5
        self.matrices = rng.standard_normal((2, SIZE, SIZE)) / 5
        self.source = rng.standard_normal(SIZE)
        self.with_time, self.used = with_time, products
        self.parameters = tuple(
            SimpleNamespace(name=n, default=d, bounds=b) for n, d, b in [("a", 0.5, (0.0, 2.0)), ("b", 1.5, None)]
        )
        weights = rng.uniform(0.5, 2, SIZE)
        self.layout = SimpleNamespace(size=SIZE, weights=weights, coords={}, fields=(), to_fields=lambda u: {"u": u})
        self.name, self.problem = "fake", None
        kernel = Products()
        chosen = [(0, j, Matrix(self.outputs[j])) for j in products] + [(2, products[0], Matrix(self.outputs[0]))]
        self.form = SimpleNamespace(
            inputs=(Matrix(self.a), Matrix(self.b)), products=kernel, outputs=tuple(chosen),
            linear=((1, Matrix(self.matrices[0])), (2, Matrix(self.matrices[1]))), sources=((1, self.source),),
            thetas=self.thetas, theta_depends_on_time=with_time, npoints=POINTS,
        )  # fmt: skip

    def thetas(self, p: np.ndarray, t: float) -> np.ndarray:
        return np.array([1.0, p[0], p[0] * p[1] + (np.cos(t) if self.with_time else 0.0)])

    def point_form(self) -> Any:
        return self.form

    def parameter_values(self, overrides: Any = None) -> np.ndarray:
        given = {str(k): v for k, v in (overrides or {}).items()}
        return np.array([given.get(q.name, q.default) for q in self.parameters], dtype=float)

    def initial_state(self, p: np.ndarray) -> np.ndarray:
        return np.cos(np.arange(SIZE)) * p[1]

    def rhs(self, t: float, u: np.ndarray, p: Any = None) -> np.ndarray:
        p = self.parameter_values() if p is None else p
        theta, every = self.thetas(p, t), np.arange(POINTS)
        q = self.form.products(np.array([self.a @ u, self.b @ u]), every, t, p)
        total = theta[1] * (self.matrices[0] @ u + self.source) + theta[2] * (self.matrices[1] @ u)
        return total + sum(theta[c] * operator.array @ q[j] for c, j, operator in self.form.outputs)
