"""Pictures of solutions on meshes: what is drawn where, conventions of matplotlib, mistakes."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

import ritz as rz
from ritz.codegen.fem.cellwise import subdivision
from ritz.errors import OptionError, OptionValueError, UnsupportedError
from ritz.solvers.mesh_picture import Picture
from ritz.solvers.mesh_sheets import Sheet

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

x, y, z = rz.coords("x y z")
u, p = rz.fields("u p")
w = rz.vector_fields("w")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def solved(problem, degree=1, **options):
    return rz.solve(problem.discretize(rz.FiniteElement(degree=degree)), **options)


@pytest.fixture(scope="module")
def scalar():
    return solved(
        rz.Problem([rz.Eq(-rz.lap(u), -4)], domain=rz.rectangle(n=3), conditions=[rz.Dirichlet(u, x**2 + y**2)]), 2
    )


@pytest.fixture(scope="module")
def quads():
    """The displacement (0.1*x*y, 0), exact on quadrilaterals of degree 1."""
    mesh = rz.rectangle((0, 2), (0, 1), n=(4, 2), cell="quadrilateral")
    exact = (x * y / 1000, 0)
    problem = rz.Problem([rz.Eq(-rz.lap(w), (0, 0))], domain=mesh, conditions=[rz.Dirichlet(w, exact)])
    return solved(problem)


@pytest.fixture(scope="module")
def heat():
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u))], domain=rz.rectangle(n=3), conditions=[rz.Dirichlet(u, 0)],
        initial={u: rz.sin(rz.pi * x) * rz.sin(rz.pi * y)},
    )  # fmt: skip
    return rz.solve(problem.discretize(rz.FiniteElement()), (0, 0.1), t_eval=np.linspace(0, 0.1, 5))


@pytest.mark.parametrize(("cell", "area"), [("triangle", 0.5), ("quadrilateral", 1.0)])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_pieces_fill_the_cell(cell, area, n):
    points, pieces = subdivision(cell, n)
    a, b, c = (points[pieces[:, k]] for k in range(3))
    areas = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert np.all(areas > 0) and areas.sum() == pytest.approx(area)


def test_colours_are_the_values(scalar):
    sheet = Sheet(Picture(scalar, scalar.system, 0.0, scalar.final_state), "u")
    np.testing.assert_allclose(sheet.colours, (sheet.points**2).sum(axis=1), atol=1e-12)
    ax = scalar.plot()
    (drawn,) = [c for c in ax.collections if c.get_array() is not None]
    np.testing.assert_allclose(np.sort(drawn.get_array()), np.sort(sheet.colours))
    assert ax.get_aspect() == 1 and ax.get_title() == "$u$"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x$", "$y$")
    assert len(ax.child_axes) == 1  # the colour bar


def test_options_go_to_matplotlib(scalar):
    figure, axes = plt.subplots()
    ax = scalar.plot(ax=axes, cmap="plasma", vmax=5)
    assert ax is axes and len(figure.axes) == 1
    drawn = ax.collections[0]
    assert drawn.get_cmap().name == "plasma" and drawn.get_clim()[1] == 5


@pytest.mark.parametrize("kind", ["image", "contours", "mesh"])
@pytest.mark.parametrize("edges", [True, False])
def test_kinds_of_scalars(scalar, kind, edges):
    scalar.plot(kind=kind, edges=edges).figure.canvas.draw()


@pytest.mark.parametrize("kind", [None, "arrows", "streamlines", "contours"])
def test_kinds_of_vectors(quads, kind):
    ax = quads.plot(kind=kind)
    ax.figure.canvas.draw()
    assert ax.get_title() == r"$|\boldsymbol{w}|$"


def test_components_have_panels(quads):
    axes = quads.plot(kind="components")
    assert [ax.get_title() for ax in axes] == ["$w_{x}$", "$w_{y}$"]


def test_deformed_shapes(quads):
    picture = Picture(quads, quads.system, 0.0, quads.final_state, "w", 50.0)
    corners = picture.system.mesh.reference.corners
    rest = Picture(quads, quads.system, 0.0, quads.final_state).points(corners)
    moved = picture.points(corners)
    np.testing.assert_allclose(moved[..., 0], rest[..., 0] + 0.05 * rest[..., 0] * rest[..., 1], atol=1e-12)
    assert "displacement × 50" in quads.plot(deformed=50).get_title()
    assert "displacement × 100" in quads.plot(deformed=True).get_title()  # 0.002 becomes a tenth of the length 2
    assert "displacement" not in quads.plot(deformed=1).get_title()
    quads.plot(kind="mesh", deformed=50).figure.canvas.draw()


def test_several_times(heat):
    axes = heat.plot(times=[0, 0.05, 0.1])
    assert [ax.get_title() for ax in axes] == ["$u$,  $t = 0$", "$u$,  $t = 0.05$", "$u$,  $t = 0.1$"]
    limits = {ax.collections[0].get_clim() for ax in axes}
    assert len(limits) == 1  # one scale for all


def test_profiles_in_one_dimension():
    v = rz.test(u, "v")
    weak = rz.integral((u - rz.Piecewise((0, x < 0.5), (1, True))) * v)
    problem = rz.Problem([weak], domain=rz.interval(0, 1, 4))
    solution = rz.solve(problem.discretize(rz.FiniteElement(elements={u: rz.Element("DG", 1)})))
    ax = solution.plot()
    drawn = ax.lines[0].get_ydata()
    assert np.isnan(drawn[:-1]).sum() == 1  # one gap, where the solution jumps
    smooth = solved(rz.Problem([rz.Eq(-rz.lap(u), 1)], domain=rz.interval(0, 1, 4), conditions=[rz.Dirichlet(u, 0)]))
    assert not np.isnan(smooth.plot().lines[0].get_ydata()[:-1]).any()
    _, panel = plt.subplots()
    smooth.line(u, 0, 1, 9, ax=panel, color="red")
    np.testing.assert_allclose(panel.lines[0].get_xdata(), np.linspace(0, 1, 9))
    assert panel.lines[0].get_color() == "red" and panel.get_ylabel() == "$u$"


@pytest.mark.parametrize("cell", ["tetrahedron", "hexahedron"])
def test_solids_show_their_boundary(cell):
    mesh = rz.box(n=2, cell=cell)
    problem = rz.Problem([rz.Eq(-rz.lap(w), (0, 0, 0))], domain=mesh, conditions=[rz.Dirichlet(w, (x / 100, 0, 0))])
    solution = solved(problem)
    ax = solution.plot(deformed=True)
    ax.figure.canvas.draw()
    assert ax.name == "3d" and "displacement × 10" in ax.get_title()
    assert solution.plot(edges=True).collections[0].get_edgecolor()[0] == pytest.approx([0, 0, 0, 1])


def test_animation(heat):
    movie = heat.animate(frames=3)
    ax = movie.figure.axes[0]
    picture = ax.collections[0]
    before = picture.get_array().max()
    movie._func(2)
    assert picture.get_array().max() < 0.5 * before
    assert ax.get_title("right") == "$t = 0.1$"
    movie._draw_was_started = True


def test_animation_in_one_dimension():
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u))], domain=rz.interval(0, 1, 8), conditions=[rz.Dirichlet(u, 0)],
        initial={u: rz.sin(rz.pi * x)},
    )  # fmt: skip
    solution = rz.solve(problem.discretize(rz.FiniteElement()), (0, 0.1), dense_output=True)
    movie = solution.animate(frames=4)
    line = movie.figure.axes[0].lines[1]
    movie._func(3)
    assert line.get_ydata().max() == pytest.approx(np.exp(-(np.pi**2) * 0.1), rel=0.03)
    movie._draw_was_started = True


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"kind": "imag"}, OptionError, "There is no picture kind='imag' on a mesh in 2-D. Did you mean 'image'"),
        ({"kind": "arrows"}, OptionError, "kind='arrows' draws vectors, but u is a scalar"),
        ({"fields": "v"}, OptionError, "has no field 'v'"),
        ({"deformed": True}, OptionError, "moves the mesh by a vector field of 2 components; this solution has u"),
        ({"part": "real"}, OptionError, "part='real' is for complex fields"),
        ({"ax": [None, None]}, OptionError, "This picture has 1 panels but ax= holds 2 axes"),
        ({"times": [3.0]}, UnsupportedError, "times= asks for t = 3"),
    ],
)  # fmt: skip
def test_mistakes(scalar, options, kind, message):
    with pytest.raises(kind, match=message):
        scalar.plot(**options)


def test_more_mistakes(quads, scalar):
    with pytest.raises(OptionValueError, match="deformed= is True or a factor, found 'big'"):
        quads.plot(deformed="big")
    with pytest.raises(OptionError, match="is drawn on the mesh as it was"):
        quads.plot(kind="arrows", deformed=True)
    with pytest.raises(UnsupportedError, match="needs at least two stored times"):
        scalar.animate()
