"""Values of straight-line code that do not change in time: computed once per parameter vector, read afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ritz.symbolic.graph import TIME
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled


@dataclass(frozen=True)
class Prepared:
    """Code taken apart by how often it runs.

    Attributes:
        once: what depends on parameters only; its results are the tables. None if there is nothing to compute.
        each: the rest, with a leaf ``~k`` in place of table `k`.
        tables: number of tables.
    """

    once: Scheduled | None
    each: Scheduled
    tables: int


def prepare(code: Scheduled) -> Prepared:
    """Take apart code without loops.

    Example:
        >>> from ritz.symbolic.graph import Graph
        >>> from ritz.symbolic.rewrite.lowering import schedule_naive
        >>> g = Graph()
        >>> x, k, m = g.input("x", "state"), g.input("k", "param"), g.input("m", "param")
        >>> both = prepare(schedule_naive(g, [g.div(g.product([k, x]), m)]))
        >>> both.once.count(), both.each.count()
        ({'div': 1}, {'mul': 1})
    """
    static = [op not in ("const", "leaf") and TIME not in axes for op, axes in zip(code.op, code.axes, strict=True)]
    if not any(static):
        return Prepared(None, code, 0)
    read = dict.fromkeys(r for r in code.roots if static[r])
    for i, fixed in enumerate(static):
        if not fixed:
            read.update(dict.fromkeys(j for j in code.operands(i) if static[j]))
    table = {i: k for k, i in enumerate(sorted(read))}
    op = tuple("leaf" if i in table else o for i, o in enumerate(code.op))
    args = tuple((~table[i],) if i in table else a for i, a in enumerate(code.args))
    each = needed(replace(code, op=op, args=args))
    return Prepared(needed(replace(code, roots=tuple(table))), each, len(table))


def needed(code: Scheduled) -> Scheduled:
    """The code without instructions that no root needs."""
    builder = Builder()
    builder.op, builder.args = list(code.op), list(code.args)
    builder.axes, builder.is_complex = list(code.axes), list(code.is_complex)
    return builder.finish(code.roots)
