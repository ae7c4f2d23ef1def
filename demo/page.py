"""The report of the demo: one HTML page that needs nothing beside itself."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

STYLE = """
:root { --ink: #1d2433; --soft: #5b6579; --line: #e3e7ee; --accent: #b5367a; --paper: #ffffff; --wash: #f6f7fa; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink); font: 16px/1.6 system-ui, "Segoe UI", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 48px 24px 72px; }
h1 { font-size: 2.3rem; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.02em; }
h2 { font-size: 1.45rem; line-height: 1.3; margin: 0 0 8px; }
h3 { font-size: 1rem; margin: 28px 0 8px; }
p { margin: 0 0 14px; max-width: 72ch; }
.soft { color: var(--soft); }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 14px; padding: 32px; margin: 28px 0; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 14px; margin: 20px 0; }
.number { background: var(--wash); border-radius: 10px; padding: 14px 16px; }
.number b { display: block; font-size: 1.55rem; line-height: 1.25; color: var(--accent); }
.number span { font-size: 0.86rem; line-height: 1.35; color: var(--soft); display: block; }
figure { margin: 22px 0; }
figure img { width: 100%; height: auto; display: block; border-radius: 8px; }
figcaption { font-size: 0.9rem; color: var(--soft); margin-top: 8px; }
table { border-collapse: collapse; width: 100%; margin: 14px 0; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 0.86rem; color: var(--soft); }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.right, th.right { text-align: right; }
pre { background: #1d2433; color: #e8ebf2; border-radius: 10px; padding: 16px 18px; overflow-x: auto;
      font-size: 0.82rem; line-height: 1.5; font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
summary { cursor: pointer; color: var(--accent); margin: 12px 0; }
"""


def paragraph(text: str, *, soft: bool = False) -> str:
    """A paragraph of plain text."""
    kind = ' class="soft"' if soft else ""
    return f"<p{kind}>{html.escape(text)}</p>"


def heading(text: str) -> str:
    """A heading inside a story."""
    return f"<h3>{html.escape(text)}</h3>"


def numbers(pairs: Iterable[tuple[str, str]]) -> str:
    """A row of figures, each with the words that say what it is."""
    cards = [
        f'<div class="number"><b>{html.escape(value)}</b><span>{html.escape(label)}</span></div>'
        for value, label in pairs
    ]
    return f'<div class="numbers">{"".join(cards)}</div>'


def picture(path: Path, caption: str) -> str:
    """A PNG file, embedded."""
    data = base64.b64encode(path.read_bytes()).decode()
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def code(text: str) -> str:
    """Preformatted text."""
    return f"<pre>{html.escape(text.rstrip())}</pre>"


def folded(summary: str, text: str) -> str:
    """Preformatted text that opens on a click."""
    return f"<details><summary>{html.escape(summary)}</summary>{code(text)}</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """A table of plain text; the columns listed in `right` are set to the right."""
    classes = [' class="right"' if i in set(right) else "" for i in range(len(head))]

    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}{c}>{html.escape(x)}</{tag}>" for c, x in zip(classes, cells)) + "</tr>"

    return f"<table>{line('th', head)}{''.join(line('td', row) for row in rows)}</table>"


def story(title: str, *blocks: str) -> str:
    """One section of the page."""
    return f"<section><h2>{html.escape(title)}</h2>{''.join(blocks)}</section>"


def page(title: str, lead: str, *stories: str, foot: str) -> str:
    """The whole document."""
    name = html.escape(title)
    head = (
        f'<meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
    )
    body = f"<h1>{name}</h1>{paragraph(lead, soft=True)}{''.join(stories)}{paragraph(foot, soft=True)}"
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>\n'
