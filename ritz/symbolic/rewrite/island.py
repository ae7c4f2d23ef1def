"""Equality saturation on bounded pieces of straight-line code.

An e-graph is worth its time on a few hundred operations. Smaller code is one island; larger code is cut where values
are used more than once, and only pieces with divisions, roots or functions are searched: sums and products alone are
better served by the passes over the whole graph.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ritz.symbolic.clock import spent
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.egglog_backend import EngineError, EqualityGraph
from ritz.symbolic.rewrite.exact_extraction import exact_choice
from ritz.symbolic.rewrite.execute import run_precise
from ritz.symbolic.rewrite.extraction import Extractor
from ritz.symbolic.rewrite.facts import Facts, infer
from ritz.symbolic.rewrite.rule_language import Rule
from ritz.symbolic.rewrite.rules import algebra
from ritz.symbolic.rewrite.rules.accuracy import ACCURACY
from ritz.symbolic.rewrite.rules.special import SPECIAL
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled

LARGEST_ISLAND = 300
LARGEST_CODE = 5_000
WIDEST_SUM = 6
MOST_NODES = 8_000
EXACT_SECONDS = 0.3
CONSTANT_BITS = 1000


@dataclass(frozen=True)
class Island:
    """A piece of a larger code.

    Attributes:
        code: the piece; a leaf's label is the number of an instruction of the larger code.
        roots: instructions of the larger code that the piece's results replace.
        facts: per instruction of `code`, what is known of it.
    """

    code: Scheduled
    roots: tuple[int, ...]
    facts: tuple[Facts, ...]


def cut(s: Scheduled, leaves: Mapping[int, Facts]) -> list[Island]:
    """Cut code into islands of at most `LARGEST_ISLAND` operations.

    Args:
        s: the code.
        leaves: facts of its leaves.
    """
    facts = infer(s, leaves)
    if s.operations() <= LARGEST_ISLAND:
        return [_island(s, facts, set(range(len(s))), sorted(set(s.roots)))] if s.operations() else []
    groups: list[list[int]] = []
    size = 0
    inside: list[set[int]] = []
    for root, cone in _cones(s):
        if len(cone) > LARGEST_ISLAND or not any(s.op[i] in ("div", "sqrt", "func") for i in cone):
            continue
        if not groups or size + len(cone) > LARGEST_ISLAND:
            groups.append([])
            inside.append(set())
            size = 0
        groups[-1].append(root)
        inside[-1] |= cone
        size += len(cone)
    return [_island(s, facts, cones, roots) for cones, roots in zip(inside, groups, strict=True)]


def _cones(s: Scheduled) -> Iterator[tuple[int, set[int]]]:
    """Values used more than once (and results), each with the operations that only it needs."""
    users = [0] * len(s)
    for i in range(len(s)):
        for k in set(s.operands(i)):
            users[k] += 1
    for r in s.roots:
        users[r] += 2
    cone: list[set[int]] = []
    for i in range(len(s)):
        own: set[int] = set()
        if s.op[i] not in ("const", "leaf"):
            own = {i}.union(*(cone[k] for k in s.operands(i) if users[k] == 1))
            for k in set(s.operands(i)):
                if users[k] == 1:
                    cone[k] = set()
        cone.append(own)
        if users[i] > 1 and own:
            yield i, own


def _island(s: Scheduled, facts: Sequence[Facts], inside: set[int], roots: list[int]) -> Island:
    """Copy the operations `inside`; constants come along, everything else they read becomes a leaf."""
    needed = sorted(inside | {k for i in inside for k in s.operands(i)})
    new = {i: n for n, i in enumerate(needed)}
    op, args = [], []
    for i in needed:
        if s.op[i] == "const":
            op.append("const")
            args.append(s.args[i])
        elif i not in inside or s.op[i] == "leaf":
            op.append("leaf")
            args.append((i,))
        else:
            op.append(s.op[i])
            operands = tuple(new[k] for k in s.operands(i))
            args.append((s.args[i][0], *operands) if s.op[i] == "func" else operands)
    axes, is_complex = tuple(s.axes[i] for i in needed), tuple(s.is_complex[i] for i in needed)
    code = Scheduled(tuple(op), tuple(args), axes, is_complex, tuple(new[r] for r in roots))
    return Island(code, tuple(roots), tuple(facts[i] for i in needed))


def search(island: Island, cost: CostTable, deadline: float, rules: Sequence[Rule] = ()) -> Scheduled:
    """Return the cheapest form of an island found before `deadline`; the island's own code if there is none.

    The search goes phase by phase: rules that only reduce; then, for narrow sums, expansion and regrouping together
    with reduction; then rules that trade one operation for another. The best form after each phase is kept.
    """
    books = rule_books(rules)
    facts = {i: f.names() for i, f in enumerate(island.facts)}
    best = island.code
    if spent() > deadline:
        return best
    graph = EqualityGraph(island.code, facts, books, deadline=deadline, most_nodes=MOST_NODES)
    phases: list[tuple[tuple[str, ...], int]] = [(("reduce",), 3)]
    if widest(island.code) <= WIDEST_SUM:
        phases.append((("reduce", "associate", "expand"), 3))
    phases.append((("reduce", "share"), 2))
    stages: list[Extractor] = []
    for names, repeat in phases:
        graph.phase(names, repeat)
        stages.append(Extractor(graph.frozen(), island.code, cost, deadline=deadline))
        best = _cheapest(best, _extracted(stages[-1]), cost)
        if spent() > deadline:
            return best
    for stage in reversed(stages):  # the largest e-graph that an exact method can handle
        exact = exact_choice(stage, cost.total(best), seconds=min(EXACT_SECONDS, deadline - spent()))
        if exact is not None:
            return _cheapest(best, [stage.code(exact, Builder())], cost)
    return best


def _cheapest(best: Scheduled, found: Iterable[Scheduled], cost: CostTable) -> Scheduled:
    for code in found:
        if cost.total(code) < cost.total(best) * (1 - 1e-9):
            best = code
    return best


def prove_equal(
    s: Scheduled, leaves: Mapping[int, Facts], *, rules: Sequence[Rule] = (), seconds: float = 2.0, repeat: int = 3
) -> bool:
    """Whether the rules show that all results of `s` are equal under the facts of its leaves.

    False means "not shown", for want of rules, facts, time or truth. Constants are compared by value, to
    `CONSTANT_BITS` bits.
    """
    if not s.leaves():
        return _same_constants(s)
    facts = {i: f.names() for i, f in enumerate(infer(s, leaves))}
    books = rule_books([*rules, *(ACCURACY if not any(s.is_complex) else ())])
    graph = EqualityGraph(s, facts, books, deadline=spent() + seconds, most_nodes=MOST_NODES)
    for phase in (("reduce",), ("reduce", "associate", "expand"), ("reduce", "share")):
        if graph.same(range(len(s.roots))):
            return True
        graph.phase(phase, repeat)
    return graph.same(range(len(s.roots)))


def _same_constants(s: Scheduled) -> bool:
    values = run_precise(s, {}, CONSTANT_BITS + 64)
    first, *others = (values[r] for r in s.roots)
    return all(abs(v - first) <= abs(first) * 2.0**-CONSTANT_BITS for v in others)


def rule_books(rules: Sequence[Rule]) -> dict[str, Sequence[Rule]]:
    """The rule book by phase; rules that are false for complex values ask for real ones."""
    return {
        "reduce": [*algebra.REDUCE, *SPECIAL, *rules],
        "expand": algebra.EXPAND,
        "associate": algebra.ASSOCIATE,
        "share": algebra.SHARE,
    }


def _extracted(extractor: Extractor) -> Iterator[Scheduled]:
    for choice in (extractor.trees(), extractor.greedy()):
        if all(r in choice for r in extractor.classes.roots):
            yield extractor.code(choice, Builder())


def widest(s: Scheduled) -> int:
    """The number of terms of the widest sum (or factors of the widest product) written as a chain."""
    width = [1] * len(s)
    users = [0] * len(s)
    for i in range(len(s)):
        for k in s.operands(i):
            users[k] += 1
    largest = 1
    for i, op in enumerate(s.op):
        family = {"add": ("add", "sub"), "sub": ("add", "sub"), "mul": ("mul",)}.get(op)
        if family:
            width[i] = sum(width[k] if s.op[k] in family and users[k] == 1 else 1 for k in s.operands(i))
            largest = max(largest, width[i])
    return largest


def splice(s: Scheduled, pieces: Sequence[tuple[Island, Scheduled]]) -> Scheduled | None:
    """Put new code in the place of islands; None if two pieces would need one another's results in a circle."""
    place = {r: (code, code.roots[k]) for island, code in pieces for k, r in enumerate(island.roots)}
    builder = Builder()
    done: dict[tuple[int, int], int] = {}
    codes = {id(s): s} | {id(code): code for code, _ in place.values()}
    stack = [(id(s), r) for r in reversed(s.roots)]
    open_: set[tuple[int, int]] = set()
    while stack:
        key = stack[-1]
        if key in done:
            open_.discard(stack.pop())
            continue
        code, i = codes[key[0]], key[1]
        if code is s and i in place:
            needs = [(id(place[i][0]), place[i][1])]
        elif code is not s and code.op[i] == "leaf":
            target = code.args[i][0]
            needs = [] if s.op[target] == "leaf" else [(id(s), target)]
        else:
            needs = [(key[0], k) for k in code.operands(i)]
        missing = [n for n in needs if n not in done]
        if missing:
            if any(n in open_ for n in missing):
                return None
            open_.add(key)
            stack.extend(missing)
            continue
        if code is not s and code.op[i] == "leaf" and not needs:
            done[key] = builder.copy(s, code.args[i][0], {})
        elif len(needs) == 1 and (code.op[i] == "leaf" or (code is s and i in place)):
            done[key] = done[needs[0]]
        else:
            done[key] = builder.copy(code, i, {k: done[key[0], k] for k in code.operands(i)})
        stack.pop()
        open_.discard(key)
    return builder.finish(done[id(s), r] for r in s.roots)


def improve(
    s: Scheduled, leaves: Mapping[int, Facts], cost: CostTable, deadline: float, rules: Sequence[Rule] = ()
) -> Scheduled:
    """Search every island of `s` and return the cheapest code found before `deadline`; at worst `s` itself."""
    if s.operations() > LARGEST_CODE:
        return s
    best = s
    islands = cut(s, leaves)
    pieces: list[tuple[Island, Scheduled]] = []
    for k, island in enumerate(islands):
        now = spent()
        if now > deadline:
            break
        share = now + (deadline - now) / (len(islands) - k)
        try:
            found = search(island, cost, share, rules)
        except EngineError as error:
            logging.getLogger(__name__).warning(
                "an island of %d operations was left as it is: %s", len(island.code), error
            )
            continue
        if found is not island.code:
            pieces.append((island, found))
    whole = splice(s, pieces) if pieces else None
    if whole is not None and cost.total(whole) < cost.total(best):
        best = whole
    return best
