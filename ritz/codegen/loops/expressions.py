"""Expressions of compiled loops, with the variables, the memory and the functions that they refer to."""

from __future__ import annotations

import ast
import builtins as python
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol

from ritz.codegen.loops.builtins import KNOWN, Builtin, address_of
from ritz.codegen.loops.definition import Definition
from ritz.codegen.loops.values import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    LLVM,
    RANK,
    SHORT,
    Arithmetic,
    Value,
    constant,
    registers,
)
from ritz.errors import UnsupportedError

_KNOWN_CALLS = frozenset({"abs", "min", "max", "float", "bool"})  # calls that may be made although not asked for


class Module(Protocol):
    """What is being written."""

    declared: set[str]

    def instance(self, definition: Definition, given: Sequence[Value]) -> tuple[str, tuple[str, ...]]:
        """Name and kinds of results of a function for arguments of these kinds."""
        ...

    def annotated(self, definition: Definition) -> list[Value]:
        """Arguments of the kinds that a function's annotations say."""
        ...


class Expressions:
    """Writes the expressions of one function.

    Attributes:
        slots, lines: text of the function: places of variables, and everything else.
        variables: name -> its kind and place.
    """

    def __init__(self, module: Module, definition: Definition) -> None:
        self.module, self.definition = module, definition
        self.declared = module.declared
        self.slots: list[str] = []
        self.lines: list[str] = []
        self.variables: dict[str, Value] = {}
        self.count = 0
        self.line = definition.tree.lineno
        self.arithmetic = Arithmetic(self.let, definition.flags, self.refuse)

    def refuse(self, words: str) -> UnsupportedError:
        """An error at the line at hand."""
        return UnsupportedError(
            f"{words[0].upper()}{words[1:]} (compiled function {self.definition.tree.name}, line {self.line}): this is "
            "not in the part of Python that is compiled, see ritz.codegen.loops."
        )

    # ------------------------------------------------------------------ text
    def let(self, text: str) -> str:
        """Write an instruction and return the name of its value."""
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def do(self, text: str) -> None:
        """Write an instruction without a value."""
        self.lines.append(f"  {text}")

    def labels(self, *names: str) -> list[str]:
        """New labels with these beginnings."""
        self.count += 1
        return [f"{name}{self.count}" for name in names]

    def begin(self, label: str) -> None:
        """Start a block."""
        self.lines.append(f"{label}:")

    # ------------------------------------------------------------------ variables
    def store(self, name: str, value: Value) -> None:
        """Give a variable a value."""
        if name not in self.variables:
            self.count += 1
            slots = [f"%slot{self.count}.{k}" for k in range(len(parts(value)))]
            self.slots += [f"  {slot} = alloca {kind}" for slot, kind in zip(slots, parts(value), strict=True)]
            self.variables[name] = Value(value.kind, slots[0], slots[-1], value.points)
        slot = self.variables[name]
        if slot.points != value.points or (slot.points and slot.kind != value.kind):
            raise self.refuse(f"the variable {name} holds an address of one kind and something else")
        value = self.arithmetic.convert(value, slot.kind)
        for kind, operand, at in zip(parts(value), operands(value), operands(slot), strict=True):
            self.do(f"store {kind} {operand}, ptr {at}")

    def load(self, name: str) -> Value:
        """The value of a variable."""
        slot = self.variables[name]
        found = [self.let(f"load {k}, ptr {at}") for k, at in zip(parts(slot), operands(slot), strict=True)]
        return Value(slot.kind, found[0], found[-1] if slot.kind == COMPLEX else "", slot.points)

    # ------------------------------------------------------------------ memory
    def element(self, node: ast.Subscript) -> Value:
        """The place of an element."""
        array, index = self.value(node.value), self.value(node.slice)
        if not array.points or index.kind != INT:
            raise self.refuse(f"{ast.unparse(node)!r} needs an address with a kind and an integer")
        width = "{ double, double }" if array.kind == COMPLEX else LLVM[array.kind]
        at = self.let(f"getelementptr {width}, ptr {array.text}, i64 {index.text}")
        return Value(array.kind, at, points=True)

    def _halves(self, place: Value) -> list[str]:
        if place.kind != COMPLEX:
            return [place.text]
        return [place.text, self.let(f"getelementptr double, ptr {place.text}, i64 1")]

    def read(self, place: Value) -> Value:
        """The number at a place."""
        if place.kind == SHORT:
            return Value(INT, self.let(f"sext i32 {self.let(f'load i32, ptr {place.text}, align 4')} to i64"))
        kind = LLVM[FLOAT if place.kind == COMPLEX else place.kind]
        found = [self.let(f"load {kind}, ptr {at}, align 8") for at in self._halves(place)]
        return Value(place.kind, found[0], found[-1] if place.kind == COMPLEX else "")

    def write(self, place: Value, value: Value) -> None:
        """Put a number at a place; of an int32 the lower half of an integer."""
        if place.kind == SHORT:
            low = self.let(f"trunc i64 {self.arithmetic.convert(value, INT).text} to i32")
            self.do(f"store i32 {low}, ptr {place.text}, align 4")
            return
        value = self.arithmetic.convert(value, place.kind)
        for at, kind, operand in zip(self._halves(place), parts(value), operands(value), strict=True):
            self.do(f"store {kind} {operand}, ptr {at}, align 8")

    # ------------------------------------------------------------------ expressions
    def condition(self, node: ast.expr) -> str:
        """An expression as true or false."""
        return self.arithmetic.convert(self.value(node), BOOL).text

    def value(self, node: ast.expr) -> Value:
        """The one value of an expression."""
        values = self.values(node)
        if len(values) != 1:
            raise self.refuse(f"{ast.unparse(node)!r} has {len(values)} values")
        return values[0]

    def values(self, node: ast.expr) -> list[Value]:
        """All values of an expression; several for a tuple or a function that returns several."""
        if isinstance(node, ast.Tuple):
            return [self.value(element) for element in node.elts]
        if isinstance(node, ast.Call):
            return self._call(node)
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise self.refuse(f"the expression {ast.unparse(node)!r}")
        return [method(node)]

    def _constant(self, node: ast.Constant) -> Value:
        if not isinstance(node.value, bool | int | float):
            raise self.refuse(f"the constant {node.value!r}")
        return constant(node.value)

    def _name(self, node: ast.Name) -> Value:
        return self.load(node.id) if node.id in self.variables else self._outside(node)

    def _attribute(self, node: ast.Attribute) -> Value:
        return self._outside(node)

    def _outside(self, node: ast.expr) -> Value:
        found = self.meaning(node)
        if not isinstance(found, bool | int | float):
            raise self.refuse(f"{ast.unparse(node)!r} is not a number")
        return constant(found)

    def meaning(self, node: ast.expr) -> Any:
        """What a name outside of the function stands for."""
        if isinstance(node, ast.Attribute):
            owner = self.meaning(node.value)
            if isinstance(owner, ModuleType) and hasattr(owner, node.attr):
                return getattr(owner, node.attr)
        elif isinstance(node, ast.Name):
            if node.id in self.definition.names:
                return self.definition.names[node.id]
            if hasattr(python, node.id):
                return getattr(python, node.id)
        raise self.refuse(f"{ast.unparse(node)!r} is not known here")

    def _subscript(self, node: ast.Subscript) -> Value:
        return self.read(self.element(node))

    def _binop(self, node: ast.BinOp) -> Value:
        return self.arithmetic.binary(type(node.op).__name__, self.value(node.left), self.value(node.right))

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        operand = self.value(node.operand)
        if isinstance(node.op, ast.USub):
            return self.arithmetic.negative(operand)
        if isinstance(node.op, ast.Not):
            return Value(BOOL, self.let(f"xor i1 {self.arithmetic.convert(operand, BOOL).text}, true"))
        if isinstance(node.op, ast.Invert) and operand.kind == INT:
            return Value(INT, self.let(f"xor i64 {operand.text}, -1"))
        raise self.refuse(f"the operation {ast.unparse(node)!r}")

    def _compare(self, node: ast.Compare) -> Value:
        operands = [self.value(n) for n in (node.left, *node.comparators)]
        results = [
            self.arithmetic.compare(type(op).__name__, a, b)
            for op, a, b in zip(node.ops, operands, operands[1:], strict=False)
        ]
        whole = results[0]
        for result in results[1:]:
            whole = Value(BOOL, self.let(f"and i1 {whole.text}, {result.text}"))
        return whole

    def _boolop(self, node: ast.BoolOp) -> Value:
        both = isinstance(node.op, ast.And)
        whole = self.condition(node.values[0])
        for part in node.values[1:]:
            if _harmless(part):
                whole = self.let(f"{'and' if both else 'or'} i1 {whole}, {self.condition(part)}")
                continue
            slot, more, after = self.labels("%both", "more", "after")
            self.slots.append(f"  {slot} = alloca i1")
            self.do(f"store i1 {whole}, ptr {slot}")
            self.do(f"br i1 {whole}, label %{more if both else after}, label %{after if both else more}")
            self.begin(more)
            self.do(f"store i1 {self.condition(part)}, ptr {slot}")
            self.do(f"br label %{after}")
            self.begin(after)
            whole = self.let(f"load i1, ptr {slot}")
        return Value(BOOL, whole)

    def _ifexp(self, node: ast.IfExp) -> Value:
        condition = Value(BOOL, self.condition(node.test))
        if _harmless(node.body) and _harmless(node.orelse):
            return self.arithmetic.choose(condition, self.value(node.body), self.value(node.orelse))
        then, otherwise, after = self.labels("then", "else", "after")
        self.do(f"br i1 {condition.text}, label %{then}, label %{otherwise}")
        self.begin(then)
        first, place = self.value(node.body), len(self.lines)
        self.begin(otherwise)
        second, rest = self.value(node.orelse), self.lines[place:]
        kind = max(first.kind, second.kind, key=RANK.__getitem__)
        chosen = f"choice {after}"  # no name that the function itself can have
        del self.lines[place:]
        self.store(chosen, self.arithmetic.convert(first, kind))
        self.do(f"br label %{after}")
        self.lines += rest
        self.store(chosen, second)
        self.do(f"br label %{after}")
        self.begin(after)
        return self.load(chosen)

    # ------------------------------------------------------------------ calls
    def _call(self, node: ast.Call) -> list[Value]:
        target = self.meaning(node.func)
        if target is address_of:
            definition = getattr(self.meaning(node.args[0]), "definition", None)
            if not isinstance(definition, Definition):
                raise self.refuse(f"{ast.unparse(node.args[0])!r} is not a compiled function")
            name, _ = self.module.instance(definition, self.module.annotated(definition))
            return [Value(INT, self.let(f"ptrtoint ptr @{name} to i64"))]
        given = [self.value(a) for a in node.args]
        known = target if isinstance(target, Builtin) else KNOWN.get(target)
        if known is not None:
            if len(given) != known.arguments or node.keywords:
                raise self.refuse(f"{known.name} takes {known.arguments} arguments, not {len(given)}")
            result = known.emit(self, given)
            return [] if result is None else [result]
        definition = getattr(target, "definition", None)
        if not isinstance(definition, Definition) or node.keywords:
            raise self.refuse(f"the call {ast.unparse(node)!r}")
        name, results = self.module.instance(definition, given)
        text = ", ".join(f"{k} {o}" for v in given for k, o in zip(parts(v), operands(v), strict=True))
        if not results:
            self.do(f"call void @{name}({text})")
            return []
        kind_of_all = struct(results)
        whole = self.let(f"call {kind_of_all} @{name}({text})")
        found, place = [], 0
        for kind in results:
            halves = []
            for _ in range(2 if kind == COMPLEX else 1):
                halves.append(self.let(f"extractvalue {kind_of_all} {whole}, {place}"))
                place += 1
            found.append(registers(kind, halves))
        return found


def parts(value: Value) -> list[str]:
    """LLVM's types of the registers that hold a value."""
    if value.points:
        return ["ptr"]
    return ["double", "double"] if value.kind == COMPLEX else [LLVM[value.kind]]


def operands(value: Value) -> list[str]:
    """The registers that hold a value."""
    return [value.text, value.imag] if value.kind == COMPLEX and not value.points else [value.text]


def struct(kinds: Sequence[str]) -> str:
    """LLVM's type of the results of a function."""
    if not kinds:
        return "void"
    flat = [p for kind in kinds for p in parts(Value(kind, ""))]
    return "{ " + ", ".join(flat) + " }"


def _harmless(node: ast.expr) -> bool:
    """Whether an expression may be evaluated although its value is not asked for."""
    return not any(
        isinstance(n, ast.Subscript | ast.FloorDiv | ast.Mod)
        or (isinstance(n, ast.Call) and getattr(n.func, "id", "") not in _KNOWN_CALLS)
        for n in ast.walk(node)
    )
