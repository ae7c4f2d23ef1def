"""Between the stories: how many Fourier transforms a textbook right-hand side needs, before and after rewriting."""

from __future__ import annotations

import time

import page
from terminal import Say

import ritz as rz


def periodic(equations: list, dimension: int, initial: dict, points: int) -> rz.System:
    """Discretise on a periodic box of side 2 pi; nothing is compiled."""
    sides = dict.fromkeys("xyz"[:dimension], (0, 2 * rz.pi))
    problem = rz.Problem(equations, domain=rz.Box(**sides), conditions=[rz.Periodic()], initial=initial)
    return problem.discretize(rz.Fourier(*[points] * dimension))


def burgers() -> rz.System:
    """The quadratic term is a derivative of a square."""
    x, u, nu = rz.coords("x"), rz.fields("u"), rz.params("nu", default=0.05)
    return periodic([rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.dx(u, 2))], 1, {u: rz.sin(x)}, 64)


def cahn_hilliard() -> rz.System:
    """The Laplacian of a cube, expanded by hand as papers do."""
    (x, _), u, g = rz.coords("x y"), rz.fields("u"), rz.params("gamma", default=0.01)
    cubic = 6 * u * rz.dot(rz.grad(u), rz.grad(u)) + 3 * u**2 * rz.lap(u)
    return periodic([rz.Eq(rz.dt(u), cubic - rz.lap(u) - g * rz.lap(rz.lap(u)))], 2, {u: rz.sin(x) / 2}, 32)


def vorticity() -> rz.System:
    """Incompressible flow in the plane, with its streamfunction."""
    (x, y), (w, psi), nu = rz.coords("x y"), rz.fields("w psi"), rz.params("nu", default=0.01)
    advection = rz.dy(psi) * rz.dx(w) - rz.dx(psi) * rz.dy(w)
    start = rz.sin(x) * rz.sin(2 * y)
    return periodic([rz.Eq(rz.dt(w) + advection, nu * rz.lap(w)), rz.Eq(-rz.lap(psi), w)], 2, {w: start}, 32)


def swirl() -> tuple:
    """A divergence-free velocity in the box."""
    x, y, z = rz.coords("x y z")
    return (rz.sin(x) * rz.cos(y) * rz.cos(z), -rz.cos(x) * rz.sin(y) * rz.cos(z), 0)


def navier_stokes() -> rz.System:
    """Incompressible flow in the box, with its pressure."""
    u, p, nu = rz.vector_fields("u"), rz.fields("p"), rz.params("nu", default=0.01)
    start = {u: swirl()}
    momentum = rz.Eq(rz.dt(u) + rz.dot(u, rz.grad(u)), -rz.grad(p) + nu * rz.lap(u))
    return periodic([momentum, rz.Eq(rz.div(u), 0)], 3, start, 16)


def magnetic() -> rz.System:
    """Conducting flow in the box."""
    x, y, z = rz.coords("x y z")
    u, b, p = rz.vector_fields("u"), rz.vector_fields("b"), rz.fields("p")
    nu, eta = rz.params("nu eta", default=(0.01, 0.01))
    momentum = rz.Eq(rz.dt(u) + rz.dot(u, rz.grad(u)), -rz.grad(p) + rz.cross(rz.curl(b), b) + nu * rz.lap(u))
    induction = rz.Eq(rz.dt(b), rz.curl(rz.cross(u, b)) + eta * rz.lap(b))
    start = {u: swirl(), b: (rz.sin(y), rz.sin(z), rz.sin(x))}
    return periodic([momentum, induction, rz.Eq(rz.div(u), 0), rz.Eq(rz.div(b), 0)], 3, start, 16)


EXAMPLES = {
    "Burgers, 1-D: u·∂u": burgers,
    "Cahn–Hilliard, 2-D, expanded": cahn_hilliard,
    "Vorticity and streamfunction, 2-D": vorticity,
    "Navier–Stokes, 3-D": navier_stokes,
    "Magnetohydrodynamics, 3-D": magnetic,
}


def run(say: Say, *, quick: bool) -> str:
    """Discretise every example and return a section with the counts."""
    rows = []
    for name, make in list(EXAMPLES.items())[: 3 if quick else None]:
        began = time.perf_counter()
        form = make().lowered.forms[0].report
        seconds = time.perf_counter() - began
        say(f"  {name}: {sum(form.written)} transforms as written, {sum(form.found)} found")
        rows.append((name, str(sum(form.written)), str(sum(form.found)), f"{form.error:.0e}", f"{seconds:.1f} s"))
    head = ("right-hand side", "transforms as written", "found", "difference, checked", "from equations to graph")
    return page.story(
        "In between: fewer transforms from the same equations",
        page.paragraph(
            "A spectral right-hand side costs what its Fourier transforms cost. Ritz searches the forms that are equal "
            "on the modes that are kept and takes the one with the fewest transforms; the result is compared with the "
            "written form on random fields before any code is made."
        ),
        page.table(head, rows, right=(1, 2, 3, 4)),
    )
