"""Refusal of problems that are ill posed, such as the backward heat equation."""

from __future__ import annotations

from .coordinates import Coordinate
from .equation import Eq
from .scalar_form import ScalarEquation


def check_well_posed(
    written: tuple[Eq, ...], equations: tuple[ScalarEquation, ...], space: tuple[Coordinate, ...]
) -> None:
    """Placeholder."""
