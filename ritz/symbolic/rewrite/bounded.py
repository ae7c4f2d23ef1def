"""Sines and cosines of angles that are known to be bounded: targets have faster code for them."""

from __future__ import annotations

from collections.abc import Mapping

from ritz.symbolic.rewrite.facts import Facts, infer
from ritz.symbolic.rewrite.scheduled import Builder, Scheduled

LARGEST_ANGLE = 2.0**30


def mark_bounded(s: Scheduled, leaves: Mapping[int, Facts]) -> Scheduled:
    """Replace ``sin`` and ``cos`` by ``sin_bounded`` and ``cos_bounded`` where interval arithmetic bounds the angle.

    Args:
        s: the code.
        leaves: facts of its leaves.
    """
    if not any(op == "func" and args[0] in ("sin", "cos") for op, args in zip(s.op, s.args, strict=True)):
        return s
    facts = infer(s, leaves)
    builder = Builder()
    new: dict[int, int] = {}
    for i in range(len(s)):
        if s.op[i] == "func" and s.args[i][0] in ("sin", "cos") and _is_bounded(facts[s.args[i][1]]):
            new[i] = builder.func(f"{s.args[i][0]}_bounded", new[s.args[i][1]])
        else:
            new[i] = builder.copy(s, i, new)
    return builder.finish(new[r] for r in s.roots)


def _is_bounded(f: Facts) -> bool:
    return f.real and f.low >= -LARGEST_ANGLE and f.high <= LARGEST_ANGLE
