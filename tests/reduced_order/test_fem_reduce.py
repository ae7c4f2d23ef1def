"""Reduced models of systems on meshes, steady and evolving."""

import pickle

import fem_tools as tools
import numpy as np
import pytest

import ritz as rz
from ritz.errors import ExtrapolationWarning, OptionError, UnsupportedError
from ritz.reduced_order.cubature_system import CubatureSystem

pytestmark = pytest.mark.filterwarnings("ignore::ritz.reduced_order.gain.NoGainWarning")
u, x, y = tools.u, tools.x, tools.y
a, c = rz.params("a c", default=(1.0, 0.5))


def discretized(equation, conditions, n=12, **options):
    problem = rz.Problem([equation], domain=rz.rectangle(n=(n, n)), conditions=conditions, **options)
    return problem.discretize(rz.FiniteElement(degree=1), rewriter=None)


def heated():
    """A nonlinear steady problem: a source that moves, a flux, prescribed values that depend on a parameter."""
    source = 10 * rz.exp(-20 * ((x - c) ** 2 + (y - 0.5) ** 2))
    return discretized(
        rz.Eq(-rz.div((1 + a * u**2) * rz.grad(u)), source),
        [rz.Dirichlet(u, a * x / 5, on="left"), rz.Neumann(u, c * y, on="right")],
    )


def spreading():
    """Nonlinear diffusion with values that are prescribed in time."""
    return discretized(
        rz.Eq(rz.dt(u), rz.div((0.1 + a * u**2) * rz.grad(u)) + u * (1 - u)),
        [rz.Dirichlet(u, rz.sin(rz.t) ** 2, on="left"), rz.Neumann(u, a * rz.sin(3 * rz.t), on="right")],
        initial={u: 0},
    )  # fmt: skip


@pytest.fixture(scope="module")
def steady():
    return rz.reduce(heated(), {a: (0.5, 5), c: (0.3, 0.7)}, tol=3e-3, n_train=16)


@pytest.fixture(scope="module")
def evolving():
    return rz.reduce(spreading(), {a: (0.5, 2)}, (0, 1), tol=2e-3, n_train=4, t_eval=np.linspace(0, 1, 21))


def error(model, reduced, full):
    difference = model.layout.decode(reduced.y) - full.y
    weights = model.full.layout.weights
    return np.sqrt(np.sum(weights @ difference**2) / np.sum(weights @ full.y**2))


def test_a_steady_problem_is_solved_on_few_cells(steady):
    assert isinstance(steady, CubatureSystem) and steady.is_steady
    assert steady.error_estimate.met and len(steady.error_estimate.errors) == 4
    assert steady.size <= 12 and steady.points < 0.5 * len(steady.full.mesh.cells)
    assert steady.sample.entries["cells"] == steady.points
    for point in ({"a": 1.7, "c": 0.42}, {"a": 4.1, "c": 0.61}):
        full = rz.solve(steady.full, params=point)
        assert error(steady, steady(**point), full) < 6e-3


def test_an_evolving_problem_is_solved_on_few_cells(evolving):
    assert evolving.error_estimate.met and not evolving.is_steady
    assert evolving.points < 0.5 * len(evolving.full.mesh.cells)
    reduced = evolving(a=1.3)
    full = rz.solve(evolving.full, (0, 1), params={"a": 1.3}, t_eval=reduced.t, rtol=1e-6, atol=1e-6)
    assert error(evolving, reduced, full) < 4e-3


@pytest.mark.parametrize("name", ["steady", "evolving"])
def test_it_is_a_system(name, request):
    model = request.getfixturevalue(name)
    rng = np.random.default_rng(0)
    z, v, w = 0.3 * rng.normal(size=(3, model.size))
    t, e = 0.3, 1e-6
    slope = (model.rhs(t, z + e * v) - model.rhs(t, z - e * v)) / (2 * e)
    assert tools.relative(model.jacobian(t, z) @ v, slope) < 1e-7
    assert tools.relative(model.jvp(t, z, v), slope) < 1e-7
    assert np.isclose(w @ model.jvp(t, z, v), v @ model.vjp(t, z, w))
    p = model.parameter_values({"a": 1.2})
    for k in range(len(p)):
        dp = np.eye(len(p))[k]
        slope = (model.rhs(t, z, p + e * dp) - model.rhs(t, z, p - e * dp)) / (2 * e)
        assert tools.relative(model.param_jvp(t, z, dp, p), slope) < 1e-6
    if name == "evolving":
        slope = (model.rhs(t + e, z) - model.rhs(t - e, z)) / (2 * e)
        assert tools.relative(model.time_derivative(t, z), slope) < 1e-6
        basis = model.layout.basis
        assert tools.relative(model.mass(), basis.T @ (model.full.mass() @ basis)) < 1e-12
    fields = model.to_fields(z, t, p)
    assert np.allclose(fields["u"], model.full.to_fields(model.layout.decode(z), t, p)["u"])


def test_all_cells_give_the_projection_itself(steady):
    model = rz.reduce(steady.full, {a: (0.5, 5), c: (0.3, 0.7)}, rank=5, hyper=None, n_train=8, n_test=1)
    z = 0.2 * np.random.default_rng(1).normal(size=5)
    basis, state = model.layout.basis, model.layout.decode(z)
    assert tools.relative(model.rhs(0, z), basis.T @ model.full.rhs(0, state)) < 1e-12
    assert tools.relative(model.jacobian(0, z), basis.T @ (model.full.jacobian(0, state) @ basis)) < 1e-12
    assert "all 288 cells" in model.terms


def test_more_modes_and_all_cells_reach_the_best_approximation(steady):
    errors = []
    for rank in (2, 5, 9):
        model = rz.reduce(steady.full, {a: (0.5, 5), c: (0.3, 0.7)}, rank=rank, hyper=None, n_train=16, n_test=2)
        estimate = model.error_estimate
        assert np.all(estimate.errors < 6 * estimate.projections)
        errors.append(float(estimate))
    assert errors[2] < 0.2 * errors[1] < 0.1 * errors[0]


def test_cells_with_tighter_tolerances_come_closer_to_the_projection(steady):
    """At a fixed basis what is left is the error of the cubature."""
    ranges = {a: (0.5, 5), c: (0.3, 0.7)}
    exact = rz.reduce(steady.full, ranges, rank=6, hyper=None, n_train=16, n_test=1)
    target = exact(a=2.0, c=0.45).y
    distances = []
    for tol in (1e-1, 1e-3):
        model = rz.reduce(steady.full, ranges, rank=6, tol=tol, n_train=16, n_test=1)
        assert np.allclose(model.layout.basis, exact.layout.basis)
        distances.append(np.linalg.norm(model(a=2.0, c=0.45).y - target) / np.linalg.norm(target))
    assert distances[1] < 0.1 * distances[0]
    assert distances[1] < 1e-3


def test_two_fields_with_a_rate_each():
    v = rz.fields("v")
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), 0.05 * rz.lap(u) - u * v + a), rz.Eq(rz.dt(v), 0.02 * rz.lap(v) + u * v - v)],
        domain=rz.rectangle(n=(8, 8)), conditions=[rz.Dirichlet(u, x, on="left"), rz.Neumann(v, u, on="right")],
        initial={u: x, v: 100 * y},
    )  # fmt: skip
    system = problem.discretize(rz.FiniteElement(degree=1), rewriter=None)
    model = rz.reduce(system, {a: (0.5, 1.5)}, (0, 1), tol=5e-3, n_train=3, t_eval=np.linspace(0, 1, 21))
    assert model.error_estimate.met
    assert set(model.to_fields(np.zeros(model.size))) == {"u", "v"}


def test_it_travels_sweeps_and_tells(steady):
    again = pickle.loads(pickle.dumps(steady))
    assert np.allclose(again(a=2.0, c=0.5).y, steady(a=2.0, c=0.5).y, rtol=1e-12)
    runs = rz.sweep(steady, {a: [1.0, 2.0, 3.0]})
    assert len(runs.succeeded) == 3
    card = str(steady.report())
    assert f"integrals over {steady.points} of 288 cells with weights" in card
    assert "0.5 <= a <= 5" in card and "<= t <=" not in card
    reduced, full = steady.work
    assert reduced < full
    with pytest.warns(ExtrapolationWarning, match=r"a = 9 is outside \[0.5, 5\]"):
        steady(a=9.0)


def test_messages(steady):
    with pytest.raises(OptionError, match="is steady: t_span and t_eval have no meaning"):
        rz.reduce(steady.full, {a: (1, 2)}, (0, 1))
    with pytest.raises(OptionError, match="hyper='qdeim' is not known"):
        rz.reduce(steady.full, {a: (1, 2)}, hyper="qdeim")
    problem = rz.Problem(
        [rz.Eq(rz.dt(rz.dt(u)), a * rz.lap(u))], domain=rz.rectangle(n=(3, 3)), conditions=[rz.Dirichlet(u, 0)],
        initial={u: x, rz.dt(u): 0},
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match="second order in time"):
        rz.reduce(problem.discretize(rz.FiniteElement(degree=1)), {a: (1, 2)}, (0, 1))
