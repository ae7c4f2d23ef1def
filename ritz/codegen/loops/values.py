"""Numbers of compiled loops: their kinds, and how LLVM computes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ritz.codegen.vector_code import literal

INT, FLOAT, BOOL, COMPLEX = "int", "float", "bool", "complex"
SHORT = "int32"  # in memory only: a number that was read is an INT
LLVM = {INT: "i64", FLOAT: "double", BOOL: "i1", SHORT: "i32"}
RANK = {BOOL: 0, INT: 1, FLOAT: 2, COMPLEX: 3}
_INTEGER = {"Add": "add nsw", "Sub": "sub nsw", "Mult": "mul nsw", "BitAnd": "and", "BitOr": "or", "BitXor": "xor",
            "LShift": "shl", "RShift": "ashr"}  # fmt: skip
_REAL = {"Add": "fadd", "Sub": "fsub", "Mult": "fmul", "Div": "fdiv"}
_ORDER = {"Lt": ("slt", "olt"), "LtE": ("sle", "ole"), "Gt": ("sgt", "ogt"), "GtE": ("sge", "oge"),
          "Eq": ("eq", "oeq"), "NotEq": ("ne", "une")}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """A number in registers, or an address with the kind of numbers that lie there.

    Attributes:
        kind: kind of the number.
        text: its LLVM operand, of a complex number the real part.
        imag: the imaginary part.
        points: whether it is an address; `kind` then is that of the numbers.
        constant: the number, where it is known.
    """

    kind: str
    text: str
    imag: str = ""
    points: bool = False
    constant: Any = None


def constant(value: Any) -> Value:
    """A number that is known."""
    if isinstance(value, bool):
        return Value(BOOL, "true" if value else "false", constant=value)
    if isinstance(value, int):
        return Value(INT, str(value), constant=value)
    return Value(FLOAT, literal(value), constant=value)


def registers(kind: str, texts: Iterable[str]) -> Value:
    """A number in one register, or a complex one in two."""
    first, *second = texts
    return Value(kind, first, second[0] if second else "")


class Arithmetic:
    """Writes instructions.

    Args:
        let: writes an instruction and returns the name of its value.
        flags: of floating-point operations.
        refuse: raises an error with these words.
    """

    def __init__(self, let: Callable[[str], str], flags: str, refuse: Callable[[str], Exception]) -> None:
        self.let, self.flags, self.refuse = let, flags, refuse

    # ------------------------------------------------------------------ kinds
    def convert(self, value: Value, kind: str) -> Value:
        """A number as one of a wider kind; or any as true or false."""
        if value.points or value.kind == kind:
            return value
        if kind == BOOL:
            zero = constant(0.0 if value.kind == FLOAT else 0)
            return self.compare("NotEq", value, zero)
        if RANK[value.kind] > RANK[kind]:
            raise self.refuse(f"a number of kind {value.kind} cannot become one of kind {kind}")
        if kind == COMPLEX:
            return Value(COMPLEX, self.convert(value, FLOAT).text, literal(0.0))
        if value.constant is not None:
            return constant(float(value.constant) if kind == FLOAT else int(value.constant))
        how = {(INT, FLOAT): "sitofp", (BOOL, FLOAT): "uitofp", (BOOL, INT): "zext"}[value.kind, kind]
        return Value(kind, self.let(f"{how} {LLVM[value.kind]} {value.text} to {LLVM[kind]}"))

    def alike(self, a: Value, b: Value) -> tuple[Value, Value]:
        """Two numbers as numbers of the wider kind of the two."""
        if a.points or b.points:
            raise self.refuse("an address with a kind cannot be computed with; compute before as_f64 or as_i64")
        kind = max(a.kind, b.kind, key=RANK.__getitem__)
        return self.convert(a, kind), self.convert(b, kind)

    # ------------------------------------------------------------------ operations
    def binary(self, op: str, a: Value, b: Value) -> Value:
        """An operation by the name that `ast` gives it."""
        if COMPLEX in (a.kind, b.kind):
            return self._complex(op, a, b)
        a, b = self.alike(a, b)
        if a.kind == BOOL:
            a, b = self.convert(a, INT), self.convert(b, INT)
        if op == "Div" and a.kind == INT:
            a, b = self.convert(a, FLOAT), self.convert(b, FLOAT)
        if a.kind == INT and op in _INTEGER:
            if op == "Mult" and isinstance(a.constant, int) and isinstance(b.constant, int):
                return constant(a.constant * b.constant)
            return Value(INT, self.let(f"{_INTEGER[op]} i64 {a.text}, {b.text}"))
        if a.kind == INT and op in ("FloorDiv", "Mod"):
            return self._floor_division(op, a, b)
        if a.kind == FLOAT and op in _REAL:
            return self.real(op, a.text, b.text)
        if op == "Pow":
            return self.call("pow", [a, b])
        raise self.refuse(f"the operation {op} on numbers of kind {a.kind}")

    def real(self, op: str, a: str, b: str) -> Value:
        """A floating-point operation on operands."""
        return Value(FLOAT, self.let(f"{_REAL[op]} {self.flags} double {a}, {b}"))

    def _floor_division(self, op: str, a: Value, b: Value) -> Value:
        rest = self.let(f"srem i64 {a.text}, {b.text}")
        differ = self.let(f"icmp slt i64 {self.let(f'xor i64 {rest}, {b.text}')}, 0")
        wrong = self.let(f"and i1 {differ}, {self.let(f'icmp ne i64 {rest}, 0')}")
        if op == "Mod":
            shifted = self.let(f"add nsw i64 {rest}, {b.text}")
            return Value(INT, self.let(f"select i1 {wrong}, i64 {shifted}, i64 {rest}"))
        quotient = self.let(f"sdiv i64 {a.text}, {b.text}")
        return Value(INT, self.let(f"sub nsw i64 {quotient}, {self.let(f'zext i1 {wrong} to i64')}"))

    def negative(self, a: Value) -> Value:
        """``-a``."""
        if a.constant is not None and not isinstance(a.constant, bool):
            return constant(-a.constant)
        if a.kind == COMPLEX:
            return registers(COMPLEX, (self.let(f"fneg {self.flags} double {x}") for x in (a.text, a.imag)))
        if a.kind == FLOAT:
            return Value(FLOAT, self.let(f"fneg {self.flags} double {a.text}"))
        return Value(INT, self.let(f"sub nsw i64 0, {self.convert(a, INT).text}"))

    def compare(self, op: str, a: Value, b: Value) -> Value:
        """A comparison by the name that `ast` gives it."""
        a, b = self.alike(a, b)
        if a.kind == COMPLEX or op not in _ORDER:
            raise self.refuse(f"the comparison {op} of numbers of kind {a.kind}")
        if a.kind == BOOL:
            a, b = self.convert(a, INT), self.convert(b, INT)
        whole, real = _ORDER[op]
        how = f"fcmp {real} double" if a.kind == FLOAT else f"icmp {whole} i64"
        return Value(BOOL, self.let(f"{how} {a.text}, {b.text}"))

    def choose(self, condition: Value, a: Value, b: Value) -> Value:
        """``a if condition else b`` with both sides known."""
        a, b = self.alike(a, b)
        kind = "double" if a.kind == COMPLEX else LLVM[a.kind]
        parts = zip((a.text, a.imag), (b.text, b.imag), strict=True) if a.kind == COMPLEX else [(a.text, b.text)]
        texts = (self.let(f"select i1 {condition.text}, {kind} {x}, {kind} {y}") for x, y in parts)
        return registers(a.kind, texts)

    def call(self, symbol: str, arguments: list[Value]) -> Value:
        """A function of the C library, or an intrinsic, of floating-point numbers."""
        given = ", ".join(f"double {self.convert(a, FLOAT).text}" for a in arguments)
        return Value(FLOAT, self.let(f"call {self.flags} double @{symbol}({given})"))

    # ------------------------------------------------------------------ complex numbers
    def _complex(self, op: str, a: Value, b: Value) -> Value:
        if op in ("Add", "Sub"):
            a, b = self.alike(a, b)
            return Value(COMPLEX, self.real(op, a.text, b.text).text, self.real(op, a.imag, b.imag).text)
        if op == "Div" and b.kind == COMPLEX:
            return self._quotient(self.convert(a, COMPLEX), b)
        if op not in ("Mult", "Div"):
            raise self.refuse(f"the operation {op} on complex numbers")
        if COMPLEX not in (a.kind, b.kind) or a.kind != b.kind:  # one is real: it scales both parts
            scale, z = (b, a) if a.kind == COMPLEX else (a, b)
            factor = self.convert(scale, FLOAT).text
            return registers(COMPLEX, (self.real(op, x, factor).text for x in (z.text, z.imag)))
        re = self._pair("Sub", (a.text, b.text), (a.imag, b.imag))
        return Value(COMPLEX, re, self._pair("Add", (a.text, b.imag), (a.imag, b.text)))

    def _pair(self, op: str, first: tuple[str, str], second: tuple[str, str]) -> str:
        """A sum or difference of two products."""
        return self.real(op, self.real("Mult", *first).text, self.real("Mult", *second).text).text

    def _quotient(self, a: Value, b: Value) -> Value:
        """Smith's division: no overflow on the way (Comm. ACM 5 (1962) 435)."""
        sizes = [self.call("llvm.fabs.f64", [Value(FLOAT, part)]) for part in (b.text, b.imag)]
        wide = self.compare("GtE", *sizes)

        def pick(x: str, y: str) -> str:
            return self.let(f"select i1 {wide.text}, double {x}, double {y}")

        large, small = pick(b.text, b.imag), pick(b.imag, b.text)
        ratio = self.real("Div", small, large).text
        below = self.real("Add", large, self.real("Mult", small, ratio).text).text
        first, second = pick(a.text, a.imag), pick(a.imag, a.text)
        re = self.real("Add", first, self.real("Mult", second, ratio).text).text
        im = self.real("Sub", second, self.real("Mult", first, ratio).text).text
        im = pick(im, self.let(f"fneg double {im}"))
        return Value(COMPLEX, self.real("Div", re, below).text, self.real("Div", im, below).text)
