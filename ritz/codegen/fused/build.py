"""From a program on a periodic box to compiled fused code, where there is any."""

from __future__ import annotations

from dataclasses import dataclass

from ritz.codegen import native
from ritz.codegen.fused.box import FusedBox
from ritz.codegen.fused.chain import Chain, find_chain
from ritz.codegen.fused.line import FusedLine
from ritz.codegen.program import Program
from ritz.codegen.transforms.generated import generated_box, generated_line
from ritz.codegen.transforms.provider import TransformShape


@dataclass(frozen=True)
class Fused:
    """Compiled code of a whole program.

    Attributes:
        functions: address and units of each function, in the order in which they run; see `ritz.codegen.fused`.
        slots: names of the entries of the context.
        arrays: shapes of the arrays between the functions, complex numbers.
        expanded: shapes of arrays that are laid out over more axes than they vary over.
        scratch: bytes of scratch memory for one thread.
        values: numbers on the grid that a call deals with.
        lines: what was fused, in words.
        text: the module in LLVM's language.
        code: keeps the machine code alive.
    """

    functions: tuple[tuple[int, int], ...]
    slots: tuple[str, ...]
    arrays: dict[str, tuple[int, ...]]
    expanded: dict[str, tuple[int, ...]]
    scratch: int
    values: int
    lines: tuple[str, ...]
    text: str
    code: native.Native


def fuse(program: Program, parameters: tuple[str, ...], shape: TransformShape) -> Fused | str:
    """Compile a program as one piece; in words why not, where that cannot be done.

    Args:
        program: over the modes and points of `shape`.
        parameters: names in the order of the parameter vector.
        shape: sizes of its transforms, for which there are generated ones.
    """
    chain = find_chain(program)
    if isinstance(chain, str):
        return chain
    return (_line if len(shape.points) == 1 else _box)(chain, parameters, shape)


def _words(chain: Chain, how: str) -> tuple[str, ...]:
    return (
        f"compiled as one piece: {how}",
        f"  {chain.before.code.operations()} operations for {chain.fields} fields on modes, then their transforms",
        f"  {chain.middle.code.operations()} operations for {chain.products} products on the grid, which is not stored",
        f"  {chain.after.code.operations()} operations for the results on modes",
    )


def _line(chain: Chain, parameters: tuple[str, ...], shape: TransformShape) -> Fused:
    line = generated_line(shape, "inverse")
    assert line is not None
    fused = FusedLine(chain, line, parameters)
    text = fused.text()
    code = native.load(text)
    words = _words(chain, f"a line of {shape.points[0]} points, {line.lanes} numbers at a time")
    return Fused(
        ((code.address("line"), 1),), tuple(fused.layout.slots), {}, {}, fused.scratch, shape.points[0], words, text,
        code,
    )  # fmt: skip


def _box(chain: Chain, parameters: tuple[str, ...], shape: TransformShape) -> Fused:
    box = generated_box(shape, "inverse")
    fused = FusedBox(chain, box, parameters)
    text = fused.text()
    code = native.load(text)
    units = {"enter": fused.blocks, "cross": fused.crossings, "leave": fused.blocks}
    sizes = {True: shape.modes, False: shape.modes[1:]}
    words = _words(chain, f"columns in ({box.lanes} at a time), rows across ({box.group} at a time), columns out")
    return Fused(
        tuple((code.address(name), count) for name, count in units.items()), tuple(fused.layout.slots), fused.between,
        {name: sizes[first] for name, first in fused.layout.expanded.items()}, fused.scratch,
        chain.most * box.points[0] * box.pitch, words, text, code,
    )  # fmt: skip
