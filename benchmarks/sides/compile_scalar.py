"""Compile right-hand sides of given numbers of operations with an empty kernel cache; prints seconds of each."""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def straight_code(operations):
    """A network-like code: products of states, each in two of the sums."""
    from ritz.symbolic.rewrite.scheduled import Builder

    rng, b = np.random.default_rng(0), Builder()
    size = max(operations // 70, 4)
    state = [b.opaque(i, frozenset(), False) for i in range(size)]
    rows = [b.mul(x, x) for x in state]
    while len(b.op) - size < operations:
        i, j, k = (int(v) for v in rng.integers(0, size, 3))
        rate = b.mul(b.mul(b.const(float(rng.random())), state[i]), state[j])
        rows[i], rows[k] = b.sub(rows[i], rate), b.add(rows[k], rate)
    return b.finish(rows)


def main():
    """Print one JSON line: operations, seconds to print and to compile."""
    from ritz.codegen import emit_llvm, native

    native.load("define void @nothing() { ret void }")  # LLVM itself is loaded
    rows = []
    for operations in map(int, sys.argv[1:]):
        code = straight_code(operations)
        start = time.perf_counter()
        text = emit_llvm.emit(code, lambda node: ("u", node), "rhs")
        middle = time.perf_counter()
        native.load(text.text, level=text.level)
        end = time.perf_counter()
        rows.append(
            {"operations": code.operations(), "parts": text.parts, "print": middle - start, "compile": end - middle}
        )
    json.dump(rows, sys.stdout)


main()
