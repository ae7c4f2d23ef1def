"""What compiled loops are given of a system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ritz.codegen.layout import Array


@dataclass
class Bound:
    """A system at one parameter vector with memory of its own: what compiled loops consume.

    Attributes:
        rhs: address of the complete right-hand side ``f = L u + N``.
        nonlinear: address of N, or 0 where the system has no split.
        linear: diagonal of L, complex128 (size/2,) where the state holds complex modes, else float64 (size,); or None.
        context: address to pass to both.
        p: (parameters,) values.
        groups: blocks for field-wise error norms, or None.
        weights: (size,) weights of these norms.
        keep: memory that must stay alive.
        inline: code of ``@rhs`` in LLVM's language where `rhs` is short: a loop may compile it into itself.
        idle: where a loop may leave what it has set up for the next run; None where the memory is for one user.
        team: threads that share its loops (`ritz.codegen.team.Team`), None where there is nothing to share.
    """

    rhs: int
    context: int
    nonlinear: int
    linear: Array | None
    p: Array
    size: int
    is_complex: bool
    groups: Array | None
    weights: Array
    keep: Any
    inline: str = ""
    idle: dict[Any, list[Any]] | None = None
    team: Any = None
