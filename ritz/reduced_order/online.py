"""The compiled right-hand side of every reduced model: written once.

Its context is an int64 array of sizes and addresses; the entries are named below. All operators of a model lie in one
float64 buffer, one row a coordinate of the result, already multiplied by the factors where these do not depend on
time. Where they do, the table lists copies ``(factor, source, target, length)`` that are added up again whenever the
time has changed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from ritz.codegen.loops import FAST, as_f64, as_i64, call_products, call_rhs, call_writer, compiled
from ritz.reduced_order.estimator import FloatArray
from ritz.reduced_order.monomials import count
from ritz.reduced_order.operators import ReducedOperators

N, DEGREE, K0, K1, K2, K3 = range(6)
INPUTS, POINTS, INDICES, OFFSET, VALUES, MATRICES = range(6, 12)
USED, USED_COUNT, INPUT_BUFFER, PRODUCT_BUFFER, KERNEL, KERNEL_CONTEXT = range(12, 18)
FACTORS, FACTOR_VALUES, BUFFER, BUFFER_SIZE, COPIES, COPY_COUNT, LAST_TIME, MONOMIALS = range(18, 26)
LENGTH = 26

FACTOR_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_double, ctypes.c_ssize_t, ctypes.c_ssize_t)


@compiled()
def _reassemble(head, t, p):  # type: ignore[no-untyped-def]
    """Bring the operators to a new time."""
    last, buffer = as_f64(head[LAST_TIME]), as_f64(head[BUFFER])
    if last[0] == t:
        return
    last[0] = t
    call_writer(head[FACTORS], t, p, head[FACTOR_VALUES])
    for i in range(head[BUFFER_SIZE]):
        buffer[i] = 0.0
    values = as_f64(head[FACTOR_VALUES])
    for k in range(head[COPY_COUNT]):
        entry = as_i64(head[COPIES] + 32 * k)
        factor, source, target = values[entry[0]], as_f64(entry[1]), as_f64(entry[2])
        for i in range(entry[3]):
            target[i] += factor * source[i]


@compiled(flags=FAST)
def _add_product(matrix_address, rows, columns, vector_address, out):  # type: ignore[no-untyped-def]
    """Add matrix (rows, columns) times vector (columns,) to `out`; the order of summation is free."""
    vector = as_f64(vector_address)
    for i in range(rows):
        row = as_f64(matrix_address + 8 * i * columns)
        total = 0.0
        for k in range(columns):
            total += row[k] * vector[k]
        out[i] += total


@compiled()
def _next_monomials(z, n, lower_address, degree, higher_address):  # type: ignore[no-untyped-def]
    """Write the monomials of a degree, given those of one degree less, in the order of `monomials`.

    Those with largest index c are z[c] times the lower ones in the first c + 1 variables, which come first.
    """
    size = 1
    position = 0
    lower = as_f64(lower_address)
    for c in range(n):
        higher, factor = as_f64(higher_address + 8 * position), z[c]
        for k in range(size):
            higher[k] = factor * lower[k]
        position += size
        size = size * (c + degree) // (c + 1)


@compiled()
def _polynomial(head, z, z_address, out):  # type: ignore[no-untyped-def]
    """Write the polynomial part."""
    n = head[N]
    constant = as_f64(head[K0])
    for i in range(n):
        out[i] = constant[i]
    _add_product(head[K1], n, n, z_address, out)
    if head[DEGREE] >= 2:
        second = head[MONOMIALS]
        pairs = n * (n + 1) // 2
        _next_monomials(z, n, z_address, 2, second)
        _add_product(head[K2], n, pairs, second, out)
        if head[DEGREE] >= 3:
            third = second + 8 * pairs
            _next_monomials(z, n, second, 3, third)
            _add_product(head[K3], n, pairs * (n + 2) // 3, third, out)


@compiled()
def _sampled(head, t, z, p, out):  # type: ignore[no-untyped-def]
    """Add the sampled part: input values at the points, the products there, their projection."""
    n, m = head[N], head[POINTS]
    rows = head[INPUTS] * m
    values, offset = as_f64(head[INPUT_BUFFER]), as_f64(head[OFFSET])
    for i in range(rows):
        values[i] = offset[i]
    for j in range(n):
        basis, factor = as_f64(head[VALUES] + 8 * j * rows), z[j]
        for i in range(rows):
            values[i] += factor * basis[i]
    call_products(head[KERNEL], m, head[INDICES], head[INPUT_BUFFER], t, p, head[PRODUCT_BUFFER], head[KERNEL_CONTEXT])
    used = as_i64(head[USED])
    for k in range(head[USED_COUNT]):
        _add_product(head[MATRICES] + 8 * k * m * n, n, m, head[PRODUCT_BUFFER] + 8 * m * used[k], out)


@compiled()
def reduced_rhs(t: float, u: int, p: int, out: int, ctx: int) -> None:
    """Right-hand side of a reduced model in the calling convention of `ritz.codegen.abi`."""
    head, z, result = as_i64(ctx), as_f64(u), as_f64(out)
    if head[COPY_COUNT] > 0:
        _reassemble(head, t, p)
    _polynomial(head, z, u, result)
    if head[POINTS] > 0:
        _sampled(head, t, z, p, result)


@compiled()
def evaluate(address: int, t: float, u: int, p: int, out: int, ctx: int, repeat: int) -> None:
    """Call a right-hand side `repeat` times from compiled code."""
    for _ in range(repeat):
        call_rhs(address, t, u, p, out, ctx)


class Context:
    """The memory behind one bound reduced model; not for two threads at once.

    Attributes:
        address: of the right-hand side. context: what to pass as its last argument.
    """

    def __init__(
        self,
        operators: ReducedOperators,
        p: FloatArray,
        factors: Callable[[FloatArray, float], FloatArray],
        *,
        time_dependent: bool,
        kernel: Any = None,
    ) -> None:
        self.address = int(reduced_rhs.address)
        self._head = np.zeros(LENGTH, dtype=np.int64)
        self.context = int(self._head.ctypes.data)
        self._keep: list[Any] = [kernel]
        degree = max(operators.degree, 1)
        self._head[[N, DEGREE]] = operators.size, degree
        self._head[MONOMIALS] = self._hold(np.zeros(sum(count(operators.size, d) for d in range(2, degree + 1))))
        places = self._reserve(operators, degree)
        if operators.inputs is not None:
            self._set_inputs(operators, kernel)
        if time_dependent:
            self._set_copies(operators, places, p, factors)
        else:
            self._multiply(operators, places, factors(p, 0.0))

    def _reserve(self, operators: ReducedOperators, degree: int) -> dict[tuple[str, int], int]:
        """Make the buffer of all operators; return where each begins."""
        n = operators.size
        products = sorted({term.product for term in operators.sampled})
        sizes = {("degree", d): count(n, d) * n for d in range(degree + 1)}
        sizes |= {("product", j): operators.points * n for j in products}
        starts = np.concatenate([[0], np.cumsum(list(sizes.values()))]).astype(int)
        self.buffer = np.zeros(starts[-1])
        places = dict(zip(sizes, starts[:-1].tolist(), strict=True))
        for d in range(degree + 1):
            self._head[K0 + d] = self._address(places["degree", d])
        if products:
            self._head[MATRICES] = self._address(places["product", products[0]])
            self._head[[USED, USED_COUNT]] = self._hold(np.array(products, dtype=np.int64)), len(products)
        return places

    def _address(self, start: int) -> int:
        return int(self.buffer.ctypes.data) + 8 * start

    def _hold(self, array: np.ndarray) -> int:
        self._keep.append(array)
        return int(array.ctypes.data)

    def _set_inputs(self, operators: ReducedOperators, kernel: Any) -> None:
        inputs = operators.inputs
        assert inputs is not None
        rows = inputs.offset.size
        self._head[[INPUTS, POINTS]] = inputs.offset.shape
        self._head[INDICES] = self._hold(np.ascontiguousarray(inputs.points, dtype=np.int64))
        self._head[OFFSET] = self._hold(np.ascontiguousarray(inputs.offset))
        self._head[VALUES] = self._hold(np.ascontiguousarray(inputs.values.reshape(rows, operators.size).T))
        self._head[INPUT_BUFFER] = self._hold(np.zeros(rows))
        self._head[PRODUCT_BUFFER] = self._hold(np.zeros(inputs.n_products * operators.points))
        self._head[[KERNEL, KERNEL_CONTEXT]] = kernel.address, kernel.context

    def _terms(self, operators: ReducedOperators, places: dict[tuple[str, int], int]) -> list[tuple[int, Any, int]]:
        """Return (factor, array, start in the buffer) of every term."""
        listed = [(t.factor, t.tensor, places["degree", t.degree]) for t in operators.polynomial]
        listed += [(t.factor, t.matrix, places["product", t.product]) for t in operators.sampled]
        return [(factor, np.ascontiguousarray(array.T), start) for factor, array, start in listed]

    def _multiply(self, operators: ReducedOperators, places: dict[tuple[str, int], int], theta: FloatArray) -> None:
        for factor, array, start in self._terms(operators, places):
            self.buffer[start : start + array.size] += theta[factor] * array.ravel()

    def _set_copies(
        self,
        operators: ReducedOperators,
        places: dict[tuple[str, int], int],
        p: FloatArray,
        factors: Callable[[FloatArray, float], FloatArray],
    ) -> None:
        values = factors(p, 0.0)
        table = [(f, self._hold(a), self._address(start), a.size) for f, a, start in self._terms(operators, places)]
        self._head[FACTOR_VALUES] = self._hold(values)

        def write(t: float, p_address: int, out: int) -> None:
            given = (ctypes.c_double * len(p)).from_address(p_address) if len(p) else ()
            result = (ctypes.c_double * len(values)).from_address(out)
            result[:] = factors(np.array(given, dtype=np.float64), t).tolist()

        callback = FACTOR_CALLBACK(write)
        self._keep.append(callback)
        self._head[FACTORS] = ctypes.cast(callback, ctypes.c_void_p).value or 0
        self._head[[BUFFER, BUFFER_SIZE]] = self.buffer.ctypes.data, self.buffer.size
        self._head[[COPIES, COPY_COUNT]] = self._hold(np.array(table, dtype=np.int64)), len(table)
        self._head[LAST_TIME] = self._hold(np.array([np.nan]))
