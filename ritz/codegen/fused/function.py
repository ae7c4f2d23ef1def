"""One function of a fused program under construction: its arguments, and what it finds through the context."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ritz.codegen.emit_loops import RUNTIME
from ritz.codegen.program import Program
from ritz.codegen.vector_code import Code, Value
from ritz.codegen.vector_program import VectorPrinter
from ritz.symbolic.rewrite.scheduled import Scheduled

ARGUMENTS = "i64 %lo, i64 %hi, double %t, i64 %u_, i64 %p_, i64 %out_, i64 %ctx_, i64 %scratch_"


class Layout:
    """What the functions of a fused program share.

    Args:
        parameters: names in the order of the parameter vector.

    Attributes:
        slots: names of the entries of the context; the first four belong to `ritz.codegen.runtime`.
        expanded: array -> whether it is to be laid out over all modes (True) or over all columns of modes (False).
    """

    def __init__(self, parameters: Sequence[str]) -> None:
        self.parameters, self.slots = list(parameters), list(RUNTIME)
        self.expanded: dict[str, bool] = {}

    def slot(self, name: str) -> int:
        """The entry for a name, added if new."""
        if name not in self.slots:
            self.slots.append(name)
        return self.slots.index(name)


class Function:
    """Writes one function.

    Args:
        program: whose leaves it reads.
        layout: shared by all functions.
        lanes: doubles in a vector.
    """

    def __init__(self, program: Program, layout: Layout, lanes: int) -> None:
        self.program, self.layout, self.code = program, layout, Code(lanes)
        self.declared: set[str] = set()
        self._head = Code(lanes, letter="h")
        self._names: dict[str, str] = {}

    def text(self, name: str) -> str:
        """The whole function."""
        opening = "  %scratch = inttoptr i64 %scratch_ to ptr"
        body = "\n".join([opening, *self._head.lines, *self.code.lines])
        return f"define void @{name}({ARGUMENTS}) nounwind {{\nentry:\n{body}\n  ret void\n}}"

    def run(self, code: Scheduled, leaf: Callable[[int], str]) -> list[Value]:
        """Print straight-line code; returns the vectors of its roots."""
        printer = VectorPrinter(self.code, leaf)
        printer.declared = self.declared
        return printer.run(code)

    def _known(self, key: str, make: Callable[[], str]) -> str:
        if key not in self._names:
            self._names[key] = make()
        return self._names[key]

    def _word(self, name: str) -> str:
        """An entry of the context."""
        h = self._head
        at = h.let(f"add i64 %ctx_, {8 * self.layout.slot(name)}")
        return h.let(f"load i64, ptr {h.let(f'inttoptr i64 {at} to ptr')}, align 8")

    def array(self, name: str) -> str:
        """Pointer to an array of the context."""
        return self._known(
            f"array {name}", lambda: self._head.let(f"inttoptr i64 {self._word(f'array {name}')} to ptr")
        )

    def state(self, name: str) -> str:
        """Pointer to a block of the state."""
        return self._known(f"state {name}", lambda: self._offset("%u_", name))

    def result(self, name: str) -> str:
        """Pointer to a block of the result."""
        return self._known(f"out {name}", lambda: self._offset("%out_", name))

    def _offset(self, base: str, name: str) -> str:
        at = self._head.let(f"add i64 {base}, {self._word(f'offset {name}')}")
        return self._head.let(f"inttoptr i64 {at} to ptr")

    def time(self) -> str:
        """Time in all lanes."""
        return self._known("t", lambda: self._head.spread("%t"))

    def parameter(self, name: str) -> str:
        """A parameter in all lanes."""

        def make() -> str:
            pointer = self._head.let("inttoptr i64 %p_ to ptr")
            return self._head.broadcast(pointer, self.layout.parameters.index(name))

        return self._known(f"p {name}", make)

    def expand(self, name: str, *, with_first: bool) -> None:
        """Have an array laid out over more axes than it varies over, where vectors of columns ask for it."""
        self.layout.expanded[name] = with_first
