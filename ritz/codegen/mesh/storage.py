"""Meshes in files of NumPy: everything that a mesh knows, in one archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ...errors import MeshError

if TYPE_CHECKING:
    from .mesh import Mesh

_FORMAT = "ritz-mesh-1"


def save_mesh(mesh: Mesh, path: str | Path) -> None:
    """Write a mesh; see `Mesh.save`."""
    path = Path(path)
    if path.suffix != ".npz":
        raise MeshError(
            f"A mesh is saved to a file that ends in .npz, not {path.name!r}. For ParaView and other programs write "
            "it with `rz.write_fields(path, mesh)`."
        )
    about = {
        "format": _FORMAT,
        "cell_type": mesh.cell_type,
        "geometry_degree": mesh.geometry_degree,
        "cell_tags": dict(mesh.cell_tags),
        "facet_tags": dict(mesh.facet_tags),
    }
    arrays: dict[str, Any] = {"points": mesh.points, "geometry": mesh.geometry}
    for kind, groups in (("cells", mesh.cell_groups), ("facets", mesh.facet_groups)):
        arrays |= {f"{kind}{number}": groups[name] for number, name in enumerate(groups)}
        about[kind] = list(groups)
    if mesh.ancestry is not None:
        arrays |= {"parents": mesh.ancestry.parents, "corners": mesh.ancestry.corners}
    np.savez_compressed(path, about=json.dumps(about), **arrays)


def load_mesh(path: str | Path) -> Mesh:
    """Read a mesh that `Mesh.save` wrote."""
    from .mesh import Ancestry, Mesh

    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            if about["format"] != _FORMAT:
                raise MeshError(f"{path} has the format {about['format']!r}; this version of Ritz reads {_FORMAT!r}.")
            arrays = {name: archive[name] for name in archive.files if name != "about"}
    except (KeyError, OSError, ValueError, BadZipFile) as error:
        if isinstance(error, MeshError):
            raise
        raise MeshError(f"{path} is no mesh that Ritz saved: {error}.") from error
    for array in arrays.values():
        array.flags.writeable = False
    ancestry = Ancestry(arrays["parents"], arrays["corners"]) if "parents" in arrays else None
    return Mesh(
        arrays["points"],
        arrays["geometry"],
        about["cell_type"],
        about["geometry_degree"],
        {name: arrays[f"cells{number}"] for number, name in enumerate(about["cells"])},
        {name: arrays[f"facets{number}"] for number, name in enumerate(about["facets"])},
        about["cell_tags"],
        about["facet_tags"],
        ancestry,
    )
