"""Text, LaTeX and HTML of operators and problems."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from . import operators as op
from .equation import text_of
from .fields import Field
from .mesh_operators import Average, Jump, Normal, Side

if TYPE_CHECKING:
    from .problem import Problem

INFIX = {
    op.Dot: r"{0} \cdot {1}",
    op.Inner: r"{0} : {1}",
    op.Cross: r"{0} \times {1}",
    op.Outer: r"{0} \otimes {1}",
}
PREFIX = {
    op.Lap: r"\nabla^{{2}} {0}",
    op.Grad: r"\nabla {0}",
    op.Div: r"\nabla \cdot {0}",
    op.Curl: r"\nabla \times {0}",
    op.Sym: r"\operatorname{{sym}} {0}",
    op.Trace: r"\operatorname{{tr}} {0}",
    op.Det: r"\det {0}",
    op.Inv: r"{0}^{{-1}}",
    op.Transpose: r"{0}^{{\mathsf{{T}}}}",
    Jump: r"\left[{0}\right]",
    Average: r"\left\{{{0}\right\}}",
}


def latex_of(node: op.Operator, printer: Any) -> str:
    """Return the LaTeX of an operator node.

    Example:
        >>> print(sp.latex(op.Lap(Field("u"))), sp.latex(op.D(Field("u"), op.Coordinate("x"), 2)))
        \\nabla^{2} u \\frac{\\partial^{2} u}{\\partial x^{2}}
    """
    if isinstance(node, op.Derivative):
        return _derivative(node, printer)
    if isinstance(node, op.Vector):
        return r"\left(" + ",\\, ".join(printer._print(arg) for arg in node.args) + r"\right)"
    if isinstance(node, op.Identity):
        return r"\mathbf{I}"
    if isinstance(node, op.Component):
        axes = " ".join(printer._print(axis) for axis in node.args[1:])
        return f"{{{_wrapped(node.args[0], printer)}}}_{{{axes}}}"
    if isinstance(node, Normal):
        return r"\mathbf{n}"
    if isinstance(node, Side):
        return rf"{{{_wrapped(node.args[0], printer)}}}^{{{'+' if node.sign > 0 else '-'}}}"
    pattern = INFIX.get(type(node)) or PREFIX[type(node)]
    text = pattern.format(*(_wrapped(arg, printer) for arg in node.args))
    return rf"\left({text}\right)" if type(node) in INFIX else text


def _derivative(node: op.Derivative, printer: Any) -> str:
    name = printer._print(node.variable) if isinstance(node, op.D) else "t"
    power = f"^{{{node.order}}}" if node.order > 1 else ""
    inner = printer._print(node.expr)
    if isinstance(node.expr, Field):
        return rf"\frac{{\partial{power} {inner}}}{{\partial {name}{power}}}"
    return rf"\frac{{\partial{power}}}{{\partial {name}{power}}} \left({inner}\right)"


def _wrapped(arg: sp.Expr, printer: Any) -> str:
    text = printer._print(arg)
    simple = isinstance(arg, (sp.Symbol, sp.Number, op.Vector, op.Dot, op.Cross, op.Outer, op.Inner))
    return text if simple or (isinstance(arg, op.Operator) and not isinstance(arg, op.Derivative)) else _brackets(text)


def _brackets(text: str) -> str:
    return rf"\left({text}\right)"


def value_text(value: Any, latex: bool = False) -> str:
    """Return an initial value as text: expressions in full, arrays by shape, callables by name."""
    if isinstance(value, tuple):
        return "(" + ", ".join(value_text(entry, latex) for entry in value) + ")"
    if isinstance(value, sp.Expr):
        return str(sp.latex(value)) if latex else text_of(value)
    if isinstance(value, np.ndarray):
        text = f"array {'x'.join(map(str, value.shape))}"
    else:
        text = f"function {getattr(value, '__name__', type(value).__name__)}"
    return rf"\text{{{text}}}" if latex else text


def problem_repr(problem: Problem) -> str:
    """Return one line."""
    space = f" over {', '.join(map(str, problem.coordinates))}" if problem.coordinates else " over t"
    count = len(problem.parameters)
    listed = _shortened([p.name for p in problem.parameters])
    parameters = f", {count} parameter{'s' if count > 1 else ''} ({listed})" if count else ""
    name = f" {problem.name!r}" if problem.name else ""
    return f"<Problem{name}: {_shortened([u.name for u in problem.unknowns])}{space}{parameters}>"


def _shortened(names: list[str], most: int = 8) -> str:
    return ", ".join(names) if len(names) <= most else ", ".join([*names[: most - 2], "...", names[-1]])


def problem_text(problem: Problem) -> str:
    """Return the problem as lines of plain text."""
    lines = [problem.name] if problem.name else []
    lines += [f"  {line}" for line in problem.equation_lines()]
    if problem.domain is not None:
        lines.append(f"  on {problem.domain!r} with {', '.join(map(repr, problem.conditions))}")
    lines += [f"  {key} = {value_text(value)} at the start" for key, value in problem.initial.items()]
    lines += [f"  {event!r}" for event in problem.events]
    lines += [f"  {_parameter_text(p)}" for p in problem.parameters]
    return "\n".join(lines)


def _parameter_text(parameter: Any) -> str:
    value = "no default" if parameter.default is None else f"default {parameter.default:g}"
    bounds = "" if parameter.bounds is None else f", bounds [{parameter.bounds[0]:g}, {parameter.bounds[1]:g}]"
    return f"{parameter}: {value}{bounds}"


def problem_latex(problem: Problem) -> str:
    """Return equations, domain and initial values as one display formula."""
    rows = [f"{sp.latex(e.lhs)} &= {sp.latex(e.rhs)}" for e in problem.equations]
    if problem.domain is not None:
        rows.append(rf"&{problem.domain._latex()}")
    for key, value in problem.initial.items():
        rows.append(rf"\left.{sp.latex(key)}\right|_{{t_0}} &= {value_text(value, latex=True)}")
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"


def problem_html(problem: Problem) -> str:
    """Return the formula with name and parameters; needs no script beyond the notebook's own."""
    head = f"<b>{html.escape(problem.name)}</b>" if problem.name else ""
    items = "".join(f"<li><code>{html.escape(_parameter_text(p))}</code></li>" for p in problem.parameters)
    items += "".join(f"<li><code>{html.escape(repr(event))}</code></li>" for event in problem.events)
    parameters = f"<ul>{items}</ul>" if items else ""
    return f"<div>{head}{problem_latex(problem)}{parameters}</div>"
