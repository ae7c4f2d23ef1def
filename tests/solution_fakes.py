"""Small stand-ins for System and StateLayout: just what a Solution reads, with Fourier modes as states."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp

from ritz.codegen.structure import OrdinaryForm
from ritz.solvers.solution import Solution


class FakeLayout:
    """Fields on a periodic grid, stored as the real view of their Fourier modes; plain numbers for ODEs."""

    def __init__(self, names: list[str], coords: dict[str, np.ndarray], dtype: type = float) -> None:
        self.names, self.coords, self.dtype = names, coords, dtype
        self.shape = tuple(len(v) for v in coords.values())
        self.is_complex = bool(coords) or dtype is complex
        self.axes = tuple(range(len(self.shape)))
        self.conversions = 0  # how many states were converted to physical values
        self.size = len(self.from_fields({n: np.zeros(self.shape, dtype) for n in names}))
        self.modes = self.shape if dtype is complex else (*self.shape[:-1], *(n // 2 + 1 for n in self.shape[-1:]))

    def from_fields(self, mapping: dict[str, Any]) -> np.ndarray:
        transform = np.fft.fftn if self.dtype is complex else np.fft.rfftn
        blocks = []
        for name in self.names:
            values = np.broadcast_to(np.asarray(mapping[name], self.dtype), self.shape)
            block = transform(values) if self.shape else np.atleast_1d(values)
            blocks.append(np.ascontiguousarray(block).ravel().view(float))
        return np.concatenate(blocks)

    def to_fields(self, u: np.ndarray) -> dict[str, np.ndarray]:
        states = u.reshape(self.size, -1)
        self.conversions += states.shape[1]
        blocks = np.split(np.ascontiguousarray(states), len(self.names))
        found = {name: self._physical(block) for name, block in zip(self.names, blocks, strict=True)}
        return {name: v.reshape(v.shape[:-1] + u.shape[1:]) for name, v in found.items()}

    def _physical(self, block: np.ndarray) -> np.ndarray:
        if self.is_complex:
            block = block[0::2] + 1j * block[1::2]
        modes = block.reshape(*self.modes, block.shape[-1])
        if not self.shape:
            return modes[None][0]
        if self.dtype is complex:
            return np.fft.ifftn(modes, axes=self.axes)
        return np.fft.irfftn(modes, self.shape, axes=self.axes)


def fake_system(
    names: str, bounds: dict[str, tuple[float, float, int]] | None = None, *, dtype: type = float,
    vectors: dict[str, str] | None = None, params: dict[str, float] | None = None, auxiliary: str = "",
) -> Any:  # fmt: skip
    """Return a System with scalar components `names`; `bounds` is coordinate -> (lower, upper, points)."""
    bounds, vectors, params = bounds or {}, vectors or {}, params or {}
    coords = {c: lo + (hi - lo) / n * np.arange(n) for c, (lo, hi, n) in bounds.items()}
    symbols = {n: sp.Symbol(n) for n in names.split()}
    grouped = {part for parts in vectors.values() for part in parts.split()}
    components = {s: (s,) for n, s in symbols.items() if n not in grouped and n != auxiliary}
    for name, parts in vectors.items():
        user = _ranked(name, 2 if len(parts.split()) == 4 else 1)
        components[user] = tuple(symbols[p] for p in parts.split())
    form = SimpleNamespace(
        coordinates=tuple(sp.Symbol(c) for c in bounds), unknowns=tuple(symbols.values()), components=components,
        parameters=tuple(sp.Symbol(p) for p in params), auxiliary={symbols[auxiliary]: 0} if auxiliary else {},
        bounds={sp.Symbol(c): (lo, hi) for c, (lo, hi, _) in bounds.items()},
    )  # fmt: skip
    problem = SimpleNamespace(scalar_form=lambda: form, equation_lines=lambda: ["dt(u) = lap(u)"], units={"x": "m"})
    infos = tuple(SimpleNamespace(name=n, default=v, bounds=None) for n, v in params.items())
    layout = FakeLayout(list(symbols), coords, dtype)
    return FakeSystem(name="fake", layout=layout, problem=problem, parameters=infos)


class FakeSystem(SimpleNamespace, OrdinaryForm):
    """A system that only knows its fields."""


class _Ranked(sp.Symbol):
    rank = 1


class _Ranked2(sp.Symbol):
    rank = 2


def _ranked(name: str, rank: int) -> sp.Symbol:
    return (_Ranked2 if rank == 2 else _Ranked)(name)


def fake_solution(system: Any, times: np.ndarray, fields: Any, *, dense: bool = False, **changes: Any) -> Solution:
    """Return a Solution whose fields are ``fields(t, *grid) -> {component: values}`` at the given times."""
    grid = np.meshgrid(*system.layout.coords.values(), indexing="ij") if system.layout.coords else []

    def state(t: Any) -> np.ndarray:
        if np.ndim(t):
            return np.stack([state(one) for one in t], axis=-1)
        return system.layout.from_fields(fields(t, *grid))

    given = {
        "t": np.asarray(times, float), "y": state(times), "sol": state if dense else None, "nfev": 6 * len(times),
        "status": 0, "message": "Reached the end of t_span.", "success": True, "system": system, "method": "RK45",
        "params": np.array([p.default for p in system.parameters], float),
        "options": {"rtol": 1e-6, "atol": 1e-9}, "statistics": {"steps": 120, "rejected": 3, "wall_time": 0.0123},
    }  # fmt: skip
    return Solution(**(given | changes))


def wave_1d(nt: int = 5, n: int = 16, **changes: Any) -> Solution:
    """u = sin(x - t), v = 2 + cos(x) on [0, 2 pi), one parameter nu = 0.1."""
    system = fake_system("u v", {"x": (0.0, 2 * np.pi, n)}, params={"nu": 0.1})
    return fake_solution(
        system, np.linspace(0, 2, nt), lambda t, x: {"u": np.sin(x - t), "v": 2 + np.cos(x)}, **changes
    )


def flow_2d(nt: int = 3, **changes: Any) -> Solution:
    """Vector field u = (sin(y) cos(t), 0.5 sin(x)) with a scalar omega on [0, 2 pi) x [0, pi)."""
    bounds = {"x": (0.0, 2 * np.pi, 24), "y": (0.0, 2 * np.pi, 12)}
    system = fake_system("omega u_x u_y", bounds, vectors={"u": "u_x u_y"}, params={"F": 1.0, "k": 2.0})

    def fields(t: float, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "omega": np.sin(x) * np.cos(y + t), "u_x": np.sin(y) * np.cos(t), "u_y": 0.5 * np.sin(x)
        }  # fmt: skip

    return fake_solution(system, np.linspace(0, 1, nt), fields, **changes)


def orbit(nt: int = 40, names: str = "x y", **changes: Any) -> Solution:
    """An ODE whose i-th unknown is cos(t + i)."""
    system = fake_system(names, params={"omega": 1.0})
    return fake_solution(
        system, np.linspace(0, 6, nt), lambda t: {n: np.cos(t + i) for i, n in enumerate(names.split())}, **changes
    )


def packet_1d(nt: int = 4) -> Solution:
    """The complex field psi = exp(i (2 x - t)) on [0, 2 pi)."""
    system = fake_system("psi", {"x": (0.0, 2 * np.pi, 16)}, dtype=complex)
    return fake_solution(system, np.linspace(0, 1, nt), lambda t, x: {"psi": np.exp(1j * (2 * x - t))})
