"""Flow past a cylinder (DFG 2D-1) from the mesh to drag and lift: published digits, time, and length of the script."""

from __future__ import annotations

import inspect
import statistics
import sys
import time
from typing import Any

from common import machine, options, write_row

PUBLISHED = {"drag": 5.57953523384, "lift": 0.010618948146, "pressure drop": 0.11752016697}  # FeatFlow; Nabh 1998
TOLERANCE = {"drag": 2e-5, "lift": 2e-6, "pressure drop": 2e-5}
LONGEST = 33  # lines from the mesh to drag, lift and pressure drop in a script for NGSolve with Newton's method


def dfg(degree: int = 4, size: float = 0.05, at_cylinder: float = 0.008) -> tuple[float, float, float]:
    """Drag, lift and pressure drop by Taylor-Hood elements on curved cells."""
    import numpy as np

    import ritz as rz

    def channel(model: Any) -> None:
        pipe, hole = model.occ.addRectangle(0, 0, 0, 2.2, 0.41), model.occ.addDisk(0.2, 0.2, 0, 0.05, 0.05)
        model.occ.cut([(2, pipe)], [(2, hole)])
        model.occ.synchronize()
        near = 0.1, 0.1, -1, 0.3, 0.3, 1
        model.addPhysicalGroup(1, [tag for _, tag in model.getEntitiesInBoundingBox(*near, 1)], name="cylinder")
        model.mesh.setSize(model.getEntitiesInBoundingBox(*near, 0), at_cylinder)

    mesh = rz.gmsh_mesh(channel, size=size, geometry_degree=2)
    y, u, p, nu = rz.coords("x y")[1], rz.vector_fields("u"), rz.fields("p"), 1e-3
    walls = ["cylinder", lambda x, y: np.isclose(y, 0) | np.isclose(y, 0.41)]
    inflow = rz.Dirichlet(u, (4 * 0.3 * y * (0.41 - y) / 0.41**2, 0), on=lambda x, y: np.isclose(x, 0))
    equations = [rz.Eq(rz.dot(u, rz.grad(u)) - nu * rz.lap(u) + rz.grad(p), 0), rz.Eq(rz.div(u), 0)]
    problem = rz.Problem(equations, domain=mesh, conditions=[inflow, rz.Dirichlet(u, 0, on=walls)])
    system = problem.discretize(rz.FiniteElement(degree=degree))
    state = rz.solve(system).y[:, -1]
    drag, lift = -500 * system.flux(u, "cylinder", state)  # 2/(rho U^2 D), U = 0.2, D = 0.1
    front, back = system.evaluate(p, [(0.15, 0.2), (0.25, 0.2)], state)
    return drag, lift, front - back


def length(function: Any) -> int:
    """Lines of the body of a function that are not empty, imports and docstring left out."""
    lines = [line.strip() for line in inspect.getsource(function).splitlines()[1:]]
    return sum(1 for line in lines if line and not line.startswith(("import ", '"""')))


def main() -> int:
    """Check, time, print, return the exit code."""
    given = options(__doc__ or "")
    start = time.perf_counter()
    found = dict(zip(PUBLISHED, dfg(), strict=True))
    first = time.perf_counter() - start
    print("\nFlow past a cylinder, DFG 2D-1")
    fine = True
    for name, value in found.items():
        good = abs(value - PUBLISHED[name]) <= TOLERANCE[name]
        print(f"  {name}: {value:.8f}, published {PUBLISHED[name]:.8f}: {'right' if good else 'WRONG'}")
        fine = fine and good
    lines = length(dfg)
    short = "met" if lines <= LONGEST else "NOT MET"
    print(f"  {lines} lines from the mesh to the forces   goal at most {LONGEST}: {short}")
    row: dict[str, Any] = {"title": "dfg cylinder", "side": "Ritz", "lines": lines, "first": first} | found
    if fine and not given.check_only:
        times = []
        for _ in range(max(3, given.turns // 3)):
            start = time.perf_counter()
            dfg()
            times.append(time.perf_counter() - start)
        row["seconds"] = statistics.median(times)
        print(f"  {row['seconds']:.2f} s, mesh included ({first:.2f} s the first time)")
    write_row(row | {"machine": machine()}, given.json)
    return 0 if fine and lines <= LONGEST else 1


if __name__ == "__main__":
    sys.exit(main())
