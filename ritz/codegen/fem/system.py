"""`FemSystem`: the System of a weak form on a mesh."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen import native
from ritz.codegen.derivatives import derivative_nodes
from ritz.codegen.fem.assembly import Build, FemProgram
from ritz.codegen.fem.evaluation import values_at
from ritz.codegen.fem.functional import Functional, error_norm, flux
from ritz.codegen.fem.instance import FemInstance
from ritz.codegen.fem.layout import FemLayout
from ritz.codegen.fem.lower import FemModel
from ritz.codegen.fem.sample import FemSample, take_sample
from ritz.codegen.fem.space import FemSpace
from ritz.codegen.fem.structure import structure_of
from ritz.codegen.layout import Array
from ritz.codegen.lowered import Lowered
from ritz.codegen.structure import Structure
from ritz.codegen.system import Bound, System
from ritz.codegen.team import Team
from ritz.errors import NonFiniteError, OptionError, RitzError, UnsupportedError
from ritz.symbolic.rewrite.settings import Rewriting
from ritz.symbolic.weak_form import WeakForm

PATIENCE = 100  # how often threads that wait for the next evaluation let others run: about 0.1 milliseconds in all


class FemSystem(System):
    """``M(p) du/dt = f(u, t; p)`` on a mesh; for steady problems ``f(u) = 0``.

    The state holds the free degrees of freedom. Prescribed values and their time derivatives stand in f, and
    `to_fields` puts them back.

    Attributes:
        form: the weak form in components.
        model: the same as a graph.
        mesh: the mesh.
        threads: that work on parts of the mesh at once.
    """

    def __init__(
        self,
        model: FemModel,
        form: WeakForm,
        *,
        problem: Any = None,
        discretization: Any = None,
        rewriter: str | Rewriting | None = "egraph",
        threads: int = 1,
    ) -> None:
        self.model, self.form, self.mesh, self.threads = model, form, model.space.mesh, threads
        carried = {u.name: tuple(c.name for c in parts) for u, parts in form.components.items() if u.rank}
        layout = FemLayout(model.space, {name: carried[name] for name in model.space.names if name in carried})
        names = tuple(p.name for p in form.parameters)
        self.is_steady = model.is_steady
        lowered = Lowered(
            model.graph, model.space, layout, dict(model.states), None, model.rhs(), names, list(model.choices)
        )
        super().__init__(lowered, problem=problem, discretization=discretization, rewriter=rewriter)
        blocks = {f.name: slice(f.start, f.stop) for f in layout.fields}
        self.rates = tuple((blocks[a], blocks[b]) for a, b in model.identities.items())
        self._fem: dict[str, FemProgram] = {}
        self._functionals: dict[Any, Functional] = {}

    # ------------------------------------------------------------------ programs
    def _program(self, kind: str) -> FemProgram:
        with self._lock:
            if kind not in self._fem:
                self._fem[kind] = self._made(kind)
            return self._fem[kind]

    def program_on(self, kind: str, space: FemSpace, *, plain: bool = True) -> FemProgram:
        """The program of some kind over a part of the mesh: the kernels are those of the whole, or their weighted form.

        Args:
            kind: ``rhs``, ``jacobian``, ``mass``, ...
            space: the part, see `ritz.codegen.fem.restriction`.
            plain: see `FemProgram.over`.
        """
        if all(region.factors is None for region in space.regions):
            return self._program(kind).over(space, plain=plain)
        with self._lock:
            weighted = f"weighted {kind}"
            if weighted not in self._fem:
                self._fem[weighted] = self._made(kind, self.new_build(weighted, space))
            return self._fem[weighted].over(space, plain=plain)

    def new_build(self, kind: str, space: FemSpace | None = None) -> Build:
        """What a program of some kind is put together with."""
        space = space or self.model.space
        blocks = {name: space.bounds(f)[0] for f, name in enumerate(space.names)}
        names = [p.name for p in self.parameters]
        schedule = self._scheduler(kind)
        return Build(self.model.graph, space, names, schedule, list(blocks), blocks, native.lanes())

    def _made(self, kind: str, build: Build | None = None) -> FemProgram:
        build = build or self.new_build(kind)
        if kind == "jacobian":
            return FemProgram(build, self.lowered.rhs(), wrt=self.model.state)
        if kind == "mass":
            return FemProgram(build, self.model.mass_rows(), wrt=self.model.rate)
        if kind == "mass_product":
            return FemProgram(build, self.model.mass_product())
        rows = self.lowered.rhs() if kind == "rhs" else derivative_nodes(self.lowered, kind)
        return FemProgram(build, rows)

    def _instance(self, kind: str, threads: int = 1) -> Any:
        return FemInstance(self._program(kind), self._seed_parts(kind), self._team())

    def _run(self, instance: Any, t: float, u: Array, p: Array, size: int) -> Array:
        out: Array = np.empty(size)
        instance.call(t, u, p, out)
        return out

    def _team(self) -> Team | None:
        """The threads that work for the calling thread."""
        if self.threads > 1 and not hasattr(self._local, "team"):
            self._local.team = Team(self.threads, PATIENCE)
        return getattr(self._local, "team", None)

    @property
    def _main(self) -> str:
        return "rhs"

    def source(self, kind: str = "rhs") -> str:
        """What is computed in a quadrature point of every region, as text."""
        return self._program(kind).source

    def native_source(self, kind: str = "rhs") -> str:
        """The text in LLVM's language of the kernels over all regions."""
        return "\n".join(kernel.text for kernel in self._program(kind).kernels)

    def program_lines(self) -> list[str]:
        """Elements, kernels and sizes of the residual, line by line."""
        space = self.model.space
        sizes = ", ".join(f"{f.name} {space.nodes[k].element!r}" for k, f in enumerate(self.layout.fields))
        lines = [f"{self.mesh!r}", f"elements: {sizes}", f"{len(self.prescribed(0.0))} prescribed values"]
        for kernel in self._program(self._main).kernels:
            region = space.regions[kernel.region]
            where = region.over if region.label is None else f"{region.over} {region.label!r}"
            lines.append(
                f"kernel over {where}: {region.size} x {len(region.weights)} points, "
                f"{kernel.program.operations()} operations in each, {native.lanes()} at once"
            )
        return lines

    @property
    def operations(self) -> int:
        """Operations of one residual in the quadrature points of all cells and facets."""
        return self._program(self._main).operations

    def explain_nonfinite(self, t: float, u: Any, p: Any = None) -> str:
        """Words for the first value that is not finite at this state: term, field, place and time."""
        from ritz.codegen.fem.blame import explain_nonfinite

        return explain_nonfinite(self, t, np.asarray(u, dtype=float), p)

    # ------------------------------------------------------------------ matrices
    def jacobian(self, t: float, u: Any, p: Any = None) -> Any:
        """Jacobian of `rhs`, a `scipy.sparse.csr_array` with a fixed pattern."""
        return self._matrix("jacobian", t, u, p)

    def mass(self, p: Any = None) -> Any:
        """The mass matrix, a `scipy.sparse.csr_array`; None for steady problems."""
        if self.is_steady:
            return None
        return self._matrix("mass", 0.0, np.zeros(self.layout.size), p)

    def _matrix(self, kind: str, t: float, u: Any, p: Any) -> Any:
        pattern = self._program(kind).pattern
        assert pattern is not None
        return pattern.matrix(self._call(kind, t, u, p, pattern.shares.length)[: pattern.nnz])

    @cached_property
    def structure(self) -> Structure:  # type: ignore[override]
        """Shape of the Jacobian of ``-f``."""
        return structure_of(self)

    def bind(self, p: Array | Mapping[Any, float] | None = None, *, threads: int = 1) -> Bound:
        """Refused where there is a mass matrix: compiled explicit loops integrate ``du/dt = f``.

        Raises:
            UnsupportedError: names implicit methods.
        """
        raise UnsupportedError(
            f"{self.name} has a mass matrix: explicit methods would need its inverse. Use an implicit method such as "
            "'SDIRK3' or 'BDF2' (method='auto' does)."
        )

    def sample(self, cells: Any = None, dofs: Any = None, weights: Any = None) -> FemSample:
        """Residual and Jacobian over some cells only; see `ritz.codegen.fem.sample.take_sample`."""
        return take_sample(self, cells, dofs, weights)

    # ------------------------------------------------------------------ fields
    def prescribed(self, t: float, p: Any = None) -> Array:
        """Prescribed values at a time, in the order of the numbering.

        Raises:
            NonFiniteError: one of them is infinite or not a number.
        """
        named = self._named(self.parameter_vector(p))
        space, g = self.model.space, self.model.graph
        nodes = list(self.model.given)
        values = space.evaluate(g, nodes, space.values(g, nodes, named, t))
        parts = []
        for number, (d, value) in enumerate(zip(space.numbering.prescribed, values, strict=True)):
            part = np.broadcast_to(np.asarray(value, dtype=float), (len(d.nodes),))
            if not np.isfinite(part).all():
                k = int(np.argmin(np.isfinite(part)))
                place = ", ".join(f"{x:g}" for x in space.points_of_prescribed(number)[k])
                raise NonFiniteError(f"The value prescribed for {space.names[d.field]} is {part[k]} at ({place}).")
            parts.append(part)
        return np.concatenate(parts) if parts else np.zeros(0)

    def to_fields(self, u: Any, t: Any = 0.0, p: Any = None) -> dict[str, Array]:
        """Degrees of freedom of every scalar field, prescribed values included.

        Args:
            u: (size,) state or (size, nt) states.
            t: time or (nt,) times.
            p: parameter vector or overrides of the defaults.

        Returns:
            component -> (nodes,) or (nodes, nt), at ``system.nodes(component)``.
        """
        u = np.asarray(u, dtype=float)
        layout = self.layout
        assert isinstance(layout, FemLayout)
        if u.ndim == 1:
            u = self.checked_state(u)
            return layout.with_prescribed(u, self.prescribed(float(np.asarray(t).ravel()[0]), p))
        times = np.broadcast_to(np.asarray(t, dtype=float), (u.shape[1],))
        return layout.with_prescribed(u, np.stack([self.prescribed(float(x), p) for x in times], axis=1))

    def checked_state(self, u: Any) -> Array:
        """A state as a contiguous array.

        Raises:
            OptionError: another shape than (size,).
        """
        u = np.ascontiguousarray(u, dtype=float)
        if u.shape != (self.layout.size,):
            raise OptionError(
                f"A state of {self.name} has shape ({self.layout.size},), found {u.shape}. Take one column of a "
                "solution, such as solution.y[:, -1]."
            )
        return u

    def nodes(self, name: str) -> Array:
        """(nodes, gdim) where the degrees of freedom of a component stand."""
        return np.array(self.model.space.nodes[self.model.space.names.index(name)].points)

    # ------------------------------------------------------------------ numbers and values
    def functional(self, expr: Any) -> Functional:
        """A sum of integrals as a compiled function ``J(u, t, p)`` of the state, with a gradient.

        Args:
            expr: integrals made with `ritz.integral`; a plain expression is integrated over all cells.

        Raises:
            UnsupportedError: there is a test function in it.
        """
        return Functional(self, expr)

    def integrate(self, expr: Any, u: Any, t: float = 0.0, p: Any = None) -> float:
        """Value of integrals at a state; see `functional`."""
        if expr not in self._functionals:
            self._functionals[expr] = Functional(self, expr)
        return self._functionals[expr](u, t, p)

    def flux(self, unknown: Any, on: Any, u: Any, t: float = 0.0, p: Any = None, rate: Any = None) -> Array:
        """Flux through a part of the boundary, one number per component; see `ritz.codegen.fem.functional.flux`."""
        return flux(self, unknown, on, u, t, p, rate)

    def evaluate(self, expr: Any, points: Any, u: Any, t: float = 0.0, p: Any = None, **options: Any) -> Array:
        """An expression of the fields in points; see `ritz.codegen.fem.evaluation.values_at`."""
        return values_at(self, expr, points, u, t, p, **options)

    def error(self, exact: Mapping[Any, Any], u: Any, t: float = 0.0, p: Any = None, **options: Any) -> float:
        """Norm of the error of some fields; see `ritz.codegen.fem.functional.error_norm`."""
        return error_norm(self, exact, u, t, p, **options)

    # ------------------------------------------------------------------ NumPy
    def rhs_numpy(self, t: float, u: Any, p: Any = None) -> Array:
        """The same as `rhs` by sparse matrices of basis functions: slow, the reference of the tests."""
        rows = list(self.lowered.rhs().values())
        space, g = self.model.space, self.model.graph
        values = space.values(g, rows, self._named(self.parameter_vector(p)), t)
        u = np.asarray(u, dtype=float)
        if u.shape != (self.layout.size,):
            raise RitzError(f"The state of {self.name} has length {self.layout.size}; found shape {u.shape}.")
        for f in self.layout.fields:
            values[self.model.states[f.name]] = u[f.start : f.stop]
        return np.concatenate([np.asarray(r, dtype=float) for r in space.evaluate(g, rows, values)])
