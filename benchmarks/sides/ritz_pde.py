"""Ritz on the periodic problems, written as the textbook does; a block is one call of `solve`."""

from __future__ import annotations

import numpy as np
import problems
from worker import Ready, serve, versions


def ks(rz, n, **options):
    """Kuramoto-Sivashinsky."""
    x = rz.coords("x")
    u = rz.fields("u")
    equation = rz.Eq(rz.dt(u) + u * rz.dx(u) + rz.d(u, x, 2) + rz.d(u, x, 4), 0)
    domain = rz.Box(x=(0, problems.ks_length(n)))
    problem = rz.Problem([equation], domain=domain, conditions=[rz.Periodic()], initial={u: problems.ks_start(n)})
    return problem.discretize(rz.Fourier(n, **options)), problems.KS, ["u"]


def ns(rz, n, **options):
    """Navier-Stokes in vorticity form, the streamfunction as an elliptic constraint."""
    x, y = rz.coords("x y")
    w, psi = rz.fields("w psi")
    nu = rz.params("nu", default=problems.NS["nu"])
    equations = [
        rz.Eq(rz.dt(w) + rz.dy(psi) * rz.dx(w) - rz.dx(psi) * rz.dy(w), nu * rz.lap(w)),
        rz.Eq(rz.lap(psi), -w),
    ]
    domain = rz.Box(x=(0, 2 * rz.pi), y=(0, 2 * rz.pi))
    problem = rz.Problem(equations, domain=domain, conditions=[rz.Periodic()], initial={w: problems.ns_start(n)})
    return problem.discretize(rz.Fourier(n, n, **options)), problems.NS, ["w"]


def gs(rz, n, **options):
    """Gray-Scott; with ``dealias="auto"`` as many modes are kept as leave cubic products free of aliasing."""
    x, y = rz.coords("x y")
    u, v = rz.fields("u v")
    case = problems.GS
    feed, kill = rz.params("F k", default=(case["F"], case["k"]))
    equations = [
        rz.Eq(rz.dt(u), case["Du"] * rz.lap(u) - u * v**2 + feed * (1 - u)),
        rz.Eq(rz.dt(v), case["Dv"] * rz.lap(v) + u * v**2 - (feed + kill) * v),
    ]
    domain = rz.Box(x=(0, case["length"]), y=(0, case["length"]))
    start = dict(zip((u, v), problems.gs_start(n)))
    problem = rz.Problem(equations, domain=domain, conditions=[rz.Periodic()], initial=start)
    return problem.discretize(rz.Fourier(n, n, **options)), case, ["u", "v"]


def tg(rz, n, **options):
    """The Taylor-Green vortex: Navier-Stokes in three dimensions, the pressure as an unknown."""
    x, y, z = rz.coords("x y z")
    u, p = rz.vector_fields("u"), rz.fields("p")
    nu = rz.params("nu", default=problems.TG["nu"])
    equations = [rz.Eq(rz.dt(u) + rz.dot(u, rz.grad(u)) + rz.grad(p), nu * rz.lap(u)), rz.Eq(rz.div(u), 0)]
    side = (0, 2 * rz.pi)
    domain = rz.Box(x=side, y=side, z=side)
    start = (rz.sin(x) * rz.cos(y) * rz.cos(z), -rz.cos(x) * rz.sin(y) * rz.cos(z), 0)
    problem = rz.Problem(equations, domain=domain, conditions=[rz.Periodic()], initial={u: start})
    return problem.discretize(rz.Fourier(n, n, n, **options)), problems.TG, ["u_x", "u_y", "u_z"]


SYSTEMS = {"ks": ks, "ns": ns, "gs": gs, "tg": tg}


def prepare(arguments):
    """Compile, and compute the answer."""
    import ritz as rz

    threads, n = arguments.get("threads", 1), arguments["n"]
    options = {name: arguments[name] for name in ("dealias", "transforms") if name in arguments}
    system, case, names = SYSTEMS[arguments["problem"]](rz, n, **options)

    def run(end):
        return rz.solve(system, (0.0, end), method="ETDRK4", dt=case["dt"], t_eval=[end], threads=threads)

    solution = run(case["check"])
    fields = [np.asarray(solution[name])[-1] for name in names]
    answer = np.stack(fields) if len(fields) > 1 else fields[0]
    facts = versions("ritz", "llvmlite", "rocket-fft") | {"steps": round(case["check"] / case["dt"])}
    return Ready({"field": answer}, lambda count: run(count * case["dt"]), facts)


if __name__ == "__main__":
    serve(prepare)
