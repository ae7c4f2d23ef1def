"""Convergence studies: orders of all kinds of problems against theory, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import ritz as rz
from ritz.errors import ConditionError, OptionError, OptionValueError

x, y, z = rz.coords("x y z")
u, p = rz.fields("u p")
w = rz.vector_fields("w")
k = rz.params("k", default=2.0)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_orders_of_nonlinear_poisson(degree):
    """Orders within 0.1 of theory, natural and Robin data made from the flux of the exact solution."""
    problem = rz.Problem(
        [rz.Eq(-rz.div((1 + u**2) * rz.grad(u)), 1)], domain=rz.Box(x=(0, 1), y=(0, 1)),
        conditions=[rz.Dirichlet(u, 0, on="left"), rz.Neumann(u, u, on="right"), rz.Robin(u, coefficient=k, on="top")],
    )  # fmt: skip
    levels = {1: (8, 16, 32), 2: (8, 16), 3: (4, 8)}[degree]
    study = rz.convergence_study(problem, {u: rz.sin(2 * x) * rz.cos(y)}, levels=levels, degrees=degree)
    assert study.order(u, "L2") == pytest.approx(degree + 1, abs=0.1)
    assert study.order(u, "H1") == pytest.approx(degree, abs=0.1)
    assert study.expected["u", "L2", degree] == degree + 1


def test_orders_of_elasticity():
    strain = rz.sym(rz.grad(w))
    stress = rz.trace(strain) * rz.identity() + 2 * strain
    problem = rz.Problem(
        [rz.Eq(-rz.div(stress), (0, 0))], domain=rz.rectangle(n=4),
        conditions=[rz.Dirichlet(rz.component(w, x), 0, on="left"), rz.Dirichlet(w, (0, 0), on="bottom"),
                    rz.Neumann(w, (1, 0), on="right")],
    )  # fmt: skip
    exact = {w: (rz.sin(2 * x) * y, rz.cos(x + y))}
    study = rz.convergence_study(problem, exact, levels=3, degrees=2)
    assert study.order(w, "L2", degree=2) == pytest.approx(3, abs=0.1)
    assert study.order(w, "H1", degree=2) == pytest.approx(2, abs=0.1)


def test_orders_of_heat():
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), k * rz.lap(u))], domain=rz.rectangle(n=4), conditions=[rz.Dirichlet(u, 0, on="left")],
        initial={u: 0},
    )  # fmt: skip
    exact = {u: rz.sin(x) * rz.cos(y) * rz.exp(-rz.t)}
    study = rz.convergence_study(problem, exact, levels=3, degrees=(1, 2), t_span=(0, 0.05))
    for degree in (1, 2):
        assert study.order(u, "L2", degree=degree) == pytest.approx(degree + 1, abs=0.1)
        assert study.order(u, "H1", degree=degree) == pytest.approx(degree, abs=0.1)


def test_orders_of_a_typed_weak_form():
    v = rz.test(u, "v")
    weak = rz.integral(rz.dot(rz.grad(u), rz.grad(v)) - x * v) - rz.integral(y * v, over="boundary", on="left")
    problem = rz.Problem([weak], domain=rz.rectangle(n=4), conditions=[rz.Dirichlet(u, 0, on="right")])
    study = rz.convergence_study(problem, {u: rz.sin(x) * rz.cos(y)}, degrees=2)
    assert study.order(u) == pytest.approx(3, abs=0.1)


def test_fourier_converges_beyond_any_order():
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), k / 20 * rz.dx(u, 2) - u * rz.dx(u))], domain=rz.Interval(0, 2 * sp.pi),
        conditions=[rz.Periodic()], initial={u: 0},
    )  # fmt: skip
    exact = {u: rz.exp(rz.sin(x)) * rz.exp(-rz.t)}
    study = rz.convergence_study(problem, exact, discretization=rz.Fourier, t_span=(0, 0.2), levels=(16, 24, 32))
    first, last = study.orders(u)
    assert study.levels[-1].errors["u", "L2"] < 1e-6
    assert first > 6 and (last > first or np.isnan(last))


def test_wrong_source_shows_in_the_orders():
    """A study of one equation is no study of another: the error then stays where it is."""
    problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.Box(x=(0, 1), y=(0, 1)), conditions=[rz.Dirichlet(u, 0)])
    study = rz.convergence_study(problem, {u: x**3}, levels=(4, 8), degrees=1)
    (equation,) = study.problem.equations
    wrong = study.problem.replace(equations=[rz.Eq(equation.lhs + rz.integral(rz.test(u) * x), 0)])
    errors = [rz.solve(wrong.discretize(rz.FiniteElement(n, n))).error({u: x**3}) for n in (4, 8)]
    assert study.order(u) > 1.9
    assert np.log2(errors[0] / errors[1]) < 1


def test_table_of_a_study(tmp_path):
    problem = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.interval(0, 1, 4), conditions=[rz.Dirichlet(u, 0)])
    study = rz.convergence_study(problem, {u: x**2}, levels=2, degrees=(1, 2))
    text = str(study)
    assert text.splitlines()[0].split() == ["degree", "h", "unknowns", "L2", "error", "of", "u", "order", "H1",
                                            "error", "of", "u", "order"]  # fmt: skip
    assert "exact (3)" in text  # degree 2 finds x**2 itself
    assert "<th" in study._repr_html_()
    axes = study.plot()
    assert [panel.get_xlabel() for panel in axes] == ["$h$", "$h$"]
    assert len(axes[0].lines) == 3  # two degrees, one slope: that of degree 2 is rounding


POISSON = rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.Box(x=(0, 1), y=(0, 1)), conditions=[rz.Dirichlet(u, 0)])
HEAT = rz.Problem(
    [rz.Eq(rz.dt(u), rz.lap(u))], domain=rz.rectangle(n=2), conditions=[rz.Dirichlet(u, 0)], initial={u: 0}
)
STOKES = rz.Problem(
    [rz.Eq(-rz.lap(w) + rz.grad(p), (0, 0)), rz.Eq(rz.div(w), 0)], domain=rz.rectangle(n=2),
    conditions=[rz.Dirichlet(w, (0, 0)), rz.MeanZero(p)],
)  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "exact", "options", "kind", "message"),
    [
        (POISSON, {}, {}, OptionError, "exact= has no solution for u"),
        (POISSON, {"q": x}, {}, OptionError, "exact= names q, which is no unknown"),
        (POISSON, {u: z}, {}, rz.errors.UnknownSymbol, "depends on z; it may depend on x, y, rz.t and parameters"),
        (POISSON, {u: (x, y)}, {}, rz.errors.RankError, "u has rank 0, but its exact solution .* has rank 1"),
        (POISSON, {u: x}, {"levels": (8,)}, OptionValueError, "at least two of them"),
        (POISSON, {u: x}, {"levels": (8, 4)}, OptionValueError, "increasing"),
        (POISSON, {u: x}, {"norms": "L1"}, OptionError, "norms= holds 'L2' and 'H1', found 'L1'"),
        (POISSON, {u: x}, {"degrees": ()}, OptionValueError, "degrees= is empty"),
        (POISSON, {u: x}, {"t_span": (0, 1)}, OptionError, "u is steady: leave t_span out"),
        (HEAT, {u: x}, {}, OptionError, "pass t_span="),
        (HEAT, {u: x}, {"levels": (4, 8)}, OptionValueError, "On a mesh levels= is how many meshes are used"),
        (STOKES, {w: (y, x), p: 1 + x}, {"degrees": 2}, ConditionError, r"asks for a mean of zero, but .* 1.5"),
    ],
)  # fmt: skip
def test_mistakes_in_studies(problem, exact, options, kind, message):
    with pytest.raises(kind, match=message):
        rz.convergence_study(problem, exact, **options)


def test_what_was_not_studied_is_not_reported():
    study = rz.convergence_study(POISSON, {u: rz.sin(x)}, levels=(2, 4), degrees=(1, 2), norms="L2")
    with pytest.raises(OptionValueError, match="Several degrees were studied: 1, 2"):
        study.orders(u)
    with pytest.raises(OptionValueError, match="H1 of u was not studied; studied: L2 of u"):
        study.orders(u, "H1", degree=1)
    with pytest.raises(OptionValueError, match="degree 4 was not studied"):
        study.orders(u, degree=4)
