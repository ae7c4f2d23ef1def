"""Meshes from files and from gmsh: shapes, orders of nodes, groups."""

from __future__ import annotations

import math

import meshio
import numpy as np
import pytest

import ritz as rz
from ritz.codegen.mesh.orders import KINDS, complete, from_file
from ritz.errors import MeshError

gmsh = pytest.importorskip("gmsh")


@pytest.fixture(name="session")
def running_session():
    gmsh.initialize(interruptible=False)
    gmsh.option.setNumber("General.Terminal", 0)
    yield gmsh
    gmsh.finalize()


def shape(cell: str, degree: int, incomplete: bool = False) -> float:
    """Mesh a curved shape in the session, its round side named; return its length, area or volume."""
    occ, model = gmsh.model.occ, gmsh.model
    exact = math.pi / 2 if cell == "interval" else math.pi / 4
    if cell == "interval":
        occ.addCircle(0, 0, 0, 1, angle1=0, angle2=math.pi / 2)
    elif cell == "tetrahedron":
        occ.addSphere(0, 0, 0, 1, angle1=0, angle3=math.pi / 2)
        exact = math.pi / 6
    else:
        occ.addDisk(0, 0, 0, 1, 1)
        occ.addRectangle(0, 0, 0, 2, 2)
        occ.intersect([(2, 1)], [(2, 2)])
        if cell == "hexahedron":
            occ.synchronize()
            occ.extrude(model.getEntities(2), 0, 0, 1, numElements=[3], recombine=True)
    occ.synchronize()
    dim = model.getDimension()
    centres = {tag: np.array(occ.getCenterOfMass(dim - 1, tag)) for _, tag in model.getEntities(dim - 1)}
    rounded = [t for t, c in centres.items() if (c[:dim] > 0.1).all() and (c[:dim] < 0.9).all()]
    if cell != "interval":
        assert len(rounded) == 1
        model.addPhysicalGroup(dim - 1, rounded, 7, name="round side")
    model.addPhysicalGroup(dim, [tag for _, tag in model.getEntities(dim)], 5)
    if cell in ("quadrilateral", "hexahedron"):
        gmsh.option.setNumber("Mesh.RecombineAll", 1)
        gmsh.option.setNumber("Mesh.RecombinationAlgorithm", 3)  # quadrilaterals only
    gmsh.option.setNumber("Mesh.MeshSizeMax", 0.3)
    gmsh.option.setNumber("Mesh.SecondOrderIncomplete", int(incomplete))
    model.mesh.generate(dim)
    model.mesh.setOrder(degree)
    return exact


CELLS = ["interval", "triangle", "quadrilateral", "tetrahedron", "hexahedron"]


def check(mesh, cell: str, degree: int, exact: float) -> None:
    assert (mesh.cell_type, mesh.geometry_degree) == (cell, degree)
    assert mesh.volumes.sum() == pytest.approx(exact, rel=2e-4 if degree == 2 else 0.06)
    assert mesh.volumes.sum() != pytest.approx(exact, rel=1e-9)  # the shape is curved: this is a measure of something
    assert mesh.quality.min() > 0.05
    assert mesh.cells_on(5).tolist() == list(range(len(mesh.cells)))
    if cell != "interval":
        facets = mesh.facets_on("round side")
        assert (facets == mesh.facets_on(7)).all() and (mesh.facet_cells[facets, 1] < 0).all()
        radius = np.linalg.norm(mesh.points[mesh.facet_geometry[facets]][..., : 2 + (cell == "tetrahedron")], axis=2)
        nodes = slice(None) if cell != "hexahedron" or degree == 1 else slice(0, 8)
        assert radius[:, nodes] == pytest.approx(1, abs=1e-6)
        assert len(facets) < len(mesh.boundary_facets)


@pytest.mark.parametrize("version", [2.2, 4.1])
@pytest.mark.parametrize("binary", [0, 1])
@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_files_of_gmsh(session, tmp_path, cell, degree, binary, version):
    exact = shape(cell, degree)
    gmsh.option.setNumber("Mesh.MshFileVersion", version)
    gmsh.option.setNumber("Mesh.Binary", binary)
    gmsh.write(str(tmp_path / "part.msh"))
    check(rz.read_mesh(tmp_path / "part.msh"), cell, degree, exact)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_live_session(session, cell, degree):
    exact = shape(cell, degree)
    check(rz.gmsh_mesh(), cell, degree, exact)


@pytest.mark.parametrize("ending", ["vtk", "vtu", "xdmf"])
@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_files_of_other_formats(session, tmp_path, cell, degree, ending):
    """The tags survive, the names do not: these formats have none."""
    exact = shape(cell, degree)
    gmsh.write(str(tmp_path / "part.msh"))
    found = meshio.read(tmp_path / "part.msh")
    if ending == "xdmf" and degree == 2:  # meshio does not read what it writes when types of second order are mixed
        keep = [len(block.data.T) == max(len(b.data.T) for b in found.cells) for block in found.cells]
        found.cells = [block for block, kept in zip(found.cells, keep) if kept]
        tags = found.cell_data["gmsh:physical"]
        found.cell_data = {"gmsh:physical": [part for part, kept in zip(tags, keep) if kept]}
    found.cell_sets = {}
    meshio.write(tmp_path / f"part.{ending}", found)
    mesh = rz.read_mesh(tmp_path / f"part.{ending}")
    assert mesh.volumes.sum() == pytest.approx(exact, rel=2e-4 if degree == 2 else 0.06)
    assert len(mesh.cells_on(5)) == len(mesh.cells)
    if cell != "interval" and (ending, degree) != ("xdmf", 2):
        assert mesh.facet_tags == {"7": 7}


@pytest.mark.parametrize("cell", ["quadrilateral", "hexahedron"])
def test_serendipity_cells(session, tmp_path, cell):
    """Cells of 8 and 20 nodes: the shape stays, and neighbours share the nodes of their common faces."""
    exact = shape(cell, 2, incomplete=True)
    gmsh.write(str(tmp_path / "part.msh"))
    for mesh in (rz.read_mesh(tmp_path / "part.msh"), rz.gmsh_mesh()):
        check(mesh, cell, 2, exact)
        assert len(mesh.points) == sum(len(mesh.entities(d)) for d in range(mesh.dim + 1))


@pytest.mark.parametrize("name", ["quad8", "hexahedron20"])
def test_completed_cells_keep_their_shape(name):
    """A straight cell with edges moved: its middle is where the serendipity shape functions put it."""
    full = KINDS[name.replace("8", "9").replace("20", "27")]
    from ritz.codegen.mesh.reference import lagrange

    order = np.argsort(from_file(full.cell, 2))
    places = lagrange(full.cell, 2).points[order]
    # x + (quadratic in one variable at a time): in the span of serendipity functions, so reproduced exactly
    image = places + 0.3 * places[:, ::-1] ** 2
    points, nodes = complete(image[: KINDS[name].nodes], np.arange(KINDS[name].nodes)[None], KINDS[name])
    assert points[nodes[0]] == pytest.approx(image, abs=1e-14)


def test_interior_group_and_two_names_for_one_side(session, tmp_path):
    """gmsh 2.2 repeats a cell for each of its groups; 4.1 does not."""
    occ, model = gmsh.model.occ, gmsh.model
    occ.addRectangle(0, 0, 0, 1, 1)
    occ.addRectangle(1, 0, 0, 1, 1)
    occ.fragment([(2, 1)], [(2, 2)])
    occ.synchronize()
    (shared,) = {abs(t) for _, t in model.getBoundary([(2, 1)])} & {abs(t) for _, t in model.getBoundary([(2, 2)])}
    model.addPhysicalGroup(1, [shared], name="joint")
    model.addPhysicalGroup(2, [1], name="left half")
    model.addPhysicalGroup(2, [1, 2], name="all")
    model.mesh.generate(2)
    meshes = [rz.gmsh_mesh()]
    for version in (2.2, 4.1):
        gmsh.option.setNumber("Mesh.MshFileVersion", version)
        gmsh.write(str(tmp_path / "two.msh"))
        meshes.append(rz.read_mesh(tmp_path / "two.msh"))
    for mesh in meshes:
        assert mesh.volumes.sum() == pytest.approx(2)
        assert mesh.volumes[mesh.cells_on("left half")].sum() == pytest.approx(1)
        assert mesh.volumes[mesh.cells_on("all")].sum() == pytest.approx(2)
        joint = mesh.facets_on("joint")
        assert (mesh.facet_cells[joint] >= 0).all()
        assert (mesh.points[mesh.entities(1)[joint]][..., 0] == 1).all()


@pytest.mark.parametrize("version", [2.2, 4.1])
def test_cells_without_a_group(session, tmp_path, version):
    """Only a curve is named, everything is saved: read as it is meant."""
    gmsh.model.occ.addDisk(0, 0, 0, 1, 1)
    gmsh.model.occ.synchronize()
    gmsh.model.addPhysicalGroup(1, [1], 3, name="rim")
    gmsh.option.setNumber("Mesh.SaveAll", 1)
    gmsh.option.setNumber("Mesh.MeshSizeMax", 0.3)
    gmsh.option.setNumber("Mesh.MshFileVersion", version)
    gmsh.model.mesh.generate(2)
    gmsh.write(str(tmp_path / "disc.msh"))
    mesh = rz.read_mesh(tmp_path / "disc.msh")
    assert mesh.volumes.sum() == pytest.approx(math.pi, rel=0.03)
    if version == 4.1:  # files of version 2.2 lose the groups when everything is saved
        assert mesh.facet_tags == {"rim": 3}
        assert (mesh.facets_on("rim") == mesh.boundary_facets).all()


@pytest.mark.parametrize("ending", ["unv", "bdf", "cgns"])
def test_files_that_only_gmsh_reads(session, tmp_path, ending):
    shape("triangle", 1)
    gmsh.write(str(tmp_path / f"part.{ending}"))
    gmsh.clear()
    assert rz.read_mesh(tmp_path / f"part.{ending}").volumes.sum() == pytest.approx(math.pi / 4, rel=0.03)


def test_abaqus(tmp_path):
    text = """*NODE
1, 0., 0., 0.
2, 1., 0., 0.
3, 1., 1., 0.
4, 0., 1., 0.
5, 2., 0., 0.
*ELEMENT, TYPE=CPS3, ELSET=steel
1, 1, 2, 3
2, 1, 3, 4
*ELEMENT, TYPE=CPS3, ELSET=rubber
3, 2, 5, 3
"""
    (tmp_path / "plate.inp").write_text(text)
    mesh = rz.read_mesh(tmp_path / "plate.inp")
    assert (mesh.gdim, mesh.volumes.sum()) == (2, 1.5)
    assert (len(mesh.cells_on("steel")), len(mesh.cells_on("rubber"))) == (2, 1)


def test_choice_of_tags(tmp_path):
    cells = [("triangle", [[0, 1, 2], [1, 3, 2]])]
    data = {"material": [np.array([4, 9])], "owner": [np.array([0, 0])]}
    meshio.Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.0]], cells, cell_data=data).write(tmp_path / "a.vtu")
    assert rz.read_mesh(tmp_path / "a.vtu").cell_tags == {}
    assert rz.read_mesh(tmp_path / "a.vtu", tags="material").cell_tags == {"4": 4, "9": 9}
    with pytest.raises(MeshError, match="no integer cell data 'materiel'. Did you mean 'material'"):
        rz.read_mesh(tmp_path / "a.vtu", tags="materiel")


def test_surfaces_stay_in_space(session):
    gmsh.model.occ.addSphere(0, 0, 0, 1)
    gmsh.model.occ.synchronize()
    mesh = rz.gmsh_mesh(dim=2, size=0.3, geometry_degree=2)
    assert (mesh.dim, mesh.gdim) == (2, 3)
    assert mesh.volumes.sum() == pytest.approx(4 * math.pi, rel=1e-3)
    assert not len(mesh.boundary_facets)


def test_function_leaves_no_session():
    mesh = rz.gmsh_mesh(lambda model: model.occ.addDisk(0, 0, 0, 1, 1), size=0.5)
    assert mesh.volumes.sum() == pytest.approx(math.pi, rel=0.1)
    assert not gmsh.isInitialized()


def test_function_keeps_your_model(session):
    gmsh.model.add("mine")
    rz.gmsh_mesh(lambda model: model.occ.addDisk(0, 0, 0, 1, 1), size=0.5)
    assert gmsh.model.getCurrent() == "mine" and "ritz" not in gmsh.model.list()


def test_saved_mesh_is_the_same(tmp_path, session):
    shape("tetrahedron", 2)
    mesh = rz.gmsh_mesh()
    mesh.save(tmp_path / "part.npz")
    again = rz.read_mesh(tmp_path / "part.npz")
    assert repr(again) == repr(mesh)
    assert (again.points == mesh.points).all() and (again.geometry == mesh.geometry).all()
    assert (again.facets_on("round side") == mesh.facets_on(7)).all() and (
        again.cells_on(5) == mesh.cells_on("5")
    ).all()


def test_mistakes(tmp_path, session):
    with pytest.raises(MeshError, match="There is no mesh file '.*part.msh'"):
        rz.read_mesh(tmp_path / "part.msh")
    (tmp_path / "part.msh").write_text("no mesh")
    with pytest.raises(MeshError, match="There is no mesh file '.*prt.msh'. Did you mean 'part.msh'"):
        rz.read_mesh(tmp_path / "prt.msh")
    with pytest.raises(MeshError, match="part.msh could not be read"):
        rz.read_mesh(tmp_path / "part.msh")
    (tmp_path / "part.txt").write_text("no mesh")
    with pytest.raises(MeshError, match="part.txt could not be read as a mesh: Could not deduce"):
        rz.read_mesh(tmp_path / "part.txt")
    (tmp_path / "part.npz").write_text("no mesh")
    with pytest.raises(MeshError, match="no mesh that Ritz saved"):
        rz.read_mesh(tmp_path / "part.npz")
    with pytest.raises(MeshError, match="ends in .npz, not 'a.vtu'"):
        rz.disc(size=1).save(tmp_path / "a.vtu")
    points = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0.0]]
    mixed = [("quad", [[0, 1, 2, 3]]), ("triangle", [[1, 4, 2]])]
    meshio.Mesh(points, mixed).write(tmp_path / "mixed.vtu")
    with pytest.raises(MeshError, match="mixes cells of dimension 2: 1 quadrilateral, 1 triangle. .* recombine"):
        rz.read_mesh(tmp_path / "mixed.vtu")
    meshio.Mesh(points, [("vertex", [[0]])]).write(tmp_path / "dots.vtu")
    with pytest.raises(MeshError, match="no cells of dimension 1 or more: 1 of type vertex"):
        rz.read_mesh(tmp_path / "dots.vtu")
    prism = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1.0]]
    meshio.Mesh(prism, [("wedge", [[0, 1, 2, 3, 4, 5]])]).write(tmp_path / "prism.vtu")
    with pytest.raises(MeshError, match="cells of type wedge are not supported"):
        rz.read_mesh(tmp_path / "prism.vtu")
    stray = [("triangle", [[0, 1, 2]]), ("line", [[0, 1], [0, 3]])]
    tags = {"gmsh:physical": [np.array([1]), np.array([2, 2])]}
    meshio.Mesh(points, stray, cell_data=tags).write(tmp_path / "stray.vtu")
    with pytest.raises(
        MeshError, match=r"Group '2': 1 of its 2 facets belong to no triangle, the first has points \[0"
    ):
        rz.read_mesh(tmp_path / "stray.vtu")
    with pytest.raises(MeshError, match="no curve, surface or volume"):
        rz.gmsh_mesh(lambda model: None)


def test_no_session():
    with pytest.raises(MeshError, match="no session of gmsh. Call `gmsh.initialize"):
        rz.gmsh_mesh()
