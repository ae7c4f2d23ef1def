"""Steps of split methods, ``du/dt = L u + N(t, u)`` with diagonal L, written as compiled passes over memory.

A method is a `SplitMethod`: what is computed before each evaluation of N, how the new state, the error estimate and
the dense output follow, each as lines of arithmetic on the entries of named arrays. `compile_method` writes them as a
module of C functions (one fused loop each) for the kind of numbers at hand and loads it through the kernel cache:

=========  =============  ==========================================================
kind       diagonal L     state
=========  =============  ==========================================================
`REAL`     float64        float64
`MIXED`    float64        complex128 (diffusion of Fourier modes: coefficients stay real)
`COMPLEX`  complex128     complex128
=========  =============  ==========================================================

In the lines ``name[]`` is the entry of a state-like array and ``name[i]`` that of a coefficient array; ``h`` is the
step, ``x`` the place within it (dense output only) and ``last`` the previous step (0 in the first).
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritz.codegen import loops
from ritz.solvers.frame import ERROR, LINEAR, NEW, OLD, PLACE, PREVIOUS, ROWS, SCRATCH
from ritz.solvers.phi import phi123

REAL, MIXED, COMPLEX = "real", "mixed", "complex"

_FIXED_NAMES = {"u": OLD, "new": NEW, "w": SCRATCH, "error": ERROR, "previous": PREVIOUS}

_HEADER = '''"""Passes of {name} for {kind} numbers."""

from ritz.codegen.loops import as_c128, as_f64, as_i64
from ritz.solvers.phi import phi123
'''


@dataclass(frozen=True)
class SplitMethod:
    """A one-step (or two-step) method for a split system.

    Attributes:
        name: For messages.
        nodes: (S,) places of the stages; N is evaluated at stages 1..S-1 and at the new state.
        stages: S - 1 tuples of lines, the passes before the evaluations of N.
        arguments: S - 1 names of the arrays at which N is evaluated.
        targets: S - 1 row numbers that receive N; row 0 is N(u), the last row N(u_new).
        update: Lines of the new state.
        error: Lines of the error estimate, which may use N(u_new); () for a method without one.
        rows: Number of rows of N.
        own: Names of further state-like arrays.
        tables: Number of coefficient tables.
        fill: Python function ``(linear, h, out)`` that fills the tables for a step size, called whenever it changes.
        prepare: Lines that fill the tables instead, when that is cheaper than keeping them.
        dense_rows: Lines of the rows that dense output keeps for each step, each into ``out[]``. They are the
            coefficients of a polynomial, ``u(t + x h) = u + sum_j row_j x^(j+1)``, unless `dense_names` is set.
        dense_names: Names of the arrays that the rows are copies of, if dense output evaluates `point` on them.
        point: Lines of the value at the place ``x`` within a step, into ``out[]``.
        point_setup: Lines before the loop of `point`.
        history: Whether the previous state and its N are kept (a two-step method).
    """

    name: str
    nodes: tuple[float, ...]
    stages: tuple[tuple[str, ...], ...]
    arguments: tuple[str, ...]
    targets: tuple[int, ...]
    update: tuple[str, ...]
    error: tuple[str, ...]
    rows: int
    own: tuple[str, ...] = ()
    tables: int = 0
    fill: Callable[[Any, float, Any], None] | None = None
    prepare: tuple[str, ...] = ()
    dense_rows: tuple[tuple[str, ...], ...] = ()
    dense_names: tuple[str, ...] = ()
    point: tuple[str, ...] = ()
    point_setup: tuple[str, ...] = ()
    history: bool = False

    @property
    def last_row(self) -> int:
        """Row that receives N(u_new); a two-step method keeps the previous N behind it."""
        return self.rows - (2 if self.history else 1)

    def frame_index(self, name: str) -> int:
        """Entry of the frame that holds the address of a named array."""
        if name in _FIXED_NAMES:
            return _FIXED_NAMES[name]
        if name == "linear":
            return LINEAR
        if name[0] == "n" and name[1:].isdigit():
            return ROWS + int(name[1:])
        if name in self.own:
            return ROWS + self.rows + self.own.index(name)
        if name[0] == "c" and name[1:].isdigit():
            return ROWS + self.rows + len(self.own) + int(name[1:])
        raise KeyError(name)


def kind_of(linear: NDArray[Any], is_complex: bool) -> str:
    """Kind of numbers of a split system; a complex diagonal without imaginary part counts as real."""
    if not is_complex:
        return REAL
    return COMPLEX if np.iscomplexobj(linear) and np.any(linear.imag != 0.0) else MIXED


def _function(method: SplitMethod, name: str, lines: tuple[str, ...], kind: str, setup: tuple[str, ...] = ()) -> str:
    """Text of one pass ``void (lo, hi, h, frame, unused, target, unused)``."""
    state, coefficient = {REAL: ("f64", "f64"), MIXED: ("f64", "f64"), COMPLEX: ("c128", "c128")}[kind]
    text = "\n".join(lines)
    body = [
        "", "",
        f"def {name}(lo: int, hi: int, h: float, frame_address: int, unused: int, target: int, unused_too: int):",
        "    frame = as_i64(frame_address)",
    ]  # fmt: skip
    if re.search(r"\bx\b", text + "\n".join(setup)):
        body.append(f"    x = as_f64(frame[{PLACE}])[0]")
    if re.search(r"\blast\b", text + "\n".join(setup)):
        body.append(f"    last = as_f64(frame[{PLACE}])[1]")
    for array in sorted(set(re.findall(r"\b(\w+)\[\]", text))):
        address = "target" if array == "out" else f"frame[{method.frame_index(array)}]"
        body.append(f"    {array} = as_{state}({address})")
    for array in sorted(set(re.findall(r"\b(\w+)\[i\]", text))):
        body.append(f"    {array} = as_{coefficient}(frame[{method.frame_index(array)}])")
    body += [f"    {line}" for line in setup]
    body.append("    for i in range(lo, hi):")
    for line in lines:
        places = ("[2 * i]", "[2 * i + 1]") if kind == MIXED and "[]" in line else ("[i]",)
        body += [f"        {line.replace('[]', place)}" for place in places]
    return "\n".join(body) + "\n"


def dense_source(method: SplitMethod, kind: str) -> str:
    """The text of the module of a method's dense output, which many runs never need."""
    parts = [_HEADER.format(name=method.name, kind=kind)]
    for j, lines in enumerate(method.dense_rows):
        parts.append(_function(method, f"dense_{j}", lines, kind))
    parts.append(_function(method, "point", method.point, kind, method.point_setup))
    return "".join(parts)


def method_source(method: SplitMethod, kind: str) -> str:
    """The text of the module of a method's steps for a kind of numbers."""
    parts = [_HEADER.format(name=method.name, kind=kind)]
    for j, lines in enumerate(method.stages, 1):
        parts.append(_function(method, f"stage_{j}", lines, kind))
    parts.append(_function(method, "update", method.update, kind))
    if method.error:
        parts.append(_function(method, "error", method.error, kind))
    if method.prepare:
        parts.append(_function(method, "prepare", method.prepare, kind))
    return "".join(parts)


@dataclass(frozen=True)
class CompiledMethod:
    """Addresses of the passes of a method; those of its dense output are compiled when first asked for.

    Attributes:
        method, kind: What was compiled.
        stages: (S - 1,) addresses.
        update, error, prepare: Addresses, 0 where the method has none.
        module: Keeps the code alive.
    """

    method: SplitMethod
    kind: str
    stages: NDArray[np.int64]
    update: int
    error: int
    prepare: int
    module: Any

    @cached_property
    def _dense_module(self) -> Any:
        return loops.load(dense_source(self.method, self.kind), phi123=phi123)

    @property
    def point(self) -> int:
        """Address of the value within a step."""
        return int(self._dense_module.address("point"))

    @property
    def dense(self) -> NDArray[np.int64]:
        """(rows,) addresses of the passes that keep the rows of dense output."""
        count = len(self.method.dense_rows)
        return np.array([self._dense_module.address(f"dense_{j}") for j in range(count)], np.int64)


_loaded: dict[tuple[int, str], tuple[SplitMethod, CompiledMethod]] = {}


def compile_method(method: SplitMethod, kind: str) -> CompiledMethod:
    """Compile the passes of a method for a kind of numbers, once per machine."""
    key = (id(method), kind)
    if key not in _loaded:
        module = loops.load(method_source(method, kind))
        compiled = CompiledMethod(
            method,
            kind,
            stages=np.array([module.address(f"stage_{j}") for j in range(1, len(method.nodes))], np.int64),
            update=module.address("update"),
            error=module.address("error") if method.error else 0,
            prepare=module.address("prepare") if method.prepare else 0,
            module=module,
        )
        _loaded[key] = (method, compiled)
    return _loaded[key][1]


@cache
def pass_type() -> Any:
    """The ctypes type of a pass, for calls from Python."""
    word = ctypes.c_ssize_t
    return ctypes.CFUNCTYPE(None, word, word, ctypes.c_double, word, word, word, word)
