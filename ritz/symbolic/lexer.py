"""Tokens of string equations, plain or with the signs of mathematics (∂, ∇, Δ, ·, ×, superscripts, subscripts)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from ..errors import ParseError

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₓₜₐₑₒₕₖₗₘₙₚₛᵢⱼᵣᵤᵥ", "0123456789xtaeohklmnpsijruv")
SIGNS = {"−": "-", "⋅": "·", "∙": "·", "∆": "Δ", "^": "**", "⨯": "×", "==": "="}
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξπρστυφχψωΓΛΞΠΣΦΨΩϕϵµ",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega Gamma Lambda Xi Pi Sigma Phi Psi Omega phi epsilon mu".split(),
        strict=True,
    )
)
_SUP = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<power>[{_SUP}]+)
    |(?P<delta>[Δ∆])
    |(?P<name>[^\W\d{_SUP}](?:(?![{_SUP}])\w)*)
    |(?P<sign>\*\*|==|[-+*/^(),=∂∇·⋅∙×⨯⊗−'])
    """,
    re.VERBOSE,
)
_BAD_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Token:
    """One token.

    Attributes:
        kind: ``number``, ``name``, ``power`` (a superscript), ``sign`` or ``end``.
        text: normalised: plain digits, ``**`` for ``^``, subscripts written out.
        start: where it stands in the user's string.
        glued: whether no space stands before it.
    """

    kind: str
    text: str
    start: int
    glued: bool


def fail(text: str, place: int, message: str) -> ParseError:
    """Return an error that shows the user's string with a caret under `place`.

    Example:
        >>> print(fail("u + ", 4, "Something is missing."))
        Something is missing.
          u +
              ^
    """
    before = text[max(0, place - 60) : place].replace("\n", " ")
    after = text[place : place + 40].replace("\n", " ")
    dots = "..." if place > 60 else ""
    return ParseError(f"{message}\n  {(dots + before + after).rstrip()}\n  {' ' * len(dots + before)}^")


def tokenize(text: str, known: Collection[str] = ()) -> list[Token]:
    """Return the tokens of `text`, the last one of kind ``end``.

    Args:
        text: an expression or equation.
        known: names the user defined; ``Δx`` is one name only if it is among them.

    Raises:
        ParseError: for a character that has no meaning here.

    Example:
        >>> [token.text for token in tokenize("∂ₓu² = 1e4·v")]
        ['∂', 'x', 'u', '2', '=', '1e4', '·', 'v', '']
    """
    tokens: list[Token] = []
    place, glued = 0, False
    while place < len(text):
        if tokens and tokens[-1].text == "∂" and glued:
            subscript = re.compile(r"_?[ₓₜ]+").match(text, place)
            if subscript:
                tokens.append(Token("name", subscript[0].lstrip("_").translate(SUBSCRIPTS), place, True))
                place = subscript.end()
                continue
        match = _TOKEN.match(text, place)
        if match is None:
            raise _stray(text, place)
        kind, found = str(match.lastgroup), match[0]
        if kind == "delta":
            word = re.compile(r"\w+").match(text, place)
            assert word is not None
            found = word[0] if word[0] in known else found
            kind = "name" if found in known else "sign"
        if kind != "space":
            tokens.append(_token(kind, found, place, glued))
        glued = kind != "space"
        place += len(found)
    tokens.append(Token("end", "", len(text), glued))
    return tokens


def _token(kind: str, found: str, place: int, glued: bool) -> Token:
    if kind == "name":
        found = found if found.isascii() else _plain_name(found)
    elif kind == "power":
        found = found.translate(SUPERSCRIPTS)
    return Token(kind, SIGNS.get(found, found), place, glued)


def _plain_name(name: str) -> str:
    """Write subscripts out: letters as derivatives (``uₓ`` is ``u_x``), digits as digits (``y₁`` is ``y1``)."""
    match = re.fullmatch(r"(.*?)([ₓₜ]+)", name)
    if match and match[1]:
        name = f"{match[1]}_{match[2]}"
    return name.translate(SUBSCRIPTS)


def _stray(text: str, place: int) -> ParseError:
    number = _BAD_NUMBER.match(text, place)
    if number:
        rest = re.compile(r"\w*").match(text, number.end())
        word = rest[0] if rest else ""
        return fail(text, place, f"{number[0] + word!r} is not a number. Write {number[0]}*{word} for a product.")
    hints = {
        "[": "Use round brackets.",
        "{": "Use round brackets.",
        "|": "Write abs(...).",
        "<": "Comparisons are not supported here.",
        "!": "Factorials are not supported; write gamma(n + 1).",
        "√": "Write sqrt(...).",
    }
    return fail(
        text, place, f"The character {text[place]!r} has no meaning here. {hints.get(text[place], '')}".rstrip()
    )
