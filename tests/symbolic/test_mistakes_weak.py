"""Mistakes in weak forms and boundary conditions: each is refused when the problem is made, in the user's words."""

from __future__ import annotations

import pytest
import sympy as sp

from ritz.errors import (
    ConditionError,
    DiscretizationError,
    ParameterError,
    ProblemError,
    RankError,
    UnknownSymbol,
    UnsupportedError,
)
from ritz.symbolic import notation as rz
from ritz.symbolic.boundary_conditions import Dirichlet, MeanZero, Neumann, PointValue, Robin
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords, t
from ritz.symbolic.domains import Box
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import fields, vector_fields
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem
from ritz.symbolic.regions import Region
from ritz.symbolic.weak_notation import average, cell_size, integral, jump, normal, numbers, side, test

x, y, z = coords("x y z")
u, p, w = fields("u p w")
V = vector_fields("V")
k = params("k", default=2)
v = test(u, "v")
q, W = test(p, "q"), test(V, "W")
PLANE = Box(x=(0, 1), y=(0, 1))
MESH = Region("xy", boundaries={"wall": 1, "inlet": 2}, subdomains={"core": 7})
POISSON = [Eq(-rz.lap(u), 1)]
STOKES = [Eq(-rz.lap(V) + rz.grad(p), (0, 1)), Eq(rz.div(V))]
WEAK = integral(rz.dot(rz.grad(u), rz.grad(v)) - v)


def message(error: type[Exception], *conditions, equations=None, domain=MESH, **options) -> str:
    with pytest.raises(error) as caught:
        Problem(POISSON if equations is None else equations, domain=domain, conditions=conditions, **options)
    return str(caught.value)


# ---------------------------------------------------------------- where a condition stands
def test_misspelt_boundary():
    text = message(ConditionError, Dirichlet(u, 0, on="wal"))
    assert "Dirichlet(u, 0, on='wal') names the boundary 'wal'" in text
    assert "Did you mean 'wall'?" in text and "Boundaries (tags): 'wall' (1), 'inlet' (2)." in text


def test_unknown_tag():
    text = message(ConditionError, Dirichlet(u, 0, on=[1, 5]))
    assert "names the boundary with tag 5" in text and "'inlet' (2)" in text


def test_boundary_of_a_box():
    text = message(ConditionError, Dirichlet(u, 0, on="front"), domain=PLANE)
    assert "'left' (1), 'right' (2), 'bottom' (3), 'top' (4)" in text


def test_group_of_cells_as_boundary():
    assert "'core' is a group of cells, not of facets." in message(ConditionError, Dirichlet(u, 0, on="core"))


def test_condition_on_a_periodic_boundary():
    text = message(ConditionError, Periodic("x"), Dirichlet(u, 0, on="left"), domain=PLANE)
    assert "stands on 'left', but that boundary is periodic (one with 'left' and 'right')" in text


def test_whole_boundary_that_is_periodic():
    assert "all of it is periodic" in message(ConditionError, Periodic(), Dirichlet(u, 0), domain=PLANE)
    text = message(ConditionError, Periodic(("wall", "inlet")), Dirichlet(u, 0))
    assert "Dirichlet(u, 0) is on the whole boundary, but" in text and "Write on= with what it is meant for" in text


def test_periodic_axes_of_a_mesh():
    text = message(ConditionError, Periodic("x"), Dirichlet(u, 0))
    assert "is known by its mesh. Name pairs of its boundaries ('wall', 'inlet')" in text


def test_periodic_pairs():
    assert "names the boundary 'outlet'" in message(ConditionError, Periodic(("inlet", "outlet")))
    text = message(ConditionError, Periodic(("left", "top")), domain=PLANE)
    assert "does not name the two ends of an axis" in text and "('bottom', 'top')" in text
    with pytest.raises(ConditionError, match="needs a pair of different boundaries"):
        Periodic(("left",))


@pytest.mark.parametrize("on", [1.5, u, True, ["wall", None], {"a": 1}])
def test_label_that_is_none(on):
    with pytest.raises(ConditionError, match="a part of the boundary is chosen by a name, a tag, a predicate"):
        Dirichlet(u, 0, on=on)


def test_empty_and_repeated_labels():
    with pytest.raises(ConditionError, match="has an empty list"):
        Dirichlet(u, 0, on=[])
    with pytest.raises(ConditionError, match="names 'wall' twice"):
        Dirichlet(u, 0, on=["wall", "wall"])


def test_axis_without_condition_stays_an_error_without_boundaries():
    text = message(ConditionError, equations=[Eq(rz.dt(u), rz.lap(u))], domain=PLANE)
    assert "Axes x, y of Box(x=(0, 1), y=(0, 1)) have no condition. Add rz.Periodic()" in text


def test_point_outside():
    text = message(ConditionError, PointValue(u, 0, at=(2, 0)), domain=PLANE)
    assert "lies outside the domain: x = 2 is not in [0, 1]" in text
    assert "has 1 coordinates, but the domain has the axes x, y" in message(ConditionError, PointValue(u, 0, at=1))
    with pytest.raises(ConditionError, match="of numbers"):
        PointValue(u, 0, at="corner")
    with pytest.raises(ConditionError, match="finite point"):
        PointValue(u, 0, at=(0, float("nan")))


# ---------------------------------------------------------------- what a condition is on
def test_condition_on_no_unknown():
    text = message(ConditionError, Dirichlet(w, 0))
    assert "Dirichlet(w, 0) is on w, which is not an unknown of the equations (unknowns: u)" in text


def test_condition_on_something_else():
    with pytest.raises(ConditionError, match=r"Dirichlet\(...\) takes an unknown from rz.fields"):
        Dirichlet(2 * u, 0)
    with pytest.raises(ConditionError, match="but got k"):
        Neumann(k, 0)


def test_condition_on_a_test_function():
    assert "which is a test function" in message(ConditionError, Dirichlet(v, 0), equations=[WEAK])


def test_component_of_a_scalar():
    text = message(ConditionError, Dirichlet(rz.component(u, x), 0))
    assert "Dirichlet(component(u, x), 0)" in text and "u is a scalar" in text


def test_two_values_on_one_boundary():
    text = message(ConditionError, Dirichlet(u, 0, on="wall"), Dirichlet(u, 1, on=1))
    assert "u has two conditions on 'wall': Dirichlet(u, 0, on='wall') and Dirichlet(u, 1, on=1). Keep one" in text
    text = message(ConditionError, Dirichlet(u, 0), Dirichlet(u, 1, on="wall"))
    assert "u has two conditions on 'wall'" in text


def test_value_and_flux_on_one_component():
    text = message(
        ConditionError, Dirichlet(rz.component(V, x), 0, on="wall"), Neumann(V, 0, on="wall"), equations=STOKES
    )
    assert "V_x has two conditions on 'wall'" in text and "A value and a flux cannot both be prescribed there" in text


def test_two_fluxes():
    text = message(ConditionError, Neumann(u, 1, on="wall"), Robin(u, coefficient=1, on="wall"))
    assert "Write both into one rz.Neumann" in text


def test_flux_without_flux():
    text = message(ConditionError, Neumann(p, 0, on="inlet"), Dirichlet(V, 0, on="wall"), equations=STOKES)
    assert "equation 2, which determines p, has no term that is integrated by parts" in text


def test_surplus_condition():
    equations = [Eq(rz.dt(u), rz.lap(u) + w), Eq(rz.dt(w), u - w)]
    text = message(ConditionError, Dirichlet(u, 0), Dirichlet(w, 0, on="wall"), equations=equations)
    assert "Dirichlet(w, 0, on='wall') is surplus: no space derivative of w" in text


def test_mean_of_what_is_fixed():
    text = message(ConditionError, Dirichlet(u, 0, on="wall"), MeanZero(u))
    assert "MeanZero(u) is surplus: Dirichlet(u, 0, on='wall') fixes u already" in text


def test_mean_of_a_vector():
    text = message(ConditionError, MeanZero(V), equations=[Eq(-rz.lap(V), (1, 0))])
    assert "is on a vector. Name one component, e.g. rz.MeanZero(rz.component(V, x))" in text


# ---------------------------------------------------------------- values
def test_rank_of_a_value():
    conditions = Dirichlet(u, (1, 2)), Dirichlet(V, 1)
    assert "u is a scalar, but its value vector(1, 2) is a vector" in message(ConditionError, conditions[0])
    text = message(ConditionError, conditions[1], equations=STOKES)
    assert "V is a vector, but its value 1 is a scalar. Give (..., ...), or use rz.component(V, ...)." in text


def test_wrong_number_of_components():
    text = message(ConditionError, Dirichlet(V, (0, 0, 1)), equations=STOKES)
    assert "vector(0, 0, 1) has 3 components, but the domain has 2 axes" in text


def test_value_with_an_unknown():
    text = message(ConditionError, Dirichlet(u, u**2, on="wall"))
    assert "depends on the unknown u" in text and "rz.Neumann or rz.Robin" in text


def test_value_with_foreign_symbols():
    assert "depends on the coordinate z" in message(UnknownSymbol, Dirichlet(u, z))
    assert "Make it with rz.params('c', default=...)" in message(UnknownSymbol, Dirichlet(u, sp.Symbol("c")))
    assert "Time is rz.t" in message(UnknownSymbol, Dirichlet(u, sp.Symbol("t")))
    assert "depends on the field w, which no equation has" in message(ConditionError, Neumann(u, w))
    assert "depends on the normal" in message(ConditionError, Dirichlet(V, normal()), equations=STOKES)
    assert "has a time derivative" in message(ConditionError, Neumann(u, rz.dt(u)))


def test_value_that_is_a_function():
    with pytest.raises(ConditionError, match="must be an expression of the coordinates"):
        Dirichlet(u, lambda x, y: x)


def test_undeclared_parameter():
    text = message(ParameterError, Dirichlet(u, k), parameters=[])
    assert "Parameter k is used but missing from parameters=" in text


# ---------------------------------------------------------------- singular problems
def test_pure_neumann():
    text = message(ConditionError, Neumann(u, 1))
    assert "u is fixed up to a constant only" in text and "rz.MeanZero(u)" in text
    assert "sources and boundary fluxes must sum to zero" in text
    assert "u is fixed up to a constant only" in message(ConditionError)


@pytest.mark.parametrize(
    "condition",
    [MeanZero(u), Robin(u, coefficient=1, on="wall"), PointValue(u, 0, at=(0, 0)), Neumann(u, -u, on="wall")],
    ids=repr,
)
def test_what_makes_it_regular(condition):
    Problem(POISSON, domain=MESH, conditions=[condition])


def test_body_that_can_move():
    stress = 2 * rz.sym(rz.grad(V))
    text = message(ConditionError, Dirichlet(rz.component(V, x), 0, on="wall"), equations=[Eq(-rz.div(stress), (0, 1))])
    assert "V_y is fixed up to a constant only (the body can move as a whole)" in text
    assert "rz.Dirichlet(rz.component(V, 'y'), ..., on=...)" in text


def test_enclosed_flow():
    text = message(ConditionError, Dirichlet(V, 0), equations=STOKES)
    assert "p is fixed up to a constant only: the flow is enclosed" in text and "rz.MeanZero(p)" in text
    sides = [Dirichlet(V, 0, on=["left", "right", "bottom"]), Dirichlet(V, (1, 0), on="top")]
    assert "rz.PointValue(p, 0, at=...)" in message(ConditionError, *sides, equations=STOKES, domain=PLANE)
    Problem(STOKES, domain=PLANE, conditions=sides[:1])
    moving = [Eq(rz.dt(V) + rz.dot(V, rz.grad(V)) + rz.grad(p), rz.lap(V)), Eq(rz.div(V))]
    assert "the flow is enclosed" in message(ConditionError, *sides, equations=moving, domain=PLANE)


# ---------------------------------------------------------------- strong equations without weak form
def test_fourth_order():
    text = message(UnsupportedError, Dirichlet(u, 0), equations=[Eq(rz.lap(rz.lap(u)), 1)])
    assert "of order 4 in space" in text and "Write it in mixed form" in text and "In equation 1:" in text


def test_nonlinear_in_second_derivatives():
    text = message(UnsupportedError, Dirichlet(u, 0), equations=[Eq(rz.lap(u) ** 2, 1)])
    assert "is a second derivative that cannot be integrated by parts" in text and "weak form yourself" in text


def test_jumping_coefficient_outside():
    step = sp.Piecewise((1, x < sp.Rational(1, 2)), (3, True))
    text = message(UnsupportedError, Dirichlet(u, 0), equations=[Eq(-step * rz.lap(u), 1)])
    assert "Write the equation in divergence form" in text
    Problem([Eq(-rz.div(step * rz.grad(u)), 1)], domain=MESH, conditions=[Dirichlet(u, 0)])


def test_surplus_constraint():
    equations = [Eq(rz.dt(V), rz.lap(V)), Eq(rz.div(V))]
    text = message(UnsupportedError, Dirichlet(V, 0), equations=equations)
    assert "more equations than unknowns" in text and "div(V) = 0" in text


def test_complex_field():
    psi = fields("psi", complex=True)
    text = message(UnsupportedError, Dirichlet(psi, 0), equations=[Eq(sp.I * rz.dt(psi), -rz.lap(psi))])
    assert "The field psi is complex" in text and "psi_re psi_im" in text


def test_third_order_in_time():
    text = message(UnsupportedError, Dirichlet(u, 0), equations=[Eq(rz.dt(u, 3), rz.lap(u))])
    assert "dt(u, 3)" in text and "first or second order" in text


def test_gradient_of_a_rate():
    text = message(UnsupportedError, Dirichlet(u, 0), equations=[Eq(rz.dt(u), rz.lap(u) + rz.lap(rz.dt(u)))])
    assert "is the space derivative of a rate" in text


# ---------------------------------------------------------------- weak forms
def weak(equation, error=ProblemError, *conditions, **options) -> str:
    return message(error, *conditions, equations=equation if isinstance(equation, list) else [equation], **options)


def test_misspelt_place():
    with pytest.raises(ProblemError, match="over= is one of 'cells', 'boundary', 'facets'. Did you mean 'boundary'"):
        integral(v, over="bounday")
    with pytest.raises(ProblemError, match="has an integral inside"):
        integral(integral(v) * u)
    with pytest.raises(ProblemError, match="the degree of the quadrature is a whole number"):
        integral(v, degree=1.5)


def test_group_of_cells_under_a_boundary_integral():
    text = weak(WEAK - integral(v, over="boundary", on="core"), ConditionError)
    assert "'core' is a group of cells, not of facets" in text
    text = weak(WEAK - integral(v, on="wall"), ConditionError)
    assert "'wall' is a group of facets: write over='boundary'" in text
    text = weak(WEAK - integral(v, on="cor"), ConditionError)
    assert "Did you mean 'core'?" in text and "Groups of cells (tags): 'core' (7)" in text


def test_term_without_integral():
    text = weak(WEAK - v, ProblemError, Dirichlet(u, 0))
    assert "The term -v has no integral" in text
    assert "strong form or in weak form, not both" in weak([WEAK, Eq(p, u)])
    assert "not linear in its integrals" in weak(WEAK**2)
    assert "stands outside an integral but varies in space" in weak(x * WEAK)


def test_term_without_test_function():
    text = weak(integral(rz.dot(rz.grad(u), rz.grad(v)) - x * y), ProblemError, Dirichlet(u, 0))
    assert "The term -x*y holds no test function" in text and "In integral(" in text


@pytest.mark.parametrize("integrand", [u * v**2, v * rz.dot(rz.grad(v), rz.grad(u)), sp.sin(v) * u], ids=str)
def test_nonlinear_in_the_test_function(integrand):
    assert "not linear in the test function v" in weak(integral(integrand), ProblemError, Dirichlet(u, 0))


def test_linear_in_disguise():
    Problem([integral((v + u) * (v - u) - v**2 + u**2 + (1 + v) * u - u + rz.dot(rz.grad(u), rz.grad(v)))],
            domain=MESH, conditions=[Dirichlet(u, 0)])  # fmt: skip


def test_third_derivative_in_an_integrand():
    text = weak(integral(rz.dx(rz.lap(u)) * v), UnsupportedError, Dirichlet(u, 0))
    assert "is a derivative of order 3" in text and "holds first and second derivatives" in text
    assert "is a derivative of order 3" in weak(integral(u * rz.dx(rz.lap(v))), UnsupportedError, Dirichlet(u, 0))
    Problem([integral(rz.lap(u) * rz.lap(v) + rz.dx(rz.dy(u)) * v)], domain=MESH, conditions=[Dirichlet(u, 0)])


def test_second_derivative_of_a_test_function_leaves_a_pressure_open():
    """A constant times ``dx(dx(v))`` has no boundary term that vanishes with v: the pressure is not called open."""
    flow, closed = rz.inner(rz.grad(V), rz.grad(W)) - q * rz.div(V), [Dirichlet(V, 0)]
    assert "the flow is enclosed" in weak(integral(flow - p * rz.div(W)), ConditionError, *closed)
    Problem([integral(flow - p * rz.dx(rz.dx(rz.component(W, "x"))))], domain=MESH, conditions=closed)


def test_vector_integrand():
    text = weak(integral(rz.grad(u) * v), RankError)
    assert "An integrand is a scalar, but this one is a vector" in text and "In integral(" in text


def test_test_function_of_no_unknown():
    text = weak(integral(rz.dot(rz.grad(u), rz.grad(test(w, "s")))))
    assert "s is a test function of w, but w is no unknown" in text
    with pytest.raises(ProblemError, match="takes an unknown from rz.fields"):
        test(k)


def test_unknown_without_test_function():
    text = weak(integral(rz.dot(rz.grad(u), rz.grad(v)) - p * v), ProblemError, Dirichlet(u, 0))
    assert "No test function of p stands in the weak form" in text and "rz.test(p)" in text


def test_flux_condition_beside_a_weak_form():
    text = weak(WEAK, ConditionError, Neumann(u, 1, on="inlet"))
    assert "in a weak form fluxes are integrals" in text and "over='boundary'" in text


def test_mesh_quantities_in_the_wrong_place():
    assert "The normal exists on facets only" in weak(integral(rz.dot(normal(), rz.grad(u)) * v))
    assert "belong to interior facets" in weak(integral(jump(u) * v, over="boundary"))
    assert "v has two values on an interior facet" in weak(WEAK + integral(jump(u) * v, over="facets"))
    assert "h has two values on an interior facet" in weak(
        WEAK + integral(jump(u) * jump(v) / cell_size(), over="facets")
    )
    assert "is on one side already" in weak(WEAK + integral(jump(average(u)) * jump(v), over="facets"), RankError)
    with pytest.raises(ProblemError, match="has the sides"):
        side(u, "left")


def test_test_function_in_a_strong_equation():
    text = message(ProblemError, Dirichlet(u, 0), equations=[Eq(-rz.lap(u) * v, v)])
    assert "v is a test function, which belongs under an integral" in text
    text = message(ProblemError, Dirichlet(u, 0), equations=[Eq(-rz.lap(u), cell_size())])
    assert "h is a quantity of the mesh" in text


def test_number_in_a_strong_equation():
    lam = numbers("lam")
    text = message(UnsupportedError, Dirichlet(u, 0), equations=[Eq(-rz.lap(u), lam), Eq(lam + u)])
    assert "lam is a single number (rz.numbers), which needs equations in weak form" in text
    text = weak(WEAK + integral(lam * v + u * test(lam)), ConditionError, Dirichlet(lam, 0))
    assert "Dirichlet(lam, 0) is on lam, which is a single number" in text


def test_weak_pure_neumann():
    assert "u is fixed up to a constant only" in weak(WEAK, ConditionError)


def test_fourier_refuses_boundaries():
    import ritz

    heat = Problem([Eq(rz.dt(u), rz.lap(u))], domain=PLANE, conditions=[Periodic("x"), Dirichlet(u, t, on="top")])
    with pytest.raises(DiscretizationError, match="has boundaries that are not periodic. Use rz.FiniteElement"):
        heat.discretize(ritz.Fourier(8, 8))
    with pytest.raises(UnsupportedError, match="A problem in weak form has no strong form"):
        Problem([WEAK], domain=MESH, conditions=[Dirichlet(u, 0)]).scalar_form()
    with pytest.raises(ProblemError, match="needs a domain"):
        Problem([WEAK])
    with pytest.raises(UnsupportedError, match="without domain has no weak form"):
        Problem([Eq(rz.dt(u), -u)]).weak_form()
    with pytest.raises(ProblemError, match="domain= must be rz.Box"):
        Problem(POISSON, domain=(0, 1))
