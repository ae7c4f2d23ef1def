"""Statements of compiled loops: a function for arguments of known kinds."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ritz.codegen.loops.definition import Definition
from ritz.codegen.loops.expressions import Expressions, Module, operands, parts, struct
from ritz.codegen.loops.values import INT, Value, constant


class Function(Expressions):
    """Writes one function.

    Args:
        module: what it is part of.
        definition: the function as it was written.
        given: kinds of its arguments.
        name: in the module.
        external: whether it is called from outside.

    Attributes:
        results: kinds of what it returns; None before the first return.
    """

    def __init__(
        self, module: Module, definition: Definition, given: Sequence[Value], name: str, *, external: bool
    ) -> None:
        super().__init__(module, definition)
        self.name, self.external = name, external
        self.results: tuple[str, ...] | None = None
        self.loops: list[tuple[str, str]] = []  # where continue and break lead
        self.head = self._arguments(given)

    def _arguments(self, given: Sequence[Value]) -> str:
        """The parameters, each with a slot of its own; returns their text."""
        names, texts = [a.arg for a in self.definition.tree.args.args], []
        if len(names) != len(given):
            raise self.refuse(f"{self.definition.tree.name} takes {len(names)} arguments, not {len(given)}")
        for name, value in zip(names, given, strict=True):
            kinds = parts(value)
            given_as = [f"%{name}.{k}" for k in range(len(kinds))]
            texts += [f"{kind} {register}" for kind, register in zip(kinds, given_as, strict=True)]
            self.store(name, Value(value.kind, given_as[0], given_as[-1], value.points))
        return ", ".join(texts)

    def text(self) -> str:
        """The whole function."""
        ended = self.block(self.definition.tree.body)
        if not ended:
            self._return([])
        kind = struct(self.results or ())
        internal = "" if self.external else "internal "
        inline = " alwaysinline" if self.definition.inline else ""
        body = "\n".join([*self.slots, *self.lines])
        return f"define {internal}{kind} @{self.name}({self.head}) nounwind{inline} {{\nentry:\n{body}\n}}\n"

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
                self.store(one.id, value)
            elif isinstance(one, ast.Subscript):
                self.write(self.element(one), value)
            else:
                raise self.refuse(f"an assignment to {ast.unparse(one)!r}")

    def _augassign(self, statement: ast.AugAssign) -> None:
        op = type(statement.op).__name__
        if isinstance(statement.target, ast.Subscript):
            place = self.element(statement.target)
            self.write(place, self.arithmetic.binary(op, self.read(place), self.value(statement.value)))
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
        registers = [(k, o) for v in values for k, o in zip(parts(v), operands(v), strict=True)]
        if not registers:
            self.do("ret void")
            return True
        kind_of_all = struct(self.results)
        whole = "poison"
        for i, (kind, operand) in enumerate(registers):
            whole = self.let(f"insertvalue {kind_of_all} {whole}, {kind} {operand}, {i}")
        self.do(f"ret {kind_of_all} {whole}")
        return True

    def _if(self, statement: ast.If) -> bool:
        then, otherwise, after = self.labels("then", "else", "after")
        condition = self.condition(statement.test)
        self.do(f"br i1 {condition}, label %{then}, label %{otherwise if statement.orelse else after}")
        ends = []
        for label, body in ((then, statement.body), (otherwise, statement.orelse)):
            if label == then or body:
                self.begin(label)
                ends.append(self.block(body))
                if not ends[-1]:
                    self.do(f"br label %{after}")
        if all(ends) and len(ends) == 2:
            return True
        self.begin(after)
        return False

    def _while(self, statement: ast.While) -> None:
        head, body, after = self.labels("head", "body", "after")
        self.do(f"br label %{head}")
        self.begin(head)
        self.do(f"br i1 {self.condition(statement.test)}, label %{body}, label %{after}")
        self.begin(body)
        self._loop(statement.body, head, after)

    def _loop(self, body: Sequence[ast.stmt], again: str, after: str) -> None:
        self.loops.append((again, after))
        if not self.block(body):
            self.do(f"br label %{again}")
        self.loops.pop()
        self.begin(after)

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
        head, body, again, after, counter = self.labels("head", "body", "again", "after", "%i")
        self.slots.append(f"  {counter} = alloca i64")
        self.do(f"store i64 {start.text}, ptr {counter}")
        self.do(f"br label %{head}")
        self.begin(head)
        i = self.let(f"load i64, ptr {counter}")
        more = self.let(f"icmp {'sgt' if down else 'slt'} i64 {i}, {stop.text}")
        self.do(f"br i1 {more}, label %{body}, label %{after}")
        self.begin(body)
        self.store(statement.target.id, Value(INT, i))
        self.loops.append((again, after))
        if not self.block(statement.body):
            self.do(f"br label %{again}")
        self.loops.pop()
        self.begin(again)
        last = self.let(f"load i64, ptr {counter}")
        self.do(f"store i64 {self.let(f'add nsw i64 {last}, {step.text}')}, ptr {counter}")
        self.do(f"br label %{head}")
        self.begin(after)

    def _break(self, _: ast.Break) -> bool:
        self.do(f"br label %{self.loops[-1][1]}")
        return True

    def _continue(self, _: ast.Continue) -> bool:
        self.do(f"br label %{self.loops[-1][0]}")
        return True
