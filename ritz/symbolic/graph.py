"""The expression graph: every model, derivative and reduced model is written in it.

Nodes are integers into parallel lists with one intern table, so equal expressions are one node and comparing two of
them costs nothing. Sums and products are n-ary and kept in normal form, hence associativity, commutativity, like
terms and like factors are settled when a node is made:

* ``add``: ``(c0, ((node, coefficient), ...))`` means ``c0 + sum(coefficient * node)``;
* ``mul``: ``(c, ((base, exponent), ...))`` means ``c * prod(base ** exponent)`` with rational exponents.

A sum inside a product carries no numeric factor: ``2*x*(2*y + 2)`` is ``4*x*(y + 1)``, so that like terms meet. A
product of more than 64 factors is kept whole when it becomes a factor of another one.

Coefficients and exponents are exact (`int` or `Fraction`) unless the user wrote a float. Every node knows the axes it
varies over; schedules, costs and loop nests are read off these axes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Number = int | Fraction | float
_WIDEST = 64  # factors; wider products stay whole inside others, so chains of derivatives stay linear in their depth
_OPENABLE = frozenset({"const", "mul", "add"})  # kinds of factors that a whole power may open
Terms = tuple[tuple[int, Number], ...]


@dataclass(frozen=True, order=True)
class Axis:
    """A direction in which values vary.

    Attributes:
        name: unique inside one graph, e.g. ``"x"`` for a coordinate or ``"kx"`` for its modes.
        kind: ``param``, ``time``, ``point``, ``mode``, ``cell``, ``quad``, ``basis``, ``component``, ``batch`` or
            ``sample``. ``param`` and ``time`` mark dependence only; the others are looped over.
    """

    name: str
    kind: str

    def __hash__(self) -> int:
        return hash(self.name)  # asked for often; two axes of one name are rare


PARAM = Axis("p", "param")
TIME = Axis("t", "time")


@dataclass(frozen=True)
class LinearMap:
    """A linear operator between axes: a Fourier transform, a dense matrix, a quadrature.

    Attributes:
        name: unique inside one graph; the discretisation keeps the data under this name.
        kind: ``inverse`` or ``forward`` (Fourier), ``matrix`` (dense), ``sum``, ``scatter`` (added up at the positions
            of an index map), ``pick`` (one entry), ``store`` (nothing but memory between two loops), ``max`` (the one
            that is not linear) or a plug-in's own word; ``.T`` behind it marks the transpose.
        source: axes consumed.
        target: axes produced.
        complex: whether its result is complex.
        takes_complex: whether it reads complex values.
    """

    name: str
    kind: str
    source: tuple[Axis, ...]
    target: tuple[Axis, ...]
    complex: bool = False
    takes_complex: bool = False


def exact(value: Number) -> Number:
    """Return `value` as an int where it is one, else unchanged (floats stay floats)."""
    if type(value) is int:  # by far the most frequent, and isinstance of a Fraction is slow
        return value
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _power(c: Number, e: Number) -> Number | None:
    """Return ``c**e`` when exact (or when `c` is already a float), else None."""
    if e == 1:
        return c
    if isinstance(e, int):
        if isinstance(c, float):
            return float(c**e)
        return exact(Fraction(c) ** e)
    if isinstance(c, float) and c > 0:
        return float(c ** float(e))
    if isinstance(e, Fraction) and isinstance(c, (int, Fraction)) and c > 0:
        root = Fraction(c)
        if max(root.numerator, root.denominator) > 2**53:  # beyond exact float roots: leave it as it stands
            return None
        num, den = (round(v ** (1 / e.denominator)) for v in (root.numerator, root.denominator))
        if Fraction(num, den) ** e.denominator == root:
            return exact(Fraction(num, den) ** e.numerator)
    return None


class Graph:
    """A hash-consed expression graph; all methods return node numbers.

    Attributes:
        op: per node, one of ``const imag input add mul func map gather``.
        args: per node, the payload described at the constructor of that kind.
        axes: per node, the frozenset of `Axis` it varies over.
        is_complex: per node, whether its value may have an imaginary part.

    Example:
        >>> g = Graph()
        >>> x = g.input("x", "state")
        >>> g.add([(1, x), (2, x)]) == g.mul([(x, 1)], 3)
        True
    """

    def __init__(self) -> None:
        self.op: list[str] = []
        self.args: list[Any] = []
        self.axes: list[frozenset[Axis]] = []
        self.is_complex: list[bool] = []
        self._intern: dict[Hashable, int] = {}
        self._primitive: dict[int, tuple[Number, int]] = {}
        self._rest: dict[int, int] = {}
        self.zero = self.const(0)
        self.one = self.const(1)

    def __len__(self) -> int:
        return len(self.op)

    def _make(self, op: str, args: Any, axes: frozenset[Axis], is_complex: bool) -> int:
        key: Hashable = (op, args, axes) if op == "input" else (op, args)
        if op == "const":
            key = (op, args, type(args))
        node = self._intern.get(key)
        if node is None:
            node = self._intern[key] = len(self.op)
            self.op.append(op)
            self.args.append(args)
            self.axes.append(axes)
            self.is_complex.append(is_complex)
        return node

    # ------------------------------------------------------------------ leaves
    def const(self, value: Number) -> int:
        """A number; payload: the number itself."""
        return self._make("const", exact(value), frozenset(), False)

    @property
    def imag(self) -> int:
        """The imaginary unit."""
        return self._make("imag", None, frozenset(), True)

    def input(self, name: str, kind: str, axes: Iterable[Axis] = (), *, is_complex: bool = False) -> int:
        """A value given from outside; payload: ``(name, kind)``.

        Args:
            name: unique among the inputs of its kind.
            kind: ``state``, ``param``, ``time``, ``coordinate``, ``wavenumber``, ``table`` or ``seed`` (of a
                derivative).
            axes: what it varies over. Parameters get `PARAM`, time and states `TIME` by themselves.
            is_complex: whether values are complex.
        """
        extra = {"param": {PARAM}, "time": {TIME}, "state": {TIME}, "seed": {TIME}}.get(kind, set())
        return self._make("input", (name, kind), frozenset(axes) | extra, is_complex)

    # ------------------------------------------------------------------ sums and products
    def add(self, pairs: Iterable[tuple[Number, int]], c0: Number = 0) -> int:
        """Return ``c0 + sum(coefficient * node)`` in normal form."""
        total: dict[int, Number] = {}
        ops, payloads = self.op, self.args
        for c, node in pairs:
            if c == 0:
                continue
            op, args = ops[node], payloads[node]
            if op == "const":
                c0 = c0 + c * args
            elif op == "add":
                c0 = c0 + c * args[0]
                for term, k in args[1]:
                    total[term] = total.get(term, 0) + c * k
            elif op == "mul" and args[0] != 1:
                k, rest = self.split_coefficient(node)
                total[rest] = total.get(rest, 0) + c * k
            else:
                total[node] = total.get(node, 0) + c
        items = tuple([(n, exact(total[n])) for n in sorted(total) if total[n] != 0])
        if not items:
            return self.const(c0)
        if c0 == 0 and len(items) == 1:
            return self.scale(items[0][1], items[0][0])
        return self._make_of("add", (exact(c0), items))

    def mul(self, pairs: Iterable[tuple[int, Number]], c: Number = 1) -> int:
        """Return ``c * prod(base ** exponent)`` in normal form (exponents are rational numbers)."""
        powers: dict[int, Number] = {}
        ops, payloads = self.op, self.args
        turns: Number = 0  # power of the imaginary unit, counted modulo 4
        whole = True  # whether every exponent met so far is an int
        for base, e in pairs:
            if type(e) is not int:
                e = exact(e)
                whole = whole and type(e) is int
            if e == 0:
                continue
            op, args = ops[base], payloads[base]
            if op == "input" or op == "func":
                powers[base] = powers.get(base, 0) + e
            elif op == "const" and (value := self._const_power(args, e)) is not None:
                c = c * value
            elif op == "imag":
                turns += e
            elif isinstance(e, int) and (op == "add" or (op == "mul" and len(args[1]) > _WIDEST)):
                k, rest = self.split_coefficient(base) if op == "mul" else self.primitive(base)
                if k != 1:
                    c = c * _power(k, e)  # type: ignore[operator]
                powers[rest] = powers.get(rest, 0) + e
            elif op == "mul" and (isinstance(e, int) or (args[0] == 1 and self._is_root(args[1]))):
                if args[0] != 1:
                    c = c * _power(args[0], e)  # type: ignore[operator]
                for inner, k in args[1]:
                    if ops[inner] == "imag":
                        turns += k * e
                    else:
                        powers[inner] = powers.get(inner, 0) + k * e
                        whole = whole and type(k) is int
            else:
                powers[base] = powers.get(base, 0) + e
        if c == 0:
            return self.zero
        turns %= 4
        if turns >= 2:
            c, turns = -c, turns - 2
        if turns:
            powers[self.imag] = turns
        items = tuple([(n, exact(powers[n])) for n in sorted(powers) if powers[n] != 0])
        c = exact(c)
        if not items:
            return self.const(c)
        # roots met and became whole powers, as in sqrt(2*x)**2 * y
        if not whole and any(ops[n] in _OPENABLE and self._opens(n, e) for n, e in items):
            return self.mul(items, c)
        if len(items) == 1 and items[0][1] == 1:
            node = items[0][0]
            if c == 1:
                return node
            if ops[node] == "add":  # a number times a sum is distributed: like terms must meet
                return self.add([(c * k, n) for n, k in payloads[node][1]], c * payloads[node][0])
            if ops[node] == "mul":  # a very wide product, kept whole above
                items = payloads[node][1]
        return self._make_of("mul", (c, items))

    def _make_of(self, op: str, args: tuple[Number, Terms]) -> int:
        """A sum or product in normal form; axes and kind of number are looked at only if it is new."""
        node = self._intern.get((op, args))
        if node is not None:
            return node
        first = args[1][0][0]
        axes, is_complex = self.axes[first], self.is_complex[first]
        for n, _ in args[1][1:]:
            more = self.axes[n]
            if more is not axes and not more <= axes:
                axes = more if axes <= more else axes | more
            is_complex = is_complex or self.is_complex[n]
        return self._make(op, args, axes, is_complex)

    @staticmethod
    def _const_power(value: Number, e: Number) -> Number | None:
        if value == 0:
            return 0 if e > 0 else None
        return _power(value, e)

    def _opens(self, base: int, e: Number) -> bool:
        """Whether a collected factor is a number, a product or a scaled sum to a whole power: to be multiplied out."""
        if not isinstance(e, int):
            return False
        op, args = self.op[base], self.args[base]
        if op == "add":
            return self.primitive(base)[0] != 1
        return (op == "const" and (args != 0 or e > 0)) or (op == "mul" and len(args[1]) <= _WIDEST)

    @staticmethod
    def _is_root(factors: Terms) -> bool:
        """Whether the factors are one ``base**k`` for which ``(base**k)**e == base**(k*e)`` with every rational e.

        True when k is a proper root: the principal value then lies where the powers agree.
        """
        return len(factors) == 1 and isinstance(factors[0][1], Fraction) and abs(factors[0][1]) < 1

    def scale(self, c: Number, node: int) -> int:
        """Return ``c * node``."""
        return node if c == 1 else self.mul([(node, 1)], c)

    def split_coefficient(self, node: int) -> tuple[Number, int]:
        """Return ``(c, rest)`` with ``node == c * rest`` and `rest` free of a numeric factor."""
        if self.op[node] != "mul" or self.args[node][0] == 1:
            return 1, node
        c, factors = self.args[node]
        rest = self._rest.get(node)
        if rest is None:
            rest = self._rest[node] = self.mul(factors)
        return c, rest

    def primitive(self, node: int) -> tuple[Number, int]:
        """Return ``(c, rest)`` with ``node == c * rest`` for a sum, where `rest` is the same for all multiples of it.

        `rest` has as many terms with coefficient 1 as possible and not more minus than plus signs. Sums with float
        coefficients only change their sign. Inside a product a sum is always such a `rest`.
        """
        found = self._primitive.get(node)
        if found is None:
            c0, terms = self.args[node]
            c = Fraction(1)
            sizes = [abs(k) for _, k in terms]
            if not any(isinstance(k, float) for k in (c0, *sizes)):
                c = Fraction(max(dict.fromkeys(sizes), key=sizes.count))
            balance = sum((k > 0) - (k < 0) for k in (c0, *(k for _, k in terms)))
            if (balance or c0 or terms[0][1]) < 0:
                c = -c
            rest = node if c == 1 else self.add([(k / c, n) for n, k in terms], c0 / c)
            found = self._primitive[node] = (exact(c), rest)
        return found

    def sum(self, nodes: Iterable[int]) -> int:
        """Return the sum of some nodes."""
        return self.add([(1, n) for n in nodes])

    def product(self, nodes: Iterable[int]) -> int:
        """Return the product of some nodes."""
        return self.mul([(n, 1) for n in nodes])

    def sub(self, a: int, b: int) -> int:
        """Return ``a - b``."""
        return self.add([(1, a), (-1, b)])

    def div(self, a: int, b: int) -> int:
        """Return ``a / b``."""
        return self.mul([(a, 1), (b, -1)])

    def pow(self, base: int, exponent: int | Fraction | float) -> int:
        """Return ``base ** exponent`` for a numeric exponent."""
        return self.mul([(base, exponent)])

    # ------------------------------------------------------------------ everything else
    def func(self, name: str, *nodes: int) -> int:
        """A pointwise function; payload: ``(name, argument nodes)``. Names are those of NumPy, plus ``pow``,
        ``where`` (condition, then, else), ``complex`` (real part, imaginary part), comparisons ``lt le gt ge eq
        ne``, and ``and or not``."""
        axes = frozenset[Axis]().union(*(self.axes[n] for n in nodes))
        is_complex = name == "complex" or (name not in _REAL_RESULT and any(self.is_complex[n] for n in nodes))
        return self._make("func", (name, nodes), axes, is_complex)

    def map(self, linear_map: LinearMap, node: int) -> int:
        """Apply a `LinearMap`; payload: ``(map, argument node)``. The map of zero is zero."""
        if node == self.zero:
            return self.zero
        axes = (self.axes[node] - set(linear_map.source)) | set(linear_map.target)
        return self._make("map", (linear_map, node), axes, linear_map.complex)

    def gather(self, index: str, node: int, source: Axis, target: Axis) -> int:
        """Read `node` along `target` through an index array; payload: ``(index, node, source, target)``."""
        axes = (self.axes[node] - {source}) | {target}
        return self._make("gather", (index, node, source, target), axes, self.is_complex[node])

    # ------------------------------------------------------------------ walking
    def children(self, node: int) -> tuple[int, ...]:
        """The nodes that `node` is computed from."""
        op, args = self.op[node], self.args[node]
        if op in ("add", "mul"):
            return tuple(n for n, _ in args[1])
        if op == "func":
            return tuple(args[1])
        if op in ("map", "gather"):
            return (args[1],)
        return ()

    def topological(self, roots: Iterable[int], stop: Container[int] = ()) -> list[int]:
        """All nodes below `roots`, arguments before users, without recursion; nodes in `stop` are not opened.

        Node numbers grow from arguments to users, so sorting the reachable set is enough.
        """
        seen: set[int] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                if node not in stop:
                    stack.extend(self.children(node))
        return sorted(seen)

    def rebuild(self, node: int, new: Callable[[int], int] | Mapping[int, int], into: Graph | None = None) -> int:
        """Make `node` again with its arguments replaced through `new`, in this graph or in `into`."""
        g = into or self
        get = new if callable(new) else new.__getitem__
        op, args = self.op[node], self.args[node]
        if into is None and all(get(n) == n for n in self.children(node)):
            return node
        if op == "const":
            return g.const(args)
        if op == "imag":
            return g.imag
        if op == "input":
            return g.input(args[0], args[1], self.axes[node], is_complex=self.is_complex[node])
        if op == "add":
            return g.add([(k, get(n)) for n, k in args[1]], args[0])
        if op == "mul":
            return g.mul([(get(n), e) for n, e in args[1]], args[0])
        if op == "func":
            return g.func(args[0], *(get(n) for n in args[1]))
        if op == "map":
            return g.map(args[0], get(args[1]))
        return g.gather(args[0], get(args[1]), args[2], args[3])

    def substitute(self, roots: Sequence[int], replacements: Mapping[int, int], into: Graph | None = None) -> list[int]:
        """Rebuild `roots` with some nodes replaced (or copy them into another graph)."""
        new: dict[int, int] = {}
        for node in self.topological(roots, stop=replacements):
            new[node] = replacements[node] if node in replacements else self.rebuild(node, new, into)
        return [new[r] for r in roots]

    def inputs(self, roots: Iterable[int], kind: str | None = None) -> Iterator[int]:
        """The input nodes below `roots`, optionally of one kind only."""
        for node in self.topological(roots):
            if self.op[node] == "input" and (kind is None or self.args[node][1] == kind):
                yield node

    def count(self, roots: Iterable[int]) -> dict[str, int]:
        """Count arithmetic operations below `roots`, each shared node once.

        Returns:
            ``{"add": additions, "mul": multiplications, "div": ..., "func": ..., "map": ...}``.
        """
        total = {"add": 0, "mul": 0, "div": 0, "func": 0, "map": 0}
        for node in self.topological(roots):
            op, args = self.op[node], self.args[node]
            if op == "add":
                total["add"] += len(args[1]) - (args[0] == 0)
                total["mul"] += sum(abs(k) != 1 for _, k in args[1])
            elif op == "mul":
                total["mul"] += len(args[1]) - 1 + (abs(args[0]) != 1)
                for _, e in args[1]:
                    if isinstance(e, int):
                        total["mul"] += max(abs(e).bit_length() + bin(abs(e)).count("1") - 2, 0)
                        total["div"] += e < 0
                    else:
                        total["func"] += 1
            elif op in ("func", "map"):
                total[op] += 1
        return total


_REAL_RESULT = frozenset({"re", "im", "abs", "arg", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})
