"""Parts of a mesh by name, tag or predicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError, nearest

Ints = NDArray[np.int32]
Label = str | int | Callable[..., Any] | Sequence[Any] | None


@dataclass(frozen=True)
class Choice:
    """What labels of one kind of entity can choose from.

    Attributes:
        what: ``"boundary"`` or ``"cell"``, for messages.
        groups: name -> sorted entity numbers.
        tags: name -> tag.
        candidates: entities that a predicate (or None) chooses from.
        places: makes the coordinates at which a predicate is asked: (candidates, vertices and midpoint, gdim).
    """

    what: str
    groups: Mapping[str, Ints]
    tags: Mapping[str, int]
    candidates: Ints
    places: Callable[[], NDArray[np.float64]]

    def select(self, label: Label) -> Ints:
        """Return the sorted numbers of the entities that carry `label`.

        Raises:
            MeshError: if there is no such group, a predicate fails or nothing is chosen.
        """
        if label is None:
            return self.candidates
        if isinstance(label, str):
            return self._named(label)
        if isinstance(label, Integral) and not isinstance(label, bool):
            return self._tagged(int(label))
        if callable(label):
            return self._where(label)
        if isinstance(label, (Sequence, set, frozenset)) and len(label):
            return np.unique(np.concatenate([self.select(one) for one in label])).astype(np.int32)
        raise MeshError(
            f"A {self.what} is chosen by a name, a tag, a predicate such as `lambda x, y: x < 0.5`, or a list of "
            f"these, not by {label!r}. {self.listing()}"
        )

    def _named(self, name: str) -> Ints:
        if name not in self.groups:
            hint = nearest(name, self.groups)
            raise MeshError(f"The mesh has no {self.what} group {name!r}.{hint} {self.listing()}")
        return self.groups[name]

    def _tagged(self, tag: int) -> Ints:
        names = [name for name, known in self.tags.items() if known == tag]
        if not names:
            raise MeshError(f"The mesh has no {self.what} group with tag {tag}. {self.listing()}")
        return self.groups[names[0]]

    def _where(self, predicate: Callable[..., Any]) -> Ints:
        places = self.places()
        axes = ", ".join("xyz"[: places.shape[2]])
        name = getattr(predicate, "__name__", repr(predicate))
        try:
            answer = np.asarray(predicate(*np.moveaxis(places, 2, 0)))
        except Exception as error:
            raise MeshError(
                f"The predicate {name} of a {self.what} failed: {error}. It gets arrays of coordinates ({axes}) and "
                "returns an array of truth values: compare with `np.isclose`, combine with `&`, `|` and `~`."
            ) from error
        if answer.dtype != bool or answer.shape not in {(), places.shape[:2]}:
            raise MeshError(
                f"The predicate {name} of a {self.what} must return truth values of shape {places.shape[:2]} for "
                f"coordinates ({axes}) of that shape, but returned {answer.dtype} of shape {answer.shape}."
            )
        chosen = self.candidates[np.broadcast_to(answer, places.shape[:2]).all(axis=1)]
        if not len(chosen):
            low, high = places.min(axis=(0, 1)), places.max(axis=(0, 1))
            spans = ", ".join(f"{axis} in [{a:.6g}, {b:.6g}]" for axis, a, b in zip("xyz", low, high))
            raise MeshError(
                f"The predicate {name} selects nothing: no {self.what} has all its vertices and its midpoint there. "
                f"The coordinates are {spans}; equality needs a tolerance (`np.isclose`). {self.listing()}"
            )
        return chosen

    def listing(self) -> str:
        """Name the groups and their tags in one sentence."""
        if not self.groups:
            return f"The mesh has no {self.what} groups."
        named = ", ".join(f"{name!r} (tag {self.tags[name]}, {len(self.groups[name])})" for name in self.groups)
        return f"The {self.what} groups are {named}."
