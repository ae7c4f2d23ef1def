"""Derivatives as graph-to-graph transformations: forward mode, reverse mode, sparse gradients.

All walk the graph once in topological order, so their cost follows the number of nodes, not of paths, and no
recursion limit applies (Griewank and Walther, Evaluating Derivatives, 2nd ed., chapters 3 and 6).

Complex values. Functions are differentiated holomorphically where they are holomorphic. ``conj``, ``re``, ``im``,
``abs`` and ``arg`` of complex values have derivatives in the real sense, which forward and reverse mode both give:
forward mode maps a tangent ``t`` of z to the tangent of f(z); reverse mode uses the pairing ``Re(sum(w * dz))`` (no
conjugate), so the cotangent of a real value is real and that of ``conj(z)`` passes on as ``conj(w)``. Sparse gradients
hold one number for each entry and so refuse these functions of complex variables, but not of real ones.

Where a ``where``, ``maximum`` or ``minimum`` selects, the branch not taken never contributes, not even NaN. At a tie of
``maximum`` or ``minimum`` the first argument counts. A map of kind ``max`` (the largest value along its source axes) is
the one map that is not linear: its derivative is that of the entries that attain it, in equal shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ritz.errors import UnsupportedError
from ritz.symbolic.derivative_rules import SELECTIONS, differentiable_arguments, is_real_linear, partials
from ritz.symbolic.graph import Axis, Graph, LinearMap, Number

LOOPED_NOT = frozenset({"param", "time"})  # kinds of axes that mark dependence and are never summed over


# ---------------------------------------------------------------------- small helpers
def real_part(g: Graph, node: int) -> int:
    """The real part, without a node for it where the value is real anyway."""
    return g.func("re", node) if g.is_complex[node] else node


def _imaginary_part(g: Graph, node: int) -> int:
    return g.func("im", node) if g.is_complex[node] else g.zero


def _conjugate(g: Graph, node: int) -> int:
    return g.func("conj", node) if g.is_complex[node] else node


def select(g: Graph, condition: int, then: int, otherwise: int) -> int:
    """``where``, left out when both branches are one node."""
    return then if then == otherwise else g.func("where", condition, then, otherwise)


def _selection(g: Graph, node: int) -> tuple[int, int, int]:
    """``(condition, then, else)`` of a where, maximum or minimum."""
    name, args = g.args[node]
    if name == "where":
        return args
    return g.func("ge" if name == "maximum" else "le", *args), *args


def _is_selection(g: Graph, node: int) -> bool:
    return g.op[node] == "func" and g.args[node][0] in SELECTIONS


def _is_pair(g: Graph, node: int) -> bool:
    """Whether `node` packs two real values into a complex one."""
    return g.op[node] == "func" and g.args[node][0] == "complex"


def transpose_map(m: LinearMap) -> LinearMap:
    """The transposed map: name and kind gain or lose ``.T`` (kind ``matrix`` stays), the two sides change places."""

    def toggle(word: str) -> str:
        return word.removesuffix(".T") if word.endswith(".T") else word + ".T"

    kind = m.kind if m.kind == "matrix" else toggle(m.kind)
    return LinearMap(toggle(m.name), kind, m.target, m.source, m.takes_complex, m.complex)


def sum_map(axes: Iterable[Axis], *, is_complex: bool = False) -> LinearMap:
    """The sum over some axes: kind ``sum``, named ``sum:x,y``.

    Summing a value that does not vary over an axis multiplies it by the length of that axis.
    """
    source = tuple(sorted(axes))
    return LinearMap("sum:" + ",".join(a.name for a in source), "sum", source, (), is_complex, is_complex)


def _looped(axes: Iterable[Axis]) -> frozenset[Axis]:
    return frozenset(a for a in axes if a.kind not in LOOPED_NOT)


# ---------------------------------------------------------------------- forward mode
def forward(g: Graph, roots: Sequence[int], seeds: Mapping[int, int]) -> list[int]:
    """Propagate tangents: the derivative of `roots` along a direction (``J v``).

    Args:
        g: the graph; receives the new nodes.
        roots: nodes to differentiate.
        seeds: independent node (an input, or any other node, which then counts as independent) -> node of its tangent.

    Returns:
        The tangent node of every root, the graph's zero where nothing flows.

    Raises:
        UnsupportedError: for a function without a derivative rule.

    Example:
        >>> g = Graph()
        >>> x, v = g.input("x", "state"), g.input("v", "seed")
        >>> forward(g, [g.pow(x, 2)], {x: v}) == [g.mul([(x, 1), (v, 1)], 2)]
        True
    """
    tangent = dict(seeds)
    for node in g.topological(roots, stop=seeds):
        if node not in tangent and any(n in tangent for n in differentiable_arguments(g, node)):
            value = _tangent(g, node, tangent)
            if value != g.zero:
                tangent[node] = value
    return [tangent.get(r, g.zero) for r in roots]


def _tangent(g: Graph, node: int, tangent: Mapping[int, int]) -> int:
    op, args = g.op[node], g.args[node]
    if op == "map" and args[0].kind == "max":
        largest = g.product([_attained(g, node), tangent[args[1]]])
        return g.map(sum_map(args[0].source), largest)
    if op == "map":
        return g.map(args[0], tangent[args[1]])
    if op == "gather":
        index, x, source, target = args
        return g.gather(index, tangent[x], source, target) if source in g.axes[tangent[x]] else tangent[x]
    if _is_selection(g, node):
        condition, then, otherwise = _selection(g, node)
        return select(g, condition, tangent.get(then, g.zero), tangent.get(otherwise, g.zero))
    if _is_pair(g, node):
        return g.func("complex", *(tangent.get(n, g.zero) for n in args[1]))
    if is_real_linear(g, node):
        return _real_tangent(g, args[0], node, args[1][0], tangent[args[1][0]])
    return g.sum(g.product([p, tangent[n]]) for n, p in partials(g, node, tangent.__contains__))


def _real_tangent(g: Graph, name: str, node: int, z: int, t: int) -> int:
    """Tangent of conj, re, im, abs or arg of a complex z with tangent t."""
    if name == "conj":
        return _conjugate(g, t)
    if name == "re":
        return real_part(g, t)
    if name == "im":
        return _imaginary_part(g, t)
    if name == "abs":
        return g.div(real_part(g, g.product([g.func("conj", z), t])), node)
    return _imaginary_part(g, g.div(t, z))


# ---------------------------------------------------------------------- reverse mode
@dataclass(frozen=True)
class _Contribution:
    """Something to add to the cotangent of `node`, over axes that may have to be summed away."""

    node: int
    value: int
    axes: frozenset[Axis]


def reverse(g: Graph, roots: Sequence[int], cotangents: Sequence[int], wrt: Sequence[int]) -> list[int]:
    """Propagate cotangents: the derivative of ``sum(cotangent * root)`` with respect to `wrt` (``J^T w``).

    The transpose of a map is the map named ``name + ".T"`` with its axes exchanged (see `transpose_map`), of a gather
    the scattering sum ``index + ".T"`` of kind ``scatter``, of a broadcast the `sum_map` over the missing axes, of a
    sum a broadcast.

    Args:
        g: the graph; receives the new nodes.
        roots: nodes to differentiate.
        cotangents: one node per root, with the axes of that root (or fewer: constant over the others).
        wrt: independent nodes, usually inputs; nothing below them is looked at.

    Returns:
        The cotangent node of every entry of `wrt`, over that node's own looped axes; zero where nothing flows.

    Raises:
        UnsupportedError: for a function without a derivative rule.
    """
    independent = set(wrt)
    order = g.topological(roots, stop=independent)
    active: set[int] = set()
    for node in order:
        if node in independent or any(n in active for n in differentiable_arguments(g, node)):
            active.add(node)
    pending: dict[int, list[_Contribution]] = {}
    for root, w in zip(roots, cotangents, strict=True):
        pending.setdefault(root, []).append(_Contribution(root, w, g.axes[w] | g.axes[root]))
    result: dict[int, int] = {}
    for node in reversed(order):
        if node in active and node in pending:
            w = _collect(g, node, pending.pop(node))
            if node in independent:
                result[node] = w
            elif w != g.zero:
                for item in _transposed(g, node, w, active):
                    pending.setdefault(item.node, []).append(item)
    return [result.get(n, g.zero) for n in wrt]


def _collect(g: Graph, node: int, items: Iterable[_Contribution]) -> int:
    """Add contributions up, real for a real node, one sum for each set of axes that the node lacks."""
    groups: dict[frozenset[Axis], list[int]] = {}
    for item in items:
        groups.setdefault(_looped(item.axes - g.axes[node]), []).append(item.value)
    total = []
    for missing, values in sorted(groups.items(), key=lambda item: sorted(item[0])):
        value = _sum(g, values)
        if not g.is_complex[node]:
            value = real_part(g, value)
        if missing:
            value = g.map(sum_map(missing, is_complex=g.is_complex[value]), value)
        total.append(value)
    return _sum(g, total)


def _sum(g: Graph, nodes: Sequence[int]) -> int:
    """The sum, still one packed pair if there is no other complex value than packed pairs."""
    if not any(_is_pair(g, n) for n in nodes) or any(g.is_complex[n] and not _is_pair(g, n) for n in nodes):
        return g.sum(nodes)
    pairs = [g.args[n][1] if _is_pair(g, n) else (n, g.zero) for n in nodes]
    return g.func("complex", g.sum(a for a, _ in pairs), g.sum(b for _, b in pairs))


def _transposed(g: Graph, node: int, w: int, active: set[int]) -> Iterable[_Contribution]:
    """What the cotangent `w` of `node` gives to its arguments."""
    op, args, axes = g.op[node], g.args[node], g.axes[node]
    if op == "map" and args[0].kind == "max":
        yield _Contribution(args[1], g.product([_attained(g, node), w]), axes | set(args[0].source))
    elif op == "map":
        m, x = args
        yield _Contribution(x, _transposed_map(g, m, w), (axes - set(m.target)) | set(m.source))
    elif op == "gather":
        index, x, source, target = args
        scatter = LinearMap(index + ".T", "scatter", (target,), (source,), g.is_complex[x], g.is_complex[x])
        yield _Contribution(x, g.map(scatter, w), (axes - {target}) | {source})
    elif _is_selection(g, node):
        condition, then, otherwise = _selection(g, node)
        if then in active:
            yield _Contribution(then, select(g, condition, w, g.zero), axes)
        if otherwise in active:
            yield _Contribution(otherwise, select(g, condition, g.zero, w), axes)
    elif _is_pair(g, node):  # Re(w * (da + I*db))
        yield _Contribution(args[1][0], real_part(g, w), axes)
        yield _Contribution(args[1][1], g.scale(-1, _imaginary_part(g, w)), axes)
    elif is_real_linear(g, node):
        yield _Contribution(args[1][0], _real_cotangent(g, args[0], node, args[1][0], w), axes)
    else:
        for n, p in partials(g, node, active.__contains__):
            yield _Contribution(n, times_masked(g, p, w), axes)


def _attained(g: Graph, node: int) -> int:
    """Where the largest value of a ``max`` map is attained: 1 divided by the number of such places, 0 elsewhere."""
    m, x = g.args[node]
    here = g.func("where", g.func("eq", x, node), g.one, g.zero)
    return g.div(here, g.map(sum_map(m.source), here))


def _transposed_map(g: Graph, m: LinearMap, w: int) -> int:
    if m.kind == "sum":
        return w
    if m.kind == "scatter":
        (source,), (target,) = m.source, m.target
        return g.gather(m.name.removesuffix(".T"), w, target, source) if target in g.axes[w] else w
    if m.complex and not g.is_complex[w]:  # maps read packed pairs
        w = g.func("complex", w, g.zero)
    return g.map(transpose_map(m), w)


def _real_cotangent(g: Graph, name: str, node: int, z: int, w: int) -> int:
    """Cotangent of a complex z from that of conj, re, im, abs or arg of it, in the pairing ``Re(w * dz)``."""
    if name == "conj":
        return _conjugate(g, w)
    w = real_part(g, w)
    if name == "re":
        return w
    if name == "im":
        return g.func("complex", g.zero, g.scale(-1, w))
    if name == "abs":
        return g.mul([(w, 1), (g.func("conj", z), 1), (node, -1)])
    return g.mul([(g.imag, 1), (w, 1), (z, -1)], -1)


def times_masked(g: Graph, p: int, w: int) -> int:
    """``p * w``, multiplied inside the selections of `w`: where w is masked to zero, an infinite p must not matter."""
    if _mask(g, w):
        condition, then, otherwise = g.args[w][1]
        return g.func("where", condition, times_masked(g, p, then), times_masked(g, p, otherwise))
    if g.op[w] == "add" and any(_mask(g, n) for n, _ in g.args[w][1]):
        c0, terms = g.args[w]
        return g.add([(c0, p), *((k, times_masked(g, p, n)) for n, k in terms)])
    return g.product([p, w])


def _mask(g: Graph, node: int) -> bool:
    return g.op[node] == "func" and g.args[node][0] == "where" and g.zero in g.args[node][1][1:]


# ---------------------------------------------------------------------- sparse gradients
def sparse_jacobian(g: Graph, roots: Sequence[int], wrt: Iterable[int]) -> list[dict[int, int]]:
    """Pointwise partial derivatives of every root, zeros left out.

    Args:
        g: the graph; receives the new nodes.
        roots: pointwise expressions of the independent nodes.
        wrt: independent nodes: inputs, or any other nodes such as maps.

    Returns:
        One dictionary ``{independent node: derivative node}`` per root.

    Raises:
        UnsupportedError: if a map, gather or scatter stands between a root and an independent node (the derivative is
            then no pointwise value: use `forward` or `reverse`), or for conj, re, im, abs or arg of a complex variable.

    Example:
        >>> g = Graph()
        >>> x, y = g.input("x", "state"), g.input("y", "state")
        >>> sparse_jacobian(g, [g.product([x, y]), g.one], [x, y]) == [{x: y, y: x}, {}]
        True
    """
    gradients: dict[int, dict[int, int]] = {n: {n: g.one} for n in wrt}
    for node in g.topological(roots, stop=set(gradients)):
        if node not in gradients and any(n in gradients for n in differentiable_arguments(g, node)):
            found = {s: d for s, d in _gradient(g, node, gradients).items() if d != g.zero}
            if found:
                gradients[node] = found
    return [dict(gradients.get(r, {})) for r in roots]


def gradient(g: Graph, node: int, wrt: Iterable[int]) -> dict[int, int]:
    """Pointwise partial derivatives of one node, zeros left out; see `sparse_jacobian`."""
    return sparse_jacobian(g, [node], wrt)[0]


def _gradient(g: Graph, node: int, gradients: Mapping[int, Mapping[int, int]]) -> dict[int, int]:
    op, args = g.op[node], g.args[node]
    if op in ("map", "gather"):
        name = args[0].name if op == "map" else args[0]
        raise UnsupportedError(
            f"The {op} {name!r} stands between an expression and the variable of its pointwise derivative. "
            "Use forward or reverse, or take the map itself as the variable."
        )
    if _is_selection(g, node):
        condition, then, otherwise = _selection(g, node)
        a, b = gradients.get(then, {}), gradients.get(otherwise, {})
        return {s: select(g, condition, a.get(s, g.zero), b.get(s, g.zero)) for s in sorted({*a, *b})}
    if is_real_linear(g, node):
        z = args[1][0]
        if bad := [s for s in gradients[z] if g.is_complex[s]]:
            raise UnsupportedError(
                f"{args[0]} has no complex derivative, and node {bad[0]} is a complex variable. "
                "Use forward or reverse, or take real and imaginary parts as variables."
            )
        return {s: _real_tangent(g, args[0], node, z, d) for s, d in gradients[z].items()}
    terms: dict[int, list[tuple[Number, int]]] = {}
    if op == "add":
        for n, k in args[1]:
            for s, d in gradients.get(n, {}).items():
                terms.setdefault(s, []).append((k, d))
    else:
        for n, p in partials(g, node, gradients.__contains__):
            for s, d in gradients[n].items():
                terms.setdefault(s, []).append((1, p if d == g.one else g.product([p, d])))
    return {s: pairs[0][1] if pairs[0][0] == 1 and len(pairs) == 1 else g.add(pairs) for s, pairs in terms.items()}
