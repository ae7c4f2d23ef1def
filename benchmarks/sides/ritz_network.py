"""Ritz on a reaction network: single evaluations of the compiled right-hand side, called by address."""

from __future__ import annotations

import ctypes

import numpy as np
from network import DATA, Network
from worker import Ready, serve, versions


def make_system(network, rewriter):
    """One rate per reaction, written into the graph; the rewriter does the rest."""
    from ritz.codegen.layout import PointwiseLayout
    from ritz.codegen.lowered import Lowered
    from ritz.codegen.system import System
    from ritz.symbolic.graph import Graph

    g = Graph()
    names = [f"x{i}" for i in range(len(network.start))]
    states = {name: g.input(name, "state") for name in names}
    parameters = {name: g.input(name, "param") for name in network.parameters}
    terms = [[] for _ in names]
    for reaction in network.reactions:
        reactants, _, number, used = reaction
        factors = [parameters[n] for n in used] + [states[names[i]] for i in reactants]
        rate = g.mul([(f, 1) for f in factors], number)
        for i, n in network.changes(reaction).items():
            terms[i].append((n, rate))
    rhs = {name: g.add(rows) for name, rows in zip(names, terms)}
    lowered = Lowered(g, None, PointwiseLayout(tuple(names)), states, None, rhs, tuple(parameters))
    return System(lowered, rewriter=rewriter)


def prepare(arguments):
    """Compile, and compute the answer."""
    network = Network(DATA / arguments["network"])
    system = make_system(network, arguments["rewriter"])
    bound = system.bind(np.array(list(network.parameters.values())))
    function = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_ssize_t] * 4)(bound.rhs)
    u, out = network.state(), np.zeros(bound.size)
    call = (0.0, u.ctypes.data, bound.p.ctypes.data, out.ctypes.data, bound.context)

    def block(count, keep=(bound, u, out)):
        for _ in range(count):
            function(*call)

    block(1)
    facts = {"operations": system._compiled("rhs").emitted.code.each.operations()}
    return Ready({"rhs": out.copy()}, block, versions("ritz", "llvmlite") | facts)


serve(prepare)
