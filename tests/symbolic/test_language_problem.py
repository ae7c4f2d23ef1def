"""`Problem` as a value: defaults, order of unknowns and parameters, changes, display."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import sympy as sp

from ritz.errors import InitialValueError, OptionError
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords
from ritz.symbolic.domains import Box, Interval
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import fields, vector_fields
from ritz.symbolic.notation import div, dt, dx, grad, lap
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem

x, y = coords("x y")
u, v, w = fields("u v w")
F, k = params("F k", default=(0.037, 0.06), bounds=((0.01, 0.1), (0.03, 0.07)))


def gray_scott(**changes: object) -> Problem:
    arguments = {
        "equations": [
            Eq(dt(u), 2e-5 * lap(u) - u * v**2 + F * (1 - u)),
            Eq(dt(v), 1e-5 * lap(v) + u * v**2 - (F + k) * v),
        ],
        "domain": Box(x=(0, 2.5), y=(0, 2.5)),
        "conditions": [Periodic()],
        "initial": {u: 1 - sp.exp(-(x**2)) / 2, v: 0.25},
        "name": "Gray-Scott",
    }
    return Problem(**{**arguments, **changes})


def test_attributes_are_completed():
    problem = gray_scott()
    assert problem.unknowns == (u, v)
    assert problem.parameters == (F, k)
    assert problem.coordinates == (x, y)
    assert problem.conditions == (Periodic(),)
    assert set(problem.initial) == {u, v}
    assert len(problem.equations) == 2


def test_a_problem_never_changes():
    problem = gray_scott()
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.name = "other"
    with pytest.raises(TypeError):
        problem.initial[u] = 1
    assert hash(problem) == hash(problem)


def test_replace_returns_a_checked_copy():
    problem = gray_scott(parameters=(k, F))
    other = problem.replace(initial={u: 1, v: x}, name=None)
    assert other.parameters == (k, F)
    assert other.initial[v] == x
    assert problem.initial[v] == sp.Float(0.25)
    with pytest.raises(InitialValueError):
        problem.replace(initial={u: w})
    with pytest.raises(OptionError, match="Did you mean 'domain'"):
        problem.replace(domian=None)


def test_replace_keeps_rates_and_vectors():
    b = vector_fields("b")
    problem = Problem(
        [Eq(dt(b, 2), lap(b))],
        domain=Box(x=(0, 1), y=(0, 1)),
        conditions=Periodic(),
        initial={b: (sp.sin(x), 0), dt(b): (0, np.ones((4, 4)))},
    )
    again = problem.replace(name="waves").scalar_form().initial
    assert [f.name for f in again] == ["b_x", "b_y", "b_x_t", "b_y_t"]


def test_pickling():
    again = pickle.loads(pickle.dumps(gray_scott()))
    assert again.equations == gray_scott().equations
    assert again.scalar_form() == gray_scott().scalar_form()


def test_unknowns_follow_the_equations_and_parameters_their_names():
    y1, y2, y10 = fields("y1 y2 y10")
    c2, c10 = params("c2 c10")
    problem = Problem([Eq(dt(y10), c10 * y1), Eq(dt(y2), c2 * y10), Eq(y1, y2)])
    assert problem.unknowns == (y10, y2, y1)
    assert problem.parameters == (c2, c10)
    assert problem.replace(unknowns=(y1, y2, y10)).unknowns == (y1, y2, y10)


def test_a_single_equation_condition_and_number_will_do():
    problem = Problem(Eq(dt(u), dx(u, 2)), Interval(0, 1), Periodic(), {u: 1})
    assert problem.initial[u] == 1


def test_strings_and_objects_mix():
    problem = Problem(
        ["u_t = F*Δu - u*v", Eq(dt(v), u)],
        domain=Interval(0, 1),
        conditions=Periodic(),
        unknowns=(u, v),
        parameters=F,
    )
    assert problem.equations[0].rhs == F * lap(u) - u * v


def test_one_number_is_the_initial_value_of_every_component():
    b = vector_fields("b")
    start = {b: 0, dt(b): np.float64(2)}
    square = Box(x=(0, 1), y=(0, 1))
    problem = Problem([Eq(dt(b, 2), lap(b))], domain=square, conditions=[Periodic()], initial=start)
    assert [float(value) for value in problem.scalar_form().initial.values()] == [0, 0, 2, 2]


def test_require_initial_lists_what_is_missing():
    problem = Problem([Eq(dt(u, 2), v), Eq(dt(v), u), Eq(w, u)], initial={v: 1})
    with pytest.raises(InitialValueError) as error:
        problem.require_initial()
    assert "No initial value for u, dt(u)" in str(error.value)
    assert "initial={u: ..., dt(u): ...}" in str(error.value)
    problem.replace(initial={u: 1, dt(u): 0, v: 1}).require_initial()


def test_display():
    problem = gray_scott()
    assert repr(problem) == "<Problem 'Gray-Scott': u, v over x, y, 2 parameters (F, k)>"
    assert "dt(u) = F*(1 - u) - u*v**2 + 2.0e-5*lap(u)" in str(problem)
    assert r"\frac{\partial u}{\partial t} &=" in problem._repr_latex_()
    assert "<b>Gray-Scott</b>" in problem._repr_html_() and "default 0.037" in problem._repr_html_()
    many = fields("y1:31")
    text = repr(Problem([Eq(dt(f), -f) for f in many]))
    assert text == "<Problem: y1, y2, y3, y4, y5, y6, ..., y30 over t>"


def test_display_of_arrays_and_functions():
    problem = gray_scott(initial={u: np.ones((4, 4)), v: np.sin})
    assert "u = array 4x4 at the start" in str(problem)
    assert r"\text{function sin}" in problem._repr_latex_()


def test_explanation_names_every_part_and_choice():
    card = gray_scott().explain()
    assert card.kind == "nonlinear, 2 evolution equations in 2-D"
    assert card.equations[0].left == dt(u)
    assert card.equations[0].parts == (2e-5 * lap(u) - F * u, -u * v**2, F)
    assert card.unknowns == ((u, "scalar", 1, 2), (v, "scalar", 1, 2))
    text = str(card)
    for wanted in (
        "Class: nonlinear",
        "linear     -F*u + 2.0e-5*lap(u)",
        "acts on u within time 27",
        "ordered by name",
    ):
        assert wanted in text
    assert r"\underbrace" in card._repr_latex_()
    assert "<table>" in card._repr_html_()


def test_explanation_of_constraints_and_auxiliary_fields():
    b, p = vector_fields("b"), fields("p")
    problem = Problem(
        [Eq(dt(b, 2), lap(b) - grad(p)), Eq(div(b), 0)],
        domain=Box(x=(0, 1), y=(0, 1)),
        conditions=Periodic(),
        initial={p: 0},
    )
    card = problem.explain()
    assert card.kind == "linear, 1 evolution equation and 1 constraint in 2-D"
    assert card.unknowns[0] == (b, "vector", 2, 2)
    choices = "\n".join(card.choices)
    assert "b_x_t = dt(b_x) is an auxiliary field" in choices
    assert "p: no time derivative" in choices
    assert "the initial value of p is only a first guess" in choices


@pytest.mark.parametrize(
    ("equations", "kind"),
    [
        ([Eq(dt(u), -u)], "linear, 1 ordinary differential equation"),
        ([Eq(dt(u), -u * v), Eq(0, u + v)], "nonlinear, 1 ordinary differential equation and 1 constraint"),
        ([Eq(u**2, 2)], "nonlinear, 1 algebraic equation"),
    ],
)
def test_class_without_space(equations, kind):
    assert Problem(equations).explain().kind == kind


def test_which_side_a_term_stands_on_never_matters():
    parts = [
        Problem(equation, domain=Interval(0, 1), conditions=Periodic()).explain().equations[0].parts
        for equation in (Eq(dt(u), lap(u) - u**2), Eq(dt(u) + u**2, lap(u)), Eq(0, 3 * lap(u) - 3 * u**2 - 3 * dt(u)))
    ]
    assert parts[0] == parts[1] == parts[2] == (lap(u), -(u**2), 0)
