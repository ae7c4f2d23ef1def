"""Compiled functions and modules: what was written, its object code, and calls from Python."""

from __future__ import annotations

import ast
import ctypes
import functools
import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

from ritz.codegen import cache, native
from ritz.errors import UnsupportedError

STRICT = "contract"
FAST = "contract reassoc"  # sums in any order, so that they become vector code; infinity and NaN keep their meaning
KERNEL = "contract nsz"  # of printed kernels
_CTYPES = {"int": ctypes.c_ssize_t, "float": ctypes.c_double, "bool": ctypes.c_bool}


class Compiled:
    """A function that is compiled when it is first called, or its address asked for.

    Calls from Python take numbers and addresses and release the interpreter lock.
    """

    def __init__(self, function: Callable[..., Any], flags: str, inline: bool) -> None:
        functools.update_wrapper(self, function)
        self._function, self._flags, self._inline = function, flags, inline
        self._looking = False  # whether the digest is being made

    @cached_property
    def definition(self) -> Any:
        """The function as it was written."""
        from ritz.codegen.loops.definition import Definition

        code = self._function.__code__
        return Definition(_tree(code), self._names, self._flags, self._inline)

    @property
    def _names(self) -> dict[str, Any]:
        code, cells = self._function.__code__, self._function.__closure__ or ()
        inner = zip(code.co_freevars, (cell.cell_contents for cell in cells), strict=True)
        return {**self._function.__globals__, **dict(inner)}

    @cached_property
    def digest(self) -> str:
        """Changes when the function, or anything that it refers to, does."""
        if self._looking:
            raise UnsupportedError(
                f"The compiled function {self._function.__name__} calls itself; write a loop instead."
            )
        self._looking = True
        try:
            return self._description()
        finally:
            self._looking = False

    def _description(self) -> str:
        code = self._function.__code__
        parts = [self._function.__name__, self._flags, str(self._inline), repr(self._function.__annotations__)]
        parts += [code.co_code.hex(), repr([c for c in code.co_consts if not isinstance(c, CodeType)])]
        names = self._names
        for name in [*code.co_varnames, *code.co_names, *code.co_freevars]:
            value = names.get(name) if name not in code.co_varnames else None
            meaning = value.digest if isinstance(value, Compiled) else repr(value) if _is_number(value) else ""
            parts.append(f"{name} {meaning}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def address(self) -> int:
        """Address of a C function with the parameters' kinds as annotated, without result."""
        code = native.load_made(f"{_salt()}{self.digest}", self._translated, level=3, vectorize=True)
        self._keep = code
        return code.address(self._function.__name__)

    def _translated(self) -> str:
        from ritz.codegen.loops.translate import Translator

        translator = Translator()
        translator.entry(self.definition)
        return translator.module()

    @cached_property
    def _call(self) -> Any:
        code, given = self._function.__code__, self._function.__annotations__
        kinds = [given[name] for name in code.co_varnames[: code.co_argcount]]
        kinds = [_CTYPES[getattr(kind, "__name__", kind)] for kind in kinds]
        return ctypes.CFUNCTYPE(None, *kinds)(self.address)

    def __call__(self, *arguments: Any) -> Any:
        """Run it; entries have no result."""
        return self._call(*arguments)


def compiled(*, flags: str = STRICT, inline: bool = False) -> Callable[[Callable[..., Any]], Compiled]:
    """Mark a function as written in the part of Python that is compiled; see `ritz.codegen.loops`.

    Args:
        flags: freedom of floating-point operations, `STRICT` or `FAST`.
        inline: the function vanishes into its callers, so that loops around it become vector code.

    Example:
        >>> from ritz.codegen.loops import as_f64
        >>> import numpy as np
        >>> @compiled()  # doctest: +SKIP
        ... def double(address: int, n: int):
        ...     x = as_f64(address)
        ...     for i in range(n):
        ...         x[i] *= 2.0
    """
    return lambda function: Compiled(function, flags, inline)


def load(source: str, **functions: Compiled) -> native.Native:
    """Compile all functions of a printed module, or load them if that was done before.

    The text is kept beside the object code for readers. It refers to what `ritz.codegen.loops.printed` names.

    Args:
        source: functions with annotated parameters.
        functions: further functions that they call, by name.
    """
    description = "\n".join([_salt(), *(f.digest for f in functions.values()), source])
    return native.load_made(description, lambda: _module(source, functions), level=3, vectorize=True)


def _module(source: str, functions: Mapping[str, Compiled]) -> str:
    from ritz.codegen.loops.definition import Definition
    from ritz.codegen.loops.printed import NAMES
    from ritz.codegen.loops.translate import Translator

    cache.keep(source)
    translator = Translator()
    for tree in ast.parse(source).body:
        if isinstance(tree, ast.FunctionDef):
            translator.entry(Definition(tree, {**NAMES, **functions}, KERNEL))
    return translator.module()


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)


@functools.cache
def _salt() -> str:
    """What object code depends on besides the functions: how they are translated, and the names of printed ones."""
    folder = Path(__file__).parent
    files = [*sorted(folder.glob("*.py")), folder.parent / "elementary.py", folder.parent / "llvm_operations.py"]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


@functools.cache
def _parsed(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _tree(code: CodeType) -> ast.FunctionDef:
    """The syntax tree of a function."""
    try:
        module = _parsed(code.co_filename)
    except (OSError, SyntaxError) as error:
        raise UnsupportedError(
            f"The text of the compiled function {code.co_name} cannot be read ({error}): write it in a file."
        ) from None
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    raise UnsupportedError(f"The text of the compiled function {code.co_name} has changed since it was imported.")
