"""SBML: the meaning of every element against hand-written equations, the kinetics cases, and refusals by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
from case_tools import cases, largest_error, numbers
from sbml_text import (
    assignment,
    compartment,
    listed,
    math_of,
    parameter,
    reaction,
    rule,
    sbml,
    species,
)

import ritz as rz
from ritz.errors import MissingPackage, ParseError, UnsupportedError
from ritz.symbolic.evaluate import evaluate


def rhs(problem, x, t=0.0, **parameters):
    form = problem.pointwise_form()
    given = dict(zip(form.states.values(), x, strict=True))
    given |= {form.graph.input(p.name, "param"): parameters.get(p.name, p.default) for p in problem.parameters}
    given[form.graph.input("t", "time")] = t
    return [float(v) for v in evaluate(form.graph, list(form.derivatives.values()), given)]


def start(problem):
    return problem.discretize(rz.Pointwise()).initial_state()


def test_concentrations_stoichiometry_and_local_parameters(tmp_path):
    body = (
        listed("Compartments", compartment())
        + listed("Species", species("A", 'initialConcentration="3"', "false"), species("B", substance="false"))
        + listed("Parameters", parameter("k", 0.5))
        + listed(
            "Reactions",
            reaction("r1", [("A", 2)], [("B", 1)], "c*k*A^2"),
            reaction(
                "r2", [("B", 1)], [("A", 2)], "c*k*B", listed("LocalParameters", '<localParameter id="k" value="7"/>')
            ),
        )
    )
    problem = rz.read_sbml(sbml(tmp_path, body))
    assert {p.name: p.default for p in problem.parameters} == {"c": 2.0, "k": 0.5, "r2_k": 7.0}
    np.testing.assert_array_equal(start(problem), [6.0, 1.0])
    v1, v2 = 2 * 0.5 * (5 / 2) ** 2, 2 * 7 * (3 / 2)
    assert rhs(problem, [5.0, 3.0]) == pytest.approx([2 * v2 - 2 * v1, v1 - v2])
    system = problem.discretize(rz.Pointwise())
    assert {n: float(system.quantity(n, 0.0, [5.0, 3.0])) for n in system.quantities} == pytest.approx(
        {"[A]": 2.5, "[B]": 1.5, "r1": v1, "r2": v2}
    )
    np.testing.assert_allclose(system.initial_state({"c": 4.0}), [12.0, 1.0])


def test_boundary_and_constant_species(tmp_path):
    fixed = 'boundaryCondition="true" constant="false"'
    body = (
        listed("Compartments", compartment())
        + listed(
            "Species",
            species("A"),
            species("B", more=fixed),
            species("C", more='boundaryCondition="true" constant="true"'),
        )
        + listed("Reactions", reaction("r", [("A", 1), ("B", 1), ("C", 1)], [], "A*B*C"))
    )
    assert rhs(rz.read_sbml(sbml(tmp_path, body)), [2.0, 3.0, 5.0]) == [-30.0, 0.0, 0.0]


def test_rules_in_any_order(tmp_path):
    body = (
        listed("Compartments", compartment())
        + listed("Species", species("A"), species("S", "", "false"))
        + listed(
            "Parameters",
            parameter("q", 4, 'constant="false"'),
            parameter("y", 1, 'constant="false"'),
            parameter("w", None, 'constant="false"'),
        )
        + listed(
            "Rules", rule("assignment", "S", "2*w + A"), rule("assignment", "w", "y*q"), rule("rate", "y", "S - time")
        )
        + listed("Reactions", reaction("r", [("A", 1)], [], "S*A"))
    )
    problem = rz.read_sbml(sbml(tmp_path, body))
    assert [u.name for u in problem.unknowns] == ["y", "A"]
    y, a = 3.0, 2.0
    s = 2 * y * 4 + a
    assert rhs(problem, [y, a], t=0.5) == pytest.approx([s - 0.5, -s * a])
    assert set(problem.quantities) == {"S", "w", "r"}
    assert "d(y)/dt = " in str(problem) and "r: A -> 0 at rate" in str(problem)


def test_rate_rule_of_a_concentration_in_a_growing_compartment(tmp_path):
    fixed = 'boundaryCondition="true" constant="false"'
    body = (
        listed("Compartments", '<compartment id="c" size="2" spatialDimensions="3" constant="false"/>')
        + listed("Species", species("S", 'initialConcentration="3"', "false", fixed))
        + listed("Rules", rule("rate", "c", "0.5*c"), rule("rate", "S", "-2*S"))
    )
    problem = rz.read_sbml(sbml(tmp_path, body))
    solution = rz.solve(problem, (0, 1), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(solution["[S]"], 3 * np.exp(-2 * solution.t), rtol=1e-8)
    np.testing.assert_allclose(solution["S"], 6 * np.exp(-1.5 * solution.t), rtol=1e-8)


def test_initial_assignments_follow_the_parameters(tmp_path):
    body = (
        listed("Compartments", compartment())
        + listed("Species", species("A", "", "false"), species("B", 'initialAmount="5"', "false"))
        + listed("Parameters", parameter("k", 3), parameter("d", 1))
        + listed("InitialAssignments", assignment("A", "d + B"), assignment("d", "2*k + time"))
        + listed("Reactions", reaction("r", [("A", 1)], [], "d*A"))
    )
    problem = rz.read_sbml(sbml(tmp_path, body))
    assert [p.name for p in problem.parameters] == ["c", "k"]
    system = problem.discretize(rz.Pointwise())
    for c, k in ((2.0, 3.0), (4.0, 1.0)):  # A is a concentration: d + B, and B means 5/c
        amounts = system.initial_state({"c": c, "k": k})
        np.testing.assert_allclose(amounts, [(2 * k + 5 / c) * c, 5.0])
        np.testing.assert_allclose(system.rhs(0.0, amounts, {"c": c, "k": k}), [-2 * k * amounts[0] / c, 0.0])


def test_conversion_factors_and_units(tmp_path):
    body = (
        listed("Compartments", compartment(more='units="litre"'))
        + listed(
            "Species",
            species("A"),
            species("B", more='boundaryCondition="false" constant="false" conversionFactor="g"'),
        )
        + listed("Parameters", parameter("f", 10), parameter("g", 100))
        + listed("Reactions", reaction("r", [("A", 1)], [("B", 1)], "A"))
    )
    attributes = 'substanceUnits="mole" timeUnits="second" extentUnits="mole" conversionFactor="f"'
    problem = rz.read_sbml(sbml(tmp_path, body, attributes=attributes))
    assert rhs(problem, [2.0, 0.0]) == [-20.0, 200.0]
    assert problem.units == {"c": "litre", "A": "mole", "B": "mole", "t": "second"}


FORMULAS = {
    "piecewise(1, x < 2, 3, x < 4, 5)": lambda x, y: 1 if x < 2 else 3 if x < 4 else 5,
    "piecewise(x, (x > 1) && (y < 2) || !(x == y), y)": lambda x, y: x if (x > 1 and y < 2) or x != y else y,
    "log10(x) + log(3, y) + ln(x) + root(3, x) + sqrt(y)": lambda x, y: (
        math.log10(x) + math.log(y, 3) + math.log(x) + x ** (1 / 3) + math.sqrt(y)
    ),
    "x^y - x^-2 + exp(-y)": lambda x, y: x**y - x**-2 + math.exp(-y),
    "sec(x) + arctan(y) + sinh(x)/coth(y) + arccsc(x + 1)": lambda x, y: (
        1 / math.cos(x) + math.atan(y) + math.sinh(x) * math.tanh(y) + math.asin(1 / (x + 1))
    ),
    "floor(x) + ceil(y) + abs(-x) + max(x, y, 1) + min(x, y)": lambda x, y: (
        math.floor(x) + math.ceil(y) + x + max(x, y, 1) + min(x, y)
    ),
    "quotient(7*x, 2) + rem(-7, 2)": lambda x, y: math.trunc(7 * x / 2) - 1,
    "piecewise(1, xor(x > 1, y > 1), 2) + piecewise(1, implies(x > 1, y > 1), 2)": lambda x, y: (
        (1 if (x > 1) != (y > 1) else 2) + (1 if y > 1 or x <= 1 else 2)
    ),
    "f(x, f(y, x)) + f(1, 2)": lambda x, y: (2 * x + (2 * y + x * x) ** 2) + 6,
    "pi + exponentiale": lambda x, y: math.pi + math.e,
}


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("x", [(1.5, 0.7), (0.4, 2.5), (3.0, 3.0)])
def test_formulas(tmp_path, formula, x):
    g = f'<functionDefinition id="g">{math_of("lambda(u, u*u)")}</functionDefinition>'
    f = f'<functionDefinition id="f">{math_of("lambda(a, b, 2*a + g(b))")}</functionDefinition>'
    body = (
        listed("FunctionDefinitions", f, g)
        + listed("Parameters", parameter("x", 0, 'constant="false"'), parameter("y", 0, 'constant="false"'))
        + listed("Rules", rule("rate", "x", formula), rule("rate", "y", "0"))
    )
    found = rhs(rz.read_sbml(sbml(tmp_path, body)), x)
    assert found == pytest.approx([FORMULAS[formula](*x), 0.0], rel=1e-13)


def test_level_2(tmp_path):
    law = f'<kineticLaw>{math_of("k*A")}<listOfParameters><parameter id="k" value="3"/></listOfParameters></kineticLaw>'
    body = (
        listed("Compartments", '<compartment id="c" size="1"/>')
        + listed("Species", '<species id="A" compartment="c" initialAmount="2"/>')
        + listed(
            "Reactions",
            '<reaction id="r">' + listed("Reactants", '<speciesReference species="A"/>') + law + "</reaction>",
        )
    )
    problem = rz.read_model(sbml(tmp_path, body, 2, 4))
    solution = rz.solve(problem, (0, 1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(solution["A"], 2 * np.exp(-3 * solution.t), rtol=1e-7)


@pytest.mark.parametrize("case_id", cases("sbml_kinetics"))
def test_kinetics_cases(tmp_path, case_id):
    """The equations of the cases as rate rules of amounts."""
    case = cases("sbml_kinetics")[case_id]
    rules = []
    for equation in case["equations"]:
        left, right = equation.split("=", 1)
        rules.append(rule("rate", left[left.index("(") + 1 : left.index(")")], right.replace("**", "^")))
    fixed = 'boundaryCondition="true" constant="false"'
    given = zip(case["variables"], case["initial"], strict=True)
    body = listed("Compartments", compartment()) + listed(
        "Species", *(species(name, f'initialAmount="{value!r}"', more=fixed) for name, value in given)
    )
    problem = rz.read_sbml(sbml(tmp_path, body + listed("Rules", *rules)))
    reference = numbers(case["reference"])
    scale = float(np.abs(reference).max())
    solution = rz.solve(problem, tuple(case["t_span"]), method="DOP853", rtol=1e-11, atol=1e-13 * scale)
    assert largest_error(solution.y[:, -1], reference) < 1e-9


ONE = listed("Compartments", compartment()) + listed("Species", species("A"))


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (ONE + listed("Reactions", reaction("r", [("A", 1)], [], "zz*A")), ParseError, "In r: 'zz' is not defined"),
        (ONE + listed("Reactions", reaction("r", [("A", 1)], [], "delay(A, 2)")), UnsupportedError, "In r: 'delay'"),
        (ONE + listed("Reactions", '<reaction id="r" reversible="false"/>'), ParseError, "r has no kinetic law"),
        (
            listed("Parameters", parameter("a", None, 'constant="false"'), parameter("b", None, 'constant="false"'))
            + listed("Rules", rule("assignment", "a", "b"), rule("assignment", "b", "a")),
            ParseError,
            "in a circle: ",
        ),
    ],
)
def test_refusals(tmp_path, body, error, message):
    with pytest.raises(error, match=message):
        rz.read_sbml(sbml(tmp_path, body))


def test_broken_files(tmp_path):
    path = tmp_path / "broken.xml"
    path.write_text("<sbml><model>")
    with pytest.raises(ParseError, match="Line 1 of broken.xml"):
        rz.read_sbml(path)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        rz.read_sbml(tmp_path / "absent.xml")


def test_packages(tmp_path):
    path = sbml(tmp_path, ONE)
    text = path.read_text()
    for package, required in (("layout", "false"), ("comp", "true")):
        address = f"http://www.sbml.org/sbml/level3/version1/{package}/version1"
        space = f'xmlns:{package}="{address}" {package}:required="{required}"'
        path.write_text(text.replace('level="3" version="2">', f'level="3" version="2" {space}>', 1))
        if package == "layout":
            assert rz.read_sbml(path).ignored == ("annotations of the package 'layout'",)
        else:
            with pytest.raises(UnsupportedError, match="needs the SBML package 'comp'"):
                rz.read_sbml(path)


def test_missing_values_are_asked_for(tmp_path):
    body = listed("Compartments", compartment()) + listed("Species", species("A", ""))
    body += listed("Parameters", parameter("k")) + listed("Reactions", reaction("r", [("A", 1)], [], "k*A"))
    problem = rz.read_sbml(sbml(tmp_path, body))
    with pytest.raises(rz.errors.InitialValueError, match="No initial value for A"):
        rz.solve(problem, (0, 1), params={"k": 1})
    with pytest.raises(rz.errors.ParameterError, match="k has no value"):
        rz.solve(problem, (0, 1), y0={"A": 1})


def test_without_libsbml(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "libsbml", None)
    with pytest.raises(MissingPackage, match=r"ritz\[sbml\]"):
        rz.read_sbml(sbml(tmp_path, ONE))
