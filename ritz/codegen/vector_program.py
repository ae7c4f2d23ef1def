"""Printing straight-line code on vectors: every lane is another point. See `vector_code` for the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ritz.codegen import vector_elementary
from ritz.codegen.llvm_operations import (
    ARITHMETIC,
    COMPARISON,
    INTRINSIC,
    LOGICAL,
    callee,
    declaration,
    number,
)
from ritz.codegen.vector_code import Code
from ritz.errors import UnsupportedError
from ritz.symbolic.rewrite.scheduled import Scheduled


class VectorPrinter:
    """Prints code into a function under construction.

    Args:
        code: the function.
        leaf: graph node -> name of its vector.

    Attributes:
        declared: declarations that the module needs.
    """

    def __init__(self, code: Code, leaf: Callable[[int], str]) -> None:
        self.code, self.leaf = code, leaf
        self.declared: set[str] = set()

    def run(self, program: Scheduled) -> list[str | None]:
        """Print a program; returns the vectors of its roots, None for zero.

        Raises:
            UnsupportedError: a value is complex, or a function has no compiled form.
        """
        if any(program.is_complex):
            raise UnsupportedError("Integrands must be real: write complex unknowns as real and imaginary parts.")
        self.values: dict[int, str] = {}
        self.truths: set[int] = set()
        self.program = program
        for i, op in enumerate(program.op):
            if op != "const":
                self.values[i] = self._compute(i, op, program.args[i])
        return [self._root(r) for r in program.roots]

    def _root(self, r: int) -> str | None:
        if self.program.op[r] == "const" and self.program.args[r][0] == 0:
            return None
        return self._number(r)

    def _number(self, i: int) -> str:
        if self.program.op[i] == "const":
            return self.constant(self.program.args[i][0])
        if i in self.truths:
            return self.code.let(f"uitofp <{self.code.lanes} x i1> {self.values[i]} to {self.code.vector}")
        return self.values[i]

    def constant(self, value: Any) -> str:
        """A number in all lanes."""
        return f"<{', '.join([f'double {number(value)}'] * self.code.lanes)}>"

    def _truth(self, i: int) -> str:
        if i in self.truths:
            return self.values[i]
        return self.code.let(f"fcmp une {self.code.vector} {self._number(i)}, zeroinitializer")

    def _compute(self, i: int, op: str, args: tuple[Any, ...]) -> str:
        v = self.code.vector
        if op == "leaf":
            return self.leaf(args[0])
        if op in ARITHMETIC:
            a, b = self._number(args[0]), self._number(args[1])
            return self.code.let(f"{ARITHMETIC[op]} contract {v} {a}, {b}")
        if op == "neg":
            return self.code.let(f"fneg contract {v} {self._number(args[0])}")
        name, operands = (args[0], args[1:]) if op == "func" else (op, args)
        if name in LOGICAL:
            self.truths.add(i)
            return self._logical(name, operands)
        return self._function(name, operands)

    def _logical(self, name: str, operands: tuple[int, ...]) -> str:
        v, bits = self.code.vector, f"<{self.code.lanes} x i1>"
        if name in COMPARISON:
            a, b = (self._number(j) for j in operands)
            return self.code.let(f"fcmp {COMPARISON[name]} {v} {a}, {b}")
        a = self._truth(operands[0])
        if name == "not":
            return self.code.let(f"xor {bits} {a}, <{', '.join(['i1 true'] * self.code.lanes)}>")
        return self.code.let(f"{name} {bits} {a}, {self._truth(operands[1])}")

    def _function(self, name: str, operands: tuple[int, ...]) -> str:
        v, bits, let = self.code.vector, f"<{self.code.lanes} x i1>", self.code.let
        if name == "where":
            condition = self._truth(operands[0])
            then, otherwise = (self._number(j) for j in operands[1:])
            return let(f"select {bits} {condition}, {v} {then}, {v} {otherwise}")
        return self._of_numbers(name, [self._number(j) for j in operands])

    def _of_numbers(self, name: str, a: list[str]) -> str:
        v, bits, let = self.code.vector, f"<{self.code.lanes} x i1>", self.code.let
        if name == "sign":
            below = let(f"fcmp olt {v} {a[0]}, zeroinitializer")
            negative = let(f"select {bits} {below}, {v} {self.constant(-1)}, {v} {a[0]}")
            above = let(f"fcmp ogt {v} {a[0]}, zeroinitializer")
            return let(f"select {bits} {above}, {v} {self.constant(1)}, {v} {negative}")
        if name in ("maximum", "minimum"):
            better = let(f"fcmp {'oge' if name == 'maximum' else 'ole'} {v} {a[0]}, {a[1]}")
            unknown = let(f"fcmp uno {v} {a[0]}, {a[0]}")
            first = let(f"or {bits} {better}, {unknown}")
            return let(f"select {bits} {first}, {v} {a[0]}, {v} {a[1]}")
        if name in INTRINSIC:
            return self._intrinsic(INTRINSIC[name], a)
        if name in vector_elementary.FUNCTIONS:
            v, lanes = self.code.vector, self.code.lanes
            self.declared.add(vector_elementary.definition(name, lanes))
            return self.code.let(f"call {v} {vector_elementary.symbol(name, lanes)}({v} {a[0]})")
        return self._by_lanes(callee(name), a)

    def _intrinsic(self, name: str, a: list[str]) -> str:
        v = self.code.vector
        symbol = f"llvm.{name}.v{self.code.lanes}f64"
        self.declared.add(f"declare {v} @{symbol}({', '.join([v] * len(a))}) nounwind willreturn readnone")
        return self.code.let(f"call {v} @{symbol}({', '.join(f'{v} {x}' for x in a)})")

    def _by_lanes(self, symbol: str, a: list[str]) -> str:
        """A function of the C library, lane by lane."""
        v, let = self.code.vector, self.code.let
        self.declared.add(declaration(symbol, len(a)))
        result = "poison"
        for lane in range(self.code.lanes):
            parts = [let(f"extractelement {v} {x}, i32 {lane}") for x in a]
            one = let(f"call double @{symbol}({', '.join(f'double {x}' for x in parts)})")
            result = let(f"insertelement {v} {result}, double {one}, i32 {lane}")
        return result
