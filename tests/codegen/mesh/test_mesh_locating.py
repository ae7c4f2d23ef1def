"""Points found in meshes of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from mesh_examples import ALL

import ritz as rz
from ritz.codegen.mesh import Mesh
from ritz.codegen.mesh.geometry import map_points
from ritz.errors import MeshError, OptionValueError, UnsupportedError


def image(mesh, cells, places):
    nodes = mesh.points[mesh.geometry[cells]]
    return np.array(
        [
            map_points(own[None], mesh.cell_type, mesh.geometry_degree, place[None])[0, 0]
            for own, place in zip(nodes, places)
        ]
    )


def inner_places(mesh, rng, count):
    """Random reference coordinates inside the cell, not near its boundary."""
    corners = mesh.reference.corners
    weights = rng.dirichlet(np.ones(len(corners)), count) * 0.9 + 0.1 / len(corners)
    return weights @ corners


@pytest.mark.parametrize("name", ALL)
def test_points_inside_are_found(name):
    mesh = ALL[name]()
    rng = np.random.default_rng(0)
    cells = rng.integers(0, len(mesh.cells), 200)
    places = inner_places(mesh, rng, 200)
    found, where = mesh.locate(image(mesh, cells, places))
    assert found.tolist() == cells.tolist()
    assert where == pytest.approx(places, abs=1e-11)


@pytest.mark.parametrize("name", ALL)
def test_vertices_and_midpoints_of_facets_are_found(name):
    """Points that cells share belong to one of them."""
    mesh = ALL[name]()
    for points in (mesh.points, mesh.facet_midpoints):
        cells, places = mesh.locate(points)
        assert (cells >= 0).all()
        assert image(mesh, cells, places) == pytest.approx(points, abs=1e-12)


def test_points_outside():
    mesh = rz.disc(size=0.3, geometry_degree=2)
    angle = np.linspace(0, 6, 20)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert (mesh.locate(1.001 * ring)[0] == -1).all() and (mesh.locate(0.999 * ring)[0] >= 0).all()
    cells, places = mesh.locate([[50, 50], [np.nan, 0], [0, 0.5]])
    assert cells.tolist()[:2] == [-1, -1] and cells[2] >= 0
    assert np.isnan(places[:2]).all()


def test_curved_cells_beyond_the_box_of_their_nodes():
    """The parabola over a wide side rises above its own nodes."""
    points = [[0, 0], [1, 0], [0.5, 1], [0.7, 0.7], [0.3, 0.6], [0.4, 0]]
    points[3] = [0.9, 0.9]
    mesh = Mesh.from_arrays(points, [[0, 1, 2, 3, 4, 5]], "triangle")
    place = np.array([[0.3, 0.7 - 1e-9]])
    outside_box = image(mesh, [0], place)
    assert outside_box[0, 1] > max(p[1] for p in points)
    cells, where = mesh.locate(outside_box)
    assert cells[0] == 0 and where == pytest.approx(place, abs=1e-10)


def test_graded_mesh():
    """Cells from 1 to 1e-9 wide."""
    mesh = rz.rectangle(n=2)
    for _ in range(30):
        mesh = mesh.refine([0])
    for _ in range(28):
        near = mesh.locate([(0.3, 0.3)])[0]
        mesh = mesh.refine(near)
    assert mesh.cell_diameters.min() < 1e-8
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.random((300, 2)), 0.3 + 1e-6 * rng.random((300, 2)), mesh.midpoints])
    cells, places = mesh.locate(points)
    assert image(mesh, cells, places) == pytest.approx(points, abs=1e-13)
    assert cells[600:].tolist() == list(range(len(mesh.cells)))


def test_large_coordinates():
    mesh = rz.rectangle(x=(1e5, 1e5 + 1), y=(-3e4, -3e4 + 1), n=4, cell="quadrilateral")
    cells, _ = mesh.locate(mesh.midpoints)
    assert cells.tolist() == list(range(16))


def test_mistakes():
    with pytest.raises(MeshError, match=r"array \(n, 2\) of coordinates, but got shape \(3,\)"):
        rz.rectangle().locate([1, 2, 3])
    surface = Mesh.from_arrays([[0, 0, 0], [1, 0, 1], [0, 1, 0]], [[0, 1, 2]], "triangle")
    with pytest.raises(UnsupportedError, match="triangle cells in 3-D. Take `nearest_vertex`"):
        surface.locate([[0, 0, 0]])
    with pytest.raises(OptionValueError, match="number from 0 to 1e-6, but got 0.5"):
        rz.rectangle(n=1).locate([[0, 0]], tolerance=0.5)
