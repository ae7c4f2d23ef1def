"""Graph nodes as plain text, in linear time: what is used more than once and long is defined once and then named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ritz.symbolic.graph import Graph, Number

LONGEST_REPEATED = 30  # characters; a longer text that is used twice gets a name

_BETWEEN = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "and", "or": "or"}
_SUM, _PRODUCT, _ATOM = 0, 1, 2  # how tightly the outermost operation of a text binds


class GraphText:
    """The text of some nodes.

    Args:
        g: the graph.
        roots: all nodes that will be asked for.
        names: nodes with the text to write for them; inputs have their own names.

    Example:
        >>> g = Graph()
        >>> x, y = g.input("x", "state"), g.input("y", "state")
        >>> node = g.div(g.add([(1, x), (2, y)], -1), g.func("exp", g.product([x, y])))
        >>> GraphText(g, [node]).of(node)
        '(x + 2*y - 1)/exp(x*y)'
    """

    def __init__(self, g: Graph, roots: Sequence[int], names: Mapping[int, str] | None = None) -> None:
        self.g = g
        self._order = g.topological(roots, stop=names or {})
        self._used = Counter(child for n in self._order for child in set(g.children(n)))
        self._used.update(set(roots))
        self._text: dict[int, tuple[str, int]] = {n: (text, _ATOM) for n, text in (names or {}).items()}
        self._definition: dict[int, str] = {}
        self._told: set[int] = set()
        for node in self._order:
            if node not in self._text:
                self._write(node)

    def of(self, node: int) -> str:
        """The text of a node; the names in it are explained by `definitions`."""
        return self._definition.get(node, self._text[node][0])

    def definitions(self, nodes: Iterable[int]) -> Iterator[str]:
        """Yield ``name = text`` for every name that the text of some nodes needs and that was not yielded before."""
        if not self._definition:
            return
        nodes = list(nodes)
        for node in self.g.topological(nodes, stop=self._told):
            if node in self._definition and node not in self._told and node not in nodes:
                self._told.add(node)
                yield f"{self._text[node][0]} = {self._definition[node]}"

    def _write(self, node: int) -> None:
        text, binding = self._expression(node)
        if self._used[node] > 1 and len(text) > LONGEST_REPEATED:
            self._definition[node] = text
            text, binding = f"v{node}", _ATOM
        self._text[node] = text, binding

    def _expression(self, node: int) -> tuple[str, int]:
        op, args = self.g.op[node], self.g.args[node]
        if op == "const":
            return _number(args)
        if op == "imag":
            return "i", _ATOM
        if op == "input":
            return args[0], _ATOM
        if op == "add":
            return self._sum(*args), _SUM
        if op == "mul":
            return self._product(*args)
        if op == "func" and args[0] in _BETWEEN:
            left, right = (self._text[n][0] for n in args[1])
            return f"({left} {_BETWEEN[args[0]]} {right})", _ATOM
        inner = args[1] if op == "func" else (args[1],)
        name = args[0] if op in ("func", "gather") else args[0].name
        return f"{name}({', '.join(self._text[n][0] for n in inner)})", _ATOM

    def _sum(self, c0: Number, terms: Iterable[tuple[int, Number]]) -> str:
        parts = [self._signed(k, n) for n, k in terms]
        if c0 != 0:
            parts.append((c0 < 0, _number(_size(c0))[0]))
        parts.sort(key=lambda part: part[0])  # a plus first, where there is one
        first = ("-" if parts[0][0] else "") + parts[0][1]
        return first + "".join((" - " if minus else " + ") + text for minus, text in parts[1:])

    def _signed(self, k: Number, node: int) -> tuple[bool, str]:
        size = _size(k)
        text = self._bound(node, _PRODUCT)
        if size == 1:
            return k < 0, text
        return k < 0, f"{_bracketed(*_number(size), _ATOM)}*{text}"

    def _product(self, c: Number, factors: Iterable[tuple[int, Number]]) -> tuple[str, int]:
        over = [self._power(n, e) for n, e in factors if e > 0]
        under = [self._power(n, -e) for n, e in factors if e < 0]
        if abs(c) != 1 or not over:
            over.insert(0, _bracketed(*_number(_size(c)), _ATOM))
        text = ("-" if c < 0 else "") + "*".join(over)
        if len(under) == 1:
            text += "/" + under[0]
        elif under:
            text += f"/({'*'.join(under)})"
        return text, _SUM if c < 0 else _PRODUCT

    def _power(self, node: int, e: Number) -> str:
        if e == 0.5:
            return f"sqrt({self._text[node][0]})"
        base = self._bound(node, _ATOM)
        return base if e == 1 else f"{base}**{_bracketed(*_number(e), _ATOM)}"

    def _bound(self, node: int, tightly: int) -> str:
        return _bracketed(*self._text[node], tightly)


def _bracketed(text: str, binding: int, tightly: int) -> str:
    return f"({text})" if binding < tightly else text


def _size(value: Number) -> Number:
    return -value if value < 0 else value


def _number(value: Number) -> tuple[str, int]:
    text = f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
    if value < 0:
        return text, _SUM
    return text, _PRODUCT if "/" in text else _ATOM
