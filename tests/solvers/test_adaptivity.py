"""Error estimates and adaptive refinement: exact where they must be, optimal rates at a re-entrant corner."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import ritz as rz
from ritz.codegen.fem.recovery import PatchFit
from ritz.codegen.fem.residuals import residual_indicators
from ritz.errors import OptionError, OptionValueError, UnsupportedError

x, y, z = rz.coords("x y z")
u = rz.fields("u")
k = rz.params("k", default=2.0)


def l_shape(n: int) -> rz.Mesh:
    """The square (-1, 1)**2 without x > 0 > y, n cells along an edge of length 1."""
    numbers: dict[tuple[int, int], int] = {}
    cells = []
    for i in range(-n, n):
        for j in range(-n, n):
            if not (i >= 0 > j):
                a, b, c, d = (
                    numbers.setdefault(corner, len(numbers))
                    for corner in ((i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1))
                )
                cells += [[a, b, d], [a, c, d]]
    return rz.Mesh.from_arrays(np.array(list(numbers)) / n, cells, "triangle")


def singular():
    """r**(2/3) * sin(2*phi/3), harmonic, zero on both edges of the re-entrant corner; the cut lies in the notch."""
    along, across = -(x - y) / rz.sqrt(2), -(x + y) / rz.sqrt(2)
    phi = rz.atan2(across, along) + 3 * rz.pi / 4
    return (x**2 + y**2) ** (rz.pi / rz.pi / 3) * rz.sin(2 * phi / 3)


EXACT = singular()
CORNER = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=l_shape(2), conditions=[rz.Dirichlet(u, EXACT)])


@pytest.mark.parametrize(("degree", "most", "optimal"), [(1, 2500, -0.5), (2, 6000, -1.0)])
@pytest.mark.parametrize("method", ["recovery", "residual"])
def test_adaptive_meshes_reach_the_optimal_rate(degree, most, optimal, method):
    result = rz.adapt(CORNER, rz.FiniteElement(degree=degree), max_unknowns=most, exact={u: EXACT}, method=method)
    assert result.rate(of="error") == pytest.approx(optimal, abs=0.12)
    assert result.rate() == pytest.approx(optimal, abs=0.12)
    ratio = result.estimates[-3:] / result.errors[-3:]
    if method == "recovery":
        assert np.all(np.abs(ratio - 1) < 0.1)
    else:
        assert np.ptp(ratio) < 0.1 * ratio.mean()  # a constant factor
    corner = np.linalg.norm(result.mesh.midpoints, axis=1) < 0.05
    assert result.mesh.cell_diameters[corner].max() < 0.2 * result.mesh.cell_diameters.max()


@pytest.mark.parametrize("degree", [1, 2])
def test_uniform_meshes_do_not(degree):
    mesh, rows = l_shape(4), []
    for _ in range(3):
        system = CORNER.replace(domain=mesh).discretize(rz.FiniteElement(degree=degree))
        solution = rz.solve(system)
        estimate = rz.estimate_error(solution)
        rows.append((system.layout.size, estimate.total, solution.error({u: EXACT}, norm="H1")))
        mesh = mesh.refine()
    sizes, estimates, errors = np.log(rows).T
    assert np.diff(errors)[-1] / np.diff(sizes)[-1] == pytest.approx(-1 / 3, abs=0.04)
    assert np.diff(estimates)[-1] / np.diff(sizes)[-1] == pytest.approx(-1 / 3, abs=0.04)


@pytest.mark.parametrize("cell", ["interval", "triangle", "quadrilateral", "tetrahedron", "hexahedron"])
@pytest.mark.parametrize("degree", [1, 2])
def test_polynomials_are_recovered_exactly(cell, degree):
    mesh = {
        "interval": lambda: rz.interval(0, 1, 4), "triangle": lambda: rz.rectangle(n=3),
        "quadrilateral": lambda: rz.rectangle(n=3, cell="quadrilateral"), "tetrahedron": lambda: rz.box(n=2),
        "hexahedron": lambda: rz.box(n=2, cell="hexahedron"),
    }[cell]()  # fmt: skip
    fit = PatchFit(mesh, degree)

    def samples(places):
        at = fit._points(places)
        return (1 + at.sum(axis=-1) ** degree)[None]

    wanted = np.full((1, mesh.dim), 0.2)
    np.testing.assert_allclose(fit.values(fit.coefficients(samples(fit.places)), wanted), samples(wanted), atol=1e-9)


@pytest.mark.parametrize("method", ["recovery", "residual"])
def test_no_error_no_estimate(method):
    """A polynomial of the degree of the elements, all kinds of conditions: nothing is left over."""
    exact = x**2 + x * y
    problem = rz.Problem(
        [rz.Eq(-rz.div(k * rz.grad(u)) + u, -2 * k + exact)], domain=rz.rectangle(n=3),
        conditions=[
            rz.Dirichlet(u, exact, on="left"), rz.Neumann(u, k * (2 * x + y), on="right"),
            rz.Robin(u, coefficient=3, value=exact + k * x / 3, on="top"), rz.Neumann(u, -k * x, on="bottom"),
        ],
    )  # fmt: skip
    solution = rz.solve(problem.discretize(rz.FiniteElement(degree=2)))
    assert rz.estimate_error(solution, method=method).total < 1e-11
    spoiled = rz.solve(problem.replace(conditions=problem.conditions[:3]).discretize(rz.FiniteElement(degree=2)))
    assert rz.estimate_error(spoiled, method="residual").relative > 0.02


def test_residuals_of_a_nonlinear_equation_fall_at_the_right_rate():
    exact = rz.sin(2 * x) * rz.cos(y)
    source = -sum(((1 + exact**2) * exact.diff(s)).diff(s) for s in (x, y))
    mesh, found = rz.rectangle(n=4), []
    for _ in range(3):
        problem = rz.Problem([rz.Eq(-rz.div((1 + u**2) * rz.grad(u)), source)], domain=mesh,
                             conditions=[rz.Dirichlet(u, exact)])  # fmt: skip
        solution = rz.solve(problem.discretize(rz.FiniteElement(degree=2)))
        found.append([rz.estimate_error(solution, method=m).total for m in ("residual", "recovery")])
        mesh = mesh.refine()
    orders = np.log2(np.array(found[:-1]) / np.array(found[1:]))
    np.testing.assert_allclose(orders[-1], 2, atol=0.15)


@pytest.mark.parametrize(
    ("cell", "degree", "sizes"),
    [("quadrilateral", 1, (8, 16, 32)), ("quadrilateral", 2, (4, 8, 16)), ("hexahedron", 1, (3, 6, 12))],
)
def test_residuals_on_mapped_cells_fall_with_the_error(cell, degree, sizes):
    """On squares and cubes moved by a smooth map, where second derivatives of the map count."""
    axes = (x, y, z)[: 2 if cell == "quadrilateral" else 3]
    exact, ratios, totals = rz.sin(2 * x) * rz.cos(axes[-1]), [], []
    for n in sizes:
        mesh = (rz.rectangle if len(axes) == 2 else rz.box)(n=n, cell=cell)
        points = mesh.points + 0.05 * np.sin(3 * mesh.points[:, ::-1])
        problem = rz.Problem([rz.Eq(-rz.lap(u), -sum(exact.diff(a, 2) for a in axes))],
                             domain=rz.Mesh.from_arrays(points, mesh.cells, cell),
                             conditions=[rz.Dirichlet(u, exact)])  # fmt: skip
        solution = rz.solve(problem.discretize(rz.FiniteElement(degree=degree)))
        totals.append(rz.estimate_error(solution, method="residual").total)
        ratios.append(totals[-1] / solution.error({u: exact}, norm="H1"))
    assert np.log2(totals[-2] / totals[-1]) == pytest.approx(degree, abs=0.1)
    assert max(ratios) < 1.1 * min(ratios) and min(ratios) > 1


@pytest.mark.parametrize("cell", ["triangle", "quadrilateral", "hexahedron"])
def test_residuals_are_those_of_values_beside_the_facets(cell):
    """The jumps of a state that solves nothing, from gradients in points just beside each facet."""
    mesh = rz.box(n=2, cell=cell) if cell == "hexahedron" else rz.rectangle(n=2, cell=cell)
    problem = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=mesh, conditions=[rz.Dirichlet(u, x * y)])
    system = problem.discretize(rz.FiniteElement(degree=1))
    state = np.array([1.0, -2.0, 3.0])[: system.layout.size]
    found, _ = residual_indicators(system, state)
    places, parts = (np.polynomial.legendre.leggauss(4)[0] + 1) / 2, np.polynomial.legendre.leggauss(4)[1] / 2
    expected = np.zeros(len(mesh.cells))
    for facet in mesh.interior_facets:
        corners = mesh.points[mesh.entities(mesh.dim - 1)[facet]]
        sides = (corners[1:3] - corners[0])[: mesh.dim - 1]
        area, normal = np.sqrt(np.linalg.det(sides @ sides.T)), np.linalg.svd(sides)[2][-1]
        grid = np.array(list(product(places, repeat=mesh.dim - 1)))
        weights = np.prod(list(product(parts, repeat=mesh.dim - 1)), axis=1)
        at = corners[0] + grid @ sides
        jump = sum(s * normal @ system.evaluate(rz.grad(u), at + s * 1e-9 * normal, state) for s in (1, -1))
        for owner in mesh.facet_cells[facet]:
            expected[owner] += 0.5 * mesh.facet_diameters[facet] * area * (weights @ jump**2)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_recovery_of_a_flux():
    """Where the coefficient jumps the gradient jumps too, and only the flux may be compared."""
    coefficient = rz.Piecewise((1, x < 0.5), (10, True))
    problem = rz.Problem(
        [rz.Eq(-rz.div(coefficient * rz.grad(u)), 0)], domain=rz.rectangle(n=4),
        conditions=[rz.Dirichlet(u, 0, on="left"), rz.Dirichlet(u, 1, on="right")],
    )  # fmt: skip
    solution = rz.solve(problem.discretize(rz.FiniteElement(degree=1)))
    assert rz.estimate_error(solution).total > 0.1
    assert rz.estimate_error(solution, of=coefficient * rz.grad(u)).total < 1e-12


def test_marking_takes_the_fewest_cells():
    estimate = rz.estimate_error(rz.solve(CORNER.discretize(rz.FiniteElement(degree=1))))
    marked = estimate.mark(0.4)
    squares = estimate.cells**2
    assert squares[marked].sum() >= 0.4 * squares.sum()
    assert np.sort(squares)[::-1][: len(marked) - 1].sum() < 0.4 * squares.sum()
    assert len(estimate.mark(1.0)) == np.count_nonzero(squares > 0)
    assert "by recovery, 24 cells" in repr(estimate)


def test_adaptive_loop_on_a_box_and_a_nonlinear_problem():
    problem = rz.Problem(
        [rz.Eq(-rz.div((1 + u**2) * rz.grad(u)), 50 * rz.exp(-100 * ((x - 0.3) ** 2 + (y - 0.3) ** 2)))],
        domain=rz.Box(x=(0, 1), y=(0, 1)), conditions=[rz.Dirichlet(u, 0, on="left"), rz.Neumann(u, 0.1, on="top")],
    )  # fmt: skip
    seen = []
    result = rz.adapt(problem, rz.FiniteElement(4, 4, degree=2), tolerance=0.02,
                      callback=lambda solution, estimate: seen.append(estimate.relative))  # fmt: skip
    assert result.success and result.estimate.relative <= 0.02 < seen[-1]
    assert len(result.history) == len(seen) + 1 > 2
    assert "below the tolerance" in repr(result)
    assert result.mesh.facet_groups.keys() == {"left", "right", "bottom", "top"}
    with pytest.raises(OptionError, match="exact="):
        result.rate(of="error")


def test_loop_ends_where_it_is_told():
    result = rz.adapt(CORNER, tolerance=1e-6, max_rounds=2)
    assert not result.success and "max_rounds = 2" in result.message
    stopped = rz.adapt(CORNER, tolerance=1e-6, callback=lambda solution, estimate: True)
    assert len(stopped.history) == 1 and stopped.message == "Stopped by the callback."


def test_pictures():
    import matplotlib.pyplot as plt

    result = rz.adapt(CORNER, max_unknowns=60, exact={u: EXACT})
    axes = result.plot()
    assert [line.get_label() for line in axes.lines] == ["estimate", "error"]
    panel = result.estimate.plot()
    assert len(panel.collections[0].get_array()) == len(result.mesh.cells)
    plt.close("all")


HEAT = rz.Problem(
    [rz.Eq(rz.dt(u), rz.lap(u))], domain=rz.rectangle(n=2), conditions=[rz.Dirichlet(u, 0)], initial={u: x * y}
)
SECOND = CORNER.replace(
    equations=[rz.integral(rz.dot(rz.grad(u), rz.grad(rz.test(u, "v"))) - rz.dx(rz.dx(u)) * rz.test(u, "v"))]
)
QUADS = CORNER.replace(domain=rz.rectangle(n=2, cell="quadrilateral"), conditions=[rz.Dirichlet(u, x)])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: rz.adapt(CORNER), OptionError, "adapt needs an end"),
        (lambda: rz.adapt(CORNER, tolerance=2), OptionValueError, "tolerance= is relative, between 0 and 1; found 2"),
        (lambda: rz.adapt(CORNER, max_unknowns=0), OptionValueError, "max_unknowns= is a positive number"),
        (lambda: rz.adapt(CORNER, tolerance=0.1, max_rounds=0), OptionValueError, "max_rounds="),
        (lambda: rz.adapt(CORNER, tolerance=1e-9, fraction=2), OptionError, "fraction= is above 0 and at most 1"),
        (lambda: rz.adapt(CORNER, tolerance=0.1, method="magic"), OptionError, "method= is 'recovery' or 'residual'"),
        (lambda: rz.adapt(HEAT, tolerance=0.1), UnsupportedError, "u evolves in time; adapt is for steady problems"),
        (lambda: rz.adapt(QUADS, tolerance=1e-20), UnsupportedError, "Only intervals, triangles and tetrahedra"),
        (lambda: rz.adapt(SECOND, tolerance=0.1, method="residual"), UnsupportedError,
         r"second derivative, dx\(u, 2\).*Take method='recovery'"),
    ],
)  # fmt: skip
def test_mistakes(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
