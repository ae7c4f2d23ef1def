"""Meshes: made, read, refined, searched, plotted and written."""

from .disc import disc
from .make import box, interval, mesh_of, rectangle
from .mesh import Ancestry, Mesh

__all__ = ["Ancestry", "Mesh", "box", "disc", "interval", "mesh_of", "rectangle"]
