"""What was done to a model between the equations and the kernels."""

from __future__ import annotations

import html
from typing import Any

from ritz.codegen.instance import CompiledProgram
from ritz.codegen.program import Stage
from ritz.codegen.scalar_kernel import ScalarKernel


def program_lines(compiled: CompiledProgram, space: Any) -> list[str]:
    """What a compiled program does on a space, line by line."""
    if isinstance(compiled.emitted, ScalarKernel):
        return [f"no loops: {compiled.emitted.summary}"]
    program = compiled.program
    lines = [f"{len(program.stages)} loops, {sum(m.batch for m in program.maps)} transforms a call"]
    for step in program.steps:
        if isinstance(step, Stage):
            axes = " x ".join(a.name for a in step.axes) or "no axes"
            lines.append(f"  {step.name}: {step.code.operations()} operations over {axes}")
        else:
            lines.append(f"  {step.map.name} transform of {step.batch} field{'s' * (step.batch > 1)}")
    fused = compiled.fused(space)
    if not isinstance(fused, str):
        lines += fused.lines
    elif program.maps:
        lines.append(f"step by step: {fused}")
    if program.tables:
        lines.append(f"  {len(program.tables)} tables computed once per parameter vector")
    return lines


class SystemReport:
    """Forms, operations, tables, loops and emitted source of a `System`, as text and as HTML.

    Attributes:
        system: the system reported on.
        choices: every default that was chosen.
        forms: search reports, one for each set of products.
        rewrites: one `RewriteReport` for each compiled stage of the right-hand side.
    """

    def __init__(self, system: Any) -> None:
        system.source(system._main)  # builds the program if nothing did before
        self.system = system
        self.choices: list[str] = list(system.lowered.choices)
        self.forms = [f.report for f in system.lowered.forms]
        self.rewrites = list(system.rewrites.get(system._main, []))

    @property
    def source(self) -> str:
        """The generated module."""
        return str(self.system.source(self.system._main))

    def _program_lines(self) -> list[str]:
        lines: list[str] = self.system.program_lines()
        return lines

    def __str__(self) -> str:
        parts = [f"{self.system!r}"]
        parts += [f"choice: {c}" for c in self.choices]
        parts += [str(f) for f in self.forms]
        parts += self._program_lines()
        parts += [str(r) for r in self.rewrites if sum(r.before.values()) > 2]
        return "\n".join(parts)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        choices = "".join(f"<li>{html.escape(c)}</li>" for c in self.choices)
        forms = "".join(f"<pre>{html.escape(str(f))}</pre>" for f in self.forms)
        program = html.escape("\n".join(self._program_lines()))
        rewrites = "".join(
            f"<details><summary>stage {i}</summary>{r._repr_html_()}</details>" for i, r in enumerate(self.rewrites)
        )
        return (
            f"<h4>{html.escape(repr(self.system))}</h4><ul>{choices}</ul>{forms}<pre>{program}</pre>{rewrites}"
            f"<details><summary>generated source</summary><pre>{html.escape(self.source)}</pre></details>"
        )
