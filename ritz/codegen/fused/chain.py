"""Programs whose transforms and loops can be fused: one round from modes to the grid and back."""

from __future__ import annotations

from dataclasses import dataclass

from ritz.codegen.llvm_operations import ARITHMETIC, INTRINSIC, LIBRARY, LOGICAL
from ritz.codegen.program import MapCall, Program, Stage

_KNOWN = {
    *ARITHMETIC, *INTRINSIC, *LIBRARY, *LOGICAL, "leaf", "const", "neg", "where", "maximum", "minimum", "sign",
}  # fmt: skip


@dataclass(frozen=True)
class Chain:
    """A program of one round.

    Attributes:
        program: what it is part of.
        before: makes the modes of the fields.
        inverse: their transforms.
        middle: makes the products on the grid.
        forward: their transforms.
        after: makes the results.
    """

    program: Program
    before: Stage
    inverse: MapCall
    middle: Stage
    forward: MapCall
    after: Stage

    @property
    def fields(self) -> int:
        """Fields that are transformed to the grid."""
        return self.inverse.batch

    @property
    def products(self) -> int:
        """Values that are transformed back."""
        return self.forward.batch

    @property
    def most(self) -> int:
        """The larger number of transforms."""
        return max(self.fields, self.products)


def find_chain(program: Program) -> Chain | str:
    """The round that a program consists of; in words why not, where it is no such round."""
    steps = program.steps
    kinds = ["loop" if isinstance(s, Stage) else s.map.kind for s in steps]
    if kinds != ["loop", "inverse", "loop", "forward", "loop"]:
        return f"it is not one round from modes to the grid and back, but {', '.join(kinds)}"
    before, inverse, middle, forward, after = steps
    assert isinstance(before, Stage) and isinstance(middle, Stage) and isinstance(after, Stage)
    assert isinstance(inverse, MapCall) and isinstance(forward, MapCall)
    for stage, axes in ((before, inverse.map.source), (middle, forward.map.source), (after, inverse.map.source)):
        if set(stage.axes) != set(axes):
            return f"{stage.name} does not run over all of {', '.join(a.name for a in axes)}"
        names = {args[0] if op == "func" else op for op, args in zip(stage.code.op, stage.code.args, strict=True)}
        if any(stage.code.is_complex) or names - _KNOWN:
            return f"{stage.name} holds {', '.join(sorted(names - _KNOWN)) or 'complex values'}"
    return Chain(program, before, inverse, middle, forward, after)
