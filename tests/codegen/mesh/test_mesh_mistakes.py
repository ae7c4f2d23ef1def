"""Mistakes with meshes, each with the message a user needs."""

from __future__ import annotations

import numpy as np
import pytest

import ritz as rz
from ritz.codegen.mesh import Mesh, mesh_of
from ritz.errors import MeshError, OptionValueError

SQUARE = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]


@pytest.fixture(scope="module", name="mesh")
def made():
    return rz.rectangle(n=2)


def test_misspelt_name(mesh):
    with pytest.raises(MeshError, match=r"no boundary group 'lefft'. Did you mean 'left'\? .*'top' \(tag 4, 2\)"):
        mesh.facets_on("lefft")


def test_unknown_tag(mesh):
    with pytest.raises(MeshError, match=r"no boundary group with tag 9. The boundary groups are 'left' \(tag 1, 2\)"):
        mesh.facets_on(9)
    with pytest.raises(MeshError, match="no cell group with tag 1. The mesh has no cell groups."):
        mesh.cells_on(1)


@pytest.mark.parametrize("label", [True, 1.5, [], {"left": 1}])
def test_label_of_the_wrong_kind(mesh, label):
    with pytest.raises(MeshError, match="chosen by a name, a tag, a predicate"):
        mesh.facets_on(label)


def test_predicates(mesh):
    with pytest.raises(MeshError, match=r"selects nothing: .* x in \[0, 1\], y in \[0, 1\]; equality needs a tol"):
        mesh.facets_on(lambda x, y: x == 3)
    with pytest.raises(MeshError, match="combine with `&`"):
        mesh.facets_on(lambda x, y: x == 0 and y == 0)
    with pytest.raises(MeshError, match=r"arrays of coordinates \(x, y\)"):
        mesh.facets_on(lambda x: x == 0)
    with pytest.raises(MeshError, match=r"truth values of shape \(8, 3\) .* returned float64"):
        mesh.facets_on(lambda x, y: x - 1)


def test_broken_cells():
    with pytest.raises(MeshError, match="Cell 1 has points .*0, 1, 4.*, but the points are 0 to 3"):
        Mesh.from_arrays(SQUARE, [[0, 1, 2], [0, 1, 4]], "triangle")
    with pytest.raises(MeshError, match=r"Cell 0 \(triangle\) has no volume"):
        Mesh.from_arrays([[0, 0], [1, 1], [2, 2]], [[0, 1, 2]], "triangle")
    with pytest.raises(MeshError, match=r"Cell 0 \(quadrilateral\) is tangled.*count x fastest"):
        Mesh.from_arrays(SQUARE, [[0, 1, 3, 2]], "quadrilateral")
    with pytest.raises(
        MeshError, match=r"array \(m, 3\) for degree 1 or \(m, 6\) for degree 2, but got shape \(1, 4\)"
    ):
        Mesh.from_arrays(SQUARE, [[0, 1, 2, 3]], "triangle")
    with pytest.raises(MeshError, match="dtype float64"):
        Mesh.from_arrays(SQUARE, [[0.0, 1.0, 2.0]], "triangle")
    with pytest.raises(MeshError, match=r"Point 1 is \[nan, 0.0\]"):
        Mesh.from_arrays([[0, 0], [np.nan, 0], [0, 1]], [[0, 1, 2]], "triangle")
    with pytest.raises(MeshError, match=r"shape \(n, 3\) or more columns"):
        Mesh.from_arrays(SQUARE, [[0, 1, 2, 3]], "tetrahedron")
    with pytest.raises(OptionValueError, match="No cell type 'triangel'. Did you mean 'triangle'"):
        Mesh.from_arrays(SQUARE, [[0, 1, 2]], "triangel")


def test_three_cells_at_one_facet():
    points = [[0, 0], [1, 0], [0, 1], [0, -1], [0.5, 2]]
    mesh = Mesh.from_arrays(points, [[0, 1, 2], [0, 1, 3], [0, 1, 4]], "triangle")
    with pytest.raises(MeshError, match="Cells 0, 1, 2 share one facet"):
        _ = mesh.facet_cells


def test_broken_groups():
    with pytest.raises(MeshError, match=r"'rim': 1 of its 2 facets belong to no triangle, the first has points \[1, 2"):
        Mesh.from_arrays(SQUARE, [[0, 1, 3], [0, 2, 3]], "triangle", facet_groups={"rim": [[0, 1], [1, 2]]})
    with pytest.raises(MeshError, match=r"integer array \(k, 2\)"):
        Mesh.from_arrays(SQUARE, [[0, 1, 3]], "triangle", facet_groups={"rim": [0, 1]})
    with pytest.raises(MeshError, match="names cell 1, but there are 1 cells"):
        Mesh.from_arrays(SQUARE, [[0, 1, 3]], "triangle", cell_groups={"a": [0, 1]})
    with pytest.raises(MeshError, match="Tag 3 is given for 'b', but there is no cell group of that name"):
        Mesh.from_arrays(SQUARE, [[0, 1, 3]], "triangle", cell_groups={"a": [0]}, cell_tags={"b": 3})
    with pytest.raises(MeshError, match="groups 'a', 'b' share one tag"):
        Mesh.from_arrays(SQUARE, [[0, 1, 3]], "triangle", cell_groups={"a": [0], "b": [0]}, cell_tags={"a": 1, "b": 1})


def test_made_meshes():
    with pytest.raises(OptionValueError, match="cells along y is a positive integer, not 0"):
        rz.rectangle(n=(2, 0))
    with pytest.raises(OptionValueError, match="n = .2, 2, 2. has 3 numbers of cells, but there are 2 axes"):
        rz.rectangle(n=(2, 2, 2))
    with pytest.raises(OptionValueError, match=r"x = \(1, 0\) must be two finite numbers, the smaller one first"):
        rz.rectangle(x=(1, 0))
    with pytest.raises(OptionValueError, match="No pattern 'rigt'. Did you mean 'right'"):
        rz.rectangle(pattern="rigt")
    with pytest.raises(OptionValueError, match="this domain needs triangle or quadrilateral"):
        rz.rectangle(cell="tetrahedron")
    with pytest.raises(OptionValueError, match="this domain needs interval"):
        mesh_of(rz.Interval(0, 1), 3, "triangle")
    with pytest.raises(OptionValueError, match="radius of a disc is a positive number, not -1"):
        rz.disc(radius=-1)
    with pytest.raises(OptionValueError, match="1 .straight. or 2 .curved., not 3"):
        rz.disc(geometry_degree=3)
