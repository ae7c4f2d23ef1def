"""Printing straight-line code in LLVM's language: functions of bounded size and one entry that calls them in turn.

The entry has the calling convention of `ritz.codegen.abi`. Its result must not overlap its arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ritz.codegen.llvm_operations import ARITHMETIC, LOGICAL, callee, declaration, logical, number, selected
from ritz.codegen.partition import Partition, partition
from ritz.errors import UnsupportedError
from ritz.symbolic.rewrite.scheduled import Scheduled

CONTEXT = {"seeds": 4, "tables": 5, "scratch": 6}  # entries of the context: addresses of float64 arrays
PART = 300  # steps of a part; shorter ones pass more values through memory, longer ones keep too many alive
STACK = 256  # scratch places that the stack holds (2 kB)
OPTIMISED = 1000  # operations up to which the code is optimised: 5 to 15 % faster, ten times longer to compile

_ARRAYS = ("u", "p", "out", *CONTEXT)
Locate = Callable[[int], tuple[str, int]]


@dataclass(frozen=True)
class NativeText:
    """Code in LLVM's language.

    Attributes:
        text: the module.
        level: optimisation it is to be compiled with.
        parts: number of functions the code was cut into.
        scratch: length of the scratch array that the context must hold; 0 if the stack is used.
    """

    text: str
    level: int
    parts: int
    scratch: int


def emit(code: Scheduled, locate: Locate, name: str) -> NativeText:
    """Print code as a function ``name(t, u, p, out, ctx)`` that stores its results in ``out``.

    Args:
        code: real straight-line code.
        locate: graph node of a leaf -> ``(array, index)`` with array ``u``, ``p``, ``seeds`` or ``tables``, or
            ``("t", 0)`` for time.
        name: of the entry.

    Raises:
        UnsupportedError: a value is complex, or a function has no compiled form.
    """
    if any(code.is_complex):
        raise UnsupportedError("Code without loops must be real: write complex unknowns as real and imaginary parts.")
    cut = partition(code, PART)
    scratch = cut.places if cut.places > STACK else 0
    printer = _Printer(code, cut, locate)
    functions = [printer.part(k) for k in range(len(cut.parts))]
    pieces = [*sorted(printer.declared), *functions, printer.entry(name, scratch)]
    level = 2 if code.operations() <= OPTIMISED else 0
    return NativeText("\n\n".join(pieces) + "\n", level, len(cut.parts), scratch)


def inlined(text: NativeText) -> str:
    """The code with functions that are not seen outside and vanish into their callers."""
    return re.sub(r"define (internal )?(.*) nounwind \{", r"define internal \2 nounwind alwaysinline {", text.text)


class _Printer:
    """Prints the parts of one code."""

    def __init__(self, code: Scheduled, cut: Partition, locate: Locate) -> None:
        self.code, self.cut, self.locate = code, cut, locate
        self.declared: set[str] = set()
        self.truths = {i for i, op in enumerate(code.op) if op == "func" and code.args[i][0] in LOGICAL}
        self.pointer = _pointer("double")
        self.lines: list[str] = []
        self.count = 0
        self.values: dict[int, str] = {}
        self.loaded: dict[tuple[str, int], str] = {}
        self.arguments = ", ".join(["double %t", *(f"{self.pointer} noalias nocapture %{a}" for a in _ARRAYS)])

    # ------------------------------------------------------------------ one part
    def part(self, k: int) -> str:
        """The function of part `k`."""
        self.lines, self.count, self.values, self.loaded = [], 0, {}, {}
        for step in self.cut.parts[k]:
            if step < 0:
                self._store(self._number(self.code.roots[~step]), "out", ~step)
            else:
                self.values[step] = self._compute(step)
                if step in self.cut.place:
                    self._store(self._number(step), "scratch", self.cut.place[step])
        attributes = "" if len(self.cut.parts) == 1 else " noinline"
        return "\n".join(
            [f"define internal void @part{k}({self.arguments}) nounwind{attributes} {{", *self.lines, "  ret void", "}"]
        )

    def _line(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def _element(self, array: str, index: int) -> str:
        return self._line(f"getelementptr double, {self.pointer} %{array}, i64 {index}") if index else f"%{array}"

    def _load(self, array: str, index: int) -> str:
        key = array, index
        if key not in self.loaded:
            self.loaded[key] = self._line(f"load double, {self.pointer} {self._element(array, index)}, align 8")
        return self.loaded[key]

    def _store(self, value: str, array: str, index: int) -> None:
        self.lines.append(f"  store double {value}, {self.pointer} {self._element(array, index)}, align 8")

    def _number(self, i: int) -> str:
        """A value as a double; what is not computed in this part is read where it is needed first."""
        known = self.values.get(i)
        if known is not None:
            return self._line(f"uitofp i1 {known} to double") if i in self.truths else known
        op, args = self.code.op[i], self.code.args[i]
        if op == "const":
            return number(args[0])
        if op == "leaf":
            array, index = self.locate(args[0])
            return "%t" if array == "t" else self._load(array, index)
        return self._load("scratch", self.cut.place[i])

    def _truth(self, i: int) -> str:
        """A value as true or false; every number but zero is true."""
        if i in self.truths and i in self.values:
            return self.values[i]
        return self._line(f"fcmp une double {self._number(i)}, {number(0)}")

    def _compute(self, i: int) -> str:
        op, args = self.code.op[i], self.code.args[i]
        if op in ARITHMETIC:
            a, b = self._number(args[0]), self._number(args[1])
            return self._line(f"{ARITHMETIC[op]} contract double {a}, {b}")
        if op == "neg":
            return self._line(f"fneg double {self._number(args[0])}")
        return self._function(*args) if op == "func" else self._function(op, *args)

    def _function(self, name: str, *args: int) -> str:
        if name in ("and", "or", "not"):
            return logical(name, [self._truth(j) for j in args], self._line)
        if name == "where":
            condition = self._truth(args[0])
            then, otherwise = (self._number(j) for j in args[1:])
            return self._line(f"select i1 {condition}, double {then}, double {otherwise}")
        a = [self._number(j) for j in args]
        if name in LOGICAL:
            return logical(name, a, self._line)
        if name in ("sign", "maximum", "minimum"):
            return selected(name, a, self._line)
        symbol = callee(name)
        self.declared.add(declaration(symbol, len(a)))
        return self._line(f"call double @{symbol}({', '.join(f'double {x}' for x in a)})")

    # ------------------------------------------------------------------ the entry
    def entry(self, name: str, scratch: int) -> str:
        """The function that calls all parts; scratch memory is on the stack unless `scratch` says otherwise."""
        lines = [f"define void @{name}(double %t, i64 %u_, i64 %p_, i64 %out_, i64 %ctx_) nounwind {{"]
        lines += [f"  %{a} = inttoptr i64 %{a}_ to {self.pointer}" for a in ("u", "p", "out")]
        for array, entry in CONTEXT.items():
            if array == "scratch" and not scratch:
                lines.append(f"  %scratch = alloca double, i64 {max(self.cut.places, 1)}, align 16")
            else:
                lines += self._from_context(array, entry)
        given = ", ".join(["double %t", *(f"{self.pointer} %{a}" for a in _ARRAYS)])
        lines += [f"  call void @part{k}({given})" for k in range(len(self.cut.parts))]
        return "\n".join([*lines, "  ret void", "}"])

    def _from_context(self, array: str, entry: int) -> list[str]:
        integers = _pointer("i64")
        return [
            f"  %{array}_at = add i64 %ctx_, {8 * entry}",
            f"  %{array}_in = inttoptr i64 %{array}_at to {integers}",
            f"  %{array}_ = load i64, {integers} %{array}_in, align 8",
            f"  %{array} = inttoptr i64 %{array}_ to {self.pointer}",
        ]


def _pointer(to: str) -> str:
    """A pointer type in the language of the LLVM at hand: since version 17 there is only one."""
    import llvmlite.binding as llvm

    return "ptr" if llvm.llvm_version_info[0] >= 17 else f"{to}*"
