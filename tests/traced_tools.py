"""Traced programs in tests: random programs, and generated loops run by Python itself, without a compiler."""

from __future__ import annotations

import ctypes
import math

import numpy as np
from hypothesis import strategies as st

from ritz.codegen.instance import Instance
from ritz.codegen.program import MapCall, is_scalar


# ---------------------------------------------------------------------- running generated text
def run_text(system, kind, t, u, p=None, direction=None):
    """What the generated module of a kernel computes, its loops run by Python; maps between them are the real ones.

    Programs without loops are compiled (by LLVM, which is quick).
    """
    compiled = system._compiled(kind)
    if is_scalar(compiled.program):
        return system._call(kind, t, u, p, system.layout.size, direction)
    compiled.__dict__["addresses"] = [0] * len(compiled.program.stages)
    offsets = {f.name: 8 * f.start for f in system.layout.fields}
    instance = Instance(compiled, system.space, offsets)
    p = system.parameter_vector(p)
    instance.update(system._named(p))
    if direction is not None:
        instance.set_direction(direction, system.name)
    u, out = np.ascontiguousarray(u, dtype=float), np.full(system.layout.size, np.nan)
    names = namespace()
    exec(compiled.emitted.source.split("import as_f64, as_i64, sign\n", 1)[1], names)
    arrays = [a.ctypes.data for a in (u, p, out)]
    for step in compiled.program.steps:
        if isinstance(step, MapCall):
            ends = [instance.arrays[n] for n in (step.source, step.target)]
            fields = [tuple(a[b : b + 1].ctypes.data for a in ends) for b in range(step.batch)]
            system.space.plan(step.map, step.batch).run(fields)
        else:
            shape = instance._shape(step.axes)
            rows = int(np.prod(shape)) if step.name in compiled.emitted.flat else (shape[0] if shape else 1)
            for lo, hi in ((0, rows // 3), (rows // 3, rows)):  # as two threads would do it
                names[step.name](lo, hi, t, *arrays, instance.context)
    return out


def namespace():
    """What a generated module imports, on plain pointers."""

    def pointer(kind):
        return lambda address: ctypes.cast(int(address), ctypes.POINTER(kind))

    return {
        "math": math,
        "sign": np.sign,
        "as_f64": pointer(ctypes.c_double),
        "as_i64": pointer(ctypes.c_int64),
    }


# ---------------------------------------------------------------------- random programs
@st.composite
def steps(draw, shape):
    """A list of operations that keep the shape of an array."""
    kinds = ["roll", "part", "reverse", "where", "sine", "mean", "largest", "join", "pad", "stride", "row", "square"]
    made = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5)):
        axis = draw(st.integers(0, len(shape) - 1))
        n = shape[axis]
        start = draw(st.integers(0, n - 2))
        stop = draw(st.integers(start + 1, n))
        made.append((kind, axis, start, stop, draw(st.integers(-n, n))))
    return made


def program_of(made):
    """The NumPy program that does these operations one after the other."""

    def program(t, u, a):
        x = u
        for kind, axis, start, stop, shift in made:
            lead = (slice(None),) * axis
            x = OPERATIONS[kind](x, u, a, axis, lead, start, stop, shift)
        return x

    return program


def _part(x, u, a, axis, lead, start, stop, shift):
    out = np.empty_like(u)
    out[...] = x
    out[(*lead, slice(start, stop))] = a * x[(*lead, slice(start, stop))] + 1.0
    return out


def _join(x, u, a, axis, lead, start, stop, shift):
    return np.concatenate([x[(*lead, slice(stop, None))], u[(*lead, slice(0, stop))]], axis=axis)


def _pad(x, u, a, axis, lead, start, stop, shift):
    n = x.shape[axis]
    width = [(0, 0)] * x.ndim
    width[axis] = (start, n - stop)
    mode = ["edge", "wrap", "constant"][shift % 3]
    return np.pad(x[(*lead, slice(start, stop))], width, mode=mode)


def _stride(x, u, a, axis, lead, start, stop, shift):
    out = np.zeros_like(x)
    out[(*lead, slice(None, None, 2))] = x[(*lead, slice(None, None, -2))]
    out[(*lead, slice(1, None, 2))] += u[(*lead, slice(1, None, 2))]
    return out


def _row(x, u, a, axis, lead, start, stop, shift):
    out = x.copy()
    out[(*lead, start)] = u[(*lead, stop - 1)]
    out[(*lead, -1)] -= a
    return out


OPERATIONS = {
    "roll": lambda x, u, a, axis, lead, start, stop, shift: np.roll(x, shift, axis) - 0.5 * x,
    "part": _part,
    "reverse": lambda x, u, a, axis, lead, start, stop, shift: np.flip(x, axis) * u,
    "where": lambda x, u, a, axis, lead, start, stop, shift: np.where(u > 0.5, x, a * u),
    "sine": lambda x, u, a, axis, lead, start, stop, shift: np.sin(x) + np.maximum(x, u),
    "mean": lambda x, u, a, axis, lead, start, stop, shift: x - np.mean(x, axis=axis, keepdims=True),
    "largest": lambda x, u, a, axis, lead, start, stop, shift: x / (1.0 + np.max(np.abs(x))),
    "join": _join,
    "pad": _pad,
    "stride": _stride,
    "row": _row,
    "square": lambda x, u, a, axis, lead, start, stop, shift: x**2 - t_like(x, a),
}


def t_like(x, a):
    """A constant array made from an argument."""
    return np.full_like(x, a)
