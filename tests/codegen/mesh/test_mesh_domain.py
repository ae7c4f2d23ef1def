"""Meshes as domains of problems: what the language learns of a mesh."""

from __future__ import annotations

import pytest

import ritz as rz
from ritz.codegen.mesh import Mesh, rectangle

u, p = rz.vector_fields("u"), rz.fields("p")
STOKES = [rz.Eq(-rz.lap(u) + rz.grad(p), (0, 1)), rz.Eq(rz.div(u))]


def test_named_boundaries_may_be_the_whole_boundary():
    corners, cells = [[0, 0], [1, 0], [0, 1]], [[0, 1, 2]]
    some = Mesh.from_arrays(corners, cells, "triangle", facet_groups={"base": [[0, 1]]})
    every = Mesh.from_arrays(corners, cells, "triangle", facet_groups={"base": [[0, 1]], "rest": [[1, 2], [0, 2]]})
    assert not some.as_domain().complete and every.as_domain().complete
    assert not Mesh.from_arrays(corners, cells, "triangle").as_domain().complete


def test_enclosed_flow_is_seen_on_a_mesh():
    mesh = rectangle(n=(2, 2))
    walls = [rz.Dirichlet(u, 0, on=["left", "right", "bottom"])]
    with pytest.raises(rz.errors.ConditionError, match="the flow is enclosed"):
        rz.Problem(STOKES, domain=mesh, conditions=[*walls, rz.Dirichlet(u, 0, on="top")])
    natural = rz.Problem(STOKES, domain=mesh, conditions=walls).weak_form().natural
    assert "n . F = 0 on 'top', where" in natural[0]
