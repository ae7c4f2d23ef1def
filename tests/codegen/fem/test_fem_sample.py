"""Samples of finite-element systems against rows of the whole."""

import fem_tools as tools
import numpy as np
import pytest

import ritz as rz
from ritz.codegen import native
from ritz.codegen.fem.contributions import CellContributions
from ritz.errors import OptionError, RitzError

CELLS = ("interval", "triangle", "quadrilateral", "tetrahedron", "hexahedron")


def discretized(problem, **options):
    return problem.discretize(rz.FiniteElement(**options), rewriter=None)


def waves():
    """Second order in time, with a time-dependent value and a term on part of the boundary."""
    conditions = [rz.Dirichlet(tools.u, rz.sin(rz.t), on="left"), rz.Robin(tools.u, coefficient=2, value=1, on="right")]
    return rz.Problem(
        [rz.Eq(rz.dt(rz.dt(tools.u)), rz.div((1 + tools.u**2) * rz.grad(tools.u)))],
        domain=tools.small_mesh("triangle"), conditions=conditions, initial={tools.u: 0, rz.dt(tools.u): 0},
    )  # fmt: skip


def flow():
    w, q = rz.vector_fields("w"), rz.fields("q")
    return rz.Problem(
        [rz.Eq(rz.dot(w, rz.grad(w)) - rz.lap(w) + rz.grad(q), (0, 0)), rz.Eq(rz.div(w), 0)],
        domain=tools.small_mesh("triangle"), conditions=[rz.Dirichlet(w, (tools.y, tools.x)), rz.MeanZero(q)],
    )  # fmt: skip


def mixed_poisson():
    s, v = rz.vector_fields("s"), rz.fields("v")
    a, b = rz.test(s, "a"), rz.test(v, "b")
    weak = rz.integral(rz.dot(s, a) + v * rz.div(a) + (rz.div(s) - tools.x - v**2) * b)
    return rz.Problem([weak], domain=tools.small_mesh("triangle"))


SYSTEMS = {
    "waves": lambda: discretized(waves(), degree=2),
    "flow": lambda: discretized(flow(), degree=2),
    "vector elements": lambda: discretized(
        mixed_poisson(), elements={"s": rz.Element("RT", 1), "v": rz.Element("DG", 0)}
    ),
    "threads": lambda: discretized(tools.quasilinear("triangle"), degree=2, threads=2),
    "facets": lambda: discretized(tools.interior_penalty("tetrahedron"), elements={"u": rz.Element("DG", 1)}),
}


def check_rows(system, sample, t=0.3):
    """Rows of a sample are those of the whole; everything outside the sample may change."""
    u, *_ = tools.random_state(system)
    others = np.setdiff1d(np.arange(system.layout.size), sample.inputs)
    local, rows = u[sample.inputs], sample.rows
    scale = np.abs(system.rhs(t, u)).max()
    assert np.abs(sample.rhs(t, local) - system.rhs(t, u)[rows]).max() < 1e-13 * scale
    assert np.abs(sample.rhs_numpy(t, local) - sample.rhs(t, local)).max() < 1e-13 * scale
    whole = system.jacobian(t, u).toarray()
    found = sample.jacobian(t, local)
    assert found.shape == (len(rows), len(sample.inputs))
    assert np.abs(found.toarray() - whole[np.ix_(rows, sample.inputs)]).max() < 1e-13 * np.abs(whole).max()
    assert not whole[np.ix_(rows, others)].any()
    mass = system.mass()
    if mass is None:
        assert sample.mass() is None
    else:
        expected = mass.toarray()[np.ix_(rows, sample.inputs)]
        assert np.abs(sample.mass().toarray() - expected).max() < 1e-14 * np.abs(mass).max()
        slope = sample.time_derivative(t, local) - system.time_derivative(t, u)[rows]
        assert np.abs(slope).max() < 1e-12 * max(np.abs(system.time_derivative(t, u)).max(), 1)
    if system.parameters:
        dp = np.ones(len(system.parameters))
        expected = system.param_jvp(t, u, dp)
        assert np.abs(sample.param_jvp(t, local, dp) - expected[rows]).max() < 1e-13 * np.abs(expected).max()


def check_all(system):
    n, cells = system.layout.size, len(system.mesh.cells)
    rng = np.random.default_rng(1)
    rows = rng.choice(n, max(n // 7, 3), replace=False)
    sample = system.sample(dofs=rows)
    assert list(sample.rows) == list(rows)
    check_rows(system, sample)
    check_rows(system, system.sample(dofs=np.arange(n)))
    most = system.sample(cells=np.sort(rng.choice(cells, cells - 1, replace=False)))
    assert 0 < len(most.rows) < n or any(np.isnan(system.nodes(f.name)).any() for f in system.layout.fields)
    if len(most.rows):
        check_rows(system, most)
    everything = system.sample(weights=np.ones(cells))
    assert list(everything.rows) == list(range(n))
    check_rows(system, everything)


@pytest.mark.parametrize("cell", CELLS)
def test_rows_on_every_cell(cell):
    check_all(discretized(tools.quasilinear(cell), degree=2))


@pytest.mark.parametrize("cell", CELLS[1:])
def test_rows_with_interior_facets(cell):
    check_all(discretized(tools.interior_penalty(cell), elements={tools.u: rz.Element("DG", 1)}))


@pytest.mark.parametrize("name", SYSTEMS)
def test_rows_of_several_fields_and_kinds_of_regions(name):
    check_all(SYSTEMS[name]())


@pytest.mark.parametrize("name", SYSTEMS)
def test_weights_multiply_what_cells_add(name):
    system = SYSTEMS[name]()
    t, cells = 0.3, len(system.mesh.cells)
    rng = np.random.default_rng(5)
    weights = rng.random(cells) * (rng.random(cells) < 0.4)
    u, *_ = tools.random_state(system)
    test = rng.normal(size=(system.layout.size, 3))
    for a, _ in system.rates:
        test[a] = 0  # these rows are no integrals
    sample = system.sample(weights=weights)
    apart = CellContributions(system, test)(t, u)
    assert apart.shape == (3, cells)
    assert tools.relative(apart.sum(axis=1), test.T @ system.rhs(t, u)) < 1e-12
    found = test[sample.rows].T @ sample.rhs(t, u[sample.inputs])
    assert tools.relative(found, apart @ weights) < 1e-12
    assert tools.relative(sample.rhs_numpy(t, u[sample.inputs]), sample.rhs(t, u[sample.inputs])) < 1e-12
    v, e = rng.normal(size=len(sample.inputs)), 1e-6
    slope = (sample.rhs(t, u[sample.inputs] + e * v) - sample.rhs(t, u[sample.inputs] - e * v)) / (2 * e)
    assert tools.relative(sample.jacobian(t, u[sample.inputs]) @ v, slope) < 1e-7
    some = np.flatnonzero(weights)
    again = system.sample(cells=some, weights=weights[some])
    assert np.array_equal(again.rhs(t, u[again.inputs]), sample.rhs(t, u[sample.inputs]))


def test_the_work_does_not_know_the_mesh():
    u, x, y = tools.u, tools.x, tools.y
    counts = []
    for n in (8, 32):
        problem = rz.Problem(
            [rz.Eq(-rz.div((1 + u**2) * rz.grad(u)), x * y)], domain=rz.rectangle(n=(n, n)),
            conditions=[rz.Dirichlet(u, x, on="left"), rz.Neumann(u, u**2, on="right")],
        )  # fmt: skip
        system = discretized(problem, degree=1)
        points = system.nodes("u")[system.model.space.numbering.free[0]]
        inside = int(np.argmin(np.abs(points - [0.5, 0.5]).sum(axis=1)))
        right = int(np.argmin(np.abs(points - [1.0, 0.5]).sum(axis=1)))
        sample = system.sample(dofs=[inside, right])
        instance = sample._instance("rhs")
        sizes = sorted(len(a) for a in instance.memory.values())
        counts.append((sample.entries, len(sample.inputs), sample.space.numbering.size, sizes))
    assert counts[0] == counts[1]
    assert counts[0][0] == {"cells": 9, "boundary 'right'": 2}


def test_samples_compile_nothing(monkeypatch):
    system = discretized(tools.quasilinear("triangle"), degree=1)
    load, texts = native.load, set()
    monkeypatch.setattr(native, "load", lambda text, **options: texts.add(text) or load(text, **options))
    u, *_ = tools.random_state(system)
    system.rhs(0, u), system.jacobian(0, u)
    known = set(texts)
    sample = system.sample(dofs=[3, 5])
    sample.rhs(0, u[sample.inputs]), sample.jacobian(0, u[sample.inputs])
    assert texts == known
    first = system.sample(weights=np.ones(len(system.mesh.cells)))
    first.rhs(0, u[first.inputs])
    assert len(texts) == len(known) + 2  # cells and one part of the boundary, with weights
    second = system.sample(cells=[1, 4], weights=[0.5, 2.0])
    second.rhs(0, u[second.inputs])
    assert len(texts) == len(known) + 2


def test_a_group_of_cells_by_name():
    mesh = rz.rectangle(n=(4, 4))
    left = np.flatnonzero(mesh.points[mesh.cells].mean(axis=1)[:, 0] < 0.5)
    named = type(mesh).from_arrays(mesh.points, mesh.cells, "triangle", cell_groups={"left half": left})
    problem = rz.Problem([rz.Eq(-rz.lap(tools.u) + tools.u, 1)], domain=named, conditions=[rz.Neumann(tools.u, 0)])
    system = discretized(problem, degree=1)
    sample = system.sample(cells="left half")
    assert sample.entries == {"cells": 16}
    assert np.all(system.nodes("u")[sample.rows][:, 0] < 0.5)
    assert len(sample.rows) == 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give cells=, dofs= or weights="),
        ({"dofs": [1], "cells": [2]}, "have no place beside it"),
        ({"dofs": [10_000]}, "positions in the state from 0 to"),
        ({"dofs": [0.5]}, "whole numbers; found float64"),
        ({"cells": [2, 2]}, "more than once"),
        ({"weights": [1.0, 2.0]}, "one for each cell"),
        ({"cells": [1], "weights": [np.nan]}, "not finite"),
    ],
)
def test_messages(options, words):
    system = discretized(tools.quasilinear("triangle"), degree=1)
    with pytest.raises(OptionError, match=words):
        system.sample(**options)


def test_a_state_of_the_whole_is_refused():
    system = discretized(tools.quasilinear("triangle"), degree=1)
    with pytest.raises(RitzError, match=r"u\[sample.inputs\]"):
        system.sample(dofs=[0]).rhs(0, np.zeros(system.layout.size))
