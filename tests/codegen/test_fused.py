"""Programs compiled as one piece with their transforms: equal to the same program step by step, and to the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from problems import PROBLEMS, problem, random_state

import ritz as rz
from ritz.codegen import native
from ritz.codegen.calling import call_rhs_address
from ritz.codegen.runtime import FUSED, STRIDE
from ritz.errors import RitzError

BOXES = [name for name, (_, domain, points, _, _) in PROBLEMS.items() if len(points) > 1]


def nonlinear(system, state, threads=1, t=0.3):
    """The compiled nonlinear part, and the kinds of its steps; nothing that memory held before may show."""
    bound = system.bind(threads=threads)
    bound.keep._memory[...] = 255  # bytes of NaN
    out = np.empty_like(state)
    call_rhs_address(bound.nonlinear, t, state, bound.p, out, bound.context)
    return out, set(bound.keep._encoded.program.reshape(-1, STRIDE)[:, 0].tolist())


def larger(points):
    """A grid on which vectors of every width fit, with sizes that are no multiples of them."""
    return (20, 24, 18) if len(points) == 3 else (36, 40)


def check(system, name, threads=1, tolerance=1e-13):
    state = random_state(system, name)
    found, kinds = nonlinear(system, state, threads)
    assert kinds == {FUSED}
    whole = system.rhs_numpy(0.3, state)
    np.testing.assert_allclose(system.rhs(0.3, state), whole, rtol=0, atol=tolerance * np.abs(whole).max())
    apart = rz.Fourier(*system.space.shape.points, fuse=False).discretize(system.problem)
    stepwise, other = nonlinear(apart, state, threads)
    assert FUSED not in other
    np.testing.assert_allclose(found, stepwise, rtol=0, atol=1e-15 * max(np.abs(stepwise).max(), 1e-3))


@pytest.mark.parametrize("name", BOXES)
def test_equal_to_the_program_step_by_step(name):
    points = PROBLEMS[name][2]
    check(problem(name).discretize(rz.Fourier(*points)), name)
    check(problem(name).discretize(rz.Fourier(*larger(points))), name, tolerance=1e-12)


@pytest.mark.parametrize("lanes", [2, 4, 8])
@pytest.mark.parametrize("name", ["vorticity", "navier_stokes_3d"])
def test_every_width_of_vectors(monkeypatch, name, lanes):
    monkeypatch.setattr(native, "lanes", lambda: lanes)
    points = (32, 48) if name == "vorticity" else (16, 24, 20)
    check(problem(name).discretize(rz.Fourier(*points)), name)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("points", [(96, 64), (50, 90), (16, 32, 24), (18, 20, 30)], ids=str)
def test_threads_share_columns_and_rows(threads, points):
    name = "vorticity" if len(points) == 2 else "navier_stokes_3d"
    system = problem(name).discretize(rz.Fourier(*points))
    state = random_state(system, name)
    alone, _ = nonlinear(system, state)
    together, kinds = nonlinear(system, state, threads)
    assert kinds == {FUSED}
    np.testing.assert_array_equal(together, alone)


def mixed(points, complex_field=False):
    """Coefficients of every sort: time, parameters, places along one axis or all, functions of the field."""
    names = "xyz"[: len(points)]
    coords = rz.coords(" ".join(names))
    first, last = coords[0], coords[-1]
    u, v = rz.fields("u v", complex=complex_field)
    a, b = rz.params("a b", default=(0.7, 1.3))
    local = rz.sin(first) * u * v + rz.cos(last) * u + rz.exp(rz.cos(first + 2 * last)) * v
    small = rz.Abs(u) ** 2 * v if complex_field else rz.exp(-(u**2)) + rz.sqrt(1 + v**2)
    equations = [
        rz.Eq(rz.dt(u), a * rz.lap(u) + local + rz.cos(rz.t) * u * rz.dx(v)),
        rz.Eq(rz.dt(v), rz.lap(v) - b * small + rz.sin(a * rz.t) * v),
    ]
    box = rz.Box(**dict.fromkeys(names, (0, 2 * rz.pi)))
    return rz.Problem(equations, domain=box, conditions=[rz.Periodic()])


@pytest.mark.parametrize("complex_field", [False, True])
@pytest.mark.parametrize("points", [(24, 20), (12, 14, 10)], ids=str)
def test_coefficients_of_every_sort(points, complex_field):
    system = mixed(points, complex_field).discretize(rz.Fourier(*points))
    rng = np.random.default_rng(5)
    values = {f: rng.standard_normal(points) + 1j * complex_field * rng.standard_normal(points) for f in "uv"}
    state = system.layout.from_fields(values)
    for p in ([0.7, 1.3], [0.2, -0.4]):
        assert system.program_lines()[0].startswith("3 loops")
        whole = system.rhs_numpy(0.8, state, p)
        np.testing.assert_allclose(system.rhs(0.8, state, p), whole, rtol=0, atol=1e-13 * np.abs(whole).max())


@pytest.mark.parametrize("points", [(32,), (24, 20)], ids=str)
def test_derivatives_by_parameters(points):
    """Their directions are numbers without axes."""
    rz.coords(" ".join("xy"[: len(points)]))
    u = rz.fields("u")
    a, b = rz.params("a b", default=(0.3, 0.7))
    box = rz.Box(**dict.fromkeys("xy"[: len(points)], (0, 2 * rz.pi)))
    equation = rz.Eq(rz.dt(u), rz.lap(u) + a * u**2 + b * u**3)
    system = rz.Problem([equation], domain=box, conditions=[rz.Periodic()]).discretize(rz.Fourier(*points))
    assert not isinstance(system._compiled("param_jvp").fused(system.space), str)
    state = system.layout.from_fields({"u": np.random.default_rng(4).standard_normal(points)})
    p, direction, step = np.array([0.3, 0.7]), np.array([0.8, -0.5]), 1e-6
    slope = (system.rhs(0.0, state, p + step * direction) - system.rhs(0.0, state, p - step * direction)) / (2 * step)
    found = system.param_jvp(0.0, state, direction, p)
    np.testing.assert_allclose(found, slope, rtol=0, atol=1e-8 * np.abs(slope).max())


@pytest.mark.parametrize("name", ["vorticity", "gray_scott", "navier_stokes_3d"])
def test_products_with_derivatives_are_fused_too(name):
    system = problem(name).discretize(rz.Fourier(*larger(PROBLEMS[name][2])))
    state, direction = random_state(system, name), random_state(system, name, seed=2)
    for kind in ("jvp", "vjp"):
        assert not isinstance(system._compiled(kind).fused(system.space), str), kind
    weights = random_state(system, name, seed=3)
    forward, backward = system.jvp(0.0, state, direction), system.vjp(0.0, state, weights)
    np.testing.assert_allclose(forward @ weights, direction @ backward, rtol=1e-11)
    step = 1e-6
    slope = (system.rhs(0.0, state + step * direction) - system.rhs(0.0, state - step * direction)) / (2 * step)
    np.testing.assert_allclose(forward, slope, rtol=0, atol=1e-8 * np.abs(slope).max())


def test_many_steps_agree_with_the_library():
    """A hundred steps with fused and with rocket-fft's transforms."""
    found = []
    for options in ({}, {"transforms": "rocket"}):
        system = problem("vorticity").discretize(rz.Fourier(48, 40, **options))
        start = random_state(problem("vorticity").discretize(rz.Fourier(48, 40)), "vorticity")
        run = rz.solve(system, (0, 0.1), y0=start, method="ETDRK4", dt=1e-3)
        assert run.success
        found.append(run.y[:, -1])
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-13 * np.abs(found[1]).max())


def test_memory_is_less_than_half_of_that_of_the_library():
    def size(**options):
        keep = problem("vorticity").discretize(rz.Fourier(128, 128, **options)).bind().keep
        arrays = sum(a.nbytes for a in keep.arrays.values())
        plans = sum(sum(b.nbytes for b in plan.keep[1]) for plan in keep._plans)
        return arrays + keep._memory.nbytes + plans

    assert size() < 0.5 * size(transforms="rocket")


def test_says_what_is_fused_and_why_not():
    fused = problem("vorticity").discretize(rz.Fourier(32, 32))
    assert any("as one piece" in line for line in fused.program_lines())
    apart = problem("vorticity").discretize(rz.Fourier(32, 32, fuse=False))
    assert any("fuse=False" in line for line in apart.program_lines())
    library = problem("vorticity").discretize(rz.Fourier(32, 32, transforms="rocket"))
    assert any("rocket" in line and "step by step" in line for line in library.program_lines())
    assert "define void @cross" in fused.native_source("nonlinear")
    with pytest.raises(RitzError, match="not compiled as one piece: fuse=False"):
        apart.native_source("nonlinear")
    with pytest.raises(RitzError, match="fuse must be True or False"):
        rz.Fourier(32, fuse="yes")


def square(right, points, **options):
    """du/dt = lap(u) + right(x, u) on a square; its system and a state."""
    x, y = rz.coords("x y")
    u = rz.fields("u")
    box = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi))
    equation = rz.Eq(rz.dt(u), rz.lap(u) + right(x, u))
    system = rz.Problem([equation], domain=box, conditions=[rz.Periodic()]).discretize(rz.Fourier(*points, **options))
    return system, system.layout.from_fields({"u": np.random.default_rng(1).standard_normal(points)})


@pytest.mark.parametrize("points", [(16, 16), (36, 40)], ids=str)
def test_a_source_that_moves_waits_for_the_products(points):
    """It depends on no field, so it could be transformed a round earlier."""

    def right(x, u):
        return u**2 + rz.exp(rz.cos(x - rz.t))

    system, state = square(right, points)
    found, kinds = nonlinear(system, state)
    assert kinds == {FUSED}
    apart, _ = square(right, points, fuse=False)
    np.testing.assert_allclose(found, nonlinear(apart, state)[0], rtol=0, atol=1e-14 * np.abs(found).max())
    whole = system.rhs_numpy(0.3, state)
    np.testing.assert_allclose(system.rhs(0.3, state), whole, rtol=0, atol=1e-13 * np.abs(whole).max())


def test_what_is_no_single_round_runs_step_by_step():
    """Nothing is transformed to the grid where only a source is."""
    system, state = square(lambda x, u: rz.exp(rz.cos(x - rz.t)), (16, 16))
    assert any("step by step: it is not one round" in line for line in system.program_lines())
    _, kinds = nonlinear(system, state)
    assert FUSED not in kinds
    whole = system.rhs_numpy(0.3, state)
    np.testing.assert_allclose(system.rhs(0.3, state), whole, rtol=0, atol=1e-13 * np.abs(whole).max())
