"""Programs without loops, compiled by LLVM: right-hand sides of ordinary differential equations and their derivatives.

All that such a kernel reads besides state and parameters stands in float64 vectors whose addresses the context holds:
the direction of a derivative (`seeds`), values computed once per parameter vector (`tables`) and, where the code is
long, `scratch` memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ritz.codegen import emit_llvm, native
from ritz.codegen.emit_numba import straight_line
from ritz.codegen.program import Program

_NAME = "rhs"
_FIRST = ("program", "linear", "length", "runner")  # entries of the context that belong to `ritz.codegen.runtime`


class ScalarKernel:
    """The code of a program without loops; its results are stored in the order of the program's targets.

    Attributes:
        slots: meaning of the entries of the context.
        flat: no stage has loops to be joined.
        vectors: length of each vector that the context points to.
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
            seeds: names of state or parameters in the order of the direction of a derivative.
        """
        self._graph, self._stage, self._title = program.graph, program.stages[0], title
        self._index = {
            kind: {name: i for i, name in enumerate(names)}
            for kind, names in (
                ("state", blocks),
                ("param", parameters),
                ("seed", [f"seed {name}" for name in seeds]),
                ("table", program.tables),
            )
        }
        self.native = emit_llvm.emit(self._stage.code, self._locate, _NAME)
        self.vectors = {"seeds": len(seeds), "tables": len(program.tables), "scratch": self.native.scratch}

    def _locate(self, node: int) -> tuple[str, int]:
        name, kind = self._graph.args[node]
        return ("t", 0) if kind == "time" else (_ARRAY[kind], self._index[kind][name])

    def load(self) -> list[int]:
        """The address of the compiled function."""
        return [native.load(self.native.text, level=self.native.level).address(_NAME)]

    @property
    def summary(self) -> str:
        """How it is compiled, in words."""
        parts = f"{self.native.parts} functions" if self.native.parts > 1 else "one function"
        return f"compiled by LLVM as {parts}, {'optimised' if self.native.level else 'not optimised for its length'}"

    @cached_property
    def source(self) -> str:
        """The code as readable text; the compiler is given `native`."""
        lines, names = straight_line(self._stage.code, self._text)
        lines += [f"out[{k}] = {names[root]}" for k, root in enumerate(self._stage.code.roots)]
        arrays = ["u", "p", "out", *(a for a in ("seeds", "tables") if self.vectors[a])]
        body = "\n".join("    " + line for line in lines)
        return f'"""{self._title}; {self.summary}"""\n\n\ndef {_NAME}(t, {", ".join(arrays)}):\n{body}\n'

    def _text(self, node: int) -> str:
        array, index = self._locate(node)
        return array if array == "t" else f"{array}[{index}]"


_ARRAY = {"state": "u", "param": "p", "seed": "seeds", "table": "tables"}
