"""Printing a program as a module of loops: one function a stage, readable, free of sizes and parameters.

Every array is reached through an address in the context, every size is read from it: the text depends on the
equations only, so one compiled module serves all grids and all parameter values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ritz.codegen import loops, native
from ritz.codegen.program import Program, Stage, Target
from ritz.symbolic.graph import Axis, Graph
from ritz.symbolic.rewrite.scheduled import Scheduled

_HEADER = '''"""{title}"""

import math

from ritz.codegen import elementary
from ritz.codegen.loops import as_f64, as_i64, sign
'''

ARGUMENTS = "lo: int, hi: int, t: float, u_: int, p_: int, out_: int, ctx: int"  # of a stage
_MATH = {
    "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "expm1", "log1p", "erf", "erfc", "floor", "ceil",
}  # fmt: skip
_RENAMED = {
    "arcsin": "math.asin", "arccos": "math.acos", "arctan": "math.atan", "arctan2": "math.atan2",
    "arcsinh": "math.asinh", "arccosh": "math.acosh", "arctanh": "math.atanh", "abs": "abs", "sign": "sign",
    "maximum": "max", "minimum": "min", "hypot": "math.hypot",
}  # fmt: skip
_BOUNDED = {
    "sin_bounded",
    "cos_bounded",
}  # of `ritz.codegen.elementary`, as are the next, which pay in vector code only
_VECTOR = {"exp", "log"}
_ALIAS_CHECKS = 8  # pairs of arrays that LLVM compares before a loop runs as vector code; with more it stays scalar
_INFIX = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "and", "or": "or", "pow": "**"}
_BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


RUNTIME = ("program", "linear", "length", "runner")  # entries of every context


@dataclass
class ContextSlots:
    """Which entry of the context holds what; the first four belong to `ritz.codegen.runtime`."""

    parameters: list[str]
    names: list[str] = field(default_factory=lambda: list(RUNTIME))

    def slot(self, name: str) -> int:
        """The entry for a name, added if new. Names: ``size <axis>``, ``offset <state block>``, ``array <name>``."""
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


@dataclass(frozen=True)
class Emitted:
    """The code of a program.

    Attributes:
        source: all stages as a readable module.
        slots: meaning of the context entries.
        stages: names, in order.
        flat: stages that loop over all axes as one.
        module: the part of `source` that is compiled as it stands; empty if there is none.
        native: stage -> its text in LLVM's language, for the others.
    """

    source: str
    slots: tuple[str, ...]
    stages: tuple[str, ...]
    flat: frozenset[str]
    module: str
    native: dict[str, str] = field(default_factory=dict)

    def load(self) -> list[int]:
        """Addresses of the compiled stages, in order."""
        others = loops.load(self.module) if self.module else None
        loaded = {name: native.load(text) for name, text in self.native.items()}
        return [loaded.get(name, others).address(name) for name in self.stages]  # type: ignore[union-attr]


def emit(program: Program, title: str, parameters: Sequence[str]) -> Emitted:
    """Print a program; the first stage is ``stage0`` and so on.

    Args:
        program: what to print.
        title: first line of the module.
        parameters: names in the order of the parameter vector.
    """
    from ritz.codegen.emit_stencil import printer  # which prints loops by way of this module
    from ritz.codegen.vector_stencil import VectorStencil, fits

    slots, head = ContextSlots(list(parameters)), _HEADER.format(title=title)
    printers = [printer(program, stage, slots) for stage in program.stages]
    texts = {p.stage.name: p.text() for p in printers}
    vectors = {s.name: VectorStencil(program, s, slots).text() for s in program.stages if fits(program, s)}
    others = [text for name, text in texts.items() if name not in vectors]
    return Emitted(
        "\n\n".join([head, *texts.values()]), tuple(slots.names), tuple(texts),
        frozenset(p.stage.name for p in printers if p.flat), "\n\n".join([head, *others]) if others else "", vectors,
    )  # fmt: skip


class StagePrinter:
    """Prints one stage: arrays first, then every instruction at the depth its axes ask for."""

    def __init__(self, program: Program, stage: Stage, slots: ContextSlots) -> None:
        self.program, self.stage, self.slots = program, stage, slots
        self.g: Graph = program.graph
        self.flat = len(stage.axes) > 1 and all(
            self._looped(axes) in (frozenset(), frozenset(stage.axes)) for axes in stage.code.axes
        )
        self.depth = 1 if self.flat else len(stage.axes)
        read, written = sum(op == "leaf" for op in stage.code.op), len(stage.targets)
        self.vector = self.depth > 0 and read * written + written * (written - 1) // 2 <= _ALIAS_CHECKS
        self.lines: list[list[str]] = [[] for _ in range(self.depth + 1)]
        self.setup: list[str] = []
        self.arrays: dict[str, str] = {}
        self.name: list[str] = []

    def _looped(self, axes: frozenset[Axis]) -> frozenset[Axis]:
        return axes & frozenset(self.stage.axes)

    # ------------------------------------------------------------------ arrays and indices
    def _array(self, key: str, variable: str, address: str) -> str:
        """Declare an array once; returns its variable."""
        if key not in self.arrays:
            while variable in self.arrays.values():
                variable += "_"
            self.arrays[key] = variable
            self.setup.append(f"{variable} = as_f64({address})")
        return self.arrays[key]

    def _context(self, name: str) -> str:
        return f"context[{self.slots.slot(name)}]"

    def _position(self, axes: Sequence[Axis]) -> tuple[str, int]:
        """Flat index of an array over some of the loop axes, and the depth at which it is known."""
        if not axes:
            return "0", 0
        if self.flat:
            return "i0", 1
        loops = list(self.stage.axes)
        order = sorted(axes, key=loops.index)
        index, depth = "", 0
        for axis in order:
            depth = loops.index(axis) + 1
            counter = f"i{depth - 1}"
            index = counter if not index else f"({index})*{self._size(axis)} + {counter}"
        if len(order) > 1:
            variable = "at_" + "".join(a.name for a in order)
            line = f"{variable} = {index}"
            if line not in self.lines[depth]:
                self.lines[depth].insert(0, line)
            return variable, depth
        return index, depth

    def _size(self, axis: Axis) -> str:
        variable = f"n_{axis.name}"
        line = f"{variable} = {self._context('size ' + axis.name)}"
        if line not in self.setup:
            self.setup.append(line)
        return variable

    # ------------------------------------------------------------------ reading
    def _load(self, node: int, part: str) -> tuple[str, int]:
        """Expression and depth of a leaf; part is ``re`` or ``im`` for complex arrays, else empty."""
        op, args = self.g.op[node], self.g.args[node]
        if op == "input" and args[1] == "part":
            which, leaf = args[0].split()
            return self._load(int(leaf), which)
        if op == "map":
            buffer, position = self.program.map_results[node]
            axes, is_complex, _ = self.program.buffers[buffer]
            array = self._array(f"{buffer}[{position}]", f"{buffer}_{position}", self._batch_address(buffer, position))
            return self._element(array, axes, is_complex, part)
        name, kind = args
        axes = tuple(a for a in self.g.axes[node] if a in self.stage.axes)
        if kind == "time":
            return "t", 0
        if kind == "param":
            self._array("p", "p", "p_")
            return f"p[{self.slots.parameters.index(name)}]", 0
        return self._element(self._input_array(node), axes, self.g.is_complex[node], part)

    def _input_array(self, node: int) -> str:
        """Variable of the array that an input lies in."""
        name, kind = self.g.args[node]
        if kind == "state":
            return self._array(f"state {name}", _identifier(name), f"u_ + {self._context('offset ' + name)}")
        return self._array(f"{kind} {name}", _identifier(name), self._context(f"array {name}"))

    def _batch_address(self, buffer: str, position: int) -> str:
        start = self._context(f"array {buffer}")
        return f"{start} + {position}*{self._context('stride ' + buffer)}" if position else start

    def _element(self, array: str, axes: Sequence[Axis], is_complex: bool, part: str) -> tuple[str, int]:
        index, depth = self._position(axes)
        if not is_complex:
            return f"{array}[{index}]", depth
        plain = index if index.isidentifier() or index.isdigit() else f"({index})"
        return (f"{array}[2*{plain}]" if part == "re" else f"{array}[2*{plain} + 1]"), depth

    # ------------------------------------------------------------------ computing
    def _depth_of(self, axes: frozenset[Axis]) -> int:
        looped = self._looped(axes)
        if not looped:
            return 0
        return 1 if self.flat else max(self.stage.axes.index(a) for a in looped) + 1

    def _instruction(self, i: int) -> None:
        code = self.stage.code
        op, args = code.op[i], code.args[i]
        if op == "const":
            self.name.append(_number(args[0]))
            return
        if op == "leaf":
            text, depth = self._load(args[0], "")
        else:
            text = _expression(op, args, [self.name[k] for k in code.operands(i)], vector=self.vector)
            depth = self._depth_of(code.axes[i])
        variable = f"v{i}"
        self.lines[depth].append(f"{variable} = {text}")
        self.name.append(variable)

    def _store(self, target: Target, roots: Sequence[int]) -> None:
        if target.array.startswith("out"):
            name = target.array[4:]
            array = self._array(target.array, f"out_{_identifier(name)}", f"out_ + {self._context('offset ' + name)}")
        else:
            buffer, position = target.array[:-1].rsplit("[", 1)
            address = self._batch_address(buffer, int(position))
            array = self._array(target.array, f"{buffer}_{position}", address)
        is_complex = len(roots) == 2
        for part, root in zip(("re", "im"), roots, strict=False):
            element, depth = self._element(array, target.axes, is_complex, part)
            self.lines[max(depth, self.depth)].append(f"{element} = {self.name[root]}")

    # ------------------------------------------------------------------ the whole function
    def text(self) -> str:
        """The stage as Python source."""
        self.fill()
        lines = [*self.setup, *self.lines[0]]
        for depth, loop in enumerate(self._loops()):
            lines.append("    " * depth + loop)
            lines += ["    " * (depth + 1) + line for line in self.lines[depth + 1]]
        context = ["context = as_i64(ctx)"] if any("context[" in line for line in self.setup) else []
        return self.function([*context, *lines])

    def fill(self) -> None:
        """Sort all instructions and stores into the lines of every depth."""
        for i in range(len(self.stage.code)):
            self._instruction(i)
        roots = iter(self.stage.code.roots)
        for target in self.stage.targets:
            self._store(target, [next(roots) for _ in target.parts])

    def function(self, lines: Sequence[str]) -> str:
        """Put the head of the compiled function above its lines."""
        head = f"def {self.stage.name}({ARGUMENTS}):"
        return "\n".join([head, *("    " + line for line in lines)]) + "\n"

    def _loops(self) -> list[str]:
        if not self.depth:
            return []
        inner = [] if self.flat else self.stage.axes[1:]
        return ["for i0 in range(lo, hi):"] + [
            f"for i{k} in range({self._size(axis)}):" for k, axis in enumerate(inner, start=1)
        ]


def straight_line(code: Scheduled, load: Callable[[int], str]) -> tuple[list[str], list[str]]:
    """Print code without loops: lines, and the name of every instruction's value; `load` prints a leaf."""
    lines: list[str] = []
    names: list[str] = []
    for i, (op, args) in enumerate(zip(code.op, code.args, strict=True)):
        if op == "const":
            names.append(_number(args[0]))
            continue
        text = load(args[0]) if op == "leaf" else _expression(op, args, [names[k] for k in code.operands(i)])
        lines.append(f"v{i} = {text}")
        names.append(f"v{i}")
    return lines, names


def _identifier(name: str) -> str:
    """A Python name for an array: the user's own where it is one and no helper has it."""
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
    taken = {"t", "p", "u_", "p_", "out_", "ctx", "context", "lo", "hi", "math", "sign", "elementary"}
    free = text and text not in taken and not text[0].isdigit() and not text.endswith("_") and not _generated(text)
    return text if free else f"s_{text}" + ("a" if text.endswith("_") else "")


def _generated(text: str) -> bool:
    return text[0] in "vi" and text[1:].isdigit()


def _number(value: Any) -> str:
    if isinstance(value, Fraction):
        value = value.numerator / value.denominator
    text = repr(float(value))
    return f"({text})" if text.startswith("-") else text


def _expression(op: str, args: tuple[Any, ...], operands: list[str], *, vector: bool = False) -> str:
    if op in _BINARY:
        return f"{operands[0]} {_BINARY[op]} {operands[1]}"
    if op == "neg":
        return f"-{operands[0]}"
    if op == "sqrt":
        return f"math.sqrt({operands[0]})"
    if op == "fma":
        return f"{operands[0]}*{operands[1]} + {operands[2]}"
    name = args[0]
    if name in _INFIX:
        return f"{operands[0]} {_INFIX[name]} {operands[1]}"
    if name == "not":
        return f"not {operands[0]}"
    if name == "where":
        return f"{operands[1]} if {operands[0]} else {operands[2]}"
    if name in _BOUNDED or (vector and name in _VECTOR):
        return f"elementary.{name}({operands[0]})"
    if name in _MATH:
        return f"math.{name}({operands[0]})"
    return f"{_RENAMED[name]}({', '.join(operands)})"
