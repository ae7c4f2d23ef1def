"""Functions that compiled loops know without a definition: memory, bits, calls by address, mathematics."""

from __future__ import annotations

import builtins as python
import cmath
import math
import platform
import sys
from collections.abc import Callable
from typing import Any, Protocol

from ritz.codegen.llvm_operations import INTRINSIC, LIBRARY, declaration, number, selected
from ritz.codegen.loops.values import BOOL, COMPLEX, FLOAT, INT, LLVM, SHORT, Arithmetic, Value, constant, registers


class Site(Protocol):
    """Where a call is written."""

    arithmetic: Arithmetic
    declared: set[str]

    def let(self, text: str) -> str:
        """Write an instruction with a value."""
        ...

    def do(self, text: str) -> None:
        """Write an instruction without one."""
        ...


Emit = Callable[[Site, list[Value]], Value | None]


class Builtin:
    """A function for compiled loops only.

    Attributes:
        name, arguments: its name and the number of its arguments.
        emit: writes a call.
    """

    def __init__(self, name: str, arguments: int, emit: Emit, words: str) -> None:
        self.name, self.arguments, self.emit, self.__doc__ = name, arguments, emit, words

    def __call__(self, *given: Any) -> Any:
        """Refuse: Python cannot do what it does.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"{self.name} is for compiled loops only: put the caller under ritz.codegen.loops.compiled.")


# ---------------------------------------------------------------------- memory and bits
def _memory(kind: str) -> Emit:
    def emit(site: Site, given: list[Value]) -> Value:
        if given[0].kind != INT or given[0].points:
            raise site.arithmetic.refuse(f"an address must be an integer, not {given[0].kind}")
        return Value(kind, site.let(f"inttoptr i64 {given[0].text} to ptr"), points=True)

    return emit


def _same_bits(source: str, target: str) -> Emit:
    def emit(site: Site, given: list[Value]) -> Value:
        value = site.arithmetic.convert(given[0], source)
        return Value(target, site.let(f"bitcast {LLVM[source]} {value.text} to {LLVM[target]}"))

    return emit


as_f64 = Builtin("as_f64", 1, _memory(FLOAT), "Float64 numbers at an address.")
as_i64 = Builtin("as_i64", 1, _memory(INT), "Int64 numbers at an address.")
as_i32 = Builtin("as_i32", 1, _memory(SHORT), "Int32 numbers at an address; what is written is cut to 32 bits.")
as_c128 = Builtin("as_c128", 1, _memory(COMPLEX), "Complex128 numbers at an address.")
bits_of = Builtin("bits_of", 1, _same_bits(FLOAT, INT), "The 64 bits of a float as an integer.")
double_of = Builtin("double_of", 1, _same_bits(INT, FLOAT), "The float with these 64 bits.")


# ---------------------------------------------------------------------- calls by address
def _call(name: str, kinds: str, words: str) -> Builtin:
    """A call of the C function at the first argument; `kinds` has ``i`` or ``f`` for each of the others."""
    wanted = [FLOAT if k == "f" else INT for k in kinds]

    def emit(site: Site, given: list[Value]) -> None:
        target = site.let(f"inttoptr i64 {given[0].text} to ptr")
        values = [site.arithmetic.convert(v, kind) for v, kind in zip(given[1:], wanted, strict=True)]
        text = ", ".join(f"{LLVM[v.kind]} {v.text}" for v in values)
        site.do(f"call void {target}({text})")

    return Builtin(name, 1 + len(kinds), emit, words)


call_rhs = _call("call_rhs", "fiiii", "``f(t, u, p, out, ctx)``, see `ritz.codegen.abi`.")
call_stage = _call("call_stage", "iifiiii", "``s(lo, hi, t, u, p, out, ctx)``, see `ritz.codegen.abi`.")
call_phase = _call("call_phase", "iiiiii", "``m(plan, source, target, lo, hi, scratch)``, see `ritz.codegen.abi`.")
call_fused = _call("call_fused", "iifiiiii", "``s(lo, hi, t, u, p, out, ctx, scratch)``, see `ritz.codegen.fused`.")
call_step = _call("call_step", "ffi", "``step(t, h, frame)``, see `ritz.solvers.explicit_step`.")
call_products = _call("call_products", "iiifiii", "``q(m, points, values, t, p, out, ctx)``: products at grid points.")
call_piece = _call("call_piece", "iiii", "``piece(job, i, pieces, member)``, see `ritz.codegen.team`.")
call_line = _call("call_line", "iii", "``k(handle, source, target)``, see `ritz.codegen.transforms.library`.")
call_kernel = _call("call_kernel", "iiifii", "``k(lo, hi, tables, t, p, ctx)``: entries of a mesh.")
call_writer = _call("call_writer", "fii", "``f(t, p, out)``: values at a time.")


def _never(site: Site, given: list[Value]) -> None:
    raise site.arithmetic.refuse("address_of takes the name of a function")


address_of = Builtin("address_of", 1, _never, "Address of a function under `compiled` whose parameters are annotated.")


# ---------------------------------------------------------------------- between threads
def _atomic_load(site: Site, given: list[Value]) -> Value:
    at = site.let(f"inttoptr i64 {given[0].text} to ptr")
    return Value(INT, site.let(f"load atomic i64, ptr {at} acquire, align 8"))


def _atomic_store(site: Site, given: list[Value]) -> None:
    at, value = site.let(f"inttoptr i64 {given[0].text} to ptr"), site.arithmetic.convert(given[1], INT)
    site.do(f"store atomic i64 {value.text}, ptr {at} release, align 8")


def _replace(site: Site, given: list[Value]) -> Value:
    at = site.let(f"inttoptr i64 {given[0].text} to ptr")
    both = site.let(f"cmpxchg ptr {at}, i64 {given[1].text}, i64 {given[2].text} acq_rel acquire")
    return Value(BOOL, site.let(f"extractvalue {{ i64, i1 }} {both}, 1"))


def _atomic_add(site: Site, given: list[Value]) -> None:
    at = site.let(f"inttoptr i64 {given[0].text} to ptr")
    site.let(f"atomicrmw add ptr {at}, i64 {given[1].text} acq_rel")


def _pause(site: Site, _: list[Value]) -> None:
    if platform.machine().lower() in ("x86_64", "amd64"):
        site.declared.add("declare void @llvm.x86.sse2.pause()")
        site.do("call void @llvm.x86.sse2.pause()")


def _give_way(site: Site, _: list[Value]) -> None:
    symbol = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
    site.declared.add(f"declare i32 @{symbol}()")
    site.let(f"call i32 @{symbol}()")


atomic_load = Builtin("atomic_load", 1, _atomic_load, "An int64 at an address, and what was stored before it.")
atomic_store = Builtin("atomic_store", 2, _atomic_store, "Store an int64 after all that was stored before.")
atomic_add = Builtin("atomic_add", 2, _atomic_add, "Add to an int64 at an address that others may add to.")
replace = Builtin(
    "replace", 3, _replace, "Whether the int64 at an address was the second argument, and now is the third."
)
pause = Builtin("pause", 0, _pause, "Wait for about ten nanoseconds.")
give_way = Builtin("give_way", 0, _give_way, "Let other threads of the machine run.")


# ---------------------------------------------------------------------- mathematics
def _library(name: str) -> Emit:
    symbol = f"llvm.{INTRINSIC[name]}.f64" if name in INTRINSIC else LIBRARY[name]

    def emit(site: Site, given: list[Value]) -> Value:
        site.declared.add(declaration(symbol, len(given)))
        return site.arithmetic.call(symbol, given)

    return emit


def _exp(site: Site, given: list[Value]) -> Value:
    (z,) = given
    if z.kind != COMPLEX:
        return _library("exp")(site, given)  # type: ignore[return-value]
    size = _library("exp")(site, [Value(FLOAT, z.text)])
    turn = [_library(name)(site, [Value(FLOAT, z.imag)]) for name in ("cos", "sin")]
    parts = (site.arithmetic.binary("Mult", size, part).text for part in turn)  # type: ignore[arg-type]
    return registers(COMPLEX, parts)


def _abs(site: Site, given: list[Value]) -> Value | None:
    (x,) = given
    if x.kind == COMPLEX:
        return _library("hypot")(site, [Value(FLOAT, x.text), Value(FLOAT, x.imag)])
    if x.kind == FLOAT:
        return _library("abs")(site, given)
    negative = site.arithmetic.compare("Lt", x, constant(0))
    return site.arithmetic.choose(negative, site.arithmetic.negative(x), x)


def _extreme(name: str, order: str) -> Emit:
    """``min`` or ``max``: NaN where either is."""

    def emit(site: Site, given: list[Value]) -> Value:
        a, b = site.arithmetic.alike(*given)
        if a.kind == FLOAT:
            return Value(FLOAT, selected(name, [a.text, b.text], site.let))
        return site.arithmetic.choose(site.arithmetic.compare(order, a, b), a, b)

    return emit


def _sign(site: Site, given: list[Value]) -> Value:
    return Value(FLOAT, selected("sign", [site.arithmetic.convert(given[0], FLOAT).text], site.let))


def _is(order: str) -> Emit:
    """A property that a comparison of ``|x|`` with infinity tells."""

    def emit(site: Site, given: list[Value]) -> Value:
        size = _library("abs")(site, given)
        return Value(BOOL, site.let(f"fcmp {order} double {size.text}, {number(math.inf)}"))  # type: ignore[union-attr]

    return emit


def _number_of(kind: str) -> Emit:
    def emit(site: Site, given: list[Value]) -> Value:
        (x,) = given
        if kind == INT and x.kind == FLOAT:
            return Value(INT, site.let(f"fptosi double {x.text} to i64"))
        return site.arithmetic.convert(x, kind)

    return emit


sign = Builtin("sign", 1, _sign, "-1, 0 or 1; NaN of NaN.")

KNOWN: dict[Any, Builtin] = {
    **{getattr(math, name): Builtin(name, 1, _library(name), "") for name in (
        "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc",
        "cbrt", "sqrt", "floor", "ceil",
    ) if hasattr(math, name)},
    **{getattr(math, f"a{name}"): Builtin(f"a{name}", 1, _library(f"arc{name}"), "") for name in (
        "sin", "cos", "tan", "sinh", "cosh", "tanh",
    )},
    math.atan2: Builtin("atan2", 2, _library("arctan2"), ""),
    math.hypot: Builtin("hypot", 2, _library("hypot"), ""),
    math.exp: Builtin("exp", 1, _exp, ""),
    cmath.exp: Builtin("exp", 1, _exp, ""),
    math.isfinite: Builtin("isfinite", 1, _is("olt"), ""),
    math.isnan: Builtin("isnan", 1, _is("uno"), ""),
    python.abs: Builtin("abs", 1, _abs, ""),
    python.min: Builtin("min", 2, _extreme("minimum", "LtE"), ""),
    python.max: Builtin("max", 2, _extreme("maximum", "GtE"), ""),
    python.int: Builtin("int", 1, _number_of(INT), ""),
    python.float: Builtin("float", 1, _number_of(FLOAT), ""),
    python.bool: Builtin("bool", 1, _number_of(BOOL), ""),
}  # fmt: skip
"""Functions of Python and its library -> what they are in compiled loops."""
