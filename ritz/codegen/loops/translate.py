"""From functions in a small part of Python to a module in LLVM's language; see `ritz.codegen.loops`."""

from __future__ import annotations

import ast
import builtins as python
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ritz.codegen.llvm_operations import declaration
from ritz.codegen.loops.builtins import KNOWN, Builtin, address_of
from ritz.codegen.loops.values import BOOL, COMPLEX, FLOAT, INT, LLVM, RANK, Arithmetic, Value, constant
from ritz.errors import UnsupportedError

ANNOTATIONS = {"int": INT, "float": FLOAT, "bool": BOOL}
_KNOWN_CALLS = frozenset({"abs", "min", "max", "float", "bool"})  # calls that may be made although not asked for


@dataclass(frozen=True)
class Definition:
    """A function as it was written.

    Attributes:
        tree: the function.
        names: what names outside of it mean.
        flags: freedom of its floating-point operations, in LLVM's words.
        inline: whether it has to vanish into its callers.
    """

    tree: ast.FunctionDef
    names: Mapping[str, Any]
    flags: str
    inline: bool = False


class Translator:
    """Translates functions and what they call into one module."""

    def __init__(self) -> None:
        self.declared: set[str] = {declaration("pow", 2), declaration("llvm.fabs.f64", 1)}
        self.texts: list[str] = []
        self._done: dict[tuple[int, tuple[Any, ...]], tuple[str, tuple[str, ...]]] = {}
        self._keep: list[Definition] = []

    def entry(self, definition: Definition) -> None:
        """Translate a function that is called from outside; its parameters have annotations."""
        given = self.annotated(definition)
        self.texts.append(_Function(self, definition, given, definition.tree.name, external=True).text())

    def annotated(self, definition: Definition) -> list[Value]:
        """Arguments of the kinds that a function's annotations say."""
        given = []
        for argument in definition.tree.args.args:
            name = getattr(argument.annotation, "id", "")
            if name not in ANNOTATIONS:
                found = ast.unparse(argument.annotation) if argument.annotation else "none"
                raise UnsupportedError(
                    f"The parameter {argument.arg} of the compiled function {definition.tree.name} needs one of the "
                    f"annotations int, float, bool; found {found}."
                )
            given.append(Value(ANNOTATIONS[name], ""))
        return given

    def instance(self, definition: Definition, given: Sequence[Value]) -> tuple[str, tuple[str, ...]]:
        """Name and kinds of results of a function for arguments of these kinds."""
        key = id(definition), tuple((v.kind, v.points) for v in given)
        if key not in self._done:
            self._keep.append(definition)
            name = f"{definition.tree.name}.{len(self._done)}"
            self._done[key] = (name, ("recursion",))
            function = _Function(self, definition, given, name, external=False)
            text = function.text()
            self.texts.append(text)
            self._done[key] = (name, function.results or ())
        name, results = self._done[key]
        if results == ("recursion",):
            raise UnsupportedError(f"The compiled function {definition.tree.name} calls itself; write a loop instead.")
        return name, results

    def module(self) -> str:
        """All that was translated."""
        return "\n".join([*sorted(self.declared), *self.texts, ""])


class _Function:
    """One function for arguments of known kinds."""

    def __init__(
        self, module: Translator, definition: Definition, given: Sequence[Value], name: str, *, external: bool
    ) -> None:
        self.module, self.definition, self.name, self.external = module, definition, name, external
        self.declared = module.declared
        self.results: tuple[str, ...] | None = None
        self.slots: list[str] = []
        self.lines: list[str] = []
        self.variables: dict[str, Value] = {}
        self.loops: list[tuple[str, str]] = []  # where continue and break lead
        self.count = 0
        self.line = definition.tree.lineno
        self.arithmetic = Arithmetic(self.let, definition.flags, self.refuse)
        self.head = self._arguments(given)

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

    def _labels(self, *names: str) -> list[str]:
        self.count += 1
        return [f"{name}{self.count}" for name in names]

    def _begin(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def _arguments(self, given: Sequence[Value]) -> str:
        """The parameters, each with a slot of its own; returns their text."""
        names, texts = [a.arg for a in self.definition.tree.args.args], []
        if len(names) != len(given):
            raise self.refuse(f"{self.definition.tree.name} takes {len(names)} arguments, not {len(given)}")
        for name, value in zip(names, given, strict=True):
            parts = _parts(value)
            operands = [f"%{name}.{k}" for k in range(len(parts))]
            texts += [f"{kind} {operand}" for kind, operand in zip(parts, operands, strict=True)]
            self._store(name, Value(value.kind, operands[0], operands[-1], value.points))
        return ", ".join(texts)

    def text(self) -> str:
        """The whole function."""
        ended = self.block(self.definition.tree.body)
        if not ended:
            self._return([])
        kind = _struct(self.results or ())
        internal = "" if self.external else "internal "
        inline = " alwaysinline" if self.definition.inline else ""
        body = "\n".join([*self.slots, *self.lines])
        return f"define {internal}{kind} @{self.name}({self.head}) nounwind{inline} {{\nentry:\n{body}\n}}\n"

    # ------------------------------------------------------------------ variables
    def _store(self, name: str, value: Value) -> None:
        if name not in self.variables:
            self.count += 1
            slots = [f"%slot{self.count}.{k}" for k in range(len(_parts(value)))]
            self.slots += [f"  {slot} = alloca {kind}" for slot, kind in zip(slots, _parts(value), strict=True)]
            self.variables[name] = Value(value.kind, slots[0], slots[-1], value.points)
        slot = self.variables[name]
        if slot.points != value.points or (slot.points and slot.kind != value.kind):
            raise self.refuse(f"the variable {name} holds an address of one kind and something else")
        value = self.arithmetic.convert(value, slot.kind)
        for kind, operand, at in zip(_parts(value), _operands(value), _operands(slot), strict=True):
            self.do(f"store {kind} {operand}, ptr {at}")

    def _load(self, name: str) -> Value:
        slot = self.variables[name]
        found = [self.let(f"load {k}, ptr {at}") for k, at in zip(_parts(slot), _operands(slot), strict=True)]
        return Value(slot.kind, found[0], found[-1] if slot.kind == COMPLEX else "", slot.points)

    # ------------------------------------------------------------------ statements
    def block(self, statements: Sequence[ast.stmt]) -> bool:
        """Write statements; tells whether the end cannot be reached."""
        for statement in statements:
            self.line = statement.lineno
            method = getattr(self, f"_{type(statement).__name__.lower()}", None)
            if method is None:
                raise self.refuse(f"the statement {ast.unparse(statement).splitlines()[0]!r}")
            if method(statement):
                return True
        return False

    def _pass(self, _: ast.Pass) -> None:
        return

    def _expr(self, statement: ast.Expr) -> None:
        if isinstance(statement.value, ast.Call):
            self.values(statement.value)
        elif not isinstance(statement.value, ast.Constant):
            raise self.refuse(f"{ast.unparse(statement)!r} has no effect")

    def _assign(self, statement: ast.Assign) -> None:
        values = self.values(statement.value)
        for target in statement.targets:
            self._put(target, values)

    def _put(self, target: ast.expr, values: list[Value]) -> None:
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        if len(targets) != len(values):
            raise self.refuse(f"{len(values)} values for {len(targets)} names")
        for one, value in zip(targets, values, strict=True):
            if isinstance(one, ast.Name):
                self._store(one.id, value)
            elif isinstance(one, ast.Subscript):
                self._write(self._element(one), value)
            else:
                raise self.refuse(f"an assignment to {ast.unparse(one)!r}")

    def _augassign(self, statement: ast.AugAssign) -> None:
        op = type(statement.op).__name__
        if isinstance(statement.target, ast.Subscript):
            place = self._element(statement.target)
            self._write(place, self.arithmetic.binary(op, self._read(place), self.value(statement.value)))
        else:
            self._put(
                statement.target,
                [self.arithmetic.binary(op, self.value(statement.target), self.value(statement.value))],
            )

    def _return(self, statement: ast.Return | list[Any]) -> bool:
        node = statement.value if isinstance(statement, ast.Return) else None
        values = self.values(node) if node is not None else []
        kinds = tuple(v.kind for v in values)
        if self.results is None:
            self.results = kinds
        if len(kinds) != len(self.results) or (self.external and kinds):
            raise self.refuse("returns of different numbers of values, or of any by an entry")
        values = [self.arithmetic.convert(v, kind) for v, kind in zip(values, self.results, strict=True)]
        operands = [(k, o) for v in values for k, o in zip(_parts(v), _operands(v), strict=True)]
        if not operands:
            self.do("ret void")
            return True
        struct = _struct(self.results)
        whole = "poison"
        for i, (kind, operand) in enumerate(operands):
            whole = self.let(f"insertvalue {struct} {whole}, {kind} {operand}, {i}")
        self.do(f"ret {struct} {whole}")
        return True

    def _if(self, statement: ast.If) -> bool:
        then, otherwise, after = self._labels("then", "else", "after")
        condition = self.condition(statement.test)
        self.do(f"br i1 {condition}, label %{then}, label %{otherwise if statement.orelse else after}")
        ends = []
        for label, body in ((then, statement.body), (otherwise, statement.orelse)):
            if label == then or body:
                self._begin(label)
                ends.append(self.block(body))
                if not ends[-1]:
                    self.do(f"br label %{after}")
        if all(ends) and len(ends) == 2:
            return True
        self._begin(after)
        return False

    def _while(self, statement: ast.While) -> None:
        head, body, after = self._labels("head", "body", "after")
        self.do(f"br label %{head}")
        self._begin(head)
        self.do(f"br i1 {self.condition(statement.test)}, label %{body}, label %{after}")
        self._begin(body)
        self._loop(statement.body, head, after)

    def _loop(self, body: Sequence[ast.stmt], again: str, after: str) -> None:
        self.loops.append((again, after))
        if not self.block(body):
            self.do(f"br label %{again}")
        self.loops.pop()
        self._begin(after)

    def _for(self, statement: ast.For) -> None:
        given = statement.iter
        if not (isinstance(given, ast.Call) and getattr(given.func, "id", "") == "range" and len(given.args) < 4):
            raise self.refuse("a loop over something else than range(...)")
        if not isinstance(statement.target, ast.Name) or statement.orelse:
            raise self.refuse("a loop with else, or with more than one variable")
        bounds = [self.arithmetic.convert(self.value(a), INT) for a in given.args]
        start, stop = (constant(0), bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2] if len(bounds) == 3 else constant(1)
        down = step.constant is not None and step.constant < 0
        head, body, again, after, counter = self._labels("head", "body", "again", "after", "%i")
        self.slots.append(f"  {counter} = alloca i64")
        self.do(f"store i64 {start.text}, ptr {counter}")
        self.do(f"br label %{head}")
        self._begin(head)
        i = self.let(f"load i64, ptr {counter}")
        more = self.let(f"icmp {'sgt' if down else 'slt'} i64 {i}, {stop.text}")
        self.do(f"br i1 {more}, label %{body}, label %{after}")
        self._begin(body)
        self._store(statement.target.id, Value(INT, i))
        self.loops.append((again, after))
        if not self.block(statement.body):
            self.do(f"br label %{again}")
        self.loops.pop()
        self._begin(again)
        last = self.let(f"load i64, ptr {counter}")
        self.do(f"store i64 {self.let(f'add nsw i64 {last}, {step.text}')}, ptr {counter}")
        self.do(f"br label %{head}")
        self._begin(after)

    def _break(self, _: ast.Break) -> bool:
        self.do(f"br label %{self.loops[-1][1]}")
        return True

    def _continue(self, _: ast.Continue) -> bool:
        self.do(f"br label %{self.loops[-1][0]}")
        return True

    # ------------------------------------------------------------------ memory
    def _element(self, node: ast.Subscript) -> Value:
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

    def _read(self, place: Value) -> Value:
        kind = LLVM[FLOAT if place.kind == COMPLEX else place.kind]
        found = [self.let(f"load {kind}, ptr {at}, align 8") for at in self._halves(place)]
        return Value(place.kind, found[0], found[-1] if place.kind == COMPLEX else "")

    def _write(self, place: Value, value: Value) -> None:
        value = self.arithmetic.convert(value, place.kind)
        for at, kind, operand in zip(self._halves(place), _parts(value), _operands(value), strict=True):
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
        return self._load(node.id) if node.id in self.variables else self._outside(node)

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
        return self._read(self._element(node))

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
            slot, more, after = self._labels("%both", "more", "after")
            self.slots.append(f"  {slot} = alloca i1")
            self.do(f"store i1 {whole}, ptr {slot}")
            self.do(f"br i1 {whole}, label %{more if both else after}, label %{after if both else more}")
            self._begin(more)
            self.do(f"store i1 {self.condition(part)}, ptr {slot}")
            self.do(f"br label %{after}")
            self._begin(after)
            whole = self.let(f"load i1, ptr {slot}")
        return Value(BOOL, whole)

    def _ifexp(self, node: ast.IfExp) -> Value:
        condition = Value(BOOL, self.condition(node.test))
        if _harmless(node.body) and _harmless(node.orelse):
            return self.arithmetic.choose(condition, self.value(node.body), self.value(node.orelse))
        then, otherwise, after = self._labels("then", "else", "after")
        self.do(f"br i1 {condition.text}, label %{then}, label %{otherwise}")
        self._begin(then)
        first, place = self.value(node.body), len(self.lines)
        self._begin(otherwise)
        second, rest = self.value(node.orelse), self.lines[place:]
        kind = max(first.kind, second.kind, key=RANK.__getitem__)
        chosen = f"choice {after}"  # no name that the function itself can have
        del self.lines[place:]
        self._store(chosen, self.arithmetic.convert(first, kind))
        self.do(f"br label %{after}")
        self.lines += rest
        self._store(chosen, second)
        self.do(f"br label %{after}")
        self._begin(after)
        return self._load(chosen)

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
        text = ", ".join(f"{k} {o}" for v in given for k, o in zip(_parts(v), _operands(v), strict=True))
        if not results:
            self.do(f"call void @{name}({text})")
            return []
        struct = _struct(results)
        whole = self.let(f"call {struct} @{name}({text})")
        found, place = [], 0
        for kind in results:
            parts = []
            for _ in range(2 if kind == COMPLEX else 1):
                parts.append(self.let(f"extractvalue {struct} {whole}, {place}"))
                place += 1
            found.append(Value(kind, *parts))
        return found


def _parts(value: Value) -> list[str]:
    """LLVM's types of the registers that hold a value."""
    if value.points:
        return ["ptr"]
    return ["double", "double"] if value.kind == COMPLEX else [LLVM[value.kind]]


def _operands(value: Value) -> list[str]:
    return [value.text, value.imag] if value.kind == COMPLEX and not value.points else [value.text]


def _struct(kinds: Sequence[str]) -> str:
    if not kinds:
        return "void"
    flat = [p for kind in kinds for p in _parts(Value(kind, ""))]
    return "{ " + ", ".join(flat) + " }"


def _harmless(node: ast.expr) -> bool:
    """Whether an expression may be evaluated although its value is not asked for."""
    return not any(
        isinstance(n, ast.Subscript | ast.FloorDiv | ast.Mod)
        or (isinstance(n, ast.Call) and getattr(n.func, "id", "") not in _KNOWN_CALLS)
        for n in ast.walk(node)
    )
