"""Meshes from a live session of gmsh (the extra ``mesh``)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError, MissingPackage, OptionValueError
from .blocks import Blocks, mesh_from_blocks
from .mesh import Mesh

_log = logging.getLogger("ritz.mesh")
# Where gmsh counts the nodes of a cell in another way than VTK: for each node of VTK its place in gmsh.
_FROM_GMSH = {
    "tetra10": [0, 1, 2, 3, 4, 5, 6, 7, 9, 8],
    "hexahedron20": [*range(8), 8, 11, 13, 9, 16, 18, 19, 17, 10, 12, 14, 15],
    "hexahedron27": [*range(8), 8, 11, 13, 9, 16, 18, 19, 17, 10, 12, 14, 15, 22, 23, 21, 24, 20, 25, 26],
}
_TYPES = {
    1: "line",
    2: "triangle",
    3: "quad",
    4: "tetra",
    5: "hexahedron",
    8: "line3",
    9: "triangle6",
    10: "quad9",
    11: "tetra10",
    12: "hexahedron27",
    15: "vertex",
    16: "quad8",
    17: "hexahedron20",
}


def gmsh_mesh(
    build: Callable[[Any], None] | None = None,
    *,
    size: float | None = None,
    dim: int | None = None,
    geometry_degree: int | None = None,
) -> Mesh:
    """Mesh a geometry with gmsh, without a file.

    Physical groups become groups of cells and facets, under their names and tags.

    Args:
        build: called with ``gmsh.model`` of a new model, to which it adds shapes and physical groups. Without it, the
            current model of a session that you opened with ``gmsh.initialize()``; a mesh that is there is taken as
            it is.
        size: largest length of edges, in the user's unit of length.
        dim: dimension of the mesh; by default that of the highest shape.
        geometry_degree: 2 for curved cells.

    Raises:
        MissingPackage: if gmsh is not installed.
        MeshError: if there is no model or no shape, or gmsh fails.

    Example:
        >>> def part(model):
        ...     plate = model.occ.addRectangle(0, 0, 0, 2, 1)
        ...     model.occ.cut([(2, plate)], [(2, model.occ.addDisk(1, 0.5, 0, 0.2, 0.2))])
        ...     model.occ.synchronize()
        ...     hole = [tag for d, tag in model.getEntities(1) if model.getType(d, tag) != "Line"]
        ...     model.addPhysicalGroup(1, hole, name="hole")
        >>> mesh = rz.gmsh_mesh(part, size=0.2, geometry_degree=2)
        >>> bool(abs(mesh.volumes.sum() - (2 - 0.04 * np.pi)) < 1e-3), mesh.facet_tags
        (True, {'hole': 1})
    """
    if geometry_degree not in (None, 1, 2):
        raise OptionValueError(f"geometry_degree is 1 (straight) or 2 (curved), not {geometry_degree!r}.")
    if size is not None and not 0 < size < float("inf"):
        raise OptionValueError(f"The size of cells is a positive number, not {size!r}.")
    with _session(build is not None) as gmsh:
        if build is not None:
            build(gmsh.model)
        gmsh.model.occ.synchronize()
        gmsh.model.geo.synchronize()
        _generate(gmsh, size, dim, geometry_degree)
        return mesh_from_blocks(_blocks(gmsh, "The model of gmsh"))


def read_with_gmsh(path: Path) -> Mesh | None:
    """Read a mesh file with gmsh itself; None if gmsh cannot read it either.

    Raises:
        MissingPackage: if gmsh is not installed.
        MeshError: if what the file holds is no mesh that Ritz can use.
    """
    with _session(True) as gmsh:
        try:
            gmsh.merge(str(path))
        except Exception as error:
            _log.info("gmsh could not read %s: %s", path.name, error)
            return None
        return mesh_from_blocks(_blocks(gmsh, path.name))


@contextlib.contextmanager
def _session(own_model: bool) -> Iterator[Any]:
    """Give a session of gmsh, with a model of its own that is removed afterwards."""
    try:
        import gmsh
    except (ImportError, OSError) as error:
        raise MissingPackage(
            f"gmsh is needed here, but cannot be loaded ({error}). Install it: pip install 'ritz[mesh]'."
        ) from error
    running = bool(gmsh.isInitialized())
    if not running and not own_model:
        raise MeshError(
            "There is no session of gmsh. Call `gmsh.initialize()` and build a model first, or hand over a function: "
            "`gmsh_mesh(build)`."
        )
    if not running:
        gmsh.initialize(readConfigFiles=False, interruptible=False)
        gmsh.option.setNumber("General.Terminal", 0)
    former = gmsh.model.getCurrent() if running else None
    if own_model:
        gmsh.model.add("ritz")
    try:
        yield gmsh
    finally:
        if own_model:
            gmsh.model.remove()
        if running and own_model and former:
            gmsh.model.setCurrent(former)
        if not running:
            gmsh.finalize()


def _generate(gmsh: Any, size: float | None, dim: int | None, degree: int | None) -> None:
    highest = gmsh.model.getDimension() if dim is None else dim
    if highest < 1:
        raise MeshError("The model of gmsh has no curve, surface or volume. Add one, e.g. `model.occ.addDisk(...)`.")
    try:
        if not len(gmsh.model.mesh.getElements(highest)[0]):
            with _largest_size(gmsh, size):
                gmsh.model.mesh.generate(highest)
        if degree is not None:
            gmsh.model.mesh.setOrder(degree)
    except Exception as error:
        raise MeshError(f"gmsh could not mesh the model: {error}.") from error


@contextlib.contextmanager
def _largest_size(gmsh: Any, size: float | None) -> Iterator[None]:
    former = gmsh.option.getNumber("Mesh.MeshSizeMax")
    try:
        if size is not None:
            gmsh.option.setNumber("Mesh.MeshSizeMax", size)
        yield
    finally:
        gmsh.option.setNumber("Mesh.MeshSizeMax", former)


def _blocks(gmsh: Any, source: str) -> Blocks:
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    place = np.zeros(int(tags.max(initial=0)) + 1, dtype=np.int64)
    place[tags.astype(np.int64)] = np.arange(len(tags))
    blocks = Blocks(source, np.asarray(coordinates).reshape(-1, 3), [])
    of_entity: dict[tuple[int, int], list[int]] = {}
    for dim, entity in gmsh.model.getEntities():
        kinds, _, nodes = gmsh.model.mesh.getElements(dim, entity)
        for kind, flat in zip(kinds, nodes):
            of_entity.setdefault((dim, entity), []).append(len(blocks.cells))
            blocks.cells.append(_cells(gmsh, int(kind), place[flat.astype(np.int64)]))
    for dim, tag in gmsh.model.getPhysicalGroups():
        name = gmsh.model.getPhysicalName(dim, tag) or str(tag)
        for entity in gmsh.model.getEntitiesForPhysicalGroup(dim, tag):
            for block in of_entity.get((dim, abs(int(entity))), []):
                blocks.add(dim, name, int(tag), block, np.arange(len(blocks.cells[block][1])))
    return blocks


def _cells(gmsh: Any, kind: int, flat: NDArray[np.int64]) -> tuple[str, NDArray[np.int64]]:
    name, _, _, width, _, _ = gmsh.model.mesh.getElementProperties(kind)
    name = _TYPES.get(kind, name)
    nodes = flat.reshape(-1, width)
    return name, nodes[:, _FROM_GMSH[name]] if name in _FROM_GMSH else nodes
