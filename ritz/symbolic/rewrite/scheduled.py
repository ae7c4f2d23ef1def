"""The second form of an expression: binary instructions in the order in which they are computed.

The graph keeps sums and products n-ary and in normal form, so it cannot hold a *choice* among equal ways of computing
a value: a Horner scheme, a partial sum shared by two rows, one reciprocal instead of three divisions. `Scheduled`
holds exactly such a choice, and code generators print it line by line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ritz.symbolic.graph import _REAL_RESULT, Axis, Graph, Number, exact

BINARY = frozenset({"add", "sub", "mul", "div"})
COMMUTATIVE = frozenset({"add", "mul"})
_NO_AXES: frozenset[Axis] = frozenset()


@dataclass(frozen=True)
class Scheduled:
    """Straight-line code over graph nodes: instruction ``i`` uses only instructions before it.

    Attributes:
        op: per instruction one of ``const leaf add sub mul div neg sqrt fma func``.
        args: per instruction: ``(value,)`` for ``const`` (an int, Fraction, float or ``1j``), ``(graph node,)`` for
            ``leaf`` (an input, a map or a gather, opaque here), ``(name, operand, ...)`` for ``func``, else the
            operands. ``fma(a, b, c)`` is ``a*b + c``.
        axes: per instruction, the axes it varies over.
        is_complex: per instruction, whether its value may have an imaginary part.
        roots: instructions holding the results, in the order asked for.
    """

    op: tuple[str, ...]
    args: tuple[tuple[Any, ...], ...]
    axes: tuple[frozenset[Axis], ...]
    is_complex: tuple[bool, ...]
    roots: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.op)

    def operands(self, i: int) -> tuple[int, ...]:
        """The instructions that instruction `i` reads."""
        op = self.op[i]
        if op in ("const", "leaf"):
            return ()
        return self.args[i][1:] if op == "func" else self.args[i]

    def leaves(self) -> dict[int, int]:
        """Graph node -> instruction, for every opaque value read."""
        return {self.args[i][0]: i for i, op in enumerate(self.op) if op == "leaf"}

    def count(self) -> dict[str, int]:
        """Count instructions by kind (functions by name), constants and leaves left out."""
        total: dict[str, int] = {}
        for op, args in zip(self.op, self.args, strict=True):
            if op not in ("const", "leaf"):
                kind = args[0] if op == "func" else op
                total[kind] = total.get(kind, 0) + 1
        return dict(sorted(total.items()))

    def operations(self) -> int:
        """The number of instructions that compute something."""
        return sum(op not in ("const", "leaf") for op in self.op)

    def text(self, names: Mapping[int, str] | None = None) -> str:
        """The instructions as readable lines; `names` gives names to leaves (graph node -> name)."""
        label: list[str] = []
        lines = []
        for i, (op, args) in enumerate(zip(self.op, self.args, strict=True)):
            if op == "const":
                plain = args[0] == 1j or (args[0] >= 0 and not isinstance(args[0], Fraction))
                label.append(str(args[0]) if plain else f"({args[0]})")
                continue
            if op == "leaf":
                label.append((names or {}).get(args[0], f"n{args[0]}"))
                continue
            label.append(f"t{i}")
            shown = _call(args, label) if op == "func" else _SHOW[op].format(*(label[a] for a in args))
            lines.append(f"t{i} = {shown}")
        return "\n".join([*lines, "return " + ", ".join(label[r] for r in self.roots)])

    def __str__(self) -> str:
        return self.text()


_SHOW = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0}*{1}",
    "div": "{0}/{1}",
    "neg": "-{0}",
    "sqrt": "sqrt({0})",
    "fma": "fma({0}, {1}, {2})",
}


def _call(args: tuple[Any, ...], label: Sequence[str]) -> str:
    return f"{args[0]}({', '.join(label[a] for a in args[1:])})"


def is_complex_result(name: str, operands: Iterable[bool]) -> bool:
    """Whether an operation or function gives a complex value, from whether each operand is complex."""
    return name == "complex" or (name not in _REAL_RESULT and any(operands))


class Builder:
    """Makes a `Scheduled`: equal instructions are one, constants are folded exactly, dead ones are dropped at the end.

    Args:
        g: where leaves are looked up; not needed if all leaves are made by `opaque`.

    Example:
        >>> g = Graph()
        >>> b = Builder(g)
        >>> x = b.leaf(g.input("x", "state"))
        >>> print(b.finish([b.mul(b.add(x, b.const(1)), x)]))
        t2 = n2 + 1
        t3 = n2*t2
        return t3
    """

    def __init__(self, g: Graph | None = None) -> None:
        self.g = g
        self.op: list[str] = []
        self.args: list[tuple[Any, ...]] = []
        self.axes: list[frozenset[Axis]] = []
        self.is_complex: list[bool] = []
        self._intern: dict[Any, int] = {}

    def _make(self, op: str, args: tuple[Any, ...], axes: frozenset[Axis], is_complex: bool) -> int:
        key = (op, args, type(args[0])) if op == "const" else (op, args)
        i = self._intern.get(key)
        if i is None:
            i = self._intern[key] = len(self.op)
            self.op.append(op)
            self.args.append(args)
            self.axes.append(axes)
            self.is_complex.append(is_complex)
        return i

    def _node(self, op: str, args: tuple[Any, ...], operands: tuple[int, ...]) -> int:
        found = self._intern.get((op, args))
        if found is not None:
            return found
        axes = _NO_AXES
        for i in operands:
            more = self.axes[i]
            if more is not axes and not more <= axes:
                axes = more if axes <= more else axes | more
        name = args[0] if op == "func" else op
        return self._make(op, args, axes, is_complex_result(name, [self.is_complex[i] for i in operands]))

    def value(self, i: int) -> Number | None:
        """The finite real number that instruction `i` is, or None."""
        if self.op[i] != "const" or self.args[i][0] == 1j:
            return None
        value = self.args[i][0]
        return value if not isinstance(value, float) or math.isfinite(value) else None

    def const(self, value: Number | complex) -> int:
        """A number (exact ones stay exact); ``1j`` is the imaginary unit."""
        if value == 1j:
            return self._make("const", (1j,), _NO_AXES, True)
        return self._make("const", (exact(value),), _NO_AXES, False)  # type: ignore[arg-type]

    def leaf(self, node: int) -> int:
        """An opaque value: the graph node of an input, a map or a gather."""
        assert self.g is not None, "a builder without a graph has no graph nodes"
        return self.opaque(node, self.g.axes[node], self.g.is_complex[node])

    def opaque(self, label: int, axes: frozenset[Axis], is_complex: bool) -> int:
        """A leaf with a label and properties of its own."""
        return self._make("leaf", (label,), axes, is_complex)

    def add(self, a: int, b: int) -> int:
        """``a + b``; a negated operand becomes a subtraction."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(Fraction(x) + Fraction(y))
        if x == 0:
            return b
        if y == 0:
            return a
        if self.op[b] == "neg":
            return self.sub(a, self.args[b][0])
        if self.op[a] == "neg":
            return self.sub(b, self.args[a][0])
        if y is not None and y < 0:
            return self.sub(a, self.const(-y))
        if x is not None and x < 0:
            return self.sub(b, self.const(-x))
        return self._node("add", (min(a, b), max(a, b)), (a, b))

    def sub(self, a: int, b: int) -> int:
        """``a - b``."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(Fraction(x) - Fraction(y))
        if y == 0:
            return a
        if x == 0:
            return self.neg(b)
        if self.op[b] == "neg":
            return self.add(a, self.args[b][0])
        if y is not None and y < 0:
            return self.add(a, self.const(-y))
        return self._node("sub", (a, b), (a, b))

    def mul(self, a: int, b: int) -> int:
        """``a * b``."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(Fraction(x) * Fraction(y))
        for v, other in ((x, b), (y, a)):
            if v == 0:
                return self.const(0)
            if v == 1:
                return other
            if v == -1:
                return self.neg(other)
        return self._node("mul", (min(a, b), max(a, b)), (a, b))

    def div(self, a: int, b: int) -> int:
        """``a / b``; a constant divisor becomes a factor where its reciprocal is a double."""
        x, y = self.value(a), self.value(b)
        if y is not None and y != 0 and (x is not None or _is_double(1 / Fraction(y))):
            return self.mul(a, self.const(1 / Fraction(y)))
        if x == 0:
            return self.const(0)
        return self._node("div", (a, b), (a, b))

    def neg(self, a: int) -> int:
        """``-a``."""
        x = self.value(a)
        if x is not None:
            return self.const(-x)
        if self.op[a] == "neg":
            return self.args[a][0]
        if self.op[a] == "sub":
            return self._node("sub", (self.args[a][1], self.args[a][0]), self.args[a])
        return self._node("neg", (a,), (a,))

    def sqrt(self, a: int) -> int:
        """``sqrt(a)``, principal branch."""
        return self._node("sqrt", (a,), (a,))

    def fma(self, a: int, b: int, c: int) -> int:
        """``a*b + c`` rounded once where the machine can."""
        return self._node("fma", (min(a, b), max(a, b), c), (a, b, c))

    def func(self, name: str, *operands: int) -> int:
        """A function call; ``sqrt`` becomes the instruction of that name."""
        if name == "sqrt":
            return self.sqrt(*operands)
        return self._node("func", (name, *operands), operands)

    def power(self, base: int, n: int) -> int:
        """``base ** n`` for a whole ``n >= 1`` by repeated squaring."""
        result, square = None, base
        while True:
            if n & 1:
                result = square if result is None else self.mul(result, square)
            n >>= 1
            if not n:
                assert result is not None
                return result
            square = self.mul(square, square)

    def copy(self, s: Scheduled, i: int, new: Mapping[int, int]) -> int:
        """Make instruction `i` of `s` again here, its operands replaced through `new`."""
        op, args = s.op[i], s.args[i]
        if op == "const":
            return self.const(args[0])
        if op == "leaf":
            return self.opaque(args[0], s.axes[i], s.is_complex[i])
        if op == "func":
            return self.func(args[0], *(new[a] for a in args[1:]))
        return getattr(self, op)(*(new[a] for a in args))

    def finish(self, roots: Iterable[int]) -> Scheduled:
        """Drop what no root needs and return the code."""
        roots = list(roots)
        needed: set[int] = set()
        stack = list(roots)
        while stack:
            i = stack.pop()
            if i not in needed:
                needed.add(i)
                if self.op[i] not in ("const", "leaf"):
                    stack.extend(self.args[i][1:] if self.op[i] == "func" else self.args[i])
        order = sorted(needed)
        new = {i: k for k, i in enumerate(order)}
        args = tuple(self._renumbered(i, new) for i in order)
        pick = [self.op[i] for i in order], [self.axes[i] for i in order], [self.is_complex[i] for i in order]
        return Scheduled(tuple(pick[0]), args, tuple(pick[1]), tuple(pick[2]), tuple(new[r] for r in roots))

    def _renumbered(self, i: int, new: Mapping[int, int]) -> tuple[Any, ...]:
        op, args = self.op[i], self.args[i]
        if op in ("const", "leaf"):
            return args
        if op == "func":
            return (args[0], *(new[a] for a in args[1:]))
        return tuple(new[a] for a in args)


def _is_double(q: Fraction) -> bool:
    try:
        return Fraction(float(q)) == q
    except OverflowError:
        return False


def raise_to_graph(s: Scheduled, g: Graph, leaves: Mapping[int, int] | None = None) -> list[int]:
    """Return graph nodes (normal form) equal to the roots of `s`.

    Args:
        s: straight-line code whose leaves are nodes of `g`.
        g: the graph to build in.
        leaves: graph node -> graph node to use instead of a leaf (default: the leaf itself).
    """
    node: list[int] = []
    for i, (op, args) in enumerate(zip(s.op, s.args, strict=True)):
        a = [node[k] for k in s.operands(i)]
        if op == "const":
            node.append(g.imag if args[0] == 1j else g.const(args[0]))
        elif op == "leaf":
            node.append((leaves or {}).get(args[0], args[0]))
        elif op == "func":
            node.append(_DEFINED[args[0]](g, *a) if args[0] in _DEFINED else g.func(args[0], *a))
        else:
            node.append(_RAISE[op](g, a))
    return [node[r] for r in s.roots]


def depth_first(s: Scheduled) -> Scheduled:
    """The same code in the order in which the results need it, one after another, so that values live shortly."""
    order: dict[int, int] = {}
    for root in s.roots:
        stack = [root]
        while stack:
            i = stack[-1]
            missing = [k for k in s.operands(i) if k not in order]
            if i in order or not missing:
                order.setdefault(stack.pop(), len(order))
            else:
                stack.extend(reversed(missing))
    args = tuple(
        s.args[i] if s.op[i] in ("const", "leaf")
        else (s.args[i][0], *(order[k] for k in s.operands(i))) if s.op[i] == "func"
        else tuple(order[k] for k in s.args[i])
        for i in order
    )  # fmt: skip
    pick = tuple(s.op[i] for i in order), tuple(s.axes[i] for i in order), tuple(s.is_complex[i] for i in order)
    return Scheduled(pick[0], args, pick[1], pick[2], tuple(order[r] for r in s.roots))


def settle_constants(s: Scheduled) -> Scheduled:
    """Replace functions of numbers, such as ``exp(3)``, by the nearest double; to be done after the last check."""
    from ritz.symbolic.rewrite.execute import run_precise

    fixed = [op == "const" and args[0] != 1j for op, args in zip(s.op, s.args, strict=True)]
    for i in range(len(s)):
        fixed[i] = fixed[i] or (s.op[i] != "leaf" and all(fixed[k] for k in s.operands(i)))
    if all(s.op[i] == "const" for i in range(len(s)) if fixed[i]):
        return s
    values = run_precise(_only(s, fixed), {}, 200)
    builder = Builder()
    new: dict[int, int] = {}
    for i in range(len(s)):
        settled = fixed[i] and s.op[i] != "const"
        new[i] = builder.const(float(values[i])) if settled else builder.copy(s, i, new)
    return builder.finish(new[r] for r in s.roots)


def _only(s: Scheduled, wanted: Sequence[bool]) -> Scheduled:
    """The same numbering with everything unwanted replaced by zero."""
    op = tuple(o if w else "const" for o, w in zip(s.op, wanted, strict=True))
    args = tuple(a if w else (0,) for a, w in zip(s.args, wanted, strict=True))
    return Scheduled(op, args, s.axes, s.is_complex, s.roots)


# Functions of straight-line code only; the graph has their definitions, which calculus knows.
_DEFINED: dict[str, Any] = {
    "hypot": lambda g, a, b: g.pow(g.add([(1, g.pow(a, 2)), (1, g.pow(b, 2))]), Fraction(1, 2)),
    "erfc": lambda g, a: g.add([(-1, g.func("erf", a))], 1),
    "sin_bounded": lambda g, a: g.func("sin", a),
    "cos_bounded": lambda g, a: g.func("cos", a),
}


_RAISE: dict[str, Any] = {
    "add": lambda g, a: g.sum(a),
    "sub": lambda g, a: g.sub(*a),
    "mul": lambda g, a: g.product(a),
    "div": lambda g, a: g.div(*a),
    "neg": lambda g, a: g.scale(-1, a[0]),
    "sqrt": lambda g, a: g.pow(a[0], Fraction(1, 2)),
    "fma": lambda g, a: g.add([(1, g.mul([(a[0], 1), (a[1], 1)])), (1, a[2])]),
}
