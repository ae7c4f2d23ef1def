"""What the Jacobian of a finite-element system looks like: read off the coefficients in quadrature points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.codegen.fem.kernels import matrix_entries
from ritz.codegen.fem.space import Probe
from ritz.codegen.layout import Array
from ritz.codegen.structure import Saddle, Structure


def structure_of(system: Any) -> Structure:
    """Symmetry, definiteness, rigid motions and saddle points of ``-df/du``."""
    model = system.model
    found = _coefficients(model)
    symmetric = all(pairs.get((b, a)) == node for pairs in found for (a, b), node in pairs.items())
    if system.rates:
        symmetric = False
    definite = symmetric and _definite(system, found)
    return Structure(
        symmetric=symmetric,
        definite=definite,
        near_nullspace=_rigid_motions(system) if definite else None,
        saddle=_saddle(system, found) if symmetric else None,
        dimension=int(system.mesh.points.shape[1]),
        linear=not any(model.state in model.graph.topological(pairs.values()) for pairs in found),
    )


def _coefficients(model: Any) -> list[dict[tuple[Probe, Probe], int]]:
    """Per region, the derivative of every weighted value with respect to every probe, of the residual."""
    g, space = model.graph, model.space
    (whole,) = g.substitute([model.residual], {model.rate: model.given_rate})
    terms = g.args[whole][1] if g.op[whole] == "add" else ((whole, 1),)
    outputs: dict[int, list[tuple[Probe, int]]] = {}
    for node, k in terms:
        c, plain = g.split_coefficient(node)
        if g.op[plain] == "map":
            m, below = g.args[plain]
            outputs.setdefault(space.probe_of(m).region, []).append((space.probe_of(m), g.scale(k * c, below)))
    found = []
    for listed in outputs.values():
        pairs, nodes = matrix_entries(space, g, listed, model.state)
        found.append(dict(zip(pairs, nodes, strict=True)))
    return found


def _definite(system: Any, found: list[dict[tuple[Probe, Probe], int]]) -> bool:
    """Whether the coefficients are positive semidefinite in some quadrature points, which makes the matrix so."""
    model = system.model
    g, space = model.graph, model.space
    fields = {p.field for pairs in found for pair in pairs for p in pair}
    diagonal = {a.field for pairs in found for a, b in pairs if a.field == b.field}
    if fields != diagonal or not fields:
        return False
    state = np.zeros(system.layout.size)
    p = {i.name: v for i, v in zip(system.parameters, _parameters(system), strict=True)}
    for pairs in filter(None, found):
        nodes = list(pairs.values())
        values = space.values(g, nodes, p, 0.0)
        for block in system.layout.fields:
            values[model.states[block.name]] = state[block.start : block.stop]
        numbers = np.broadcast_arrays(*space.evaluate(g, nodes, values))  # all in the same points
        probes = list(dict.fromkeys(q for pair in pairs for q in pair))
        if any(q.side < 0 for q in probes):
            return False  # interior facets: penalties compensate what is negative by itself
        flat = [np.ravel(x)[:: max(1, np.size(x) // 50)][:50] for x in numbers]
        matrix = np.zeros((len(flat[0]), len(probes), len(probes)))
        for (a, b), x in zip(pairs, flat, strict=True):
            matrix[:, probes.index(a), probes.index(b)] = x
        if not np.all(np.isfinite(matrix)):
            return False
        eigenvalues = np.linalg.eigvalsh(matrix)
        if eigenvalues.min() < -1e-10 * max(float(np.abs(eigenvalues).max()), 1e-300):
            return False
    return True


def _parameters(system: Any) -> Array:
    """Values at which definiteness is looked at; a factorisation that finds otherwise gives way to another one."""
    return np.array([1.0 if i.default is None else float(i.default) for i in system.parameters])


def _rigid_motions(system: Any) -> Array | None:
    """Translations and rotations of a single unknown vector field, at its free nodes."""
    form, space = system.form, system.model.space
    vectors = [u for u in form.unknowns if u.rank == 1]
    gdim = system.mesh.points.shape[1]
    if len(form.unknowns) != 1 or len(vectors) != 1 or gdim < 2:
        return None
    if len(space.names) != gdim or not all(n.reference.is_nodal for n in space.nodes[:gdim]):
        return None
    points = [space.nodes[f].points[space.numbering.free[f]] for f in range(gdim)]
    offsets = space.numbering.offsets
    planes = [(0, 1)] if gdim == 2 else [(0, 1), (1, 2), (0, 2)]
    motions = np.zeros((system.layout.size, gdim + len(planes)))
    for i in range(gdim):
        motions[offsets[i] : offsets[i + 1], i] = 1.0
    for k, (i, j) in enumerate(planes):
        motions[offsets[i] : offsets[i + 1], gdim + k] = -points[i][:, j]
        motions[offsets[j] : offsets[j + 1], gdim + k] = points[j][:, i]
    return motions


def _saddle(system: Any, found: list[dict[tuple[Probe, Probe], int]]) -> Saddle | None:
    """Fields without a diagonal block: multipliers such as a pressure."""
    coupled = {a.field for pairs in found for pair in pairs for a in pair}
    diagonal = {a.field for pairs in found for a, b in pairs if a.field == b.field}
    seconds = sorted(coupled - diagonal)
    if not seconds or not diagonal:
        return None
    offsets = system.model.space.numbering.offsets

    def indices(chosen: list[int]) -> Array:
        return np.concatenate([np.arange(offsets[f], offsets[f + 1]) for f in chosen])

    return Saddle(indices(sorted(coupled & diagonal)), indices(seconds))
