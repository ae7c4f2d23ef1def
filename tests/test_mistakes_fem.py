"""Mistakes with meshes, labels, elements and forms, as they are made on the way from a problem to its solution."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import ritz as rz
from ritz.errors import (
    ConditionError,
    ConvergenceError,
    DiscretizationError,
    InitialValueError,
    LinearSolveError,
    MeshError,
    NonFiniteError,
    OptionError,
    OptionValueError,
    ParameterError,
    UnknownSymbol,
    UnsupportedError,
)

x, y, z = rz.coords("x y z")
u, w, p = rz.fields("u w p")
V = rz.vector_fields("V")
v = rz.test(u, "v")
SQUARE = rz.Box(x=(0, 1), y=(0, 1))


@cache
def mesh() -> rz.Mesh:
    return rz.rectangle(n=4)


def poisson(*conditions: Any, domain: Any = None, equation: Any = None) -> rz.Problem:
    equation = rz.Eq(-rz.lap(u), 1) if equation is None else equation
    return rz.Problem([equation], domain=domain or mesh(), conditions=conditions or [rz.Dirichlet(u, 0)])


def discretized(element: rz.FiniteElement | None = None, **options: Any) -> Any:
    return poisson(**options).discretize(element or rz.FiniteElement(degree=2))


def conditioned(*conditions: Any, equation: Any = None) -> Any:
    return poisson(*conditions, equation=equation).discretize(rz.FiniteElement())


@cache
def solved() -> tuple[Any, Any]:
    system = discretized()
    return system, rz.solve(system).y[:, -1]


@cache
def moving() -> Any:
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u))],
        domain=mesh(),
        conditions=[rz.Dirichlet(u, 0)],
        initial={u: x * (1 - x) * y * (1 - y)},
    )
    return problem.discretize(rz.FiniteElement())


def elastic(*conditions: Any) -> Any:
    equation = rz.Eq(-rz.div(rz.sym(rz.grad(V))), (0, 1))
    return rz.Problem([equation], domain=mesh(), conditions=conditions).discretize(rz.FiniteElement())


def stokes(*conditions: Any, **elements: int) -> Any:
    equations = [rz.Eq(-rz.lap(V) + rz.grad(p), (1, 0)), rz.Eq(rz.div(V), 0)]
    problem = rz.Problem(equations, domain=mesh(), conditions=[rz.Dirichlet(V, 0), *conditions])
    return problem.discretize(rz.FiniteElement(elements=elements))


def asked(method: str, *arguments: Any, **options: Any) -> Callable[[], Any]:
    """What calls a method of the solved system."""
    return lambda: getattr(solved()[0], method)(*arguments, solved()[1], **options)


ON_MESH: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "cells of a mesh": (
        lambda: discretized(rz.FiniteElement(8, 8)),
        DiscretizationError,
        ["The domain is a mesh already", "mesh.refine() makes a finer one"],
    ),
    "a box without cells": (
        lambda: discretized(domain=SQUARE),
        DiscretizationError,
        ["number of cells along each, e.g. FiniteElement(32, 32)"],
    ),
    "too many axes": (
        lambda: discretized(rz.FiniteElement(8, 8, 8), domain=SQUARE),
        DiscretizationError,
        ["The domain has the axes x, y"],
    ),
    "cells of another dimension": (
        lambda: discretized(rz.FiniteElement(8, 8, cell="tetrahedron"), domain=SQUARE),
        OptionValueError,
        ["cell='tetrahedron' has dimension 3", "needs triangle or quadrilateral"],
    ),
    "misspelt cell": (
        lambda: discretized(rz.FiniteElement(8, cell="triangel"), domain=SQUARE),
        OptionValueError,
        ["Did you mean 'triangle'?"],
    ),
    "Fourier on a mesh": (
        lambda: poisson().discretize(rz.Fourier(8, 8)),
        DiscretizationError,
        ["Use rz.FiniteElement"],
    ),
    "no such file": (lambda: rz.read_mesh("no_such.msh"), MeshError, ["There is no mesh file 'no_such.msh'"]),
    "coordinate that the mesh does not have": (
        lambda: conditioned(equation=rz.Eq(-rz.lap(u), z)),
        UnknownSymbol,
        ["uses the coordinate z", "has the axes x, y"],
    ),
    "ordinary differential equation": (
        lambda: rz.Problem([rz.Eq(rz.dt(u), -u)], initial={u: 1}).discretize(rz.FiniteElement()),
        DiscretizationError,
        ["needs a problem with a domain", "Pointwise()"],
    ),
}
ELEMENTS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "unknown keyword": (lambda: rz.FiniteElement(order=2), OptionError, ["no option 'order'", "degree"]),
    "degree zero": (lambda: rz.FiniteElement(degree=0), OptionError, ["whole number from 1", "found 0"]),
    "half a degree": (lambda: rz.FiniteElement(degree=1.5), OptionError, ["found 1.5"]),
    "misspelt family": (lambda: rz.Element("Lagrnge", 1), OptionError, ["Did you mean 'Lagrange'?"]),
    "element of something else": (
        lambda: discretized(rz.FiniteElement(elements={w: 2})),
        OptionError,
        ["elements= names w.", "Unknowns: u."],
    ),
    "no threads": (lambda: rz.FiniteElement(threads=0), OptionError, ["threads= is a whole number from 1 on"]),
    "values at the boundary of discontinuous elements": (
        lambda: discretized(rz.FiniteElement(elements={u: rz.Element("DG", 1)})),
        UnsupportedError,
        ["Dirichlet values of u cannot be imposed", "Write them into the weak form"],
    ),
    "elements that lock the pressure": (
        lambda: rz.solve(stokes(rz.MeanZero(p), V=1, p=1)),
        LinearSolveError,
        ["is singular", "do not determine p"],
    ),
}
CONDITIONS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "misspelt label": (
        lambda: conditioned(rz.Dirichlet(u, 0, on="lft")),
        ConditionError,
        ["Did you mean 'left'?", "'left' (1), 'right' (2)"],
    ),
    "label of another mesh": (
        lambda: poisson(rz.Dirichlet(u, 0, on="left"), domain=rz.disc(size=0.5)),
        ConditionError,
        ["'circle' (1)"],
    ),
    "predicate that selects nothing": (
        lambda: conditioned(rz.Dirichlet(u, 0, on=lambda x, y: x > 5)),
        MeshError,
        ["selects nothing", "x in [0, 1]", "np.isclose"],
    ),
    "predicate of one coordinate": (
        lambda: conditioned(rz.Dirichlet(u, 0, on=lambda x: x < 0.1)),
        MeshError,
        ["takes 1 positional argument but 2 were given", "arrays of coordinates (x, y)"],
    ),
    "predicate with `and`": (
        lambda: conditioned(rz.Dirichlet(u, 0, on=lambda x, y: x < 0.1 and y < 0.1)),
        MeshError,
        ["combine with `&`"],
    ),
    "point outside": (
        lambda: conditioned(rz.PointValue(u, 0, at=(3, 3))),
        DiscretizationError,
        ["PointValue of u at (3.0, 3.0)", "nearest node"],
    ),
    "body that can slide": (
        lambda: elastic(rz.Dirichlet(rz.component(V, x), 0, on="left")),
        ConditionError,
        ["the body can move as a whole"],
    ),
    "body that can turn": (
        lambda: rz.solve(elastic(rz.PointValue(V, (0, 0), at=(0, 0)))),
        LinearSolveError,
        ["do not determine V_", "rigid motions"],
    ),
    "enclosed flow": (lambda: stokes(), ConditionError, ["p is fixed up to a constant only", "rz.MeanZero(p)"]),
    "values that are infinite": (
        lambda: rz.solve(conditioned(rz.Dirichlet(u, 1 / (x - 0.5)))),
        NonFiniteError,
        ["is -inf", "where 0.5 - x = 0"],
    ),
    "value that is infinite in a corner that no cell sees": (
        lambda: rz.solve(conditioned(rz.Dirichlet(u, 1 / ((x - 1) ** 2 + y**2), on="right"))).fields,
        NonFiniteError,
        ["is inf"],
    ),
    "coefficient outside its domain": (
        lambda: rz.solve(conditioned(equation=rz.Eq(-rz.div(rz.log(x - 2) * rz.grad(u)), 1))),
        NonFiniteError,
        ["The term log(x - 2) is nan", "in cell"],
    ),
}
SOLVING: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "times of a steady problem": (lambda: rz.solve(solved()[0], (0, 1)), OptionError, ["u is steady", "add dt(...)"]),
    "no times": (lambda: rz.solve(moving()), OptionError, ["evolves in time: pass t_span"]),
    "explicit method": (
        lambda: rz.solve(moving(), (0, 1), method="RK45"),
        UnsupportedError,
        ["has a mass matrix", "'ESDIRK4'"],
    ),
    "misspelt method": (lambda: rz.solve(moving(), (0, 1), method="BDF3"), OptionValueError, ["Did you mean 'BDF2'?"]),
    "guess of the wrong size": (
        lambda: rz.solve(solved()[0], y0=np.zeros(3)),
        InitialValueError,
        ["must have shape (49,)", "found shape (3,)"],
    ),
    "parameter that is none": (
        lambda: rz.solve(solved()[0], params={"k": 1}),
        ParameterError,
        ["no parameter 'k'"],
    ),
    "no solution": (
        lambda: rz.solve(conditioned(equation=rz.Eq(-rz.lap(u), 100 * rz.exp(u)))),
        ConvergenceError,
        ["iteration", "load steps"],
    ),
}
RESULTS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "point outside": (
        asked("evaluate", u, (2, 2)),
        OptionError,
        ["lie outside the mesh, e.g. (2.0, 2.0)", "outside='nan'"],
    ),
    "misspelt field": (asked("evaluate", "v", (0.5, 0.5)), OptionError, ["There is no field 'v'", "Fields: u"]),
    "another field": (asked("evaluate", w, (0.5, 0.5)), OptionError, ["w in w is no field of this problem"]),
    "third derivative": (
        asked("evaluate", rz.dx(rz.lap(u)), (0.5, 0.5)),
        UnsupportedError,
        ["of first and second order"],
    ),
    "point in space": (asked("evaluate", u, (0.5, 0.5, 0.5)), MeshError, ["(n, 2) of coordinates"]),
    "part of a state": (
        lambda: solved()[0].evaluate(u, (0.5, 0.5), solved()[1][:-3]),
        OptionError,
        ["has shape (49,), found (46,)"],
    ),
    "integral of part of a state": (
        lambda: solved()[0].integrate(u, solved()[1][:-3]),
        OptionError,
        ["has shape (49,), found (46,)", "solution.y[:, -1]"],
    ),
    "integral of all states": (
        lambda: solved()[0].integrate(u, solved()[1][:, None]),
        OptionError,
        ["found (49, 1)", "solution.y[:, -1]"],
    ),
    "flux of part of a state": (lambda: solved()[0].flux(u, "left", solved()[1][1:]), OptionError, ["found (48,)"]),
    "integral with a test function": (
        asked("integrate", rz.integral(v)),
        UnsupportedError,
        ["has a test function in it"],
    ),
    "integral over a misspelt side": (
        asked("integrate", rz.integral(u, over="boundary", on="topp")),
        MeshError,
        ["Did you mean 'top'?"],
    ),
    "flux of another field": (asked("flux", w, "left"), OptionError, ["There is no unknown w", "Unknowns: u"]),
    "flux through a misspelt side": (asked("flux", u, "lft"), MeshError, ["Did you mean 'left'?"]),
    "flux of an evolving field": (
        lambda: moving().flux(u, "left", np.zeros(9)),
        OptionError,
        ["needs rate=, the time derivative of the state", "solution.flux(...) takes it from the stored times"],
    ),
    "unknown norm": (asked("error", {u: 0}, norm="L3"), OptionError, ["norm= is 'L2' or 'H1', found 'L3'"]),
    "error of another field": (asked("error", {w: 0}), OptionError, ["There is no field w.", "Fields: u"]),
}
MISTAKES = {
    f"{group}: {name}": case
    for group, cases in {
        "mesh": ON_MESH,
        "element": ELEMENTS,
        "condition": CONDITIONS,
        "solve": SOLVING,
        "result": RESULTS,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name):
    make, error, texts = MISTAKES[name]
    with pytest.raises(error) as caught:
        make()
    assert type(caught.value) is error
    for text in texts:
        assert text in str(caught.value), str(caught.value)


def test_predicates_and_lists_that_are_right_are_taken():
    """What the messages advise works."""
    sides = [lambda x, y: np.isclose(x, 0) | np.isclose(x, 1), "top", 3]
    system = conditioned(rz.Dirichlet(u, 0, on=sides))
    np.testing.assert_array_equal(rz.solve(system).y, rz.solve(conditioned(rz.Dirichlet(u, 0))).y)
