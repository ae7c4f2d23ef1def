"""Regions: domains that a mesh fills, and what may stand for a domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ProblemError
from .coordinates import Coordinate
from .domains import Domain


class Region(Domain):
    """A domain of any shape, known by its mesh.

    Args:
        coordinates: the axes of space, as `Coordinate` objects or names.
        boundaries: name of a group of facets -> its tag.
        subdomains: name of a group of cells -> its tag.
        mesh: the mesh itself; this floor only hands it on.
        complete: whether the named boundaries together are the whole boundary.

    Attributes:
        boundaries, subdomains, mesh, complete: as given.
        bounds, lengths: empty: a region is no product of intervals.

    Two regions are equal when their mesh is the same object.

    Raises:
        ProblemError: if there are no axes, or more than three.

    Example:
        >>> Region(("x", "y"), boundaries={"wall": 1, "inlet": 2})
        Region(x, y; boundaries: wall (1), inlet (2))
    """

    def __init__(
        self,
        coordinates: Sequence[Coordinate | str],
        boundaries: Mapping[str, int] | None = None,
        subdomains: Mapping[str, int] | None = None,
        mesh: Any = None,
        complete: bool = False,
    ) -> None:
        axes = tuple(axis if isinstance(axis, Coordinate) else Coordinate(axis) for axis in coordinates)
        if not 1 <= len(axes) <= 3 or len(set(axes)) < len(axes):
            raise ProblemError(
                f"A region has one to three different axes, but got {', '.join(map(str, axes)) or 'none'}."
            )
        self._axes = axes
        self._boundaries = dict(boundaries or {})
        self._subdomains = dict(subdomains or {})
        self.mesh = mesh
        self._complete = complete
        self._written = {}
        self._bounds = {}

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The axes of space."""
        return self._axes

    @property
    def boundaries(self) -> dict[str, int]:
        """Name of a group of facets -> its tag."""
        return dict(self._boundaries)

    @property
    def subdomains(self) -> dict[str, int]:
        """Name of a group of cells -> its tag."""
        return dict(self._subdomains)

    @property
    def complete(self) -> bool:
        """Whether the named boundaries together are the whole boundary."""
        return self._complete

    def _key(self) -> Any:
        own = self if self.mesh is None else self.mesh
        return (self._axes, tuple(self._boundaries.items()), tuple(self._subdomains.items()), id(own))

    def __repr__(self) -> str:
        text = ", ".join(map(str, self._axes))
        for what, groups in (("boundaries", self._boundaries), ("subdomains", self._subdomains)):
            if groups:
                text += f"; {what}: " + ", ".join(f"{name} ({tag})" for name, tag in groups.items())
        return f"Region({text})"

    def _latex(self, *_: Any) -> str:
        axes = ", ".join(axis.name for axis in self._axes)
        return rf"\left({axes}\right) \in \Omega" if len(self._axes) > 1 else rf"{axes} \in \Omega"


def as_domain(value: Any) -> Domain | None:
    """Return ``domain=`` as a domain; None stays None, an object with ``as_domain()`` such as a mesh gives its own.

    Raises:
        ProblemError: for anything else.

    Example:
        >>> as_domain(None) is None
        True
    """
    if value is None or isinstance(value, Domain):
        return value
    convert = getattr(value, "as_domain", None)
    made = convert() if callable(convert) and not isinstance(value, type) else None
    if not isinstance(made, Domain):
        raise ProblemError(
            f"domain= must be rz.Box(...), rz.Interval(...) or a mesh such as rz.rectangle(...), but got {value!r}."
        )
    return made
