"""Parts of a mesh on several threads: the answers of one thread, to the last bit every time, whoever does what."""

import threading
import time

import fem_tools as tools
import numpy as np
import pytest

import ritz as rz
from ritz.codegen.fem.instance import FemInstance
from ritz.codegen.fem.parts import cut, share
from ritz.codegen.fem.region import Group
from ritz.codegen.team import MEMBER, MEMBERS, PRESENT


def discretized(problem, threads, **options):
    return problem.discretize(rz.FiniteElement(threads=threads, **options), rewriter=None)


def refined(problem, times=1):
    mesh = problem.domain.mesh
    for _ in range(times):
        mesh = mesh.refine()
    return problem.replace(domain=mesh)


def mean_zero():
    """A problem with a number that every cell adds to."""
    return rz.Problem(
        [rz.Eq(-rz.div((1 + tools.u**2) * rz.grad(tools.u)), tools.x - 0.5)],
        domain=tools.small_mesh("triangle").refine(), conditions=[rz.MeanZero(tools.u)],
    )  # fmt: skip


PROBLEMS = {
    "triangle": (lambda: refined(tools.quasilinear("triangle"), 2), dict(degree=2)),
    "hexahedron": (lambda: refined(tools.quasilinear("hexahedron")), dict(degree=2)),
    "vectors": (lambda: refined(tools.neo_hooke()), dict(degree=1)),
    "facets": (lambda: tools.interior_penalty("tetrahedron"), dict(elements={tools.u: rz.Element("DG", 1)})),
    "one number": (mean_zero, dict(degree=1)),
}


def results(system, u, v):
    """All kinds of vectors and matrices of a system."""
    found = [system.rhs(0.3, u), system.jvp(0.3, u, v), system.vjp(0.3, u, v), system.time_derivative(0.3, u)]
    found += [system.param_jvp(0.3, u, np.ones(len(system.parameters))), system.jacobian(0.3, u).data]
    return found if system.is_steady else [*found, system.mass().data]


@pytest.mark.parametrize("name", PROBLEMS)
def test_threads_give_what_one_gives(name):
    make, options = PROBLEMS[name]
    problem = make()
    alone = discretized(problem, 1, **options)
    u, v, _ = tools.random_state(alone, 0.02)
    expected = results(alone, u, v)
    assert tools.relative(expected[0], alone.rhs_numpy(0.3, u)) < 1e-13
    for threads in (2, 3):
        system = discretized(problem, threads, **options)
        assert max(g.part for r in system.model.space.regions for g in r.groups) == threads - 1
        found = results(system, u, v)
        for mine, other in zip(found, expected, strict=True):
            assert np.abs(mine - other).max() <= 1e-13 * np.abs(other).max(initial=0.0)


def test_results_are_the_same_to_the_last_bit_whoever_does_what():
    system = discretized(refined(tools.quasilinear("triangle"), 2), 3, degree=2)
    u, _, _ = tools.random_state(system)
    p = np.ascontiguousarray(system.parameter_vector(None))
    for kind, first in (("rhs", system.rhs(0.3, u)), ("jacobian", system.jacobian(0.3, u).data)):
        for k in range(20):
            team = system._team() if k % 2 else None
            instance = FemInstance(system._program(kind), {}, team)
            out = np.full(first.size if kind == "rhs" else instance.length, np.nan)
            instance.call(0.3, u, p, out)
            np.testing.assert_array_equal(out[: first.size], first)


def test_systems_and_callers_at_the_same_time_do_not_meet():
    problems = [refined(tools.quasilinear("triangle"), 2), refined(tools.neo_hooke())]
    systems = [discretized(problem, 2, degree=1) for problem in problems]
    states = [tools.random_state(system, 0.02)[0] for system in systems]
    expected = [(s.rhs(0.3, u), s.jacobian(0.3, u).data) for s, u in zip(systems, states, strict=True)]
    wrong = []

    def call(k):
        system, u = systems[k], states[k]
        for _ in range(30):
            found = system.rhs(0.3, u), system.jacobian(0.3, u).data
            if not all(np.array_equal(a, b) for a, b in zip(found, expected[k], strict=True)):
                wrong.append(k)

    callers = [threading.Thread(target=call, args=(k,)) for k in (0, 1, 0, 1)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_one_system_is_evaluated_within_the_solver_of_another():
    problems = [refined(tools.quasilinear("triangle")), refined(tools.neo_hooke())]
    one, other = (discretized(problem, 2, degree=1) for problem in problems)
    (u, _, _), (w, _, _) = tools.random_state(one), tools.random_state(other, 0.02)
    expected, inner = other.rhs(0.3, w), []

    def f(t, y):
        inner.append(other.rhs(0.3, w))
        return one.rhs(t, y)

    outer = rz.FunctionSystem(f, len(u), jacobian=lambda t, y: one.jacobian(t, y), initial=u)
    found = rz.solve(outer, (0, 0.01), method="BackwardEuler", dt=0.01)
    assert found.success and len(inner) > 1
    assert all(np.array_equal(r, expected) for r in inner)


def test_threads_go_to_sleep_when_nothing_is_evaluated():
    system = discretized(refined(tools.neo_hooke()), 2, degree=1)
    u, _, _ = tools.random_state(system, 0.02)
    system.rhs(0.0, u)
    present = system._team()._block[MEMBERS + MEMBER + PRESENT :][:1]
    deadline = time.monotonic() + 10
    while present[0] and time.monotonic() < deadline:
        time.sleep(0.001)
    assert present[0] == 0


def test_solvers_fluxes_and_samples_on_threads():
    problem = refined(tools.neo_hooke())
    alone, together = (discretized(problem, threads, degree=1) for threads in (1, 2))
    w = next(iter(problem.unknowns))
    found = [rz.solve(system) for system in (alone, together)]
    assert tools.relative(found[1].y, found[0].y) < 1e-9
    u = found[0].y[:, 0]
    forces = [system.flux(w, "left", u) for system in (alone, together)]
    assert tools.relative(forces[1], forces[0]) < 1e-12
    rows = np.arange(0, alone.layout.size, 7)
    sample = together.sample(dofs=rows)
    matrix = alone.jacobian(0, u)
    difference = sample.jacobian(0, u[sample.inputs]) - matrix[rows][:, sample.inputs]
    assert abs(difference).max() < 1e-13 * abs(matrix).max()


# ---------------------------------------------------------------------- parts
class Entries:
    """Entries sorted into parts, as a region has them."""

    def __init__(self, sizes):
        bounds = np.cumsum([0, *sizes])
        self.groups = [Group(int(bounds[k]), int(bounds[k + 1]), (), (), 1.0, k) for k in range(len(sizes))]
        self.size = int(bounds[-1])


@pytest.mark.parametrize("sizes", [[[5, 3]], [[4, 0, 6], [2, 2, 1]], [[7], [3]], [[1, 1, 1, 1, 1]]])
def test_parts_never_write_to_the_same_number_and_nothing_is_lost(sizes):
    rng, size, kept = np.random.default_rng(5), 12, 10
    regions = [Entries(s) for s in sizes]
    tables = [rng.integers(0, size, (r.size, 4)).astype(np.int32) for r in regions]
    values = [rng.normal(size=table.shape) for table in tables]
    shares = share(list(zip(regions, tables, strict=True)), size, kept)
    whole, expected, writer = np.zeros(shares.length), np.zeros(size), {}
    for region, before, after, value in zip(regions, tables, shares.tables, values, strict=True):
        np.add.at(expected, before, value)
        np.add.at(whole, after, value)
        for g in region.groups:
            for place in after[g.start : g.stop].ravel().tolist():
                assert writer.setdefault(place, g.part) == g.part
    assert np.all(np.diff(shares.targets) > 0) and np.all(shares.targets < kept)
    for k, target in enumerate(shares.targets):
        whole[target] += whole[shares.sources[shares.starts[k] : shares.starts[k + 1]]].sum()
    np.testing.assert_allclose(whole[:kept], expected[:kept], atol=1e-14)


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_are_of_one_size(parts):
    points = np.random.default_rng(0).random((1001, 2))
    counts = np.bincount(cut(points, parts), minlength=parts)
    assert len(counts) == parts and np.ptp(counts) <= 2


def test_the_cut_lies_across_the_direction_that_runs_last():
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(6), indexing="ij"), axis=-1).reshape(-1, 2).astype(float)
    assert np.array_equal(cut(grid, 2), np.repeat([0, 1], 18))
    assert np.array_equal(cut(grid[:, ::-1], 2), np.repeat([0, 1], 18))
    assert np.array_equal(cut(grid * [1, 5], 2), np.tile(np.repeat([0, 1], 3), 6))  # unless another extent is longer
