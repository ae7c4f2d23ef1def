"""The functions of `ritz.codegen.elementary` on vectors: the same arithmetic, every lane a number of its own."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ritz.codegen import elementary
from ritz.codegen.loops.function import KERNEL, Compiled
from ritz.codegen.vector_code import Code, literal

FUNCTIONS = ("exp", "log", "sin_bounded", "cos_bounded")
_FLOAT = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
_WHOLE = {
    ast.Add: "add", ast.Sub: "sub", ast.LShift: "shl", ast.RShift: "ashr", ast.BitAnd: "and", ast.BitOr: "or",
    ast.BitXor: "xor",
}  # fmt: skip
_COMPARED = {ast.Lt: "olt", ast.Gt: "ogt", ast.Eq: "oeq"}


def symbol(name: str, lanes: int) -> str:
    """Name of a function in LLVM's language."""
    return f"@ritz_{name}_{lanes}"


@functools.cache
def definition(name: str, lanes: int) -> str:
    """The definition of one of `FUNCTIONS` on vectors of doubles.

    Example:
        >>> definition("exp", 4).splitlines()[0]
        'define internal <4 x double> @ritz_exp_4(<4 x double> %x) nounwind {'
    """
    code = Code(lanes)
    result = _Writer(code).call(getattr(elementary, name), [_Value("float", "%x")])
    head = f"define internal {code.vector} {symbol(name, lanes)}({code.vector} %x) nounwind {{"
    return "\n".join([head, *code.lines, f"  ret {code.vector} {result.text}", "}"])


class _Value(NamedTuple):
    """A vector, or a number that is the same in all lanes (kind ``number``)."""

    kind: str  # float, whole, truth or number
    text: Any


class _Writer:
    """Prints the body of a function under `compiled`: assignments and a result, without loops."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.types = {"float": code.vector, "whole": f"<{code.lanes} x i64>", "truth": f"<{code.lanes} x i1>"}

    def call(self, function: Compiled, given: list[_Value]) -> _Value:
        """The value of a function."""
        tree = function.definition.tree
        local = dict(zip((a.arg for a in tree.args.args), given, strict=True))
        for line in tree.body:
            if isinstance(line, ast.Assign):
                (target,) = line.targets
                assert isinstance(target, ast.Name)
                local[target.id] = self._value(line.value, local, function.definition.names)
            elif isinstance(line, ast.Return):
                assert line.value is not None
                return self._value(line.value, local, function.definition.names)
        raise AssertionError("a function without result")

    def _value(self, node: ast.expr, local: Mapping[str, _Value], names: Mapping[str, Any]) -> _Value:
        def of(part: ast.expr) -> _Value:
            return self._value(part, local, names)

        if isinstance(node, ast.Constant):
            return _Value("number", node.value)
        if isinstance(node, ast.Name):
            return local[node.id] if node.id in local else _Value("number", names[node.id])
        if isinstance(node, ast.Attribute):
            return _Value("number", getattr(math, node.attr))
        if isinstance(node, ast.BinOp):
            return self._binary(node.op, of(node.left), of(node.right))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node.op, of(node.operand))
        if isinstance(node, ast.Compare):
            return self._compared(_COMPARED[type(node.ops[0])], of(node.left), of(node.comparators[0]))
        if isinstance(node, ast.IfExp):
            return self._chosen(of(node.test), of(node.body), of(node.orelse))
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return self._called(node.func.id, [of(a) for a in node.args], names)

    # ------------------------------------------------------------------ operations
    def _as(self, kind: str, value: _Value) -> str:
        """A value as a vector of a kind."""
        if value.kind != "number":
            assert value.kind == kind, (value.kind, kind)
            return str(value.text)
        word = f"double {literal(float(value.text))}" if kind == "float" else f"i64 {value.text}"
        return f"<{', '.join([word] * self.code.lanes)}>"

    @staticmethod
    def _kind(*values: _Value) -> str:
        kinds = {v.kind for v in values} - {"number"}
        return kinds.pop() if kinds else "float"

    def _binary(self, op: ast.operator, a: _Value, b: _Value) -> _Value:
        if a.kind == b.kind == "number":
            return _Value("number", _FOLDED[type(op)](a.text, b.text))
        kind = self._kind(a, b)
        name = f"{_FLOAT[type(op)]} {KERNEL}" if kind == "float" else _WHOLE[type(op)]
        return _Value(kind, self.code.let(f"{name} {self.types[kind]} {self._as(kind, a)}, {self._as(kind, b)}"))

    def _unary(self, op: ast.unaryop, a: _Value) -> _Value:
        if a.kind == "number":
            return _Value("number", -a.text if isinstance(op, ast.USub) else ~a.text)
        if a.kind == "float":
            return _Value("float", self.code.let(f"fneg {self.types['float']} {a.text}"))
        if isinstance(op, ast.Invert):
            return self._binary(ast.BitXor(), a, _Value("number", -1))
        return self._binary(ast.Sub(), _Value("number", 0), a)

    def _compared(self, relation: str, a: _Value, b: _Value) -> _Value:
        v = self.types["float"]
        return _Value("truth", self.code.let(f"fcmp {relation} {v} {self._as('float', a)}, {self._as('float', b)}"))

    def _chosen(self, test: _Value, a: _Value, b: _Value) -> _Value:
        kind = self._kind(a, b)
        t, truth = self.types[kind], self.types["truth"]
        return _Value(
            kind, self.code.let(f"select {truth} {test.text}, {t} {self._as(kind, a)}, {t} {self._as(kind, b)}")
        )

    def _called(self, name: str, given: list[_Value], names: Mapping[str, Any]) -> _Value:
        if name in ("min", "max"):
            return self._chosen(self._compared("olt" if name == "min" else "ogt", *given), *given)
        if name == "bits_of":
            (a,) = given
            return _Value("whole", self.code.let(f"bitcast {self.types['float']} {a.text} to {self.types['whole']}"))
        if name == "double_of":
            (a,) = given
            return _Value("float", self.code.let(f"bitcast {self.types['whole']} {a.text} to {self.types['float']}"))
        function = names[name]
        assert isinstance(function, Compiled)
        return self.call(function, given)


_FOLDED: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
}
