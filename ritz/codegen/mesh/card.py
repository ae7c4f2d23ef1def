"""What a mesh says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .mesh import Mesh

_PLURAL = {"tetrahedron": "tetrahedra", "hexahedron": "hexahedra"}


def kind_of(name: str, count: int) -> str:
    """Return ``8 triangles``.

    Example:
        >>> kind_of("hexahedron", 2)
        '2 hexahedra'
    """
    return f"{count:,} {name if count == 1 else _PLURAL.get(name, name + 's')}"


def one_line(mesh: Mesh) -> str:
    """Return the text of ``repr(mesh)``."""
    curved = " of degree 2" if mesh.geometry_degree > 1 else ""
    parts = [f"{kind_of(mesh.cell_type, len(mesh.geometry))}{curved}, {len(mesh.points):,} points in {mesh.gdim}-D"]
    for what, tags in (("cells", mesh.cell_tags), ("facets", mesh.facet_tags)):
        if tags:
            parts.append(f"{what}: " + ", ".join(f"{name} {tag}" for name, tag in tags.items()))
    return f"Mesh({'; '.join(parts)})"


def card(mesh: Mesh) -> str:
    """Return the HTML card of a mesh: sizes, quality, groups."""
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    extent = " × ".join(f"[{a:.6g}, {b:.6g}]" for a, b in zip(low, high))
    size = mesh.cell_diameters
    lines = [
        ("cells", kind_of(mesh.cell_type, len(mesh.geometry)) + (", curved" if mesh.geometry_degree > 1 else "")),
        ("points", f"{len(mesh.points):,} in {extent}"),
        ("facets", f"{mesh.facet_count:,}, of them {len(mesh.boundary_facets):,} on the boundary"),
        ("size of cells", f"{size.min():.4g} to {size.max():.4g}"),
        ("quality", f"{mesh.quality.min():.3f} at worst, {mesh.quality.mean():.3f} on average (1 is regular)"),
    ]
    rows = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in lines)
    for what, groups, tags in (
        ("cells", mesh.cell_groups, mesh.cell_tags),
        ("facets", mesh.facet_groups, mesh.facet_tags),
    ):
        rows += _groups(what, groups, tags)
    return f"<div><strong>Mesh</strong><table>{rows}</table></div>"


def _groups(what: str, groups: Mapping[str, Any], tags: Mapping[str, int]) -> str:
    if not groups:
        return ""
    text = "; ".join(f"<code>{escape(name)}</code> (tag {tags[name]}): {len(groups[name]):,}" for name in groups)
    return f"<tr><th>groups of {what}</th><td>{text}</td></tr>"
