"""Meshes that Ritz makes: counts, measures, topology, groups."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

import ritz as rz
from ritz.codegen.mesh import Mesh, mesh_of
from ritz.codegen.mesh.reference import lagrange, nodes_of_entities, reference
from ritz.codegen.mesh.topology import number_rows, sort_simplices

MADE = {
    "interval": lambda: rz.interval(0.1, 2.3, 5),
    "right": lambda: rz.rectangle(x=(-1, 2), y=(0.1, 0.8), n=(3, 4)),
    "left": lambda: rz.rectangle(x=(-1, 2), y=(0.1, 0.8), n=(3, 4), pattern="left"),
    "crossed": lambda: rz.rectangle(x=(-1, 2), y=(0.1, 0.8), n=(3, 4), pattern="crossed"),
    "quadrilateral": lambda: rz.rectangle(x=(-1, 2), y=(0.1, 0.8), n=(3, 4), cell="quadrilateral"),
    "tetrahedron": lambda: rz.box(x=(0.1, 0.7), y=(0, 2), z=(-1, 1), n=(2, 3, 4)),
    "hexahedron": lambda: rz.box(x=(0.1, 0.7), y=(0, 2), z=(-1, 1), n=(2, 3, 4), cell="hexahedron"),
    "disc": lambda: rz.disc((0.3, -0.2), 1.5, 0.4),
    "curved": lambda: rz.disc((0.3, -0.2), 1.5, 0.4, geometry_degree=2),
}
VOLUME = {"interval": 2.2, "tetrahedron": 2.4, "hexahedron": 2.4}


@pytest.fixture(params=MADE, name="mesh")
def made(request):
    return MADE[request.param]()


def test_euler_characteristic(mesh):
    """All these domains can be shrunk to a point: the alternating sum of the numbers of entities is 1."""
    assert sum((-1) ** d * len(mesh.entities(d)) for d in range(mesh.dim + 1)) == 1


@pytest.mark.parametrize("name", [n for n in MADE if n not in ("disc", "curved")])
def test_volume_and_quality(name):
    mesh = MADE[name]()
    assert mesh.volumes.sum() == pytest.approx(VOLUME.get(name, 2.1), rel=1e-13)
    assert mesh.quality.min() > 0 and mesh.quality.max() < 1 + 1e-12


def test_entities_are_the_distinct_sides_of_cells(mesh):
    for dim in range(mesh.dim + 1):
        local = mesh.reference.entities[dim]
        of_cells = mesh.cell_entities(dim)
        assert of_cells.shape == (len(mesh.cells), len(local))
        expected = np.sort(mesh.cells[:, local], axis=2)
        assert (mesh.entities(dim)[of_cells] == expected).all()
        assert len({tuple(row) for row in mesh.entities(dim)}) == len(mesh.entities(dim))


def test_facets_know_their_cells(mesh):
    """Checked cell by cell against a dictionary."""
    facets = mesh.cell_entities(mesh.dim - 1)
    seen: dict[int, list[tuple[int, int]]] = {}
    for cell, row in enumerate(facets):
        for local, facet in enumerate(row):
            seen.setdefault(int(facet), []).append((cell, local))
    for facet in range(mesh.facet_count):
        sides = list(zip(mesh.facet_cells[facet].tolist(), mesh.facet_local[facet].tolist()))
        assert [side for side in sides if side[0] >= 0] == seen[facet]
        assert len(sides) == 2 and (sides[1] == (-1, -1)) == (len(seen[facet]) == 1)
    assert sorted([*mesh.boundary_facets, *mesh.interior_facets]) == list(range(mesh.facet_count))
    assert {int(f) for f in mesh.boundary_facets} == {f for f, sides in seen.items() if len(sides) == 1}


def test_groups_of_sides(mesh):
    """The named sides are the whole boundary, each facet once, and lie where their name says."""
    named = np.concatenate([mesh.facets_on(name) for name in mesh.facet_groups])
    assert sorted(named) == list(mesh.boundary_facets)
    places = {"left": (0, "min"), "right": (0, "max"), "bottom": (1, "min"), "top": (1, "max")}
    places |= {"back": (2, "min"), "front": (2, "max")}
    for name, tag in mesh.facet_tags.items():
        assert (mesh.facets_on(tag) == mesh.facets_on(name)).all()
        if name != "circle":
            axis, end = places[name]
            vertices = mesh.entities(mesh.dim - 1)[mesh.facets_on(name)]
            assert (mesh.points[vertices][..., axis] == getattr(mesh.points[:, axis], end)()).all()


def test_vertices_of_simplices_ascend(mesh):
    if mesh.reference.simplex:
        assert (np.diff(mesh.cells, axis=1) > 0).all()
    assert mesh.points.flags.c_contiguous and mesh.cells.dtype == np.int32 == mesh.geometry.dtype
    assert mesh.vertex_count == len(np.unique(mesh.cells))


def test_arrays_cannot_be_changed(mesh):
    for array in (mesh.points, mesh.cells, mesh.geometry, mesh.entities(0), mesh.facet_cells, mesh.volumes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError):
        mesh.points = mesh.points


def test_disc_with_straight_edges_is_the_polygon():
    mesh = rz.disc(radius=2, size=0.5)
    sides = len(mesh.boundary_facets)
    assert sides == 24
    assert mesh.volumes.sum() == pytest.approx(0.5 * sides * 4 * math.sin(2 * math.pi / sides), rel=1e-13)
    assert mesh.quality.min() > 0.8


def test_curved_disc_converges_with_fourth_order():
    """The area that parabolas enclose is wrong by h^4, the polygon's by h^2."""
    for degree, order in ((1, 2), (2, 4)):
        errors = [math.pi - rz.disc(size=1 / n, geometry_degree=degree).volumes.sum() for n in (8, 16)]
        assert order - 0.1 < math.log2(errors[0] / errors[1]) < order + 0.1
    curved = rz.disc(size=0.1, geometry_degree=2)
    assert curved.quality.min() > 0.8
    ends = curved.points[curved.facet_geometry[curved.boundary_facets]]
    assert np.hypot(*ends.reshape(-1, 2).T) == pytest.approx(1.0, abs=1e-14)


def test_facet_midpoints_of_curved_facets_are_on_the_curve():
    mesh = rz.disc(size=0.25, geometry_degree=2)
    assert np.hypot(*mesh.facet_midpoints[mesh.boundary_facets].T) == pytest.approx(1.0, abs=1e-14)


def test_diameters():
    mesh = rz.rectangle(x=(0, 3), y=(0, 4), n=1)
    assert mesh.cell_diameters.tolist() == [5, 5]
    assert sorted(mesh.facet_diameters) == [3, 3, 4, 4, 5]
    graded = Mesh.from_arrays([0.0, 1.0, 4.0], [[0, 1], [1, 2]], "interval")
    assert graded.facet_diameters.tolist() == [1, 1, 3]


def test_quality_of_known_cells():
    height = math.sqrt(3) / 2
    triangle = Mesh.from_arrays([[0, 0], [1, 0], [0.5, height]], [[0, 1, 2]], "triangle")
    assert triangle.quality[0] == pytest.approx(1, rel=1e-14)
    corners = [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    assert Mesh.from_arrays(corners, [[0, 1, 2, 3]], "tetrahedron").quality[0] == pytest.approx(1, rel=1e-14)
    rhombus = Mesh.from_arrays([[0, 0], [1, 0], [0.5, height], [1.5, height]], [[0, 1, 2, 3]], "quadrilateral")
    assert rhombus.quality[0] == pytest.approx(height, rel=1e-14)
    flat = Mesh.from_arrays([[0, 0], [1, 0], [0.5, 1e-6]], [[0, 1, 2]], "triangle")
    assert 0 < flat.quality[0] < 1e-5


@pytest.mark.parametrize("name", ["triangle", "tetrahedron"])
def test_sorting_permutes_the_nodes_of_edges(name):
    """Whatever the order of the vertices, the sorted cell has the same node on the same edge."""
    cell, nodes = reference(name), lagrange(name, 2).points
    edges = cell.entities[1]
    for order in permutations(range(cell.vertices)):
        shuffled = cell.corners[list(order)]
        places = np.concatenate([shuffled, shuffled[edges].mean(axis=1)])
        row = [int(np.abs(nodes - place).sum(axis=1).argmin()) for place in places]
        assert sort_simplices(np.array([row]), cell).tolist() == [list(range(len(nodes)))]


def test_nodes_of_entities_lie_on_them():
    assert nodes_of_entities("tetrahedron", 2, 2)[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert nodes_of_entities("hexahedron", 2, 2).shape == (6, 9)
    assert nodes_of_entities("quadrilateral", 1, 0).tolist() == [[0], [1], [2], [3]]


def test_numbering_rows_survives_large_numbers():
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 2**31 - 1, size=(50, 4))
    rows = np.concatenate([rows, rows[::-1]])
    first, number = number_rows(rows)
    _, expected = np.unique(rows, axis=0, return_inverse=True)
    assert (number == expected.ravel()).all() and (rows[first][number] == rows).all()


def test_mesh_of_domains():
    assert mesh_of(rz.Interval(0, 2), 4).volumes.sum() == 2
    mesh = mesh_of(rz.Box(x=(0, 2), y=(0, 3)), (2, 3), "quadrilateral")
    assert (len(mesh.cells), mesh.volumes.sum()) == (6, 6)
    assert mesh_of(rz.Box(x=(0, 1), y=(0, 1), z=(0, 2)), 2).cell_type == "tetrahedron"


def test_labels_choose_facets_and_cells():
    mesh = rz.rectangle(n=4)
    assert len(mesh.facets_on(None)) == 16
    assert len(mesh.facets_on(None, among="interior")) == len(mesh.interior_facets)
    assert (mesh.facets_on(lambda x, y: np.isclose(x, 0)) == mesh.facets_on("left")).all()
    assert (mesh.facets_on(["left", 2]) == np.union1d(mesh.facets_on("left"), mesh.facets_on("right"))).all()
    middle = mesh.facets_on(lambda x, y: x == 0.5, among="interior")
    assert len(middle) == 4 and (mesh.facet_cells[middle] >= 0).all()
    assert len(mesh.cells_on(lambda x, y: x <= 0.5)) == 16
    assert len(mesh.cells_on()) == 32


def test_predicate_needs_the_midpoint_too():
    """Both ends of the chord of a quarter satisfy the predicate, its middle does not."""
    mesh = Mesh.from_arrays([[1, 0], [0, 1], [-1, 0], [0, -1]], [[0, 1, 2], [0, 2, 3]], "triangle")
    with pytest.raises(rz.errors.MeshError, match="selects nothing"):
        mesh.facets_on(lambda x, y: np.isclose(x**2 + y**2, 1))


def test_group_of_cells_and_interior_facets():
    base = rz.rectangle(n=2)
    middle = base.entities(1)[base.facets_on(lambda x, y: x == 0.5, among="interior")]
    mesh = Mesh.from_arrays(
        base.points,
        base.cells,
        "triangle",
        facet_groups={"crack": middle, "rim": lambda x, y: y == 0},
        cell_groups={"soft": lambda x, y: x <= 0.5, "one": [3]},
        facet_tags={"rim": 1},
        cell_tags={"soft": 7},
    )
    assert (mesh.facet_tags, mesh.cell_tags) == ({"crack": 2, "rim": 1}, {"soft": 7, "one": 1})
    assert (mesh.facet_cells[mesh.facets_on("crack")] >= 0).all()
    assert mesh.cells_on(7).tolist() == mesh.cells_on("soft").tolist()
    assert mesh.cells_on("one").tolist() == [3]


def test_points_without_cells_are_dropped():
    points = [[5, 5], [0, 0], [1, 0], [9, 9], [0, 1]]
    mesh = Mesh.from_arrays(points, [[4, 1, 2]], "triangle", facet_groups={"base": [[2, 1]]})
    assert mesh.points.tolist() == [[0, 0], [1, 0], [0, 1]]
    assert mesh.points[mesh.entities(1)[mesh.facets_on("base")[0]]].tolist() == [[0, 0], [1, 0]]


def test_surface_in_space():
    mesh = Mesh.from_arrays([[0, 0, 0], [1, 0, 1], [0, 1, 0]], [[0, 1, 2]], "triangle")
    assert (mesh.dim, mesh.gdim) == (2, 3)
    assert mesh.volumes[0] == pytest.approx(math.sqrt(2) / 2)


def test_card_and_text():
    mesh = rz.rectangle(n=(2, 1), cell="quadrilateral")
    text = mesh._repr_html_()
    for words in ("2 quadrilaterals", "[0, 1] × [0, 1]", "7, of them 6 on the boundary", "<code>top</code> (tag 4): 2"):
        assert words in text
    assert repr(Mesh.from_arrays([0.0, 1.0], [[0, 1]], "interval")) == "Mesh(1 interval, 2 points in 1-D)"


def test_mesh_as_a_domain():
    """Names of the whole boundary, or of a part of it; groups inside do not count."""
    base = rz.rectangle(n=2)
    assert base.as_domain().complete and base.as_domain().mesh is base
    assert base.as_domain().coordinates == rz.coords("x y")
    inside = base.entities(1)[base.facets_on(None, among="interior")]
    mesh = Mesh.from_arrays(
        base.points,
        base.cells,
        "triangle",
        facet_groups={"in": inside, "left": lambda x, y: x == 0},
        cell_groups={"a": [0]},
    )
    region = mesh.as_domain()
    assert not region.complete
    assert (region.boundaries, region.subdomains) == ({"in": 1, "left": 2}, {"a": 1})


def test_other_groups_keep_what_is_known():
    mesh = rz.disc(size=0.5)
    facets = mesh.facet_cells
    other = mesh.regrouped(facet_groups={}, facet_tags={})
    assert other.facet_cells is facets and other.facet_groups == {} and mesh.facet_groups
