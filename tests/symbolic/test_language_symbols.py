"""Coordinates, fields, parameters, domains and equations as objects."""

from __future__ import annotations

import pickle

import pytest
import sympy as sp

from ritz.errors import ParameterError, ProblemError
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import Coordinate, coords, t
from ritz.symbolic.domains import Box, Interval
from ritz.symbolic.equation import Eq, as_equation
from ritz.symbolic.fields import Field, fields, tensor_fields, vector_fields
from ritz.symbolic.notation import component, d, dt, dx, dy, grad, lap, tensor, vector
from ritz.symbolic.parameters import Parameter, params


def test_one_name_gives_one_object_and_several_a_tuple():
    assert coords("x") == Coordinate("x")
    assert coords("x, y") == (Coordinate("x"), Coordinate("y"))
    assert [f.name for f in fields("y1:4")] == ["y1", "y2", "y3"]


def test_symbols_survive_pickling():
    psi = fields("psi", complex=True)
    k = params("k", default=0.06, bounds=(0.03, 0.07))
    expr = k * lap(psi) + t * dx(psi, 3) + coords("x")
    again = pickle.loads(pickle.dumps(expr))
    assert again == expr
    (parameter,) = again.atoms(Parameter)
    assert (parameter.default, parameter.bounds) == (0.06, (0.03, 0.07))
    assert next(iter(again.atoms(Field))).is_complex_field


def test_symbols_of_equal_name_and_unequal_kind_differ():
    objects = [fields("x"), vector_fields("x"), fields("x", complex=True), coords("x"), params("x"), sp.Symbol("x")]
    assert len(set(objects)) == len(objects)


def test_an_edited_default_is_a_new_parameter():
    """SymPy caches expressions: equal symbols would bring the old default back."""
    u = fields("u")
    old, new = params("F", default=1), params("F", default=2)
    assert old != new
    assert next(iter((new * u).atoms(Parameter))).default == 2


def test_assumptions_follow_the_bounds():
    a, b, c, e = params("a b c e", bounds=((1, 2), (0, 1), (-2, -1), None))
    assert (a.is_positive, b.is_nonnegative, c.is_negative, e.is_real) == (True, True, True, True)
    assert e.is_positive is None
    assert params("k", positive=True).is_positive


def test_several_parameters_share_one_value():
    a, b = params("a b", default=2, bounds=(0, 3))
    assert a.default == b.default == 2
    assert b.bounds == (0, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: params("F", default=5, bounds=(0, 1)), "default 5 outside its bounds [0, 1]"),
        (lambda: params("F", bounds=(1, 0)), "Write bounds=(0, 1)"),
        (lambda: params("F", default=float("nan")), "must be finite"),
        (lambda: params("F", default="a"), "must be a real number"),
        (lambda: params("F k", default=(1, 2, 3)), "2 parameters (F, k) but 3 default values"),
        (lambda: params("F", default=-1, positive=True), "declared positive but its default is -1"),
    ],
)
def test_bad_parameters_are_refused(make, message):
    with pytest.raises(ParameterError) as error:
        make()
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: coords("t"), "'t' belongs to time"),
        (lambda: fields("2u"), "a field needs a name".capitalize()),
        (lambda: fields(""), "Expected names such as 'u v'"),
        (lambda: Box(), "at least one axis"),
        (lambda: Box(x=3), "x=(0, 1)"),
        (lambda: Box(x=(1, 0)), "the lower bound must come first"),
        (lambda: Box(x=(0, sp.oo)), "must be bounded"),
        (lambda: Box({coords("x"): (0, 1)}, x=(0, 2)), "given twice"),
        (lambda: Interval(1), "Write Interval(lower, upper)"),
        (lambda: d(fields("u"), fields("v")), "needs a coordinate"),
        (lambda: dx(fields("u"), 1.5), "must be a whole number"),
        (lambda: lap("u"), "Strings are read by rz.parse"),
        (lambda: lap(fields("u") == 1), "Python evaluated a comparison"),
        (lambda: component(fields("u"), 0), "one coordinate per index"),
    ],
)
def test_bad_objects_are_refused(make, message):
    with pytest.raises(ProblemError) as error:
        make()
    assert message in str(error.value)


def test_derivatives_of_constants_vanish_and_orders_merge():
    x, y, u, k = coords("x"), coords("y"), fields("u"), params("k")
    assert dx(k) == dx(y) == dx(3) == 0
    assert dx(sp.sin(2 * x)) == 2 * sp.cos(2 * x)
    assert dx(dx(u), 2) == dx(u, 3)
    assert dt(dt(u)) == dt(u, 2)
    assert d(u, t) == dt(u)
    assert dx(u, 0) == u
    assert dt(t**2) == 2 * t


def test_diff_of_a_field_or_operator_stays_a_derivative():
    x, y, u = coords("x"), coords("y"), fields("u")
    assert u.diff(x, 2) == sp.diff(u, x, x) == dx(u, 2)
    assert lap(u).diff(y) == dy(lap(u))
    assert u.diff(t) == dt(u)
    assert u.diff(u) == 1


def test_operators_can_be_rebuilt_and_substituted():
    u, v, k = fields("u v") + (params("k"),)
    assert (k * dx(u, 2) + lap(u)).subs(u, v**2) == k * dx(v**2, 2) + lap(v**2)
    assert (
        sp.latex(dt(u) - k * dx(u, 2)) == r"- k \frac{\partial^{2} u}{\partial x^{2}} + \frac{\partial u}{\partial t}"
    )


def test_conjugation_moves_inside_derivatives():
    psi = fields("psi", complex=True)
    assert sp.conjugate(dx(psi, 2)) == dx(sp.conjugate(psi), 2)
    assert sp.conjugate(dx(fields("u"))) == dx(fields("u"))


def test_equations_never_collapse():
    u = fields("u")
    assert isinstance(Eq(u, u), Eq)
    assert isinstance(Eq(1, 1), Eq)
    assert as_equation(sp.Eq(u, 1), 1) == Eq(u, 1)
    assert as_equation(dt(u) - 1, 1) == Eq(dt(u) - 1, 0)
    with pytest.raises(ProblemError, match="rz.Eq"):
        as_equation(dt(u) == u, 1)
    with pytest.raises(ProblemError, match="rz.Eq"):
        as_equation(sp.Eq(u, u), 1)
    with pytest.raises(ProblemError, match="not a condition"):
        bool(Eq(u, 1))


def test_vectors_may_be_tuples_and_matrices():
    u, b = vector_fields("u"), fields("b")
    assert Eq(u, (0, b)).rhs == Eq(u, sp.Matrix([0, b])).rhs == vector(0, b)
    assert Eq(tensor_fields("S"), sp.Matrix([[0, b], [b, 1]])).rhs == tensor((0, b), (b, 1))


def test_text_of_domains_and_conditions():
    x = coords("x")
    assert repr(Box(x=(0, 2.5), y=(0, 2 * sp.pi))) == "Box(x=(0, 2.5), y=(0, 2*pi))"
    assert repr(Interval("r", 0, 1)) == "Interval(r, 0, 1)"
    assert Interval(0, 1) == Box(x=(0, 1)) == Box({x: (0, 1)})
    assert Interval(0, sp.pi).bounds == {x: (0.0, float(sp.pi))}
    assert Periodic("x y") == Periodic("y", x)


def test_numbers_are_kept_as_doubles():
    u = fields("u")
    equation = Eq(dt(u), 77.27 * u - 8.375e-6 * u**2)
    assert {float(number) for number in equation.rhs.atoms(sp.Float)} == {77.27, -8.375e-6}
    assert str(grad(0.1 * u)) == "grad(0.1*u)"
