"""Mistakes in a problem: each is refused when the problem is made, in the user's words, with a way out."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy as sp

from ritz.errors import (
    ConditionError,
    InitialValueError,
    OptionError,
    ParameterError,
    ParseError,
    ProblemError,
    UnknownSymbol,
)
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords, t
from ritz.symbolic.domains import Box, Interval
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import fields, vector_fields
from ritz.symbolic.notation import div, dt, dx, dy, grad, lap
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem

x, y, z = coords("x y z")
u, v, w = fields("u v w")
nu = params("nu", default=0.1)
HEAT = [Eq(dt(u), nu * lap(u))]
PLANE = Box(x=(0, 1), y=(0, 2))


def message(error: type[Exception], equations=HEAT, **options) -> str:
    with pytest.raises(error) as caught:
        Problem(equations, **options)
    return str(caught.value)


def plane(equations=HEAT, error: type[Exception] = ProblemError, **options) -> str:
    return message(error, equations, **{"domain": PLANE, "conditions": [Periodic()], **options})


def pointed_at(text: str) -> str:
    """The part of the equation above the carets."""
    equation, carets = text.splitlines()[-2:]
    place = re.search(r"\^+", carets)
    assert place is not None
    return equation[place.start() : place.end()]


# ---------------------------------------------------------------- symbols
def test_plain_symbol():
    text = plane([Eq(dt(u), sp.Symbol("kappa") * lap(u))], UnknownSymbol)
    assert "kappa is neither a coordinate, a field nor a parameter" in text
    assert "rz.params('kappa', default=...)" in text
    assert pointed_at(text) == "kappa"


def test_plain_symbol_close_to_a_known_name():
    text = plane([Eq(dt(u), nu * lap(u) + sp.Symbol("nuu"))], UnknownSymbol)
    assert "Did you mean 'nu'?" in text


def test_plain_symbol_with_the_name_of_a_field():
    text = plane([Eq(dt(u), lap(u) - sp.Symbol("u"))], UnknownSymbol)
    assert "Use the field u that the problem has" in text


def test_plain_t():
    assert "Time is rz.t" in plane([Eq(dt(u), lap(u) + sp.Symbol("t"))], UnknownSymbol)


def test_sympy_functions_and_derivatives():
    f = sp.Function("f")(x)
    assert "rz.fields('f')" in plane([Eq(dt(u), lap(u) + f)], UnknownSymbol)
    assert "rz.dx(u)" in plane([Eq(dt(u), sp.Derivative(sp.Symbol("g"), sp.Symbol("g")))], UnknownSymbol)


def test_coordinate_the_domain_lacks():
    text = plane([Eq(dt(u), lap(u) + sp.sin(z))], UnknownSymbol)
    assert "uses the coordinate z, but Box(x=(0, 1), y=(0, 2)) has the axes x, y" in text


def test_misspelt_axis_of_the_domain():
    text = message(UnknownSymbol, [Eq(dt(u), dx(u) + dy(u))], domain=Box(x=(0, 1), yy=(0, 1)), conditions=Periodic())
    assert "Did you mean 'yy'?" in text


def test_space_without_a_domain():
    assert "Add domain=rz.Box(x=(0, L))" in message(UnknownSymbol, [Eq(dt(u), dx(u, 2))])
    assert "lap(u) needs a domain" in message(ProblemError, HEAT)
    assert "vector field b needs a domain" in message(ProblemError, [Eq(dt(vector_fields("b")), 0)])


def test_two_objects_of_one_name():
    other = params("nu", default=0.2)
    text = plane([Eq(dt(u), nu * lap(u)), Eq(dt(v), other * lap(v))])
    assert "two different parameters are named nu (defaults 0.1 and 0.2" in text
    assert "u names both a field and a parameter" in plane([Eq(dt(u), params("u") * lap(u))])
    assert "x names both a coordinate and a field" in plane([Eq(dt(fields("x")), 0)])


def test_field_missing_from_the_listed_unknowns():
    text = plane([Eq(dt(u), lap(u)), Eq(dt(w), u)], UnknownSymbol, unknowns=(u, v))
    assert "The field w is not among unknowns=(u, v)" in text


# ---------------------------------------------------------------- balance
def test_missing_equation():
    text = plane([Eq(dt(u), lap(u) - u * v)])
    assert "2 unknowns (u, v) but 1 equation: no equation is left to determine v" in text
    assert "rz.Eq(rz.dt(v), ...)" in text and "rz.params('v', default=...)" in text


def test_missing_equation_for_a_pressure():
    b = vector_fields("b")
    text = plane([Eq(dt(b), lap(b) - grad(v))])
    assert "3 unknowns (b_x, b_y, v) but 2 equations: no equation is left to determine v" in text


def test_unknown_never_mentioned():
    assert "No equation mentions the unknown v" in plane(HEAT, unknowns=(u, v))
    assert "mention no unknown" in message(ProblemError, [Eq(nu, 1)])


def test_surplus_equation():
    text = plane([Eq(dt(u), lap(u)), Eq(dt(u), -u)])
    assert "2 equations but 1 unknown (u): equation 2 is too many" in text
    assert "It gives dt(u), as equation 1 does" in text
    assert "dt(u) = -u" in text


def test_surplus_divergence_constraint_is_welcome():
    b = vector_fields("b")
    Problem([Eq(dt(b), lap(b)), Eq(div(b), 0)], domain=PLANE, conditions=Periodic())
    text = plane([Eq(dt(b), lap(b)), Eq(div(b), u), Eq(dt(u), 0)])
    assert "equation 2 is too many" in text


def test_balanced_count_with_an_orphan():
    text = message(ProblemError, [Eq(dt(u), v + w), Eq(u, 1), Eq(2 * u, 2)])
    assert "No equation determines w" in text and "say nothing new" in text
    assert "2*u = 2" in text


def test_empty_equations():
    assert "Equation 2 holds always" in message(ProblemError, [Eq(dt(u), u), Eq(u, u)])
    assert "Equation 2 mentions no unknown" in message(ProblemError, [Eq(dt(u), u), Eq(nu, t)])
    assert "at least one equation" in message(ProblemError, [])


def test_labels_replace_numbers():
    text = message(ProblemError, [Eq(dt(u), u), Eq(u, u, label="closure")])
    assert "equation 'closure' holds always" in text.lower()


def test_comparison_instead_of_equation():
    assert "Write rz.Eq(left, right)" in message(ProblemError, [dt(u) == -u])
    assert "but got 3" in message(ProblemError, [3])


# ---------------------------------------------------------------- conditions
def test_axis_without_a_condition():
    text = plane(HEAT, ConditionError, conditions=[Periodic("x")])
    assert "Axis y of Box(x=(0, 1), y=(0, 2)) has no condition" in text
    assert "rz.Periodic('y')" in text
    assert "Axes x, y" in plane(HEAT, ConditionError, conditions=[])


def test_condition_for_an_axis_that_is_not_there():
    assert "names axis 'z', but" in plane(HEAT, ConditionError, conditions=[Periodic("x", "y", "z")])


def test_misspelt_condition():
    box = Box(radius=(0, 1))
    equation = [Eq(dt(u), lap(u))]
    text = message(ConditionError, equation, domain=box, conditions=[Periodic("radiu")])
    assert "Did you mean 'radius'?" in text


def test_condition_given_twice():
    assert "Axis x has two conditions" in plane(HEAT, ConditionError, conditions=[Periodic(), Periodic("x")])
    with pytest.raises(ConditionError, match="names axis x twice"):
        Periodic("x", "x")


def test_conditions_of_the_wrong_kind():
    assert "rz.Periodic()" in plane(HEAT, ConditionError, conditions=["periodic"])
    assert "but got 'periodic'" in plane(HEAT, ConditionError, conditions="periodic")
    with pytest.raises(ConditionError, match="coordinates or their names"):
        Periodic(0)


def test_conditions_without_a_domain():
    assert "but no domain" in message(ConditionError, [Eq(dt(u), -u)], conditions=[Periodic()])


def test_domain_of_the_wrong_kind():
    assert "must be rz.Box(...)" in message(ProblemError, HEAT, domain=(0, 1))


# ---------------------------------------------------------------- parameters
def test_unused_parameter():
    text = plane(HEAT, ParameterError, parameters=(nu, params("kappa")))
    assert "Parameter kappa is in parameters= but occurs in no equation" in text


def test_unused_parameter_close_to_a_used_one():
    assert "Did you mean 'nu'?" in plane(HEAT, ParameterError, parameters=params("nu_"))


def test_parameter_missing_from_the_list():
    k = params("k")
    text = plane([Eq(dt(u), nu * lap(u) - k * u)], ParameterError, parameters=nu)
    assert "Parameter k is used but missing from parameters=" in text
    assert pointed_at(text) == "k"


def test_parameter_of_an_initial_value_counts_as_used():
    a = params("a", default=1)
    problem = Problem(HEAT, PLANE, Periodic(), {u: a * sp.sin(x)}, (a, nu))
    assert problem.parameters == (a, nu)
    assert Problem(HEAT, PLANE, Periodic(), {u: a}).parameters == (a, nu)


def test_parameters_of_the_wrong_kind():
    assert "but got u" in plane(HEAT, ParameterError, parameters=[u])
    assert "names nu twice" in plane(HEAT, ParameterError, parameters=[nu, nu])


# ---------------------------------------------------------------- initial values
def test_initial_value_of_no_unknown():
    text = plane(HEAT, InitialValueError, initial={v: 1})
    assert "initial= has a value for v, which is not an unknown" in text
    assert "nu is a parameter" in plane(HEAT, InitialValueError, initial={nu: 1})
    long = fields("velocity")
    assert "Did you mean 'velocity'?" in plane([Eq(dt(long), 0)], InitialValueError, initial={"velocty": 1})


def test_two_initial_values():
    assert "gives two values for u" in plane(HEAT, InitialValueError, initial={u: 1, "u": 2})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (sp.Symbol("q"), "depends on the plain symbol q"),
        (sp.sin(z), "the coordinate z, but the domain has the axes x, y"),
        (t + x, "depends on time"),
        (v, "the unknown v"),
        (dx(u), "has an operator in it"),
        (sp.oo, "not finite"),
        (float("nan"), "not finite"),
        (sp.I, "rz.fields('u', complex=True)"),
        (1j, "rz.fields('u', complex=True)"),
        ("sin(x)", "rz.parse"),
        (object(), "Expected an initial value of u"),
        (np.array(["a"]), "must hold numbers"),
        (np.array([[1.0, np.nan]]), "1 entries that are not finite; the first is nan at index (0, 1)"),
        (np.array([np.inf, 1.0]), "the first is inf at index 0"),
        (np.array([1j, 1.0]), "is complex, but u is a real field"),
    ],
)
def test_bad_initial_value(value, text):
    assert text in plane([Eq(dt(u), lap(u)), Eq(dt(v), 0)], InitialValueError, initial={u: value})


def test_initial_value_of_an_ode_cannot_vary_in_space():
    text = message(InitialValueError, [Eq(dt(u), -u)], initial={u: sp.sin(x)})
    assert "the coordinate x, but the problem has no domain" in text


def test_initial_value_of_a_vector():
    b = vector_fields("b")
    text = plane([Eq(dt(b), lap(b))], InitialValueError, initial={b: (1, 2, 3)})
    assert "needs 2 components (b_x, b_y), but got 3" in text
    assert "array of shape (3, 8, 8)" in plane([Eq(dt(b), 0)], InitialValueError, initial={b: np.ones((3, 8, 8))})
    assert "needs 2 components" in plane([Eq(dt(b), lap(b))], InitialValueError, initial={b: sp.sin(x)})
    assert "one number for all of them" in plane([Eq(dt(b), lap(b))], InitialValueError, initial={b: "0"})
    assert "not finite" in plane([Eq(dt(b), lap(b))], InitialValueError, initial={b: np.inf})


def test_initial_of_the_wrong_kind():
    assert "must be a mapping" in plane(HEAT, InitialValueError, initial=[1])


# ---------------------------------------------------------------- keywords and strings
def test_misspelt_keyword():
    text = message(OptionError, HEAT, domian=PLANE)
    assert "Problem has no option 'domian'. Did you mean 'domain'?" in text


def test_misspelt_name_in_a_string():
    text = plane(["dt(u) = nuu*lap(u)"], ParseError, unknowns=u, parameters=nu)
    assert "'nuu' is not known. Did you mean 'nu'?" in text


def test_discretize_takes_a_discretisation():
    with pytest.raises(OptionError, match="rz.Fourier"):
        Problem([Eq(dt(u), -u)]).discretize(64)


def test_long_equations_are_shortened_around_the_place():
    terms = sum(sp.sin(k * u) for k in range(1, 200))
    text = message(UnknownSymbol, [Eq(dt(u), terms + sp.Symbol("zeta"))])
    assert max(map(len, text.splitlines())) < 200
    assert pointed_at(text) == "zeta"


def test_wave_on_an_interval_is_fine():
    Problem([Eq(dt(u, 2), dx(u, 2))], domain=Interval(0, 1), conditions=Periodic(), initial={u: 1, dt(u): 0})
