"""Meshes: made, read, refined, searched, plotted and written."""

from .disc import disc
from .live import gmsh_mesh
from .make import box, interval, mesh_of, rectangle
from .mesh import Ancestry, Mesh
from .read import read_mesh

__all__ = ["Ancestry", "Mesh", "box", "disc", "gmsh_mesh", "interval", "mesh_of", "read_mesh", "rectangle"]
