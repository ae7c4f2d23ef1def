"""A scalar model as a compiled loop over points; what differs between the sides is the straight-line code in the loop.

Both sides are printed by the functions below, compiled with the same options, and called in the same way.
"""

from __future__ import annotations

import ctypes
import time

import numpy as np
from models import MODELS
from worker import Ready, serve, versions

POINTS = 256  # inputs and results of a block stay in the cache
_INLINED = {"sin": "sin_bounded", "cos": "cos_bounded"}


def by_ritz(expressions, ranges, budget):
    """Lines and results of the rewriter's code."""
    from ritz.codegen.emit_loops import straight_line
    from ritz.symbolic.graph import Graph
    from ritz.symbolic.rewrite import rewrite
    from ritz.symbolic.sympy_bridge import to_graph

    g = Graph()
    leaves = {s: g.input(s.name, "state") for s in ranges}
    roots = [to_graph(g, e, leaves) for e in expressions]
    facts = {leaves[s]: ends for s, ends in ranges.items()}
    result = rewrite(g, roots, assumptions=facts, budget=budget)
    code, names = result.scheduled, {n: s.name for s, n in leaves.items()}
    lines, value = straight_line(code, lambda node: names[node])
    results = [value[r] for r in code.roots]
    facts = {"engine": result.report.chosen, "cost": round(result.report.cost_after), "operations": result.report.after}
    return lines, results, facts | {"search": round(result.report.seconds, 2)}


def by_cse(expressions, optimizations, inlined):
    """Lines and results of ``sympy.cse``, printed by SymPy's own printer; `inlined`: with Ritz's sine and cosine."""
    import sympy as sp

    replacements, reduced = sp.cse(expressions, symbols=sp.numbered_symbols("t_"), optimizations=optimizations)
    show = sp.printing.pycode
    lines = [f"{name} = {show(e)}" for name, e in replacements]
    operations = sp.count_ops([e for _, e in replacements]) + sp.count_ops(reduced)
    results = [show(e) for e in reduced]
    for name, fast in _INLINED.items() if inlined else ():
        lines = [line.replace(f"math.{name}(", f"elementary.{fast}(") for line in lines]
        results = [text.replace(f"math.{name}(", f"elementary.{fast}(") for text in results]
    return lines, results, {"operations": int(operations)}


def compiled(lines, results, names):
    """The loop over points, compiled in the same way for all sides; models have variables such as ``n``."""
    from ritz.codegen import loops

    body = [f"{name} = inputs[i_*{len(names)} + {k}]" for k, name in enumerate(names)]
    stores = {}
    for k, text in enumerate(results):
        stores.setdefault(text, []).append(f"outputs[i_*{len(results)} + {k}] = {text}")
    for line in lines:  # a result is stored where it is known
        body += [line, *stores.pop(line.split(" = ")[0], [])]
    body += [store for several in stores.values() for store in several]
    text = "def kernel(inputs_: int, outputs_: int, points_: int):\n"
    text += "    inputs, outputs = as_f64(inputs_), as_f64(outputs_)\n    for i_ in range(points_):\n"
    text += "".join(f"        {line}\n" for line in body)
    module = loops.load(text)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 3)(module.address("kernel"))

    def kernel(inputs, outputs, keep=module):
        function(inputs.ctypes.data, outputs.ctypes.data, len(inputs))

    return kernel


def prepare(arguments):
    """Rewrite, compile, and compute the answer."""
    expressions, ranges = MODELS[arguments["model"]]()
    start = time.perf_counter()
    if arguments["method"] == "ritz":
        lines, results, facts = by_ritz(expressions, ranges, arguments["budget"])
    else:
        optimizations = "basic" if "basic" in arguments["method"] else None
        lines, results, facts = by_cse(expressions, optimizations, "inlined" in arguments["method"])
    facts["rewriting"] = time.perf_counter() - start
    kernel = compiled(lines, results, [s.name for s in ranges])
    inputs = points(ranges)
    outputs = np.empty((POINTS, len(expressions)))
    kernel(inputs, outputs)

    def block(count):
        for _ in range(count):
            kernel(inputs, outputs)

    return Ready({"results": outputs}, block, facts | versions("sympy", "llvmlite"))


def points(ranges):
    """The same points for every side."""
    rng = np.random.default_rng(1)
    return np.ascontiguousarray(np.transpose([rng.uniform(*ends, POINTS) for ends in ranges.values()]))


if __name__ == "__main__":
    serve(prepare)
