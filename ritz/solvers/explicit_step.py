"""One step of an explicit Runge-Kutta method, written out from its tableau as vector code in LLVM's language.

`step_addresses` hands out the addresses of two C functions: ``step`` fills the stage derivatives, the new state and the
error estimate; ``extra`` fills the extra stages of the dense output. Each stage is one pass over memory with the
weights as literals. States and stages lie in rows of whole vectors (the entry `WIDTH` of the frame), so that no loop
has a rest; for up to `FEW` unknowns there is no loop at all. The code depends on the method, the processor and that
number, not on the system, unless
its right-hand side is short enough to be written into the step.

Both have the signature ``void (double t, double h, intp frame)`` with the address of a frame (`ritz.solvers.frame`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen import native
from ritz.codegen.calling import call_rhs_address
from ritz.codegen.vector_code import Code, Index, literal
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
    WANT_ERROR,
    WIDTH,
)  # fmt: skip
from ritz.solvers.tableaus import Row, Tableau

FEW = 8  # unknowns up to which steps are written out number by number, so that what was just stored is read as it was


PAGE = 512  # doubles: addresses that far apart look alike to a processor
APART = 32  # doubles by which rows are moved away from that


def row_width(size: int) -> int:
    """Doubles of a row for a state of this size: whole vectors.

    Rows of large states lie so that equal places in neighbouring rows do not differ by a multiple of 4096 bytes: loads
    that follow a store to such an address wait for it.
    """
    if size <= FEW:
        return size
    return -(-size // native.lanes()) * native.lanes() if size < 8 * PAGE else -(-size // PAGE) * PAGE + APART


def aligned_rows(count: int, width: int) -> NDArray[np.float64]:
    """(count, width) zeros that start at a multiple of 64 bytes."""
    memory = np.zeros(count * width + 8)
    start = (-memory.ctypes.data % 64) // 8
    return memory[start : start + count * width].reshape(count, width)


class StepWriter:
    """Writes one function of a method.

    Args:
        name: of the function.
        rows: stage derivatives that it names.
        size: unknowns, where there are at most `FEW`; else 0.
        inline: call the function ``@rhs`` of the same module instead of the right-hand side of the frame, and keep
            everything in registers until the end.
    """

    def __init__(self, name: str, rows: int, size: int, *, inline: bool = False) -> None:
        self.name, self.size, self.inline, self.code = name, size, inline, Code(1 if size else native.lanes())
        self.rhs = "@rhs" if inline else self._pointer(RHS)
        self.p, self.context, self.width = (self._word(entry) for entry in (PARAMETERS, CONTEXT, WIDTH))
        self.u, self._local = self._pointer(OLD), dict[int, str]()
        self.k = [self._pointer(ROWS), *(self._target(ROWS + j) for j in range(1, rows))]
        splat = self.code.let(f"insertelement {self.code.vector} poison, double %h, i32 0")
        zeros = f"<{self.code.lanes} x i32> zeroinitializer"
        self.h = self.code.let(f"shufflevector {self.code.vector} {splat}, {self.code.vector} poison, {zeros}")

    def _word(self, entry: int) -> str:
        return self.code.let(f"load i64, ptr {self.code.pointer('%frame', entry)}, align 8")

    def _pointer(self, entry: int) -> str:
        return self.code.let(f"load ptr, ptr {self.code.pointer('%frame', entry)}, align 8")

    def _target(self, entry: int) -> str:
        """Where an array that this function fills is while it runs."""
        if not self.inline:
            return self._pointer(entry)
        if entry not in self._local:
            self._local[entry] = self.code.let(f"alloca [{self.size} x double], align 8")
        return self._local[entry]

    def weighted(self, target: int, row: Row, *, base: bool = True, width: str | None = None) -> None:
        """``target = u + sum_j (h a_j) k_j``, or without u; the newest derivative, for which all wait, comes last."""
        out, code = self._target(target), self.code
        weights = {j: code.scale(a, self.h) for j, a in sorted(row.items())}

        def part(i: Index) -> None:
            total = code.load(self.u, i) if base else None
            for j, weight in weights.items():
                total = code.add(total, code.mul(weight, code.load(self.k[j], i)))
            code.store(total, out, i)

        if self.size:
            for i in range(self.size):
                part(i)
        else:
            with self.code.loop(0, width or self.width, self.code.lanes) as index:
                part(index)

    def call(self, node: float, state: int, target: int) -> None:
        """Evaluate the right-hand side at the time ``t + node h``."""
        code = self.code
        shift = code.let(f"fmul contract double {literal(node)}, %h")
        time = code.let(f"fadd contract double %t, {shift}")
        ends = [code.let(f"ptrtoint ptr {self._target(entry)} to i64") for entry in (state, target)]
        code.do(f"call void {self.rhs}(double {time}, i64 {ends[0]}, i64 {self.p}, i64 {ends[1]}, i64 {self.context})")

    def width_if(self, entry: int) -> str:
        """The width of a row if an entry of the frame is not zero, else zero: for passes that are not always made."""
        wanted = self.code.let(f"icmp ne i64 {self._word(entry)}, 0")
        return self.code.let(f"select i1 {wanted}, i64 {self.width}, i64 0")

    def text(self) -> str:
        """The whole function; what others read is stored now if it was not before."""
        for entry, local in self._local.items():
            if entry != SCRATCH:
                row = self._pointer(entry)
                for i in range(self.size):
                    self.code.store(self.code.load(local, i), row, i)
        body = "\n".join(self.code.lines)
        return (
            f"define void @{self.name}(double %t, double %h, i64 %frame_) {{\nentry:\n"
            f"  %frame = inttoptr i64 %frame_ to ptr\n{body}\n  ret void\n}}\n"
        )


def step_text(tableau: Tableau, unknowns: int, rhs: str = "") -> str:
    """The module of a method.

    Args:
        tableau: the method.
        unknowns: how many; 0 for more than `FEW`.
        rhs: code of a right-hand side ``@rhs`` to be compiled into the step.
    """
    size, extra = tableau.size, len(tableau.extra_stages)
    step = StepWriter("step", size + 1, unknowns, inline=bool(rhs))
    for j in range(1, size):
        step.weighted(SCRATCH, tableau.stages[j])
        step.call(tableau.nodes[j], SCRATCH, ROWS + j)
    step.weighted(NEW, tableau.weights)
    step.call(1.0, NEW, ROWS + size)
    if tableau.error:
        width = step.width_if(WANT_ERROR)
        step.weighted(ERROR, tableau.error, base=False, width=width)
        if tableau.error_third:
            step.weighted(OTHER_ERROR, tableau.error_third, base=False, width=width)
    text = rhs + step.text()
    if extra:
        more = StepWriter("extra", size + 1 + extra, unknowns)
        for j in range(extra):
            more.weighted(SCRATCH, tableau.extra_stages[j])
            more.call(tableau.extra_nodes[j], SCRATCH, ROWS + size + 1 + j)
        text += more.text()
    return text


_loaded: dict[tuple[int, int, str], tuple[Tableau, int, int]] = {}


def step_addresses(tableau: Tableau, unknowns: int, rhs: str = "") -> tuple[int, int]:
    """Addresses of ``step`` and ``extra`` (0 without extra stages), compiled on the first call; see `step_text`."""
    few = unknowns if unknowns <= FEW else 0
    key = id(tableau), few, rhs if few else ""
    found = _loaded.get(key)
    if found is None:
        code = native.load(step_text(tableau, *key[1:]))
        extra = code.address("extra") if tableau.extra_stages else 0
        found = _loaded[key] = (tableau, code.address("step"), extra)
    return found[1], found[2]


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
