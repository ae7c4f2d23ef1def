"""Programs without loops, compiled by LLVM: right-hand sides of ordinary differential equations and their derivatives.

All that such a kernel reads besides state and parameters stands in float64 vectors whose addresses the context holds:
the direction of a derivative (`seeds`), values computed once per parameter vector (`tables`) and, where the code is
long, `scratch` memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ritz.codegen import emit_llvm, native
from ritz.codegen.emit_loops import straight_line
from ritz.codegen.prepared import prepare
from ritz.codegen.program import Program
from ritz.symbolic.rewrite.scheduled import Scheduled

_FIRST = ("program", "linear", "length", "runner")  # entries of the context that belong to `ritz.codegen.runtime`
INLINE = 60  # operations up to which a right-hand side may be compiled into every stage of a method
_ARRAY = {"state": "u", "param": "p", "seed": "seeds"}


class ScalarKernel:
    """The code of a program without loops; its results are stored in the order of the program's targets.

    Attributes:
        slots: meaning of the entries of the context.
        flat: no stage has loops to be joined.
        vectors: length of each vector that the context points to.
        native: the code that runs at every evaluation, in LLVM's language.
        native_once: the code that computes the tables, or None.
    """

    slots = (*_FIRST, *(f"array {name}" for name in emit_llvm.CONTEXT))
    flat: frozenset[str] = frozenset()

    def __init__(
        self, program: Program, title: str, parameters: Sequence[str], blocks: Sequence[str], seeds: Sequence[str]
    ) -> None:
        """Print a program.

        Args:
            program: one stage without axes.
            title: what it is, in words.
            parameters: names in the order of the parameter vector.
            blocks: names in the order of the state vector.
            seeds: names of states or parameters in the order of the direction of a derivative.
        """
        self._graph, self._title = program.graph, title
        named = {"state": blocks, "param": parameters, "seed": [f"seed {name}" for name in seeds]}
        self._index = {kind: {name: i for i, name in enumerate(names)} for kind, names in named.items()}
        self.code = prepare(program.stages[0].code)
        self.native = emit_llvm.emit(self.code.each, self._locate, "rhs")
        self.native_once = emit_llvm.emit(self.code.once, self._locate, "prepare") if self.code.once else None
        scratch = max(text.scratch for text in (self.native, self.native_once) if text)
        self.vectors = {"seeds": len(seeds), "tables": self.code.tables, "scratch": scratch}

    def _locate(self, node: int) -> tuple[str, int]:
        if node < 0:
            return "tables", ~node
        name, kind = self._graph.args[node]
        return ("t", 0) if kind == "time" else (_ARRAY[kind], self._index[kind][name])

    def load(self) -> list[int]:
        """Addresses of the compiled function and, where there are tables, of the one that stores them."""
        functions = [("rhs", self.native)] + ([("prepare", self.native_once)] if self.native_once else [])
        return [native.load(text.text, level=text.level).address(name) for name, text in functions]

    @property
    def inline(self) -> str:
        """Code to be compiled into callers of ``@rhs``; empty where it is long."""
        return emit_llvm.inlined(self.native) if self.code.each.operations() <= INLINE else ""

    @property
    def summary(self) -> str:
        """What is computed and how it is compiled, in words."""
        parts = f"{self.native.parts} functions" if self.native.parts > 1 else "one function"
        how = "optimised" if self.native.level else "not optimised for its length"
        once = f", {self.code.once.operations()} once per parameter vector" if self.code.once else ""
        return f"{self.code.each.operations()} operations{once}; compiled by LLVM as {parts}, {how}"

    @cached_property
    def source(self) -> str:
        """The code as readable text; the compiler is given `native`."""
        functions = [self._function("rhs", self.code.each, "out")]
        if self.code.once:
            functions.insert(0, self._function("prepare", self.code.once, "tables"))
        return "\n\n\n".join([f'"""{self._title}: {self.summary}"""', *functions]) + "\n"

    def _function(self, name: str, code: Scheduled, out: str) -> str:
        lines, names = straight_line(code, self._text)
        lines += [f"{out}[{k}] = {names[root]}" for k, root in enumerate(code.roots)]
        read = [v for v in ("seeds", "tables") if self.vectors[v] and v != out]
        arguments = ["p", out] if out == "tables" else ["t", "u", "p", out, *read]
        return "\n".join([f"def {name}({', '.join(arguments)}):", *(f"    {line}" for line in lines)])

    def _text(self, node: int) -> str:
        array, index = self._locate(node)
        return array if array == "t" else f"{array}[{index}]"
