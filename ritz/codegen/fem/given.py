"""The loop that computes a set of prescribed values, in LLVM's language."""

from __future__ import annotations

from collections.abc import Sequence

from ritz.codegen.vector_code import Code
from ritz.codegen.vector_program import VectorPrinter
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.scheduled import Scheduled


class PointWriter:
    """Writes the loop over a set of prescribed unknowns: ``void place(lo, hi, tables, t, p, ctx)``."""

    def __init__(self, g: Graph, parameters: Sequence[str], program: Scheduled) -> None:
        self.g, self.parameters, self.program = g, list(parameters), program
        self.slots = ["target"]

    def write(self, name: str) -> str:
        g, code = self.g, Code(1)
        head: list[str] = []

        def base(slot: str) -> str:
            if slot not in self.slots:
                self.slots.append(slot)
            return f"%c{self.slots.index(slot)}"

        with code.loop("%lo", "%hi") as i:

            def leaf(node: int) -> str:
                what, kind = g.args[node]
                if kind == "time":
                    return code.let("insertelement <1 x double> poison, double %t, i32 0")
                if kind == "param":
                    return code.broadcast("%p", self.parameters.index(what))
                if kind == "seed":
                    return code.broadcast(base(what), 0)
                return code.broadcast(base(f"array {what}"), i)

            printer = VectorPrinter(code, leaf)
            (value,) = printer.run(self.program)
            code.store(value, "%c0", i)
        for k in range(len(self.slots)):
            head += [
                f"  %c{k}_at = getelementptr i64, ptr %ctx, i64 {k}",
                f"  %c{k}_in = load i64, ptr %c{k}_at, align 8",
                f"  %c{k} = inttoptr i64 %c{k}_in to ptr",
            ]
        lines = [f"define void @{name}(i64 %lo, i64 %hi, ptr %tables, double %t, ptr %p, ptr %ctx) nounwind {{"]
        return "\n".join([*lines, "entry:", *head, *code.lines, "  ret void", "}", *sorted(printer.declared)]) + "\n"
