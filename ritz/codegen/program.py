"""From graph nodes to a program: loops over axes with linear maps between them.

The axes alone decide the order. A value without the time axis is a table, computed once per parameter vector. All
values that feed a map form one *stage*, a nest of loops over the axes of that map's source; a map starts the next
level. Inside a stage every instruction sits in the shallowest loop that covers its axes (`emit_loops`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ritz.symbolic.graph import TIME, Axis, Graph, LinearMap
from ritz.symbolic.rewrite.scheduled import Scheduled

LOOPED = frozenset({"point", "mode", "cell", "quad", "basis", "component", "batch", "sample"})
Scheduler = Callable[[Graph, Sequence[int]], Scheduled]
Finder = Callable[[Graph, tuple[Axis, ...], Sequence[int], Scheduled, Scheduler], "Interior | None"]


@dataclass(frozen=True)
class Target:
    """Where a stage stores a value: an array, over `axes`, as ``(re, im)`` when `parts` has two nodes."""

    array: str
    axes: tuple[Axis, ...]
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Interior:
    """The box of a loop nest in which masks are constant and index maps affine, and the simpler code for it.

    Attributes:
        code: what the stage's code becomes there.
        numbers: context slot -> its bounds (``from <axis>``, ``to <axis>``), the cells behind it (``rest <axis>``)
            and the offsets of index maps (``shift <map> <axis>``).
        strides: (map, axis) -> stride of an index map. Along the innermost axis all maps keep it in the whole
            interior; along the others it is the usual one.
    """

    code: Scheduled
    numbers: dict[str, int]
    strides: dict[tuple[str, Axis], int]


@dataclass(frozen=True)
class Stage:
    """One nest of loops: straight-line code over `axes`, and what it stores; with `interior`, reads are shifted."""

    name: str
    axes: tuple[Axis, ...]
    code: Scheduled
    targets: tuple[Target, ...]
    interior: Interior | None = None


@dataclass(frozen=True)
class MapCall:
    """One call of a linear map on a batch of arrays that lie one behind the other."""

    map: LinearMap
    batch: int
    source: str
    target: str


@dataclass(frozen=True)
class Program:
    """Stages and maps in the order in which they run, plus the tables computed beforehand.

    Attributes:
        graph: the graph of all nodes below.
        steps: stages and map calls in order.
        tables: name -> node, arrays without the time axis.
        buffers: name -> (axes, complex, batch) of the arrays between steps.
        map_results: map node -> (buffer, position in its batch).
        order: nesting depth of every looped axis.
    """

    graph: Graph
    steps: tuple[Stage | MapCall, ...]
    tables: dict[str, int]
    buffers: dict[str, tuple[tuple[Axis, ...], bool, int]]
    map_results: dict[int, tuple[str, int]]
    order: Mapping[Axis, int]

    @property
    def stages(self) -> list[Stage]:
        """The stages, in order."""
        return [s for s in self.steps if isinstance(s, Stage)]

    @property
    def maps(self) -> list[MapCall]:
        """The map calls, in order."""
        return [s for s in self.steps if isinstance(s, MapCall)]


def is_scalar(program: Program) -> bool:
    """Whether the program is one stage without loops."""
    return len(program.steps) == 1 and not program.stages[0].axes


def loop_axes(g: Graph, node: int) -> frozenset[Axis]:
    """The axes of a node that are looped over."""
    return frozenset(a for a in g.axes[node] if a.kind in LOOPED)


def build_program(
    g: Graph,
    outputs: Sequence[Target],
    order: Mapping[Axis, int],
    schedule: Scheduler,
    *,
    min_table_cost: int = 3,
    interior: Finder | None = None,
) -> Program:
    """Arrange real-valued nodes into a program.

    Args:
        g: graph that holds the nodes; tables are added to it as inputs.
        outputs: what to compute; array ``out<i>`` for state block i.
        order: nesting depth of every looped axis, outermost first.
        schedule: chooses the straight-line form of one stage.
        min_table_cost: arithmetic from which a static array is stored instead of recomputed.
        interior: finds the box of a stage where its reads are shifted ones. Such stages never work in place.
    """
    roots = [part for target in outputs for part in target.parts]
    new, tables = extract_tables(g, roots, min_table_cost)
    parts = iter(new)
    outputs = [Target(t.array, t.axes, tuple(next(parts) for _ in t.parts)) for t in outputs]
    level = _together(g, _levels(g, new), new)
    steps: list[Stage | MapCall] = []
    buffers: dict[str, tuple[tuple[Axis, ...], bool, int]] = {}
    results: dict[int, tuple[str, int]] = {}
    last = max((level[n] for n in new), default=0)
    for depth in range(last):
        targets: list[Target] = []
        calls: list[MapCall] = []
        for linear_map, nodes in _maps_at(g, level, depth + 1).items():
            stored = linear_map.kind == "store"  # the next stage reads what this one writes: nothing to call
            target = f"{linear_map.name}_{'in' if stored else 'out'}{depth}"
            later = [g.args[n][1] for n in level if g.op[n] == "map" and level[n] > depth + 1] + new
            free = {name: entry for name, entry in buffers.items() if name not in {c.source for c in calls}}
            reused = None if interior else _reusable(g, linear_map, len(nodes), free, results, later)
            source = reused or f"{linear_map.name}_in{depth}"
            if source not in buffers:
                buffers[source] = (linear_map.source, linear_map.takes_complex, len(nodes))
            buffers[target] = (linear_map.target, linear_map.complex, len(nodes))
            if not stored:
                calls.append(MapCall(linear_map, len(nodes), source, target))
            for position, node in enumerate(nodes):
                results[node] = (target, position)
                targets.append(Target(f"{source}[{position}]", linear_map.source, _packed(g, g.args[node][1])))
        steps += _stages(g, targets, order, schedule, len(steps), interior)
        steps += calls
    steps += _stages(g, outputs, order, schedule, len(steps), interior)
    return Program(g, tuple(steps), tables, buffers, results, order)


def _reusable(
    g: Graph,
    linear_map: LinearMap,
    count: int,
    buffers: Mapping[str, tuple[tuple[Axis, ...], bool, int]],
    results: Mapping[int, tuple[str, int]],
    later: Sequence[int],
) -> str | None:
    """A buffer that this map's source may overwrite: of its shape, filled by the level before, read by no later one.

    A stage reads all its values at a point before it stores any there, so it may work in place; that halves the memory
    it touches.
    """
    maps = {n for n in g.topological(later) if g.op[n] == "map"}
    needed = {results[n][0] for n in g.topological(later, stop=maps) if n in results}
    for name in dict.fromkeys(buffer for buffer, _ in results.values()):
        axes, is_complex, batch = buffers.get(name, ((), False, 0))
        if axes == linear_map.source and is_complex == linear_map.takes_complex and batch >= count:
            if name not in needed:
                return name
    return None


def _packed(g: Graph, node: int) -> tuple[int, ...]:
    """The real parts that make up the argument of a map."""
    if g.op[node] == "func" and g.args[node][0] == "complex":
        return tuple(g.args[node][1])
    return (node,)


def _levels(g: Graph, roots: Sequence[int]) -> dict[int, int]:
    """How many maps lie below each node, on the longest path."""
    level: dict[int, int] = {}
    for node in g.topological(roots):
        below = max((level[c] for c in g.children(node)), default=0)
        level[node] = below + (g.op[node] == "map")
    return level


def _together(g: Graph, level: Mapping[int, int], roots: Sequence[int]) -> dict[int, int]:
    """Levels at which maps run: each runs with the last call of the same map that it can join.

    So the transform of a source that depends on time only does not open a round of its own.
    """
    moved = dict(level)
    same: dict[LinearMap, list[int]] = {}
    for node in level:
        if g.op[node] == "map":
            same.setdefault(g.args[node][0], []).append(node)
    latest: dict[int, int] = {}  # level of the first map that needs a node
    beyond = max((level[n] for n in roots), default=0) + 1
    for node in reversed(g.topological(roots)):
        first = latest.get(node, beyond)
        if g.op[node] == "map":
            if g.args[node][0].kind != "store":
                moved[node] = max(moved[n] for n in same[g.args[node][0]] if level[node] <= moved[n] < first)
            first = moved[node]
        for child in g.children(node):
            latest[child] = min(latest.get(child, beyond), first)
    return moved


def _maps_at(g: Graph, level: Mapping[int, int], depth: int) -> dict[LinearMap, list[int]]:
    groups: dict[LinearMap, list[int]] = {}
    for node in sorted(level):
        if g.op[node] == "map" and level[node] == depth:
            groups.setdefault(g.args[node][0], []).append(node)
    return groups


def _stages(
    g: Graph,
    targets: Sequence[Target],
    order: Mapping[Axis, int],
    schedule: Scheduler,
    count: int,
    interior: Finder | None,
) -> list[Stage | MapCall]:
    """One stage for each set of axes among the targets."""
    groups: dict[tuple[Axis, ...], list[Target]] = {}
    for target in targets:
        groups.setdefault(tuple(sorted(target.axes, key=order.__getitem__)), []).append(target)
    stages: list[Stage | MapCall] = []
    for axes, members in groups.items():
        roots = [part for t in members for part in t.parts]
        code = schedule(g, roots)
        inside = interior(g, axes, roots, code, schedule) if interior else None
        stages.append(Stage(f"stage{count + len(stages)}", axes, code, tuple(members), inside))
    return stages


# ---------------------------------------------------------------------------------------------------- tables
def extract_tables(g: Graph, roots: Sequence[int], min_cost: int) -> tuple[list[int], dict[str, int]]:
    """Replace costly values that do not change in time by table inputs.

    A static value is worth a table when it contains a function, a division or a map, or at least `min_cost`
    operations in its innermost loop.

    Returns:
        the new roots and ``{table name: node it stands for}``.
    """
    order = g.topological(roots)
    if not any(loop_axes(g, n) for n in order):
        return list(roots), {}
    tables: dict[str, int] = {}
    names: dict[int, int] = {}
    new: dict[int, int] = {}

    def static(n: int) -> bool:
        return TIME not in g.axes[n] and bool(loop_axes(g, n))

    def table(n: int) -> int:
        if not static(n) or not _costly(g, n, min_cost):
            return new.get(n, n)
        if n not in names:
            name = f"table{len(tables)}"
            tables[name] = n
            names[n] = g.input(name, "table", loop_axes(g, n))
        return names[n]

    for node in order:
        op, args = g.op[node], g.args[node]
        if static(node):
            new[node] = node
        elif op == "mul" and any(static(b) for b, _ in args[1]):
            fixed = g.mul([(b, e) for b, e in args[1] if static(b)])
            moving = [(new[b], e) for b, e in args[1] if not static(b)]
            new[node] = g.mul([(table(fixed), 1), *moving], args[0])
        elif op == "add" and any(static(n) for n, _ in args[1]):
            fixed = g.add([(k, n) for n, k in args[1] if static(n)])
            moving_terms = [(k, new[n]) for n, k in args[1] if not static(n)]
            new[node] = g.add([(1, table(fixed)), *moving_terms], args[0])
        else:
            new[node] = g.rebuild(node, lambda n: table(n) if static(n) else new[n])
    return [table(r) if static(r) else new[r] for r in roots], tables


def _costly(g: Graph, node: int, min_cost: int) -> bool:
    count = g.count([node])
    if count["div"] or count["func"] or count["map"]:
        return True
    deepest = len(loop_axes(g, node))
    inner = [n for n in g.topological([node]) if len(loop_axes(g, n)) == deepest]
    return sum(len(g.children(n)) - 1 for n in inner if g.op[n] in ("add", "mul")) >= min_cost
