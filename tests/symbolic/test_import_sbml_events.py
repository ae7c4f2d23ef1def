"""Events and algebraic rules of SBML: against hand-computed values and SciPy with restarts, and refusals by name."""

from __future__ import annotations

import numpy as np
import pytest
from sbml_text import algebraic, assignment, compartment, event, listed, parameter, reaction, rule, sbml, species
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import ritz as rz
from ritz.errors import ModelFileWarning, ParseError, ProblemError, UnsupportedError

TIGHT = dict(method="DOP853", rtol=1e-10, atol=1e-13)
FREE = 'constant="false"'


def model(tmp_path, *events, species_=(), parameters=(), reactions=(), rules=(), assignments=(), level=3, size=None):
    parts = [compartment() if size is None else size]
    body = listed("Compartments", *parts)
    for name, given in (
        ("Species", species_), ("Parameters", parameters), ("InitialAssignments", assignments), ("Rules", rules),
        ("Reactions", reactions), ("Events", events),
    ):  # fmt: skip
        body += listed(name, *given) if given else ""
    return rz.read_sbml(sbml(tmp_path, body, level, 2 if level == 3 else 4))


def test_repeated_dose_into_a_concentration(tmp_path):
    """A decays in a volume of 2; whenever its concentration falls below 1/2 the concentration is set to 1."""
    problem = model(
        tmp_path,
        event("dose", "A < 0.5", {"A": "1"}),
        species_=[species("A", 'initialConcentration="1"', "false")],
        parameters=[parameter("k", 0.7)],
        reactions=[reaction("r", [("A", 1)], [], "k*A*c")],
    )
    found = rz.solve(problem, (0, 4), t_eval=np.linspace(0, 4, 9), **TIGHT)
    period = np.log(2) / 0.7
    np.testing.assert_allclose(found.t_events[0], period * np.arange(1, 5), rtol=1e-9)
    np.testing.assert_allclose(found["[A]"], np.exp(-0.7 * (found.t % period)), rtol=1e-8)
    np.testing.assert_allclose(found["A"], 2 * found["[A]"])
    assert [record.name for record in found.log] == ["dose"] * 4


def test_parameters_and_compartments_that_events_change_become_unknowns(tmp_path):
    """The volume doubles at t = 1 and the amount stays; the rate constant becomes 0 at t = 2."""
    problem = model(
        tmp_path,
        event("grow", "time >= 1", {"c": "2*c"}),
        event("stop", "time > 2", {"k": "0"}),
        size='<compartment id="c" size="1" spatialDimensions="3" constant="false"/>',
        species_=[species("A", 'initialConcentration="3"', "false")],
        parameters=[parameter("k", 0.5, FREE), parameter("m", 1.0)],
        reactions=[reaction("r", [("A", 1)], [], "k*A*A*c*m")],
    )
    assert [p.name for p in problem.parameters] == ["m"]
    assert {u.name for u in problem.unknowns} == {"A", "c", "k"}
    found = rz.solve(problem, (0, 3), t_eval=[0.5, 1, 1.5, 2, 2.5, 3], **TIGHT)
    first = 1 / (1 / 3 + 0.5)  # d[A]/dt = -k [A]^2
    amounts = [1 / (1 / 3 + 0.25), first, 2 / (2 / first + 0.25), *[2 / (2 / first + 0.5)] * 3]
    np.testing.assert_allclose(found["A"], amounts, rtol=1e-9)
    np.testing.assert_allclose(found["c"], [1, 2, 2, 2, 2, 2])
    np.testing.assert_allclose(found["k"], [0.5, 0.5, 0.5, 0, 0, 0])
    np.testing.assert_allclose(found["[A]"], found["A"] / found["c"])


def test_concentration_and_size_changed_by_one_event(tmp_path):
    """The new amount is the new concentration in the new size."""
    problem = model(
        tmp_path,
        event("both", "time >= 1", {"A": "A/2", "c": "5*c"}),
        size='<compartment id="c" size="2" spatialDimensions="3" constant="false"/>',
        species_=[species("A", 'initialConcentration="3"', "false"), species("B", 'initialAmount="4"', "true")],
    )
    found = rz.solve(problem, (0, 2))
    assert found["[A]"][-1] == 1.5 and found["c"][-1] == 10 and found["A"][-1] == 15 and found["B"][-1] == 4


def oscillator(tmp_path, **options):
    """x'' = -x through rate rules, x(0) = 0, x'(0) = 1; an event counts where x > 1/2."""
    return model(
        tmp_path,
        event("count", "x > 0.5", {"n": "n + 1"}, **options),
        parameters=[parameter("x", 0, FREE), parameter("v", 1, FREE), parameter("n", 0, FREE)],
        rules=[rule("rate", "x", "v"), rule("rate", "v", "-x")],
    )


def test_delays_and_persistence(tmp_path):
    """x > 1/2 holds for 2 pi / 3 from pi / 6 on."""
    start = np.pi / 6 + 2 * np.pi * np.arange(2)
    for delay, persistent, count in (("1", "true", 2), ("2.2", "true", 2), ("2.2", "false", 0), ("2.0", "false", 2)):
        found = rz.solve(oscillator(tmp_path, delay=delay, persistent=persistent), (0, 11), **TIGHT)
        assert found["n"][-1] == count
        np.testing.assert_allclose(found.t_events[0], start[:count] + float(delay), atol=1e-9)
    varying = rz.solve(oscillator(tmp_path, delay="1 + n"), (0, 11), **TIGHT)
    np.testing.assert_allclose(varying.t_events[0], start + [1, 2], atol=1e-9)


def test_values_of_the_two_moments(tmp_path):
    for at_trigger, value in (("true", 1.0), ("false", 3.0)):
        problem = model(
            tmp_path,
            event("e", "time >= 1", {"a": "s"}, delay="2", at_trigger=at_trigger),
            parameters=[parameter("s", 0, FREE), parameter("a", 0, FREE)],
            rules=[rule("rate", "s", "1")],
        )
        assert rz.solve(problem, (0, 4), **TIGHT)["a"][-1] == pytest.approx(value)


def test_initial_value_of_a_trigger(tmp_path):
    for initial, value in (("true", 0), ("false", 7)):
        problem = model(
            tmp_path, event("e", "time >= 0", {"a": "7"}, initial=initial), parameters=[parameter("a", 0, FREE)]
        )
        found = rz.solve(problem, (0, 1), t_eval=[0, 1])
        assert found["a"].tolist() == [value, value]


def test_priorities_and_cascades(tmp_path):
    """Three events at t = 1; the one that the highest sets off acts before the lowest, by its priority."""
    problem = model(
        tmp_path,
        event("low", "time >= 1", {"a": "a*10"}, priority="1", at_trigger="false"),
        event("high", "time >= 1", {"a": "a + 1", "b": "1"}, priority="3", at_trigger="false"),
        event("set", "b > 0.5", {"a": "a + 100"}, priority="2", at_trigger="false"),
        event("off", "time >= 1", {"a": "0"}, persistent="false", priority="0.5", at_trigger="false"),
        parameters=[parameter("a", 1, FREE), parameter("b", 0, FREE)],
    )
    found = rz.solve(problem, (0, 2))
    assert [record.name for record in found.log] == ["high", "set", "low", "off"]
    assert [float(record.after[0]) for record in found.log] == [2, 102, 1020, 0]


def test_an_event_that_is_not_persistent_gives_way(tmp_path):
    problem = model(
        tmp_path,
        event("first", "a > 1", {"a": "0"}, priority="2"),
        event("second", "a > 1", {"b": "1"}, priority="1", persistent="false"),
        event("third", "a > 1", {"d": "1"}, priority="0"),
        parameters=[parameter("a", 0, FREE), parameter("b", 0, FREE), parameter("d", 0, FREE)],
        rules=[rule("rate", "a", "1")],
    )
    found = rz.solve(problem, (0, 1.5), **TIGHT)
    assert found.final["b"] == 0 and found.final["d"] == 1 and found.final["a"] == pytest.approx(0.5)


def test_logical_triggers_and_events_that_assign_nothing(tmp_path):
    problem = model(
        tmp_path,
        event("window", "(x > 0.5) && !(v < 0)", {}),
        event("either", "xor(x > 0, v > 0)", {"n": "n + 1"}),
        parameters=[parameter("x", 0, FREE), parameter("v", 1, FREE), parameter("n", 0, FREE)],
        rules=[rule("rate", "x", "v"), rule("rate", "v", "-x")],
    )
    found = rz.solve(problem, (0.1, 10), {"x": np.sin(0.1), "v": np.cos(0.1), "n": 0}, **TIGHT)
    np.testing.assert_allclose(found.t_events[0], np.pi / 6 + 2 * np.pi * np.arange(2), atol=1e-9)
    np.testing.assert_allclose(found.t_events[1], np.pi * (0.5 + np.arange(3)), atol=1e-9)
    assert "event window: when ((x > 0.5) and not((v < 0))): noted" in str(problem)
    assert found["n"][-1] == 3


def test_event_in_level_2(tmp_path):
    text = '<event id="e"><trigger>TRIGGER</trigger><listOfEventAssignments>GIVEN</listOfEventAssignments></event>'
    full = event("e", "A < 1", {"A": "5"})
    trigger = full[full.index("<math") : full.index("</trigger>")]
    given = full[full.index("<eventAssignment ") : full.index("</listOfEventAssignments>")]
    body = (
        listed("Compartments", '<compartment id="c" size="1"/>')
        + listed("Species", '<species id="A" compartment="c" initialAmount="2"/>')
        + listed("Rules", rule("rate", "A", "-A"))
        + listed("Events", text.replace("TRIGGER", trigger).replace("GIVEN", given))
    )
    found = rz.solve(rz.read_sbml(sbml(tmp_path, body, 2, 4)), (0, 1), **TIGHT)
    assert found.t_events[0] == pytest.approx([np.log(2)])
    assert found["A"][-1] == pytest.approx(5 * 2 / np.e, rel=1e-8)


def test_cell_cycle_like_model_against_scipy_with_restarts(tmp_path):
    """A grows, B follows; division halves both when B passes a threshold that an assignment rule gives."""
    problem = model(
        tmp_path,
        event("division", "B > level", {"A": "A/2", "B": "B/4", "n": "n + 1"}),
        species_=[species("A", 'initialAmount="1"'), species("B", 'initialAmount="0"')],
        parameters=[parameter("n", 0, FREE), parameter("level", None, FREE), parameter("k", 0.4)],
        rules=[rule("assignment", "level", "1 + n/10")],
        reactions=[
            reaction("grow", [], [("A", 1)], "k*A"),
            reaction("make", [("A", 1)], [("A", 1), ("B", 1)], "k*A*A/(1 + A)"),
            reaction("decay", [("B", 1)], [], "B/5"),
        ],
    )

    def f(t, u):
        return [0.4 * u[0], 0.4 * u[0] ** 2 / (1 + u[0]) - u[1] / 5]

    t, u, n, times = 0.0, np.array([1.0, 0.0]), 0, []
    while t < 12:

        def crossing(t, u, n=n):
            return u[1] - 1 - n / 10

        crossing.terminal, crossing.direction = True, 1
        part = solve_ivp(f, (t, 12), u, method="DOP853", events=crossing, rtol=1e-12, atol=1e-13)
        t, u = part.t[-1], part.y[:, -1]
        if part.status == 1:
            times.append(t)
            u, n = np.array([u[0] / 2, u[1] / 4]), n + 1
    assert n >= 3
    found = rz.solve(problem, (0, 12), **TIGHT)
    np.testing.assert_allclose(found.t_events[0], times, rtol=1e-8)
    np.testing.assert_allclose([found.final[s] for s in ("A", "B", "n")], [*u, n], rtol=1e-7)


def test_algebraic_rule_for_a_conserved_species(tmp_path):
    """A + B = T fixes B; B also enters the rate of A."""
    problem = model(
        tmp_path,
        species_=[species("A", 'initialAmount="3"'), species("B", more=f'boundaryCondition="true" {FREE}')],
        parameters=[parameter("T", 4), parameter("k", 0.3)],
        rules=[algebraic("A + 2*B - T")],
        reactions=[reaction("r", [("A", 1)], [], "k*A*B")],
    )
    assert [u.name for u in problem.unknowns] == ["A"]
    found = rz.solve(problem, (0, 5), **TIGHT)
    exact = solve_ivp(lambda t, u: -0.3 * u * (4 - u) / 2, (0, 5), [3.0], rtol=1e-12, atol=1e-13).y[0, -1]
    assert found["A"][-1] == pytest.approx(exact, rel=1e-7)
    np.testing.assert_allclose(found["B"], (4 - found["A"]) / 2)


def test_algebraic_rules_that_need_each_other_and_initial_values(tmp_path):
    """p = 2 s from the second rule, then q from the first one; s(0) is assigned from q at the start."""
    problem = model(
        tmp_path,
        parameters=[
            parameter("s", 1, FREE),
            parameter("p", None, FREE),
            parameter("q", None, FREE),
            parameter("z", 0, FREE),
        ],
        rules=[algebraic("q*s - p*p - 1"), algebraic("p/2 - s"), rule("rate", "s", "q"), rule("rate", "z", "1")],
        assignments=[assignment("z", "q + p")],
    )
    system = problem.discretize(rz.Pointwise())
    assert system.initial_state().tolist() == [1, 7]
    assert system.rhs(0.0, [2.0, 0.0]).tolist() == [8.5, 1]


def one(*more):
    return listed("Compartments", compartment()) + "".join(more)


def pair(*rules):
    return one(
        listed("Parameters", parameter("a", 1, FREE), parameter("b", 1, FREE), parameter("k", 1)),
        listed("Rules", *rules),
    )


REFUSED = {
    "not linear": (pair(algebraic("a*a - k")), UnsupportedError, "The algebraic rule for a is not linear in it"),
    "ambiguous": (pair(algebraic("a + b - k")), UnsupportedError, "Algebraic rule 1 could determine any of a, b"),
    "determined": (
        pair(rule("rate", "a", "1"), algebraic("a - k")), UnsupportedError, "Algebraic rule 1 could determine none",
    ),
    "assigned": (
        pair(rule("assignment", "a", "k")) + listed("Events", event("e", "time > 1", {"a": "1"})),
        ParseError,
        "The event e assigns a, which a rule determines at all times",
    ),
    "stranger": (
        one(listed("Events", event("e", "time > 1", {"zz": "1"}))), UnsupportedError, "The event e assigns zz",
    ),
    "undefined": (
        one(listed("Parameters", parameter("a", 1, FREE)), listed("Events", event("e", "time > 1", {"a": "yy"}))),
        ParseError,
        "In the event e: 'yy' is not defined",
    ),
    "lag": (
        one(listed("Parameters", parameter("a", 1, FREE)), listed("Events", event("e", "delay(a, 1) > 1", {"a": "0"}))),
        UnsupportedError,
        "In the trigger of e: 'delay' is not supported",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(tmp_path, case):
    body, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        rz.read_sbml(sbml(tmp_path, body))


@pytest.mark.parametrize(("level", "version"), [(3, 1), (2, 4)])
def test_fast_reactions_run_at_their_own_rate(tmp_path, level, version):
    """A <-> B is marked as fast, B is consumed slowly: the larger its rate, the nearer to equilibrium."""
    quick = reaction("r", [("A", 1)], [("B", 1)], "k*(A - B/3)").replace("reversible", 'fast="true" reversible')
    slow = reaction("slow", [("B", 1)], [], "0.5*B").replace("reversible", 'fast="false" reversible')
    body = one(
        listed("Species", species("A", 'initialAmount="1"'), species("B", 'initialAmount="0"')),
        listed("Parameters", parameter("k", 100)),
        listed("Reactions", quick, slow),
    )
    if level == 2:
        body = body.replace(' constant="true"/>', "/>")
    with pytest.warns(ModelFileWarning, match="The reaction r is marked as fast") as caught:
        problem = rz.read_sbml(sbml(tmp_path, body, level, version))
    assert len(caught) == 1 and caught[0].filename == __file__
    assert problem.ignored == ("the mark 'fast' of the reaction r, which runs at the rate of its kinetic law",)
    assert "left out: the mark 'fast' of the reaction r" in str(problem.explain())

    def gap(k):
        end = rz.solve(problem, (0, 2), params={"k": k}, method="ESDIRK4", rtol=1e-7, atol=1e-10).y[:, -1]
        matrix = np.array([[-k, k / 3], [k, -k / 3 - 0.5]])
        np.testing.assert_allclose(end, expm(2 * matrix) @ [1, 0], rtol=1e-6)
        return abs(end[1] - 0.75 * np.exp(-0.75))  # A + B decays at 3/4 of one half

    assert gap(1e4) < 2e-4 < gap(1e2)


def test_events_added_to_an_imported_problem(tmp_path):
    problem = model(
        tmp_path,
        event("own", "A < 0.2", {"A": "1"}),
        species_=[species("A", 'initialAmount="1"')],
        parameters=[parameter("k", 1)],
        reactions=[reaction("r", [("A", 1)], [], "k*A")],
    )
    (a,), (k,) = problem.unknowns, [p for p in problem.parameters if p.name == "k"]
    more = problem.replace(events=[rz.Event(a < k / 2, {a: a + 1}, name="mine")])
    found = rz.solve(more, (0, 2), **TIGHT)
    assert {record.name for record in found.log} == {"mine"} and len(found.t_events) == 2
    assert found.t_events[1][0] == pytest.approx(np.log(2))
    assert not more.replace(events=()).events and len(problem.pointwise_form().events) == 1
    with pytest.raises(ProblemError, match="The model has events of its own .own."):
        problem.replace(events=[rz.Event(a < 1, name="own")])
