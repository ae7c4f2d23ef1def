"""Refined meshes: the same shape, conforming, groups inherited, good cells over many rounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mesh_examples import ALL, SIMPLICES

import ritz as rz
from ritz.codegen.mesh import Mesh
from ritz.codegen.mesh.geometry import map_points
from ritz.codegen.mesh.inherit import facet_parents
from ritz.errors import MeshError, UnsupportedError


def conforming(mesh) -> bool:
    """No vertex hangs: facets with one cell only are those on the boundary, and the domain has no holes."""
    return sum((-1) ** d * len(mesh.entities(d)) for d in range(mesh.dim + 1)) == 1


def check_inheritance(coarse, fine) -> None:
    assert fine.volumes.sum() == pytest.approx(coarse.volumes.sum(), rel=1e-12)
    ancestry = fine.ancestry
    shares = np.bincount(ancestry.parents, fine.volumes, len(coarse.cells))
    assert shares == pytest.approx(coarse.volumes, rel=1e-11)
    for cell in range(0, len(fine.cells), 7):
        nodes = coarse.points[coarse.geometry[ancestry.parents[cell]]][None]
        image = map_points(nodes, coarse.cell_type, coarse.geometry_degree, ancestry.corners[cell])[0]
        assert image == pytest.approx(fine.points[fine.cells[cell]], abs=1e-13)
    assert (fine.facet_tags, fine.cell_tags) == (coarse.facet_tags, coarse.cell_tags)
    named = np.concatenate([fine.facets_on(name) for name in fine.facet_groups])
    assert sorted(named) == list(fine.boundary_facets)
    former = facet_parents(coarse, fine, np.arange(fine.facet_count))
    assert set(former[fine.boundary_facets]) == set(coarse.boundary_facets)
    for name in coarse.facet_groups:
        assert set(former[fine.facets_on(name)]) == set(coarse.facets_on(name))


@pytest.mark.parametrize("name", ALL)
def test_halving(name):
    coarse = ALL[name]()
    fine = coarse.refine()
    assert len(fine.cells) == 2**coarse.dim * len(coarse.cells)
    assert fine.geometry_degree == coarse.geometry_degree
    assert conforming(fine)
    check_inheritance(coarse, fine)
    assert fine.quality.min() > 0.9 * coarse.quality.min()


@pytest.mark.parametrize("name", SIMPLICES)
def test_marked_cells(name):
    coarse = SIMPLICES[name]()
    fine = coarse.refine([0, 2])
    assert len(coarse.cells) < len(fine.cells) < 2**coarse.dim * len(coarse.cells)
    assert conforming(fine)
    check_inheritance(coarse, fine)
    vertices = coarse.reference.vertices
    ends = coarse.reference.entities[1]
    for cell in (0, 2):  # every edge of a marked cell is bisected
        parts = fine.ancestry.corners[fine.ancestry.parents == cell].reshape(-1, coarse.dim)
        middles = coarse.reference.corners[ends].mean(axis=1)
        assert all((np.abs(parts - middle).sum(axis=1) == 0).any() for middle in middles)
        assert (np.bincount(fine.ancestry.parents)[cell]) == 2**coarse.dim if coarse.dim < 3 else 8
    assert vertices == coarse.dim + 1


def test_marks_as_truth_values():
    mesh = rz.rectangle(n=3)
    mask = np.zeros(18, dtype=bool)
    mask[[4, 5]] = True
    assert (mesh.refine(mask).points == mesh.refine([4, 5]).points).all()
    same = mesh.refine([])
    assert (same.cells == mesh.cells).all() and (same.points == mesh.points).all()
    assert same.ancestry.parents.tolist() == list(range(18)) and same.facet_tags == mesh.facet_tags


@pytest.mark.parametrize("name", ["triangle", "disc", "tetrahedron"])
def test_shape_stays_good_over_many_rounds(name):
    """Towards a corner, along a line and at random: conforming every time, quality bounded, the size falls."""
    start = SIMPLICES[name]()
    rng = np.random.default_rng(8)
    rounds = 8 if name == "tetrahedron" else 25
    target = start.points[start.nearest_vertex(np.zeros(start.gdim))]
    marks = {
        "corner": lambda m: (np.abs(m.points[m.cells] - target).sum(axis=2) == 0).any(axis=1),
        "random": lambda m: rng.random(len(m.cells)) < 30 / len(m.cells),
    }
    for kind, mark in marks.items():
        mesh = start
        for _ in range(rounds):
            mesh = mesh.refine(mark(mesh))
            assert conforming(mesh)
        assert mesh.volumes.sum() == pytest.approx(start.volumes.sum(), rel=1e-12)
        assert mesh.quality.min() > 0.4 * start.quality.min()
        if kind == "corner":
            assert mesh.cell_diameters.min() < 0.51**rounds * start.cell_diameters.max()
            assert len(mesh.cells) < len(start.cells) + (900 if name == "tetrahedron" else 60) * rounds


def test_angles_stay_above_half_of_the_smallest():
    """The bound of Rosenberg and Stenger, on bad triangles."""

    def smallest(mesh):
        a, b, c = mesh.points[mesh.cells].transpose(1, 0, 2)
        angles = []
        for p, q, r in ((a, b, c), (b, c, a), (c, a, b)):
            u, v = q - p, r - p
            cross = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
            angles.append(np.arctan2(cross, (u * v).sum(axis=1)))
        return np.min(angles)

    rng = np.random.default_rng(2)
    points = rng.random((12, 2)) * [1, 0.2]
    from scipy.spatial import Delaunay

    mesh = Mesh.from_arrays(points, Delaunay(points).simplices.astype(int), "triangle")
    first = smallest(mesh)
    for _ in range(9):
        mesh = mesh.refine(rng.random(len(mesh.cells)) < 0.2)
        assert smallest(mesh) > 0.5 * first * (1 - 1e-9)


def test_tetrahedra_of_halved_cubes_stay_similar():
    mesh = rz.box(n=1)
    for _ in range(3):
        mesh = mesh.refine()
        assert mesh.quality == pytest.approx(rz.box(n=1).quality[0], rel=1e-9)


def test_groups_inside_and_groups_of_cells():
    base = rz.rectangle(n=2)
    middle = base.entities(1)[base.facets_on(lambda x, y: x == 0.5, among="interior")]
    groups = {"crack": middle}
    cells = {"soft": lambda x, y: x <= 0.5}
    mesh = Mesh.from_arrays(base.points, base.cells, "triangle", facet_groups=groups, cell_groups=cells)
    for fine in (mesh.refine(), mesh.refine([0, 1]), mesh.refine().refine([3, 5])):
        crack = fine.facets_on("crack")
        assert fine.facet_diameters[crack].sum() == pytest.approx(1)
        assert (fine.points[fine.entities(1)[crack]][..., 0] == 0.5).all()
        assert fine.volumes[fine.cells_on("soft")].sum() == pytest.approx(0.5)
        assert (fine.midpoints[fine.cells_on("soft"), 0] < 0.5).all()


def test_curved_cells_keep_the_map_of_their_parents():
    """Area and boundary of a disc with parabolas do not change, and every new node lies on the old curve."""
    coarse = rz.disc(size=0.5, geometry_degree=2)
    for fine in (coarse.refine(), coarse.refine([0, 20])):
        assert fine.volumes.sum() == pytest.approx(coarse.volumes.sum(), rel=1e-14)
        assert fine.volumes.sum() != pytest.approx(math.pi, rel=1e-8)
        radius = np.hypot(*fine.points[fine.facet_geometry[fine.boundary_facets]].reshape(-1, 2).T)
        assert 1 - 1e-3 < radius.min() and radius.max() < 1 + 1e-3


def test_straight_sides_stay_exactly_straight():
    mesh = rz.rectangle(x=(0.1, 0.7), n=3).refine().refine([1, 2, 3])
    assert (mesh.points[mesh.entities(1)[mesh.facets_on("left")]][..., 0] == 0.1).all()
    assert len(mesh.facets_on(lambda x, y: x == 0.1)) == len(mesh.facets_on("left"))


def test_mistakes():
    with pytest.raises(UnsupportedError, match="this mesh has quadrilateral cells. Call refine"):
        rz.rectangle(cell="quadrilateral").refine([0])
    with pytest.raises(MeshError, match="Cell 8 is marked, but the cells are 0 to 7"):
        rz.rectangle(n=2).refine([8])
    with pytest.raises(MeshError, match="Cell -1 is marked"):
        rz.rectangle(n=2).refine([-1])
    with pytest.raises(MeshError, match=r"one truth value for each of the 8 cells, but got .* bool and shape \(3,\)"):
        rz.rectangle(n=2).refine([True, False, True])
