"""Textbook equations on Fourier modes: compiled = NumPy = as written, the fewest transforms, exact derivatives."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from problems import PROBLEMS, problem, random_state

import ritz as rz

TIME = 0.3


@cache
def system_of(name: str, rewriter: str | None = "egraph"):
    grid = PROBLEMS[name][2]
    return problem(name).discretize(rz.Fourier(*grid), rewriter=rewriter, form_budget=1.0)


@pytest.mark.parametrize("name", PROBLEMS)
def test_compiled_equals_numpy(name):
    system = system_of(name)
    u = random_state(system, name)
    expected = system.rhs_numpy(TIME, u)
    np.testing.assert_allclose(system.rhs(TIME, u), expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("name", PROBLEMS)
def test_found_form_equals_written_form(name):
    system, written = system_of(name), system_of(name, None)
    u = random_state(system, name)
    expected = written.rhs_numpy(TIME, u)
    np.testing.assert_allclose(system.rhs_numpy(TIME, u), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("name", [n for n, entry in PROBLEMS.items() if entry[3]])
def test_number_of_transforms(name):
    system = system_of(name)
    assert sum(system.lowered.forms[0].report.found) == sum(PROBLEMS[name][3])
    batches = {call.map.kind: call.batch for call in system._compiled("nonlinear").program.maps}
    assert batches["inverse"] + batches["forward"] == sum(PROBLEMS[name][3])


@pytest.mark.parametrize("name", [n for n in PROBLEMS if n not in ("magnetic_3d", "shallow_water")])
def test_jvp_and_vjp(name):
    system = system_of(name)
    u, rng = random_state(system, name), np.random.default_rng(2)
    v, w = rng.standard_normal((2, system.layout.size))
    jv, step = system.jvp(TIME, u, v), 1e-6
    difference = (system.rhs(TIME, u + step * v) - system.rhs(TIME, u - step * v)) / (2 * step)
    np.testing.assert_allclose(jv, difference, rtol=0, atol=1e-8 * np.abs(jv).max())
    assert jv @ w == pytest.approx(v @ system.vjp(TIME, u, w), rel=1e-11)


@pytest.mark.parametrize("name", ["gray_scott", "two_powers", "forced"])
def test_param_jvp(name):
    system = system_of(name)
    u, p = random_state(system, name), system.parameter_values()
    dp, step = np.array([0.3, -0.2, 0.5])[: len(p)], 1e-6
    difference = (system.rhs(TIME, u, p + step * dp) - system.rhs(TIME, u, p - step * dp)) / (2 * step)
    scale = np.abs(difference).max()
    np.testing.assert_allclose(system.param_jvp(TIME, u, dp, p), difference, rtol=0, atol=1e-8 * scale)
    w = np.random.default_rng(0).standard_normal(system.layout.size)
    assert system.param_vjp(TIME, u, w, p) @ dp == pytest.approx(difference @ w, rel=1e-6)


@pytest.mark.parametrize("name", ["gray_scott", "schroedinger", "sine_gordon", "forced", "vorticity", "two_powers"])
def test_point_form_rebuilds_the_right_hand_side(name):
    system = system_of(name)
    form, u, p = system.point_form(), random_state(system, name), system.parameter_values()
    theta = form.thetas(p, TIME)
    q = form.products(np.array([a.matvec(u) for a in form.inputs]), np.arange(form.npoints), TIME, p)
    total = sum(theta[c] * op.matvec(u) for c, op in form.linear)
    total = total + sum(theta[c] * op.matvec(q[j]) for c, j, op in form.outputs)
    total = total + sum(theta[c] * s for c, s in form.sources)
    expected = system.rhs(TIME, u, p)
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


def test_threads_give_the_same_numbers():
    system = problem("vorticity").discretize(rz.Fourier(160, 160))
    u = random_state(system, "vorticity")
    one, two = system.bind(), system.bind(threads=2)
    results = []
    for bound in (one, two):
        from ritz.codegen.calling import call_rhs_address

        out = np.zeros(system.layout.size)
        call_rhs_address(bound.rhs, TIME, u, bound.p, out, bound.context)
        results.append(out)
    np.testing.assert_allclose(results[1], results[0], rtol=0, atol=1e-15 * np.abs(results[0]).max())
    np.testing.assert_allclose(results[0], system.rhs(TIME, u), rtol=0, atol=1e-15 * np.abs(results[0]).max())


def test_source_does_not_depend_on_the_grid():
    sources = {
        problem("vorticity").discretize(rz.Fourier(*n)).source("nonlinear") for n in [(16, 16), (64, 48), (33, 128)]
    }
    assert len(sources) == 1


def test_parameters_change_without_new_code():
    system = system_of("gray_scott")
    source, u = system.source("nonlinear"), random_state(system, "gray_scott")
    before = system.rhs(0.0, u)
    after = system.rhs(0.0, u, {"a": 0.4})
    assert np.abs(after - before).max() > 1e-3
    assert system.source("nonlinear") == source
    np.testing.assert_allclose(after, system.rhs_numpy(0.0, u, {"a": 0.4}), atol=1e-14)


def test_linear_part_is_split_whichever_side_it_stands_on():
    x, u = rz.coords("x"), rz.fields("u")
    left = rz.Eq(rz.dt(u) + u * rz.dx(u) + rz.dx(u, 2) + rz.dx(u, 4), 0)
    right = rz.Eq(0, -rz.dt(u) - u * rz.dx(u) - rz.dx(u, 2) - rz.dx(u, 4))
    systems = [
        rz.Problem([e], domain=rz.Interval(0, 2 * rz.pi), conditions=[rz.Periodic()]).discretize(rz.Fourier(24))
        for e in (left, right)
    ]
    k = systems[0].space.wavenumber(0)
    for system in systems:
        np.testing.assert_allclose(system.linear_diagonal(), k**2 - k**4, atol=1e-12)
    assert x.is_real


def test_exact_derivatives_of_a_manufactured_field():
    """du/dt = u u_xy + u_xxx at u = sin(x + 2 y) + cos(x) equals the derivative taken by hand."""
    x, y = rz.coords("x y")
    u = rz.fields("u")
    equation = rz.Eq(rz.dt(u), u * rz.dx(rz.dy(u)) + rz.dx(u, 3))
    value = rz.sin(x + 2 * y) + rz.cos(x)
    system = rz.Problem(
        [equation], domain=rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi)), conditions=[rz.Periodic()], initial={u: value}
    ).discretize(rz.Fourier(16, 20))
    result = system.to_fields(system.rhs(0.0, system.initial_state()))["u"]
    X, Y = np.meshgrid(*system.layout.coords.values(), indexing="ij")
    plain = np.sin(X + 2 * Y) + np.cos(X)
    np.testing.assert_allclose(result, plain * (-2 * np.sin(X + 2 * Y)) - np.cos(X + 2 * Y) + np.sin(X), atol=1e-13)


def test_eliminated_unknowns_can_be_had():
    """Taylor-Green: p = -(cos 2x + cos 2y)/4 exp(-4 nu t), in velocity-pressure form; psi in the other one."""
    x, y = rz.coords("x y")
    u, v, p, w, psi = rz.fields("u v p w psi")
    box, nu = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi)), 0.01
    equations = [
        rz.Eq(rz.dt(u) + u * rz.dx(u) + v * rz.dy(u) + rz.dx(p), nu * rz.lap(u)),
        rz.Eq(rz.dt(v) + u * rz.dx(v) + v * rz.dy(v) + rz.dy(p), nu * rz.lap(v)),
        rz.Eq(rz.dx(u) + rz.dy(v), 0),
    ]
    initial = {u: -rz.cos(x) * rz.sin(y), v: rz.sin(x) * rz.cos(y)}
    problem = rz.Problem(equations, domain=box, conditions=[rz.Periodic()], initial=initial)
    system = problem.discretize(rz.Fourier(16, 16))
    assert system.quantities == ("p",)
    X, Y = np.meshgrid(*system.layout.coords.values(), indexing="ij")
    pressure = system.quantity("p", 0.0, system.initial_state())
    np.testing.assert_allclose(pressure, -(np.cos(2 * X) + np.cos(2 * Y)) / 4, atol=1e-14)
    vorticity = rz.Problem(
        [rz.Eq(rz.dt(w) + rz.dy(psi) * rz.dx(w) - rz.dx(psi) * rz.dy(w), nu * rz.lap(w)), rz.Eq(rz.lap(psi), -w)],
        domain=box, conditions=[rz.Periodic()], initial={w: 2 * rz.cos(x) * rz.cos(y)},
    ).discretize(rz.Fourier(16, 16))  # fmt: skip
    stream = vorticity.quantity("psi", 0.0, vorticity.initial_state())
    np.testing.assert_allclose(stream, np.cos(X) * np.cos(Y), atol=1e-14)
    solution = rz.solve(system, (0, 1), rtol=1e-9, atol=1e-12)
    decayed = -(np.cos(2 * X) + np.cos(2 * Y)) / 4 * np.exp(-0.04)
    np.testing.assert_allclose(solution["p"][-1], decayed, atol=1e-9)
    with pytest.raises(rz.errors.OptionError, match="Did you mean 'psi'"):
        vorticity.quantity("psy", 0.0, vorticity.initial_state())
