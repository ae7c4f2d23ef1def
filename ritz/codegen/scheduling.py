"""The straight-line code of a stage: chosen by the rewriter, remembered on disk.

The rewriter's work depends on the expressions alone, so its result is stored beside the kernels under a hash of them: a
second run neither searches nor compiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ritz.codegen.calibration import machine_costs
from ritz.codegen.memo import remember
from ritz.codegen.program import Scheduler
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.cost import DEFAULT, CostTable
from ritz.symbolic.rewrite.lowering import POINTWISE, pointwise_order, schedule_naive
from ritz.symbolic.rewrite.scheduled import Scheduled
from ritz.symbolic.rewrite.settings import Rewriting

STAGE_BUDGET = 1.0  # seconds of search for one stage
BUDGET_PER_NODE = 3e-4  # seconds more for each node, so that passes over a large system come to their end
TRIVIAL = 2  # operations below which no search is made


def scheduler(rewriter: str | Rewriting | None, parameters: Sequence[Any], records: list[Any]) -> Scheduler:
    """Return the function that turns the roots of a stage into code; reports are appended to `records`.

    Args:
        rewriter: ``"egraph"``, ``"sympy"``, None, or `Rewriting` with goal and own rules.
        parameters: their bounds are facts that rules with side conditions may use.
        records: receives one `RewriteReport` for each stage.
    """
    settings = Rewriting.of(rewriter)
    bounds = {p.name: p.bounds for p in parameters if p.bounds is not None}

    def schedule(g: Graph, roots: Sequence[int]) -> Scheduled:
        roots = split_complex_leaves(g, roots)
        distinct = list(dict.fromkeys(roots))  # a sparse Jacobian has many equal entries
        code = chosen(g, distinct)
        place = dict(zip(distinct, code.roots, strict=True))
        return replace(code, roots=tuple(place[r] for r in roots))

    def chosen(g: Graph, roots: Sequence[int]) -> Scheduled:
        if settings.engine is None:
            return schedule_naive(g, roots)
        cost = machine_costs()
        measured = "" if cost is DEFAULT else f" {sorted(cost.latency.items())}"
        text, leaves = _canonical(g, roots, f"{settings} {sorted(bounds.items())}{measured}")

        def make() -> tuple[Scheduled, Any]:
            copy, inputs, copied = _separate(g, roots, leaves)
            code, report = _rewrite(copy, copied, settings, bounds, cost)
            return _renumbered(code, {n: i for i, n in enumerate(inputs)}), report

        code, report = remember("schedule", text, make)
        records.append(report)
        return _renumbered(code, dict(enumerate(leaves)))

    return schedule


def _rewrite(
    g: Graph, roots: Sequence[int], settings: Rewriting, bounds: Mapping[str, Any], cost: CostTable
) -> tuple[Scheduled, Any]:
    from ritz.symbolic.rewrite.interface import rewrite

    size = len(pointwise_order(g, roots))
    if settings.goal == "speed" and size < 100 and schedule_naive(g, roots).operations() <= TRIVIAL:
        settings = Rewriting(None)  # nothing to gain, and no need to load an engine
    facts = {n: bounds[g.args[n][0]] for n in g.inputs(roots, "param") if g.args[n][0] in bounds}
    budget = STAGE_BUDGET + size * BUDGET_PER_NODE if settings.budget is None else settings.budget
    result = rewrite(
        g, roots, rewriter=settings.engine, assumptions=facts, budget=budget, cost=cost, goal=settings.goal,
        rules=settings.rules,
    )  # fmt: skip
    return result.scheduled, result.report


def split_complex_leaves(g: Graph, roots: Sequence[int]) -> list[int]:
    """Replace the real and imaginary parts of complex leaves by real inputs of kind ``part``.

    Such an input is named ``re <node>`` or ``im <node>`` after the leaf it belongs to.
    """
    order = g.topological(roots)
    if not any(g.is_complex[node] for node in order):
        return list(roots)
    new: dict[int, int] = {}
    for node in order:
        if g.op[node] == "func" and g.args[node][0] in ("re", "im"):
            leaf = g.args[node][1][0]
            new[node] = g.input(f"{g.args[node][0]} {leaf}", "part", g.axes[leaf])
        elif g.op[node] in ("input", "map", "gather"):
            new[node] = node
        elif g.op[node] == "func" and g.args[node][0] == "complex":
            new[node] = node  # the argument of a map, which is itself a leaf here
        else:
            new[node] = g.rebuild(node, lambda n: new.get(n, n))
    return [new[r] for r in roots]


# ------------------------------------------------------------------------------------------------ stored results
def _separate(g: Graph, roots: Sequence[int], leaves: Sequence[int]) -> tuple[Graph, list[int], list[int]]:
    """A graph of the expressions alone, its inputs in the order of `leaves`, and the roots there.

    The search leaves many nodes behind. In the model's own graph they would change the order in which later ones, those
    of a Jacobian for example, are numbered, and what is stored for these would not be found again.
    """
    copy = Graph()
    inputs = []
    for n in leaves:
        name, kind = g.args[n] if g.op[n] == "input" else (f"value {n}", "table")
        inputs.append(copy.input(name, kind, g.axes[n], is_complex=g.is_complex[n]))
    return copy, inputs, g.substitute(roots, dict(zip(leaves, inputs, strict=True)), copy)


def _canonical(g: Graph, roots: Sequence[int], options: str) -> tuple[str, list[int]]:
    """A text of the expressions that does not depend on the numbers of their nodes, and the leaves in its order."""
    digest: dict[int, str] = {}
    for node in g.topological([*roots, *_split_leaves(g, roots)]):
        digest[node] = hashlib.blake2b(_line(g, node, digest).encode(), digest_size=16).hexdigest()
    leaves = [n for n in pointwise_order(g, roots) if g.op[n] not in POINTWISE]
    return "\n".join([options, *(digest[r] for r in roots)]), sorted(leaves, key=digest.__getitem__)


def _split_leaves(g: Graph, roots: Sequence[int]) -> list[int]:
    """The complex leaves whose parts are read; see `split_complex_leaves`."""
    return [int(g.args[n][0].split()[1]) for n in g.inputs(roots, "part")]


def _line(g: Graph, node: int, digest: Mapping[int, str]) -> str:
    """A node in words, its arguments by their digests."""
    op, args = g.op[node], g.args[node]
    if op == "add" or op == "mul":
        return f"{op} {args[0]!r} {sorted([f'{digest[n]} {k!r}' for n, k in args[1]])}"
    if op == "func":
        return f"{args[0]} {[digest[n] for n in args[1]]}"
    if op in ("const", "imag"):
        return f"{op} {args!r}"
    axes = sorted(f"{a.name}:{a.kind}" for a in g.axes[node])
    if op == "input" and args[1] == "part":
        part, leaf = args[0].split()
        return f"part {part} {digest[int(leaf)]}"
    payload = args if op == "input" else [a for a in args if not isinstance(a, int)]
    return f"{op} {payload} {axes} {[digest[n] for n in g.children(node)]}"


def _renumbered(code: Scheduled, leaf: Mapping[int, int]) -> Scheduled:
    args = tuple((leaf[a[0]],) if op == "leaf" else a for op, a in zip(code.op, code.args, strict=True))
    return Scheduled(code.op, args, code.axes, code.is_complex, code.roots)
