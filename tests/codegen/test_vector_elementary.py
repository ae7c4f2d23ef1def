"""Elementary functions on vectors: equal to the same functions on numbers, and used wherever vector code needs them."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import ritz as rz
from ritz.codegen import native, vector_elementary
from ritz.codegen.vector_code import Code

SPECIAL = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e308, -1e308, 5e-324, 1e-310, 709.7, 709.8, -745.0, -746.0, -740.0, 1.0]


def over(name, lanes):
    """Apply a function to an array whose length is a multiple of `lanes`."""
    code = Code(lanes)
    with code.loop(0, "%n", lanes) as i:
        value = code.load(code.pointer("%x", i), 0)
        call = f"call {code.vector} {vector_elementary.symbol(name, lanes)}({code.vector} {value})"
        code.store(code.let(call), code.pointer("%y", i), 0)
    head = "define void @over(ptr %x, ptr %y, i64 %n) {\nentry:\n"
    text = head + "\n".join(code.lines) + "\n  ret void\n}\n" + vector_elementary.definition(name, lanes)
    module = native.load(text)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 3)(module.address("over"))

    def run(x):
        y = np.empty_like(x)
        function(x.ctypes.data, y.ctypes.data, len(x))
        return y

    run.keep = module
    return run


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("name", vector_elementary.FUNCTIONS)
def test_equal_to_numpy(name, lanes):
    rng = np.random.default_rng(2)
    reach = {"exp": 700.0, "log": 1e5, "sin_bounded": 1e4, "cos_bounded": 1e4}[name]
    x = rng.uniform(0.0 if name == "log" else -reach, reach, 4000)
    found, truth = over(name, lanes)(x), getattr(np, name.removesuffix("_bounded"))(x)
    np.testing.assert_allclose(found, truth, rtol=4e-16, atol=0 if name in ("exp", "log") else 2e-16)


@pytest.mark.parametrize("lanes", [2, 8])
@pytest.mark.parametrize("name", ["exp", "log"])
def test_special_values_are_those_of_numpy(name, lanes):
    x = np.array([*SPECIAL, 2.0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(over(name, lanes)(x), getattr(np, name)(x), rtol=1e-15)


def test_fused_programs_call_no_library_for_them():
    x, y = rz.coords("x y")
    u = rz.fields("u")
    box = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi))
    equation = rz.Eq(rz.dt(u), rz.lap(u) + rz.exp(-(u**2)) - rz.log(2 + rz.cos(u)))
    system = rz.Problem([equation], domain=box, conditions=[rz.Periodic()]).discretize(rz.Fourier(32, 36))
    text = system.native_source("nonlinear")
    assert "@ritz_exp_" in text and "@ritz_log_" in text and "double @exp(" not in text
    state = system.layout.from_fields({"u": np.random.default_rng(0).standard_normal((32, 36))})
    whole = system.rhs_numpy(0.0, state)
    np.testing.assert_allclose(system.rhs(0.0, state), whole, rtol=0, atol=1e-13 * np.abs(whole).max())
