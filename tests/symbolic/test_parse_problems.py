"""Problems written in strings, among them the stored reference cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from ritz.errors import ParameterError, ParseError, ProblemError
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords
from ritz.symbolic.coordinates import t as rz_time
from ritz.symbolic.domains import Box, Interval
from ritz.symbolic.fields import Field, fields
from ritz.symbolic.from_strings import differentiated_names
from ritz.symbolic.notation import dt, dx, lap
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem

CASES = Path(__file__).resolve().parent.parent / "cases"
x = coords("x")


def stored(name: str, key: str = "cases") -> list[dict]:
    return json.loads((CASES / f"{name}.json").read_text())[key]


def written_out(case: dict) -> bool:
    """Some large cases are described in words instead."""
    return "variables" in case and len(case["equations"]) == len(case["variables"])


ODES = [case for case in stored("ode") if written_out(case)]
SYSTEMS = stored("odebench", "systems")


def right_sides(problem: Problem, names: list[str], point: np.ndarray, t: float) -> list[float]:
    """Value of every right-hand side of ``d(y)/dt = f`` at a point."""
    values = {Field(name): value for name, value in zip(names, point)} | {rz_time: t}
    values |= {p: p.default for p in problem.parameters}
    return [float(equation.rhs.subs(values)) for equation in problem.equations]


@pytest.mark.parametrize("case", ODES, ids=lambda c: c["id"])
def test_stored_ordinary_differential_equations(case):
    names = case["variables"]
    problem = Problem.from_strings(case["equations"], names, case["parameters"], case["initial"])
    problem.require_initial()
    assert [u.name for u in problem.unknowns] == names
    assert len(problem.scalar_form().equations) == len(names)
    point = np.linspace(0.4, 1.3, len(names))
    parameters = {k: float(sp.Rational(v)) for k, v in case["parameters"].items()}
    functions = {"sin": np.sin, "cos": np.cos, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "t": 0.3}
    scope = {"__builtins__": {}, **functions, **parameters, **dict(zip(names, point))}
    expected = [eval(text.split("=")[1], scope) for text in case["equations"]]
    assert right_sides(problem, names, point, 0.3) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: str(s["id"]))
def test_stored_benchmark_systems(system):
    names = [f"x{i}" for i in range(system["dim"])]
    texts = [f"d({name})/dt = {rhs}" for name, rhs in zip(names, system["rhs"])]
    problem = Problem.from_strings(texts, parameters=system["params"], initial=system["initial_values"][0])
    assert [u.name for u in problem.unknowns] == names
    values = {Field(name): 0.3 + 0.2 * i for i, name in enumerate(names)} | {p: p.default for p in problem.parameters}
    plain = {s.name: value for s, value in values.items()}
    for equation, text in zip(problem.equations, system["rhs_sympy"]):
        expected = sp.sympify(text, locals={name: sp.Symbol(name) for name in plain}).subs(plain)
        assert float(equation.rhs.subs(values)) == pytest.approx(float(expected), rel=1e-12)


PDES = {
    "ks_kt_t20": {},
    "allen_cahn_periodic_t10": {"eps": "0.02"},
    "burgers_cole_hopf_a": {"nu": "1/20"},
    "swift_hohenberg_1d_t20": {"r": 0.2},
    "cahn_hilliard_1d_t1": {"gamma": 0.05},
    "nls_bright_1": {},
    "sine_gordon_breather_06": {},
    "taylor_green_2d": {"nu": "1/100"},
    "ns2d_shear_t2": {"nu": 0.01},
    "gray_scott_t50": {"F": 0.04, "k": 0.06},
}


@pytest.mark.parametrize("name", PDES)
def test_stored_partial_differential_equations(name):
    (case,) = [c for c in stored("pde_time") if c["id"] == name]
    plane = any(word in name for word in ("taylor", "ns2d", "gray"))
    problem = Problem.from_strings(
        case["equations"],
        parameters=PDES[name],
        domain=Box(x=(0, 1), y=(0, 1)) if plane else Interval(0, 1),
        conditions=Periodic(),
        complex="psi" if "nls" in name else "",
    )
    assert len(problem.equations) == len(case["equations"])
    assert str(problem.equations[0]) == case["equations"][0]


def test_initial_values_are_parsed_and_numbers_stay_doubles():
    problem = Problem.from_strings(
        "u_tt = c**2*u_xx",
        parameters={"c": "0.1"},
        initial={"u": "0.3*cos(x)*(1 + sin(x/16))", "u_t": "c"},
        domain=Interval(0, 1),
        conditions=Periodic(),
    )
    u = fields("u")
    assert problem.initial[u] == sp.Float(0.3) * sp.cos(x) * (1 + sp.sin(x / 16))
    assert problem.initial[dt(u)] == problem.parameters[0]
    assert problem.parameters[0].default == 0.1


def test_a_sequence_of_initial_values_follows_the_unknowns():
    problem = Problem.from_strings(["dt(b) = a", "dt(a) = -b"], "a b", initial=["8/3", "sqrt(1.1/0.9)"])
    a, b = fields("a b")
    assert problem.initial[a] == sp.Rational(8, 3)
    assert float(problem.initial[b]) == (1.1 / 0.9) ** 0.5


def test_ready_made_fields_parameters_and_values():
    u, nu = fields("u"), params("nu", default=0.1, bounds=(0, 1))
    problem = Problem.from_strings(
        "∂t u = nu*Δu", [u], {"nu": nu}, {u: lambda x: x}, domain=Interval(0, 1), conditions=Periodic()
    )
    assert problem.parameters == (nu,)
    assert problem.equations[0].rhs == nu * lap(u)


def test_vectors_and_complex_fields_are_named():
    problem = Problem.from_strings(
        ["∂t U = -∇p - (U·∇)U", "∇·U = 0"],
        "U p",
        vectors="U",
        initial={"U": ("sin(x)", "0")},
        domain=Box(x=(0, 1), y=(0, 1)),
        conditions=Periodic(),
    )
    assert [u.name for u in problem.scalar_form().unknowns] == ["U_x", "U_y", "p"]
    complex_problem = Problem.from_strings("I*A_t = A", complex="A")
    assert complex_problem.unknowns[0].is_complex_field


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["u_t = -u*u_x - p_x", "d(w)/dt = k*w"], ["u", "w", "p"]),
        (["dy1/dt = y2", "d2z/dt2 = 0", "∂q/∂t = 1"], ["y1", "z", "q"]),
        (["∂t u + ∂x v = 0"], ["u", "v"]),
        (["dt(a) = lap(b)"], ["a", "b"]),
        (["s'' = -s"], ["s"]),
        (["dx/dt = -x"], ["x"]),
        (["alpha_1 = 3"], []),
    ],
)
def test_names_under_derivatives_are_unknowns(texts, names):
    assert differentiated_names(texts, {"x"}, {"k"}) == names


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Problem.from_strings("d(x)/dt = -kk*x", parameters={"k": 1}), ParseError, "Did you mean 'k'?"),
        (lambda: Problem.from_strings("d(x)/dt = -k*x"), ParseError, "'k' is not known"),
        (lambda: Problem.from_strings("x = 1"), ProblemError, "Pass unknowns='u v'"),
        (lambda: Problem.from_strings("dt(x) = -x", initial=[1, 2]), ProblemError, "2 values for 1 unknowns (x)"),
        (lambda: Problem.from_strings("dt(x) = -x", parameters={"k": 1}), ParameterError, "occurs in no equation"),
        (lambda: Problem.from_strings("dt(x) = -k*x", parameters={"k": "x"}), ParseError, "'x' is not known"),
        (lambda: Problem.from_strings("dt(x) = -x", initial={"x": "1 +"}), ParseError, "found the end"),
        (lambda: Problem.from_strings("dt(x) = -x", initial={"z": 1}, unknowns="x"), ProblemError, "z, which is not"),
    ],
)
def test_mistakes_in_strings(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)


def test_a_string_means_what_the_objects_mean():
    u, nu = fields("u"), params("nu", default=0.1)
    text = Problem(
        ["u_t = nu*u_xx - u*u_x"], domain=Interval(0, 1), conditions=Periodic(), unknowns=u, parameters=nu
    ).scalar_form()
    objects = Problem([dt(u) - nu * dx(u, 2) + u * dx(u)], domain=Interval(0, 1), conditions=Periodic()).scalar_form()
    assert text.equations[0].expr == objects.equations[0].expr
