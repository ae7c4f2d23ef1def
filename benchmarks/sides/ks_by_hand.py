"""The lower bound of a KS step: Ritz's own transforms and the fewest pointwise loops, written by hand.

One inverse and one forward transform a stage, the square, the four combinations of ETDRK4; nothing else.
"""

from __future__ import annotations

import ctypes

import numpy as np
import problems
from numba import njit
from worker import Ready, serve, versions

from ritz.codegen.transforms.provider import ALIGNMENT, TransformShape, aligned, provider

Phase = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 6)  # plan, source, target, first and last unit, scratch


@njit(error_model="numpy", fastmath={"contract"})
def nonlinear(v, values, products, out, gain, inverse, inverse_plan, forward, forward_plan, scratch):  # type: ignore[no-untyped-def]
    """out = gain * modes of u^2."""
    inverse(inverse_plan, v.ctypes.data, values.ctypes.data, 0, 1, scratch)
    for i in range(values.size):
        values[i] = values[i] * values[i]
    forward(forward_plan, values.ctypes.data, products.ctypes.data, 0, 1, scratch)
    for i in range(out.size):
        out[i] = gain[i] * products[i]


@njit(error_model="numpy", fastmath={"contract"})
def advance(v, steps, coefficients, gain, values, work, inverse, inverse_plan, forward, forward_plan, scratch):  # type: ignore[no-untyped-def]
    """`steps` steps of ETDRK4 in place."""
    full, half, q, f1, f2, f3 = coefficients
    products, n0, n1, n2, n3, a, b = work
    for _ in range(steps):
        nonlinear(v, values, products, n0, gain, inverse, inverse_plan, forward, forward_plan, scratch)
        for i in range(v.size):
            a[i] = half[i] * v[i] + q[i] * n0[i]
        nonlinear(a, values, products, n1, gain, inverse, inverse_plan, forward, forward_plan, scratch)
        for i in range(v.size):
            b[i] = half[i] * v[i] + q[i] * n1[i]
        nonlinear(b, values, products, n2, gain, inverse, inverse_plan, forward, forward_plan, scratch)
        for i in range(v.size):
            b[i] = half[i] * a[i] + q[i] * (2 * n2[i] - n0[i])
        nonlinear(b, values, products, n3, gain, inverse, inverse_plan, forward, forward_plan, scratch)
        for i in range(v.size):
            v[i] = full[i] * v[i] + f1[i] * n0[i] + f2[i] * (n1[i] + n2[i]) + f3[i] * n3[i]


def prepare(arguments):
    """Plan, compile, and compute the answer."""
    n = arguments["n"]
    shape = TransformShape((n,), ((n - 1) // 3,))
    k = 2 * np.pi / problems.ks_length(n) * shape.indices(0)
    make_plan = provider("generated")
    inverse, forward = (make_plan(shape, 1, direction) for direction in ("inverse", "forward"))
    coefficients = np.stack(problems.etd_coefficients(k**2 - k**4, problems.KS["dt"]))
    gain, values = -0.5j * k, np.empty(n)
    work = np.empty((7, k.size), dtype=complex)
    memory = np.empty(max(inverse.scratch, forward.scratch) + ALIGNMENT, np.uint8)
    keep = inverse, forward, memory  # has to live as long as `run`
    phases = [Phase(plan.phases[0].function) for plan in (inverse, forward)]
    transforms = phases[0], inverse.address, phases[1], forward.address, aligned(memory.ctypes.data)

    def run(steps, _keep=keep):
        v = shape.forward(problems.ks_start(n))
        advance(v, steps, tuple(coefficients), gain, values, tuple(work), *transforms)
        return shape.inverse(v)

    answer = run(round(problems.KS["check"] / problems.KS["dt"]))
    return Ready({"field": answer}, run, versions("ritz", "numba", "rocket-fft"))


if __name__ == "__main__":
    serve(prepare)
