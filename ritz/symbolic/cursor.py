"""A place in a list of tokens, and the names a string may use."""

from __future__ import annotations

import sympy as sp

from ..errors import ParseError
from .coordinates import Coordinate, Time, t
from .lexer import GREEK, Token, fail, tokenize


class Cursor:
    """Walks the tokens of one string.

    Args:
        text: the user's string, for messages.
        symbols: name -> symbol that may occur.

    Raises:
        ParseError: if `text` is no string or holds a character without meaning.
    """

    def __init__(self, text: str, symbols: dict[str, sp.Symbol]) -> None:
        if not isinstance(text, str):
            raise ParseError(f"Expected a string, but got {text!r} of type {type(text).__name__}.")
        self.text = text
        self.symbols = symbols
        self.tokens = tokenize(text, symbols)
        self.place = 0
        self.depth = 0
        axes = {s.name: s for s in symbols.values() if isinstance(s, Coordinate)}
        self.axes: dict[str, Coordinate | Time] = {**{n: Coordinate(n) for n in "xyz"}, **axes, "t": t}

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def peek(self, ahead: int) -> Token:
        return self.tokens[min(self.place + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.token
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def accept(self, sign: str) -> bool:
        if self.token.kind == "sign" and self.token.text == sign:
            self.place += 1
            return True
        return False

    def expect(self, sign: str, why: str) -> None:
        if not self.accept(sign):
            found = "the end" if self.token.kind == "end" else repr(self.token.text)
            raise self.error(f"Expected {sign!r} {why}, but found {found}.")

    def error(self, message: str, token: Token | None = None) -> ParseError:
        return fail(self.text, (token or self.token).start, message)

    # ------------------------------------------------------------------ names
    def known(self, word: str) -> sp.Symbol | None:
        """Return the symbol of this name, or whose name is the Greek letter's; None if there is none."""
        return self.symbols.get(word) or self.symbols.get(greek_name(word))

    def split_axes(self, word: str) -> list[Coordinate | Time] | None:
        """Read a run of coordinate names such as ``xxy``; None if it is none."""
        axes: list[Coordinate | Time] = []
        while word:
            name = next((n for n in sorted(self.axes, key=len, reverse=True) if word.startswith(n)), None)
            if name is None:
                return None
            axes.append(self.axes[name])
            word = word[len(name) :]
        return axes or None


def greek_name(word: str) -> str:
    """Return `word` with Greek letters written out.

    Example:
        >>> greek_name("ν_2")
        'nu_2'
    """
    head, _, tail = word.partition("_")
    name = "".join(GREEK.get(c, c) for c in head)
    return f"{name}_{tail}" if tail else name
