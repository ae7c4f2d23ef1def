"""Meshes from files, through meshio."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import MeshError, MissingPackage, nearest
from .blocks import Blocks, mesh_from_blocks
from .mesh import Mesh

_TAGS = ("gmsh:physical", "medit:ref", "cell_tags", "CellEntityIds", "gmsh:geometrical")  # the first that is there
_GMSH = (".msh", ".unv", ".bdf", ".nas", ".cgns")  # endings of files that gmsh reads where meshio does not
_log = logging.getLogger("ritz.mesh")
_log.addHandler(logging.NullHandler())


def read_mesh(path: str | Path, *, tags: str | None = None, file_format: str | None = None) -> Mesh:
    """Read a mesh from any file that meshio reads (gmsh, VTK, VTU, XDMF, Abaqus, MED, ...), or that `Mesh.save` wrote.

    Where meshio fails and gmsh is installed, gmsh reads its own files, UNV, Nastran and CGNS.

    The cells of highest dimension make the mesh. Named sets and tags of these cells and of their facets become
    groups; a tag without a name makes a group named after its number. Coordinates that are zero everywhere are
    dropped: a plane mesh with z = 0 is two-dimensional. Cells of second order make curved cells. Points that no cell
    uses are dropped.

    Args:
        path: the file.
        tags: name of the integer cell data that hold the tags. By default those of gmsh, Medit and MED, or else the
            only integer cell data that there are.
        file_format: meshio's name of the format, if the ending of the file does not say it.

    Raises:
        MeshError: if the file is missing or broken, mixes types of cells, or names facets that no cell has.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "disc.npz")
        >>> rz.disc(size=0.5).save(path)
        >>> rz.read_mesh(path)
        Mesh(24 triangles, 19 points in 2-D; facets: circle 1)
    """
    path = Path(path)
    if not path.is_file():
        beside = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise MeshError(f"There is no mesh file {str(path)!r}.{nearest(path.name, beside)}")
    if path.suffix == ".npz" and file_format is None:
        from .storage import load_mesh

        return load_mesh(path)
    try:
        found = _read(path, file_format)
    except MeshError:
        again = _through_gmsh(path) if path.suffix.lower() in _GMSH else None
        if again is None:
            raise
        return again
    mesh = mesh_from_blocks(_blocks(found, path, tags))
    _log.info("%s: %r", path.name, mesh)
    return mesh


def _read(path: Path, file_format: str | None) -> Any:
    import meshio

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return meshio.read(path, file_format)
    except (Exception, SystemExit) as error:  # meshio leaves by sys.exit where no reader fits
        told = "" if isinstance(error, SystemExit) else f"{error}"
        if not isinstance(error, (meshio.ReadError, SystemExit)):
            told = f"{type(error).__name__} in meshio: {error}"
        reason = " ".join(f"{told} {said.getvalue()}".split())
        raise MeshError(
            f"{path.name} could not be read as a mesh: {reason.rstrip('. ')}. Check the file and its ending, or name "
            'its format: `read_mesh(path, file_format="gmsh")`.'
        ) from error


def _through_gmsh(path: Path) -> Mesh | None:
    """Read what meshio cannot, such as files of gmsh in which some cells are in no group; None if gmsh fails too."""
    from .live import read_with_gmsh

    try:
        return read_with_gmsh(path)
    except MissingPackage:
        return None


def _blocks(found: Any, path: Path, tags: str | None) -> Blocks:
    points = np.asarray(found.points, dtype=float)
    blocks = Blocks(path.name, points, [(block.type, np.asarray(block.data)) for block in found.cells])
    named = {(int(dim), int(tag)): name for name, (tag, dim) in _field_data(found).items()}
    _add_tags(blocks, found, _tag_data(found, path, tags), named)
    _add_sets(blocks, found, {name: (dim, tag) for (dim, tag), name in named.items()})
    return blocks


def _field_data(found: Any) -> dict[str, Any]:
    """Return the physical names of gmsh: name -> (tag, dimension)."""
    return {
        name: value
        for name, value in found.field_data.items()
        if np.shape(value) == (2,) and np.issubdtype(np.asarray(value).dtype, np.integer)
    }


def _tag_data(found: Any, path: Path, tags: str | None) -> str | None:
    integer = [
        name
        for name, parts in found.cell_data.items()
        if all(np.issubdtype(np.asarray(part).dtype, np.integer) and np.ndim(part) == 1 for part in parts)
    ]
    if tags is not None:
        if tags not in integer:
            listed = ", ".join(map(repr, integer)) or "none"
            raise MeshError(
                f"{path.name} has no integer cell data {tags!r}.{nearest(tags, integer)} Integer cell data: {listed}."
            )
        return tags
    known = [name for name in _TAGS if name in integer]
    return known[0] if known else integer[0] if len(integer) == 1 else None


def _add_tags(blocks: Blocks, found: Any, key: str | None, named: dict[tuple[int, int], str]) -> None:
    if key is None:
        return
    names_of_med = getattr(found, "cell_tags", None) or {}  # MED: tag -> names
    for block, values in enumerate(found.cell_data[key]):
        dim = blocks.dimension(block)
        for value in np.unique(values):
            tag = abs(int(value))
            if tag == 0:  # in no group
                continue
            numbers = np.flatnonzero(values == value)
            for name in names_of_med.get(int(value), [named.get((dim, tag), str(tag))]):
                blocks.add(dim, name, tag, block, numbers)


def _add_sets(blocks: Blocks, found: Any, tags: dict[str, tuple[int, int]]) -> None:
    for name, parts in found.cell_sets.items():
        if name.startswith("gmsh:"):
            continue
        for block, numbers in enumerate(parts):
            if numbers is not None and len(numbers):
                dim = blocks.dimension(block)
                tag = tags[name][1] if name in tags and tags[name][0] == dim else None
                blocks.add(dim, name, tag, block, np.asarray(numbers, dtype=np.int64))
