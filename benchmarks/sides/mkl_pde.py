"""The periodic problems by hand: MKL's transforms and Numba loops, ETDRK4, one thread, no Python during the steps.

As a careful programmer writes them: whole spectral arrays with a mask for the two-thirds rule, amplitudes that
need no scaling but in one table, several fields in one call of MKL, loops that make a stage and its combination in one
pass. The terms are computed as written: five transforms a stage for Navier-Stokes, three for Gray-Scott.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np
import problems
from numba import njit
from worker import Ready, serve, versions

_Long, _Call = ctypes.c_long, ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_ssize_t)
# numbers of mkl_dfti.h
_DOUBLE, _REAL, _COMPLEX_COMPLEX, _NOT_INPLACE = 36, 33, 39, 44
_NUMBER, _EVEN, _PLACEMENT, _STRIDES, _DISTANCES, _THREADS = 7, 10, 11, (12, 13), (14, 15), 27

MKL = ctypes.CDLL(str(next((Path(sys.prefix) / "lib").glob("libmkl_rt.so*"))))
FORWARD = _Call(ctypes.cast(MKL.DftiComputeForward, ctypes.c_void_p).value)
INVERSE = _Call(ctypes.cast(MKL.DftiComputeBackward, ctypes.c_void_p).value)


def descriptor(shape, fields, forward):
    """A committed descriptor for real transforms of several fields, out of place, on one thread."""
    d, handle = len(shape), ctypes.c_void_p()
    half = (*shape[:-1], shape[-1] // 2 + 1)
    lengths = _Long(shape[0]) if d == 1 else (_Long * d)(*shape)
    statuses = [MKL.DftiCreateDescriptor(ctypes.byref(handle), _DOUBLE, _REAL, _Long(d), lengths)]
    for parameter, value in ((_EVEN, _COMPLEX_COMPLEX), (_PLACEMENT, _NOT_INPLACE), (_NUMBER, fields), (_THREADS, 1)):
        statuses.append(MKL.DftiSetValue(handle, parameter, _Long(value)))
    ends = (shape, half) if forward else (half, shape)
    for end, strides, distance in zip(ends, _STRIDES, _DISTANCES):
        steps = [int(np.prod(end[i + 1 :])) for i in range(d)]
        statuses.append(MKL.DftiSetValue(handle, strides, (_Long * (d + 1))(0, *steps)))
        statuses.append(MKL.DftiSetValue(handle, distance, _Long(int(np.prod(end)))))
    statuses.append(MKL.DftiCommitDescriptor(handle))
    if any(statuses):
        raise RuntimeError(f"MKL refuses real transforms of {fields} x {shape}: {statuses}")
    return handle.value


def stepper(nonlinear):
    """``advance(v, steps, coefficients, data, work)``: ETDRK4 in place; ``nonlinear(v, out, data)``."""

    @njit(error_model="numpy", fastmath={"contract"})
    def advance(v, steps, coefficients, data, work):
        full, half, q, f1, f2, f3 = coefficients
        n0, n1, n2, n3, a, b = work
        for _ in range(steps):
            nonlinear(v, n0, data)
            for i in range(v.size):
                a[i] = half[i] * v[i] + q[i] * n0[i]
            nonlinear(a, n1, data)
            for i in range(v.size):
                b[i] = half[i] * v[i] + q[i] * n1[i]
            nonlinear(b, n2, data)
            for i in range(v.size):
                b[i] = half[i] * a[i] + q[i] * (2 * n2[i] - n0[i])
            nonlinear(b, n3, data)
            for i in range(v.size):
                v[i] = full[i] * v[i] + f1[i] * n0[i] + f2[i] * (n1[i] + n2[i]) + f3[i] * n3[i]

    return advance


@njit(error_model="numpy", fastmath={"contract"})
def ks_nonlinear(v, out, data):
    """out = gain * modes of u^2; the gain holds -ik/2, the mask and the scale of the transform."""
    gain, u, inverse, forward = data
    INVERSE(inverse, v.ctypes.data, u.ctypes.data)
    for i in range(u.size):
        u[i] = u[i] * u[i]
    FORWARD(forward, u.ctypes.data, out.ctypes.data)
    for i in range(out.size):
        out[i] = gain[i] * out[i]


@njit(error_model="numpy", fastmath={"contract"})
def ns_nonlinear(w, out, data):
    """out = -mask * modes of (psi_y w_x - psi_x w_y)."""
    kx, ky, inverse_square, mask, four, fields, product, inverse, forward = data
    size, columns = w.size, ky.size
    for i in range(kx.size):
        for j in range(columns):
            m = i * columns + j
            z = w[m]
            turned = complex(-z.imag, z.real)  # i z
            four[0, m] = (ky[j] * inverse_square[m]) * turned
            four[1, m] = (kx[i] * inverse_square[m]) * turned
            four[2, m] = kx[i] * turned
            four[3, m] = ky[j] * turned
    INVERSE(inverse, four.ctypes.data, fields.ctypes.data)
    for i in range(product.size):
        product[i] = fields[0, i] * fields[2, i] - fields[1, i] * fields[3, i]
    FORWARD(forward, product.ctypes.data, out.ctypes.data)
    for m in range(size):
        out[m] = mask[m] * out[m]


@njit(error_model="numpy", fastmath={"contract"})
def gs_nonlinear(v, out, data):
    """out = (F - P, P) with the modes P of u v^2."""
    feed, mask, fields, inverse, forward = data
    points, modes = fields.shape[1], mask.size
    INVERSE(inverse, v.ctypes.data, fields.ctypes.data)
    for i in range(points):
        fields[0, i] = fields[0, i] * fields[1, i] * fields[1, i]
    FORWARD(forward, fields.ctypes.data, out.ctypes.data)
    for m in range(modes):
        p = mask[m] * out[m]
        out[m] = -p
        out[modes + m] = p
    out[0] += feed


def ks(n):
    """Linear part, nonlinear function with its data, start."""
    index = np.arange(n // 2 + 1)
    k, kept = 2 * np.pi / problems.ks_length(n) * index, index <= (n - 1) // 3
    plans = descriptor((n,), 1, False), descriptor((n,), 1, True)
    data = (-0.5j * k * kept / n, np.empty(n), *plans)
    return k**2 - k**4, ks_nonlinear, data, np.fft.rfft(problems.ks_start(n)) / n * kept, problems.KS


def ns(n):
    """Linear part, nonlinear function with its data, start."""
    kx, ky, kept = problems.plane(n, 2 * np.pi)
    square = kx**2 + ky**2
    inverse = np.divide(1, square, out=np.zeros_like(square), where=square > 0)
    tables = kx.ravel(), ky.ravel(), inverse.ravel(), -(kept / n**2).ravel()
    arrays = np.empty((4, square.size), complex), np.empty((4, n * n)), np.empty(n * n)
    data = (*tables, *arrays, descriptor((n, n), 4, False), descriptor((n, n), 1, True))
    start = np.fft.rfft2(problems.ns_start(n)) / n**2 * kept
    return -problems.NS["nu"] * square, ns_nonlinear, data, start, problems.NS


def gs(n):
    """Linear part, nonlinear function with its data, start."""
    case = problems.GS
    kx, ky, kept = problems.plane(n, case["length"])
    square = kx**2 + ky**2
    linear = np.stack([-case["Du"] * square - case["F"], -case["Dv"] * square - case["F"] - case["k"]])
    plans = descriptor((n, n), 2, False), descriptor((n, n), 1, True)
    data = (case["F"], (kept / n**2).ravel(), np.empty((2, n * n)), *plans)
    return linear, gs_nonlinear, data, np.fft.rfft2(np.stack(problems.gs_start(n))) / n**2 * kept, case


def prepare(arguments):
    """Plan, compile, and compute the answer."""
    n = arguments["n"]
    linear, nonlinear, data, start, case = {"ks": ks, "ns": ns, "gs": gs}[arguments["problem"]](n)
    coefficients = tuple(np.ascontiguousarray(c.ravel()) for c in problems.etd_coefficients(linear, case["dt"]))
    work = tuple(np.empty((6, start.size), complex))
    advance = stepper(nonlinear)

    def run(steps):
        v = start.ravel().copy()
        advance(v, steps, coefficients, data, work)
        return v.reshape(start.shape)

    modes = run(round(case["check"] / case["dt"]))
    axes = (-1,) if arguments["problem"] == "ks" else (-2, -1)
    answer = np.fft.irfftn(modes, s=(n,) * len(axes), axes=axes) * n ** len(axes)
    return Ready({"field": answer}, run, versions("mkl", "numba"))


serve(prepare)
