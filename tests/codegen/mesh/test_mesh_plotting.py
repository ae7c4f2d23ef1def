"""Pictures of meshes: what is drawn and what the legend says."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from mesh_examples import ALL

import ritz as rz
from ritz.codegen.mesh import Mesh
from ritz.errors import OptionError

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("name", ALL)
def test_every_kind_is_drawn(name):
    mesh = ALL[name]()
    ax = mesh.plot()
    ax.figure.canvas.draw()
    assert labels(ax) == [f"{group} (tag {tag})" for group, tag in mesh.facet_tags.items()]


def test_edges_and_groups_in_the_plane():
    base = rz.rectangle(n=2)
    mesh = Mesh.from_arrays(
        base.points,
        base.cells,
        "triangle",
        facet_groups={"in": lambda x, y: x == 0},
        cell_groups={"soft": lambda x, y: x <= 0.5},
    )
    ax = mesh.plot(linewidth=2)
    soft, edges, inlet = ax.collections
    assert len(soft.get_paths()) == 4
    assert len(edges.get_segments()) == 16 and edges.get_linewidth() == [2]
    assert sorted(tuple(map(tuple, s)) for s in inlet.get_segments()) == [((0, 0), (0, 0.5)), ((0, 0.5), (0, 1))]
    assert labels(ax) == ["soft (4 cells)", "in (tag 1)"]
    plain = mesh.plot(groups=False)
    assert len(plain.collections) == 1 and plain.get_legend() is None


def test_curved_edges_are_curves():
    ax = rz.disc(size=0.5, geometry_degree=2).plot()
    rim = np.concatenate(ax.collections[-1].get_segments())
    assert np.hypot(*rim.T) == pytest.approx(1, abs=2e-3)
    assert len(rim) == 12 * 9


def test_surface_of_a_solid():
    mesh = rz.box(n=2, cell="hexahedron")
    (faces,) = mesh.plot().collections
    assert len(faces.get_facecolor()) == len(mesh.boundary_facets) == 24
    assert len(np.unique(faces.get_facecolor(), axis=0)) == 6


def test_own_axes():
    _, ax = plt.subplots()
    assert rz.rectangle(n=2).plot(ax) is ax
    with pytest.raises(OptionError, match="mesh in 3-D is drawn in three-dimensional axes: leave `ax` out"):
        rz.box(n=1).plot(ax)
    with pytest.raises(OptionError, match="mesh in 2-D is drawn in two-dimensional axes"):
        rz.rectangle(n=2).plot(plt.figure().add_subplot(projection="3d"))
