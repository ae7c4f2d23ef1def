"""Meshes: made, read, refined, searched, plotted and written."""

from .disc import disc
from .lattice import number_second_order, second_order_points
from .live import gmsh_mesh
from .make import box, interval, mesh_of, rectangle
from .mesh import Ancestry, Mesh
from .read import read_mesh
from .write import write_fields

__all__ = [
    "Ancestry",
    "Mesh",
    "box",
    "disc",
    "gmsh_mesh",
    "interval",
    "mesh_of",
    "number_second_order",
    "read_mesh",
    "rectangle",
    "second_order_points",
    "write_fields",
]
