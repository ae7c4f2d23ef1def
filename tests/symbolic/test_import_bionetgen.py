"""Networks of BioNetGen: every rate law and block, values against plain loops over the file, and refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from plain_networks import DATA, PlainNetwork, random_network

import ritz as rz
from ritz.errors import OptionError, ParseError, UnsupportedError
from ritz.symbolic.calculus import sparse_jacobian
from ritz.symbolic.evaluate import evaluate

HEAD = "begin parameters\n 1 k 0.5 # Constant\n 2 K 2\n 3 h 3\nend parameters\n"


def network(tmp_path, species, reactions, more="", head=HEAD, name="model"):
    rows = [f" {i} {s}" for i, s in enumerate(species, start=1)]
    lines = [f" {i} {r}" for i, r in enumerate(reactions, start=1)]
    text = "\n".join(["begin species", *rows, "end species", "begin reactions", *lines, "end reactions\n"])
    path = tmp_path / f"{name}.net"
    path.write_text(head + text + more)
    return path


def values(problem, x, t=0.0, **parameters):
    form = problem.pointwise_form()
    given = dict(zip(form.states.values(), x, strict=True))
    for p in problem.parameters:
        given[form.graph.input(p.name, "param")] = parameters.get(p.name, p.default)
    given[form.graph.input("t", "time")] = t
    return form, given


def rhs(problem, x, **more):
    form, given = values(problem, x, **more)
    return np.array(evaluate(form.graph, list(form.derivatives.values()), given), dtype=float)


def jacobian(problem, x):
    form, given = values(problem, x)
    columns = {node: j for j, node in enumerate(form.states.values())}
    out = np.zeros((len(x), len(x)))
    rows = sparse_jacobian(form.graph, list(form.derivatives.values()), list(columns))
    for i, row in enumerate(rows):
        for node, value in zip(row, evaluate(form.graph, list(row.values()), given), strict=True):
            out[i, columns[node]] = value
    return out


@pytest.mark.parametrize("file", ["egfr_net.net", "bcr.net"])
def test_published_networks_against_plain_loops(file):
    plain, problem = PlainNetwork(DATA / file), rz.read_bionetgen(DATA / file)
    assert [u.name for u in problem.unknowns] == plain.species
    x = plain.start * np.random.default_rng(1).uniform(0.5, 1.5, len(plain.start)) + 1.0
    wanted = plain.rhs(x)
    assert np.abs(rhs(problem, x) - wanted).max() < 1e-12 * np.abs(wanted).max()
    slopes = plain.jacobian(x)
    assert np.abs(jacobian(problem, x) - slopes).max() < 1e-12 * np.abs(slopes).max()
    system = problem.discretize(rz.Pointwise())
    np.testing.assert_allclose(system.initial_state(), plain.start, rtol=1e-15)
    for name, members in plain.groups.items():
        assert float(system.quantity(name, 0.0, x)) == pytest.approx(sum(w * x[k] for w, k in members), rel=1e-13)


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_against_plain_loops(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / "random.net"
    path.write_text(random_network(rng, int(rng.integers(3, 9)), int(rng.integers(1, 40))))
    problem = rz.read_bionetgen(path)
    for changed in ({}, {"k1": 0.2, "k2": 3.5}):
        plain = PlainNetwork(path, **changed)
        x = rng.uniform(0, 2, len(plain.species))
        np.testing.assert_allclose(rhs(problem, x, **changed), plain.rhs(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(jacobian(problem, x), PlainNetwork(path).jacobian(x), rtol=1e-12, atol=1e-12)


def test_names_parameters_and_quantities(tmp_path):
    head = "begin parameters\n 1 k 0.5\n 2 twice 2*k # ConstantExpression\n 3 n 1e3/2e2\nend parameters\n"
    more = "begin groups\n 1 Atot 1,2*2\nend groups\n"
    path = network(tmp_path, ["A(b) 2*n", "A(b!1).A(b!1) 0"], ["1,1 2 twice"], more, head, "dimers")
    problem = rz.read_bionetgen(path)
    assert problem.name == "dimers" and [u.name for u in problem.unknowns] == ["A(b)", "A(b!1).A(b!1)"]
    assert {p.name: p.default for p in problem.parameters} == {"k": 0.5, "n": 5.0}
    assert problem.quantities == ("twice", "Atot")
    assert list(problem.equation_lines()) == ["R1: 2 A(b) -> A(b!1).A(b!1) at rate 2*A(b)**2*k"]
    solution = rz.solve(problem, (0, 1), params={"k": 0.1, "n": 1}, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(solution["A(b)"], 2 / (1 + 0.8 * solution.t), rtol=1e-7)
    np.testing.assert_allclose(solution["Atot"], 2.0, rtol=1e-12)  # the dimer counts twice: conserved
    np.testing.assert_allclose(solution["twice"], 0.2)


@pytest.mark.parametrize(
    ("law", "wanted"),
    [
        ("k", lambda a, b, k, K, h: k * a * b),
        ("2.5*k", lambda a, b, k, K, h: 2.5 * k * a * b),
        ("k*K^h", lambda a, b, k, K, h: k * K**h * a * b),
        ("0.25", lambda a, b, k, K, h: 0.25 * a * b),
        ("Sat k K", lambda a, b, k, K, h: k * a * b / (K + a)),
        ("Sat k K h", lambda a, b, k, K, h: k * a * b / (K + a) / (h + b)),
        ("Sat k", lambda a, b, k, K, h: k),
        ("2*Hill k K h", lambda a, b, k, K, h: 2 * k * a**h / (K**h + a**h) * b),
        ("MM k K", lambda a, b, k, K, h: k * b * (s := free(a, b, K)) / (K + s)),
        ("f", lambda a, b, k, K, h: (k * (a + 3 * b) if a > b else np.exp(-0.7)) * a * b),
        ("g()", lambda a, b, k, K, h: 2 * ((k * (a + 3 * b) if a > b else np.exp(-0.7)) - 1) * a * b),
    ],
)
@pytest.mark.parametrize("x", [(0.3, 1.7, 0.0), (2.5, 0.4, 1.0)])
def test_rate_laws(tmp_path, law, wanted, x):
    more = (
        "begin functions\n 1 f() if(obs>1*other,k*(obs+3*other),exp(-time))\n 2 g() 2*(f()-1)\nend functions\n"
        "begin groups\n 1 obs 1\n 2 other 2\nend groups\n"
    )
    path = network(tmp_path, ["A 1", "B 1", "C 0"], [f"1,2 3 {law} #_rule"], more)
    found = rhs(rz.read_bionetgen(path), x, t=0.7)
    rate = wanted(x[0], x[1], 0.5, 2.0, 3.0)
    np.testing.assert_allclose(found, [-rate, -rate, rate], rtol=1e-13)


def free(substrate, enzyme, km):
    b = substrate - km - enzyme
    return 0.5 * (b + np.sqrt(b**2 + 4 * substrate * km))


def test_fixed_species_sources_and_sinks(tmp_path):
    path = network(tmp_path, ["$E 2", "A 1"], ["1 1,2 k", "2 0 K", "0 2 h"])
    np.testing.assert_allclose(rhs(rz.read_bionetgen(path), [2.0, 4.0]), [0.0, 0.5 * 2 - 2 * 4 + 3])


def test_display_and_copies(tmp_path):
    problem = rz.read_bionetgen(network(tmp_path, ["A(x~0) 2", "B() 0"], ["1 2 k", "2 1 2*k"]))
    assert str(problem.equations[0]) == "dt(A(x~0)) = -A(x~0)*k + 2*B()*k"
    assert "R2: B() -&gt; A(x~0)" in problem._repr_html_()
    assert "from 2 reactions" in str(problem.explain())
    again = pickle.loads(pickle.dumps(problem))
    np.testing.assert_array_equal(rhs(again, [1.0, 2.0]), rhs(problem, [1.0, 2.0]))
    changed = problem.replace(initial={"A(x~0)": 7, "B()": 1}, name="other")
    assert changed.name == "other" and list(changed.initial.values()) == [7, 1]
    with pytest.raises(OptionError, match="no option 'equations'"):
        problem.replace(equations=[])
    form = problem.scalar_form()
    assert len(form.equations) == 2 and form.unknowns == problem.unknowns


def test_harmless_content_is_listed(tmp_path):
    text = 'substanceUnits("Number")\n' + HEAD + "begin molecule types\n 1 A()\nend molecule types\n"
    problem = rz.read_bionetgen(network(tmp_path, ["A 1"], ["1 0 k"], head=text))
    assert problem.ignored == (
        'line 1: substanceUnits("Number")',
        "block 'molecule types' (line 7), which adds nothing to a generated network",
    )


@pytest.mark.parametrize(
    ("species", "reactions", "more", "error", "message"),
    [
        (["A 1"], ["1 2 k"], "", ParseError, "Line 10: there is no species '2'; they are numbered 1 to 1"),
        (["A 1"], ["1 0 kk"], "", ParseError, "Line 10: 'kk' is not defined"),
        (["A 1", "A 2"], [], "", ParseError, "Line 8: the species A is listed twice"),
        (["A 1"], ["1 0 Arrhenius k K"], "", UnsupportedError, "rate law 'Arrhenius k K' is unknown"),
        (["A 1"], ["1 0 Hill k K"], "", ParseError, "Hill does not take 2 constants with 1 reactants"),
        (["A 1"], ["1 0 k"], "begin energy\nend energy\n", UnsupportedError, "block 'energy' is unknown"),
        (["A 1"], ["1 0 k"], "begin groups\n 1 G 1\n", ParseError, "'groups' has no end"),
        (["A 1"], ["1 0 k"], "begin functions\n 1 f() g()\n 2 g() f()\nend functions\n", ParseError, "in a circle"),
        (
            ["A 1"],
            ["1 0 f"],
            "begin functions\n 1 f() tfun('x.dat')\nend functions\n",
            UnsupportedError,
            "reads a table",
        ),
        (["A 1"], ["1 0 k"], "begin functions\n 1 f() k*)\nend functions\n", ParseError, "A value is missing"),
        (["A time"], ["1 0 k"], "", ParseError, "the start value 'time' of A is no constant"),
        (["A"], ["1 0 k"], "", ParseError, "expected '1' and 2 more entries of species"),
        (["A 1"], ["1 0 k"], "begin groups\n 1 k 1\nend groups\n", ParseError, "'k' is defined twice .first: line 2"),
    ],
)
def test_mistakes_are_named(tmp_path, species, reactions, more, error, message):
    with pytest.raises(error, match=message):
        rz.read_bionetgen(network(tmp_path, species, reactions, more))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "x.net"
    path.write_text("begin parameters\nend parameters\n")
    with pytest.raises(ParseError, match="no block 'species'"):
        rz.read_model(path)
