"""The rewriter for single expressions, SymPy's or text: `simplify`, `explain` and `equal`.

rz.rewriter.simplify("sqrt(x + 1) - sqrt(x)", assumptions={"x": "positive"}, goal="accuracy")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from ritz.errors import OptionError, nearest
from ritz.symbolic.graph import Graph
from ritz.symbolic.rewrite.cost import CostTable
from ritz.symbolic.rewrite.derivation import Derivation
from ritz.symbolic.rewrite.facts import Facts, leaf_facts
from ritz.symbolic.rewrite.interface import Rewritten, rewrite
from ritz.symbolic.rewrite.island import prove_equal
from ritz.symbolic.rewrite.report import RewriteReport
from ritz.symbolic.rewrite.rule_language import Rule, build, names, read_pattern
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled, raise_to_graph
from ritz.symbolic.sympy_bridge import to_graph, to_sympy

__all__ = ["Derivation", "Simplified", "equal", "explain", "simplify"]


@dataclass(frozen=True)
class Simplified:
    """A rewritten expression.

    Attributes:
        result: nodes, code and report.
        names: leaf of the graph -> its name.
    """

    result: Rewritten
    names: Mapping[int, str]

    @property
    def code(self) -> str:
        """The straight-line code, one operation a line."""
        return self.result.scheduled.text(self.names)

    @property
    def expression(self) -> sp.Basic:
        """The result as a SymPy expression (which orders sums and products in its own way)."""
        return to_sympy(self.result.job.g, self.result.roots[0])

    @property
    def report(self) -> RewriteReport:
        """What was done, with predicted cost and bits lost."""
        return self.result.report

    @property
    def operations(self) -> int:
        """The number of operations of the code."""
        return self.result.scheduled.operations()

    def explain(self) -> Derivation:
        """The rules that lead from the source to the result, step by step, each step checked."""
        return self.result.explain(self.names)

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True)
class _Source:
    """Expressions in one graph, and their code as written where they were text."""

    g: Graph
    roots: list[int]
    leaves: dict[str, int]
    written: Scheduled | None


def simplify(
    expression: Any,
    *,
    assumptions: Mapping[Any, Any] | None = None,
    goal: str = "speed",
    budget: float = 2.0,
    cost: CostTable | None = None,
    rules: Sequence[Rule] = (),
) -> Simplified:
    """Find a cheaper or more accurate form of one expression.

    Args:
        expression: SymPy expression, or text such as ``"log(1 + x)"``, which is taken in the order it is written.
        assumptions: symbol or name -> ``"positive"``, ``{"real", "nonzero"}``, a pair of bounds, or `Facts`; SymPy
            symbols bring their own. Values are real unless ``"complex"`` is said.
        goal: ``"speed"``, ``"accuracy"`` or ``"balanced"``, as for `rewrite`.
        budget: seconds of processor time for the search.
        cost: latencies of the operations.
        rules: own rules, used together with the rule books.

    Raises:
        ParseError: the text is not an expression.
        OptionError: an assumption about a name that the expression does not contain, or an unknown word.
        UnsupportedError: a function that cannot be computed.

    Example:
        >>> print(simplify("x*y + x*z"))
        t3 = y + z
        t4 = x*t3
        return t4
    """
    source = _read([expression], assumptions)
    facts = {source.leaves[n]: f for n, f in _facts([expression], source, assumptions).items()}
    result = rewrite(
        source.g, source.roots, assumptions=facts, goal=goal, budget=budget, cost=cost, rules=rules,
        written=source.written,
    )  # fmt: skip
    return Simplified(result, {n: name for name, n in source.leaves.items()})


def explain(expression: Any, **options: Any) -> Derivation:
    """Show which rules lead from an expression to its simplified form; arguments as for `simplify`.

    Example:
        >>> print(explain("sqrt(x)*sqrt(y)", assumptions={"x": "positive", "y": "positive"}))
          sqrt(x)*sqrt(y)
        = sqrt(x*y)
              by sqrt(a)*sqrt(b) -> sqrt(a*b)  when a >= 0, b >= 0
    """
    return simplify(expression, **options).explain()


def equal(
    left: Any,
    right: Any,
    *,
    assumptions: Mapping[Any, Any] | None = None,
    rules: Sequence[Rule] = (),
    budget: float = 10.0,
) -> bool:
    """Whether the rules show that two expressions are equal under the assumptions.

    False means "not shown", for want of rules, assumptions, time or truth.

    Args:
        left, right: SymPy expressions or text.
        assumptions: as for `simplify`.
        rules: own rules, used together with the rule books.
        budget: seconds of processor time for the search at most; a proof ends it.

    Example:
        >>> equal("sqrt(x**2)", "x", assumptions={"x": "positive"}), equal("sqrt(x**2)", "x")
        (True, False)
    """
    source = _read([left, right], assumptions)
    known = _facts([left, right], source, assumptions)
    g = source.g
    if source.written is not None:
        code = source.written
    else:
        from ritz.symbolic.rewrite.lowering import schedule_naive

        code = schedule_naive(g, source.roots)
    facts = leaf_facts(g, code.leaves(), {source.leaves[n]: f for n, f in known.items()})
    return code.roots[0] == code.roots[1] or prove_equal(code, facts, rules=rules, seconds=budget)


def _read(expressions: Sequence[Any], assumptions: Mapping[Any, Any] | None) -> _Source:
    """All expressions in one graph; one that is no text makes all of them SymPy's."""
    g = Graph()
    said = {str(k): v for k, v in (assumptions or {}).items()}
    patterns = [read_pattern(e, as_written=True) for e in expressions if isinstance(e, str)]
    others = [sp.sympify(e) for e in expressions if not isinstance(e, str)]
    symbols = {s.name for e in others for s in e.free_symbols}.union(*(names(p) for p in patterns))
    leaves = {name: g.input(name, "state", is_complex=_is_complex(said.get(name))) for name in sorted(symbols)}
    for name in said:
        if name not in leaves:
            listed = ", ".join(leaves) or "none"
            hint = nearest(name, leaves)
            raise OptionError(f"An assumption about {name!r}, which is not there.{hint} Names: {listed}.")
    builder = Builder(g)
    values = {name: builder.leaf(node) for name, node in leaves.items()}
    written = builder.finish([build(p, values, builder) for p in patterns])
    from_text = iter(raise_to_graph(written, g))
    known = {s: leaves[s.name] for e in others for s in e.free_symbols}
    roots = [next(from_text) if isinstance(e, str) else to_graph(g, sp.sympify(e), known) for e in expressions]
    return _Source(g, roots, leaves, None if others else written)


def _is_complex(word: Any) -> bool:
    if word is None:
        return False
    return not Facts.of(word).real


def _facts(expressions: Sequence[Any], source: _Source, assumptions: Mapping[Any, Any] | None) -> dict[str, Facts]:
    """Declared facts by name; symbols bring theirs."""
    symbols = {s.name: s for e in expressions if isinstance(e, sp.Basic) for s in e.free_symbols}
    found = {name: Facts.of(s) for name, s in symbols.items() if not source.g.is_complex[source.leaves[name]]}
    return found | {str(k): Facts.of(v) for k, v in (assumptions or {}).items()}
