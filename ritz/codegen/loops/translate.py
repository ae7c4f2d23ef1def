"""From functions in a small part of Python to a module in LLVM's language; see `ritz.codegen.loops`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ritz.codegen.llvm_operations import declaration
from ritz.codegen.loops.definition import ANNOTATIONS, Definition
from ritz.codegen.loops.statements import Function
from ritz.codegen.loops.values import Value
from ritz.errors import UnsupportedError


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
        self.texts.append(Function(self, definition, given, definition.tree.name, external=True).text())

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
            name = f"{definition.tree.name}.{len(self._keep)}"
            function = Function(self, definition, given, name, external=False)
            self.texts.append(function.text())
            self._done[key] = (name, function.results or ())
        return self._done[key]

    def module(self) -> str:
        """All that was translated."""
        return "\n".join([*sorted(self.declared), *self.texts, ""])
