"""The short text and HTML cards that a Solution shows of itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ritz.solvers.solution import Solution


def rows(solution: Solution) -> list[tuple[str, str]]:
    """Return the (label, text) rows of the card; rows without content are left out."""
    found = [
        ("times", _times(solution)),
        ("fields", _fields(solution)),
        ("mesh", solution.catalog.mesh),
        ("method", _method(solution)),
        ("work", _work(solution)),
        ("parameters", ", ".join(f"{name} = {value:.6g}" for name, value in solution.parameters.items())),
        ("events", _events(solution)),
    ]
    return [(label, text) for label, text in found if text]


def text_card(solution: Solution) -> str:
    """Return the card as plain text."""
    head = f"Solution of {solution.catalog.title}: {_state(solution)}"
    lines = [f"  {label + ':':<12}{text}" for label, text in rows(solution)]
    return "\n".join([head, *([f"  {solution.message}"] if solution.message else []), *lines])


def html_card(solution: Solution) -> str:
    """Return the card as HTML that inherits the colours of the page around it."""
    colour = "#2a9d4a" if solution.success else "#c8352b"
    cells = "".join(
        f"<tr><td style='text-align:left;opacity:.65;padding:1px 14px 1px 0'>{escape(label)}</td>"
        f"<td style='text-align:left;padding:1px 0'>{escape(text)}</td></tr>"
        for label, text in rows(solution)
    )
    return (
        f"<div style='border-left:4px solid {colour};padding:4px 0 4px 12px'>"
        f"<div><b>Solution of {escape(solution.catalog.title)}</b>"
        f" <span style='color:{colour}'>{_state(solution)}</span></div>"
        f"<div style='opacity:.8'>{escape(solution.message)}</div>"
        f"<table style='border-collapse:collapse;margin:4px 0 0 0'>{cells}</table></div>"
    )


def _state(solution: Solution) -> str:
    return "success" if solution.success else "did not finish"


def _times(solution: Solution) -> str:
    if not len(solution.t):
        return "none stored"
    if solution.method == "Newton":
        return "steady"
    if len(solution.t) == 1:
        return f"t = {solution.t[0]:.6g}"
    dense = ", dense output" if solution.sol is not None else ""
    return f"t = {solution.t[0]:.6g} to {solution.t[-1]:.6g}, {len(solution.t)} stored{dense}"


def _fields(solution: Solution) -> str:
    names = list(solution.fields)
    shown = ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])}, ... ({len(names)} in all)"
    grid = ", ".join(f"{axis.name}: {axis.values.size}" for axis in solution.catalog.axes)
    return f"{shown} on a grid {grid}" if grid else shown


def _method(solution: Solution) -> str:
    given = solution.options or {}
    tolerances = [f"{key} = {given[key]}" for key in ("rtol", "atol", "dt") if given.get(key) is not None]
    return ", ".join([solution.method, *tolerances] if solution.method else tolerances)


def _work(solution: Solution) -> str:
    record = solution.statistics or {}
    parts = []
    if "steps" in record:
        rejected = f" ({record['rejected']} rejected)" if record.get("rejected") else ""
        parts.append(f"{record['steps']} steps{rejected}")
    parts.append(f"{solution.nfev} evaluations")
    parts += [f"{n} {what}" for n, what in ((solution.njev, "Jacobians"), (solution.nlu, "factorisations")) if n]
    if "wall_time" in record:
        parts.append(_seconds(float(record["wall_time"])))
    return ", ".join(parts)


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def _events(solution: Solution) -> str:
    found = solution.t_events or []
    changing = [form.name for form in getattr(getattr(solution.system, "lowered", None), "events", ())]
    names = [f"event {i}" for i in range(len(found) - len(changing))] + [repr(name) for name in changing]
    return ", ".join(f"{len(times)} of {name}" for times, name in zip(found, names, strict=False))
