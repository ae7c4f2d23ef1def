"""CasADi on a reaction network: its function of one rate per reaction, through its buffers."""

from __future__ import annotations

import numpy as np
from network import DATA, Network
from worker import Ready, serve, versions


def prepare(arguments):
    """Build the function, and compute the answer."""
    import casadi

    network = Network(DATA / arguments["network"])
    u = casadi.SX.sym("u", len(network.start))
    p = casadi.SX.sym("p", len(network.parameters))
    state, parameters = casadi.vertsplit(u), dict(zip(network.parameters, casadi.vertsplit(p)))
    rows = [casadi.SX(0)] * len(state)
    for reaction in network.reactions:
        reactants, _, rate, names = reaction
        for factor in [*(parameters[n] for n in names), *(state[i] for i in reactants)]:
            rate = rate * factor
        for i, n in network.changes(reaction).items():
            rows[i] = rows[i] + n * rate
    function = casadi.Function("rhs", [u, p], [casadi.vertcat(*rows)])
    buffer, evaluate = function.buffer()
    values, given, out = network.state(), np.array(list(network.parameters.values())), np.zeros(len(state))
    buffer.set_arg(0, memoryview(values))
    buffer.set_arg(1, memoryview(given))
    buffer.set_res(0, memoryview(out))

    def block(count, keep=(function, buffer, values, given, out)):
        for _ in range(count):
            evaluate()

    block(1)
    return Ready({"rhs": out.copy()}, block, versions("casadi") | {"operations": function.n_instructions()})


serve(prepare)
