"""Ritz on the Brusselator written in NumPy: right-hand sides in a compiled loop, or whole solves."""

from __future__ import annotations

import problems
from worker import Ready, serve, versions


def prepare(arguments):
    """Trace, compile, and compute the answer."""
    import ritz as rz
    from ritz.codegen.loops import call_rhs, compiled
    from ritz.codegen.team import Team
    from ritz.solvers.explicit_step import aligned_rows, row_width

    n, threads, case = arguments["n"], arguments.get("threads", 1), problems.BRUSSELATOR
    parameters = {name: case[name] for name in ("a", "b", "alpha")}
    start = problems.brusselator_start(n)
    system = rz.trace(problems.brusselator, y=(2, n, n), parameters=parameters, initial=start)
    facts = versions("ritz", "llvmlite", "numpy") | {"source_bytes": len(system.source())}
    if arguments["what"] == "solve":
        options = {"method": "RK45", "rtol": case["rtol"], "atol": case["atol"], "threads": threads}

        def run():
            return rz.solve(system, (0.0, case["end"]), t_eval=[case["end"]], **options)

        def block(count):
            for _ in range(count):
                run()

        solution = run()
        return Ready({"end": solution.y[:, -1]}, block, facts | {"evaluations": int(solution.nfev)})

    @compiled()
    def loop(address: int, count: int, u: int, p: int, out: int, context: int):
        for _ in range(count):
            call_rhs(address, 0.0, u, p, out, context)

    bound, size = system.bind(threads=threads), start.size
    u, out = aligned_rows(2, row_width(size))[:, :size]  # state and result lie as in the steppers
    u[:] = start.ravel()

    def evaluate(count):
        with (bound.team or Team(1)).at_work():
            loop(bound.rhs, count, u.ctypes.data, bound.p.ctypes.data, out.ctypes.data, bound.context)

    evaluate(1)
    return Ready({"rate": out}, evaluate, facts)


serve(prepare)
