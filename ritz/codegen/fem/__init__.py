"""Finite elements: from a weak form on a mesh to a System."""
