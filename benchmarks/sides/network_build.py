"""Equations and sparse Jacobian of a network as symbols, without code: by Ritz's graph or by SymPy; prints seconds."""

from __future__ import annotations

import json
import sys
import time

from network import Network


def by_graph(path):
    """The whole way from the file."""
    import ritz as rz
    from ritz.symbolic.calculus import sparse_jacobian

    rz.read_bionetgen  # noqa: B018 - loads what it needs
    start = time.perf_counter()
    form = rz.read_bionetgen(path).pointwise_form()
    rows = sparse_jacobian(form.graph, list(form.derivatives.values()), list(form.states.values()))
    return time.perf_counter() - start, sum(map(len, rows))


def by_sympy(path):
    """From the parsed reactions: SymPy is not charged for reading."""
    import sympy as sp

    network = Network(path)
    x = sp.symbols(f"x0:{len(network.start)}")
    k = {name: sp.Symbol(name) for name in network.parameters}
    start = time.perf_counter()
    terms = [[] for _ in x]
    for reaction in network.reactions:
        reactants, _, number, names = reaction
        rate = sp.Mul(sp.nsimplify(number), *(k[n] for n in names), *(x[i] for i in reactants))
        for i, change in network.changes(reaction).items():
            terms[i].append(change * rate)
    rows = [sp.Add(*row) for row in terms]
    entries = {(i, v): sp.diff(row, v) for i, row in enumerate(rows) for v in row.free_symbols & set(x)}
    return time.perf_counter() - start, sum(1 for e in entries.values() if e != 0)


seconds, entries = {"graph": by_graph, "sympy": by_sympy}[sys.argv[1]](sys.argv[2])
json.dump({"seconds": seconds, "entries": entries}, sys.stdout)
