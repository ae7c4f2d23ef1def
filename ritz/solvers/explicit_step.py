"""One step of an explicit Runge-Kutta method, written out from its tableau as compiled straight-line code.

`step_addresses` writes a module with two C functions and hands out their addresses: ``step`` fills the stage
derivatives, the new state and the error estimate; ``extra`` fills the extra stages of the dense output. Each stage is
one pass over memory with the weights as literals, which for a few unknowns is several times faster than loops over a
table. The code depends on the method only, never on the system, and is kept in Ritz's kernel cache.

Both have the signature ``void (double t, double h, intp frame)`` with the address of a frame (`ritz.solvers.frame`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ritz.codegen import cache as kernels
from ritz.codegen.calling import call_rhs_address
from ritz.solvers.frame import (
    CONTEXT,
    ERROR,
    NEW,
    OLD,
    OTHER_ERROR,
    PARAMETERS,
    RHS,
    ROWS,
    SCRATCH,
    SIZE,
    WANT_ERROR,
)  # fmt: skip
from ritz.solvers.tableaus import Row, Tableau

_HEADER = '''"""A step of an explicit Runge-Kutta method with {stages} stages."""
from numba import cfunc, types
from ritz.codegen.abi import as_f64, as_i64, call_rhs

OPTIONS = dict(cache=True, error_model="numpy", fastmath={{"contract"}})
SIGNATURE = types.void(types.float64, types.float64, types.intp)
'''

_OPENING = f"""
@cfunc(SIGNATURE, **OPTIONS)
def {{name}}(t, h, frame_address):
    frame = as_i64(frame_address)
    rhs, p, ctx, n = frame[{RHS}], frame[{PARAMETERS}], frame[{CONTEXT}], frame[{SIZE}]
    u, new, w = as_f64(frame[{OLD}]), as_f64(frame[{NEW}]), as_f64(frame[{SCRATCH}])
    error, other = as_f64(frame[{ERROR}]), as_f64(frame[{OTHER_ERROR}])
"""


@intrinsic
def call_step(typingctx, address, t, h, frame):  # type: ignore[no-untyped-def]
    """Call a step by address (usable in compiled code only)."""
    signature = types.void(types.intp, types.float64, types.float64, types.intp)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [ir.DoubleType(), ir.DoubleType(), ir.IntType(64)])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return signature, codegen


def _sum(row: Row) -> str:
    return " + ".join(f"{a!r} * k{j}[i]" for j, a in row.items() if a != 0.0) or "0.0"


def _function(name: str, rows: int, body: list[str]) -> str:
    views = [f"    k{j} = as_f64(frame[{ROWS + j}])" for j in range(rows)]
    return "\n".join([_OPENING.format(name=name).rstrip(), *views, *body]) + "\n"


def _pass(target: str, row: Row, *, base: bool = True, indent: str = "    ") -> list[str]:
    value = f"h * ({_sum(row)})"
    return [f"{indent}for i in range(n):", f"{indent}    {target}[i] = {'u[i] + ' if base else ''}{value}"]


def _stage(j: int, node: float, row: Row) -> list[str]:
    return [*_pass("w", row), f"    call_rhs(rhs, t + {node!r} * h, frame[{SCRATCH}], p, frame[{ROWS + j}], ctx)"]


def step_source(tableau: Tableau) -> str:
    """The text of the module for a method."""
    size, extra = tableau.size, len(tableau.extra_stages)
    body: list[str] = []
    for j in range(1, size):
        body += _stage(j, tableau.nodes[j], tableau.stages[j])
    body += _pass("new", tableau.weights)
    body += [f"    call_rhs(rhs, t + h, frame[{NEW}], p, frame[{ROWS + size}], ctx)"]
    if tableau.error:
        body += [f"    if frame[{WANT_ERROR}]:", *_pass("error", tableau.error, base=False, indent=" " * 8)]
        if tableau.error_third:
            body += _pass("other", tableau.error_third, base=False, indent=" " * 8)
    text = _HEADER.format(stages=size) + "\n" + _function("step", size + 1, body)
    if extra:
        body = []
        for j in range(extra):
            body += _stage(size + 1 + j, tableau.extra_nodes[j], tableau.extra_stages[j])
        text += "\n" + _function("extra", size + 1 + extra, body)
    return text


_loaded: dict[int, tuple[Tableau, Any, int, int]] = {}


def step_addresses(tableau: Tableau) -> tuple[int, int]:
    """Addresses of ``step`` and ``extra`` (0 without extra stages), compiled on the first call."""
    found = _loaded.get(id(tableau))
    if found is None:
        module = kernels.load(step_source(tableau))
        extra = module.extra.address if tableau.extra_stages else 0
        found = _loaded[id(tableau)] = (tableau, module, module.step.address, extra)
    return found[2], found[3]


def evaluate(address: int, bound: Any, t: float, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Call a right-hand side of a bound system once, from Python."""
    u, out = np.ascontiguousarray(u), np.empty(u.size)
    call_rhs_address(address, t, u, bound.p, out, bound.context)
    return out


def first_bad_stage(
    tableau: Tableau, bound: Any, t: float, h: float, u: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Repeat a step that failed; return time and state where the right-hand side is first not finite."""
    derivatives: list[NDArray[np.float64]] = []
    state, place = u, t
    rows = [*zip(tableau.nodes, tableau.stages, strict=True), (1.0, tableau.weights)]
    with np.errstate(all="ignore"):
        for node, row in rows:
            state = u + h * sum((a * derivatives[j] for j, a in row.items()), np.zeros(u.size))
            place = t + node * h
            derivatives.append(evaluate(bound.rhs, bound, place, state))
            if not np.isfinite(derivatives[-1]).all():
                break
    return place, state
