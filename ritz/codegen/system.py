"""`System`: the one interface between models and whatever advances, differentiates or reduces them."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ritz.codegen.bound import Bound as Bound  # also found here
from ritz.codegen.calling import call_rhs_address
from ritz.codegen.derivatives import (
    BoundJacobian,
    BoundProduct,
    SparseJacobian,
    bound_product,
    depends_on_time,
    derivative_nodes,
    sparse_jacobian_of,
)
from ritz.codegen.events import PROGRAMS, BoundEvents, bind_events, event_nodes
from ritz.codegen.instance import CompiledProgram, Instance, evaluate_in, leaf_values, spread
from ritz.codegen.layout import Array, StateLayout
from ritz.codegen.lowered import Lowered
from ritz.codegen.parameter_info import parameter_info
from ritz.codegen.parameter_vector import ParameterVector
from ritz.codegen.program import Program, Scheduler, Target, build_program, loop_axes
from ritz.codegen.realify import realify
from ritz.codegen.structure import OrdinaryForm
from ritz.errors import OptionError, RitzError, UnsupportedError, nearest
from ritz.symbolic.evaluate import evaluate
from ritz.symbolic.graph import Axis, Graph
from ritz.symbolic.rewrite.settings import Rewriting

IDLE = 4  # instances kept for later users


class EmptySpace:
    """The space of a system without axes."""

    order: dict[Axis, int] = {}
    slots = 0


class System(ParameterVector, OrdinaryForm):
    """``du/dt = f(u, t; p)`` with ``f = L(p) u + N(u, t; p)`` where a linear diagonal part was found.

    Made by ``problem.discretize(...)``. Attributes:

        layout: meaning of the state vector.
        parameters: what may change without compiling anything.
        problem, discretization: where it comes from.
    """

    def __init__(
        self,
        lowered: Lowered,
        *,
        problem: Any = None,
        discretization: Any = None,
        rewriter: str | Rewriting | None = "egraph",
    ) -> None:
        Rewriting.of(rewriter)  # a misspelt name is refused here, not at the first evaluation
        self.lowered, self.problem, self.discretization, self.rewriter = lowered, problem, discretization, rewriter
        self.layout: StateLayout = lowered.layout
        self.space: Any = lowered.space or EmptySpace()
        self.parameters = tuple(parameter_info(n, problem) for n in lowered.parameters)
        self._programs: dict[str, CompiledProgram] = {}
        self._local = threading.local()
        self._lock = threading.RLock()
        self.rewrites: dict[str, list[Any]] = {}
        self._point_form: Any = None
        self._initial: tuple[bytes, Array] | None = None
        self._usual_start: tuple[Array, Array] | None = None  # of short runs: defaults of parameters, initial state
        self._shared: tuple[bytes, Bound] | None = None
        self._idle: dict[int, deque[Instance]] = {}

    @property
    def name(self) -> str:
        """The problem's name, or the names of its fields."""
        return getattr(self.problem, "name", None) or ", ".join(self.layout.names)

    def __repr__(self) -> str:
        return f"<System of {self.name}: {self.layout.size} unknowns, {len(self.parameters)} parameters>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (self.problem, self.discretization, self.rewriter)

    # ------------------------------------------------------------------ initial values
    def initial_state(self, p: Array | None = None) -> Array:
        """State vector of the problem's initial values.

        Raises:
            InitialValueError: a value is missing, has the wrong shape or is not finite.
            ResolutionWarning: (a warning) the grid does not resolve the data, or they are not periodic.
        """
        p = self.parameter_vector(p)
        key = p.tobytes()
        if self._initial is None or self._initial[0] != key:
            from ritz.codegen.initial import initial_state

            self._initial = (key, initial_state(self, p))
        return self._initial[1].copy()

    # ------------------------------------------------------------------ programs
    def _compiled(self, kind: str) -> CompiledProgram:
        with self._lock:
            if kind not in self._programs:
                title = f"{kind} of {self.name}, made by Ritz"
                names = [p.name for p in self.parameters]
                self._programs[kind] = CompiledProgram(
                    self._build(kind), title, names, self.layout.names, self._seed_parts(kind)
                )
            return self._programs[kind]

    def _seed_parts(self, kind: str) -> dict[str, slice]:
        """The direction of a derivative as a vector: name of state or parameter -> its part."""
        if kind == "param_jvp":
            return {p.name: slice(i, i + 1) for i, p in enumerate(self.parameters)}
        derivative = kind in ("jvp", "vjp", "param_vjp", "mass_product")
        return {f.name: slice(f.start, f.stop) for f in self.layout.fields} if derivative else {}

    def _build(self, kind: str) -> Program:
        g, nodes, outputs = self.lowered.graph, self._nodes(kind), []
        if hasattr(self.space, "settle"):
            nodes = dict(zip(nodes, self.space.settle(list(nodes.values())), strict=True))
        for name, node in nodes.items():
            if self.layout.is_complex and name in self.lowered.states:
                re, im = realify(g, [node])[0]
                outputs.append(Target(f"out {name}", self.space.modes, (re, im)))
            else:
                outputs.append(Target(f"out {name}", self._block_axes(name), (node,)))
        interior = getattr(self.space, "interior", None)
        return build_program(g, outputs, self.space.order, self._scheduler(kind), interior=interior)

    def _block_axes(self, name: str) -> tuple[Axis, ...]:
        """The axes that a block of the state varies over, outermost first."""
        axes = loop_axes(self.lowered.graph, self.lowered.states[name]) if name in self.lowered.states else ()
        return tuple(sorted(axes, key=self.space.order.__getitem__))

    def _scheduler(self, kind: str) -> Scheduler:
        from ritz.codegen.scheduling import scheduler

        records = self.rewrites.setdefault(kind, [])
        return scheduler(self.rewriter, self.parameters, records)

    def _nodes(self, kind: str) -> dict[str, int]:
        """Outputs of a kind of program: block name -> node."""
        if kind == "jacobian":
            return {f"entry {k}": node for k, node in enumerate(self._sparse_jacobian.nodes)}
        if kind in PROGRAMS:
            return event_nodes(self.lowered, kind)
        if kind == "rhs":
            nodes = self.lowered.rhs()
        elif kind == "nonlinear":
            nodes = self.lowered.nonlinear
        else:
            nodes = derivative_nodes(self.lowered, kind)
        order = [p.name for p in self.parameters] if kind == "param_vjp" else self.layout.names
        return {name: nodes[name] for name in order}

    def _instance(self, kind: str, threads: int = 1) -> Instance:
        offsets = {f.name: 8 * f.start for f in self.layout.fields}
        return Instance(self._compiled(kind), self.space, offsets, threads)

    def source(self, kind: str = "rhs") -> str:
        """The generated module of a kernel (``rhs``, ``nonlinear``, ``jvp``, ...) as text."""
        return self._compiled(kind).emitted.source

    def native_source(self, kind: str = "rhs") -> str:
        """The text in LLVM's language of a program that is compiled as one piece with its transforms.

        On meshes it is that of the kernels.

        Raises:
            UnsupportedError: the program runs step by step; the message says why. See `source`.
        """
        fused = self._compiled(kind).fused(self.space)
        if isinstance(fused, str):
            raise UnsupportedError(f"{self.name}: {kind} is not compiled as one piece: {fused}. See source({kind!r}).")
        return fused.text

    # ------------------------------------------------------------------ for compiled loops
    def bind(self, p: Array | Mapping[Any, float] | None = None, *, threads: int = 1) -> Bound:
        """Fix the parameters and get the addresses of the compiled kernels, with memory for one user.

        Args:
            p: parameter vector, or overrides of the defaults.
            threads: for loops and transforms; more than one pays for large grids only.
        """
        shared = self._shared
        if shared is not None and type(p) is np.ndarray and shared[0] == p.tobytes():
            return shared[1]
        p = np.ascontiguousarray(self.parameter_vector(p))
        if shared is not None and shared[0] == p.tobytes():
            return shared[1]
        idle = self._idle.setdefault(threads, deque(maxlen=IDLE))
        try:
            instance = idle.pop()
        except IndexError:
            instance = self._instance(self._main, threads)
        instance.update(self._named(p))
        linear, whole = self.linear_diagonal(p), instance.address
        if linear is not None:
            whole = instance.add_linear(linear)
        bound = Bound(
            whole, instance.context, 0 if linear is None else instance.address, linear, p.copy(),
            self.layout.size, self.layout.is_complex, self.layout.groups, self.layout.weights, instance,
            team=instance.team,
        )  # fmt: skip
        if instance.compiled.is_shareable:  # no memory that changes: one serves all users
            bound.idle, bound.inline = {}, instance.compiled.inline
            self._shared = (p.tobytes(), bound)
        else:  # the memory serves the next user once this one is gone
            weakref.finalize(bound, idle.append, instance).atexit = False
        return bound

    def bind_jacobian(self, p: Array | Mapping[Any, float] | None = None) -> BoundJacobian:
        """Fix the parameters and get the address of the compiled Jacobian and its pattern, with memory for one user.

        Raises:
            UnsupportedError: the system lives on modes, or is a traced program with steps over whole arrays; see
                `jacobian`.
        """
        p = self.parameter_vector(p).copy()
        compiled = getattr(self.space, "compiled_jacobian", None)
        form: Any = self._sparse_jacobian if compiled is None else compiled(self)
        address, context, kept = self._ready("jacobian", p) if compiled is None else form.bind(self._named(p))
        time = self._ready("time_derivative", p) if depends_on_time(self.lowered) else (0, 0, None)
        return BoundJacobian(
            address, context, form.indptr, form.indices, time[0], time[1], p, self.layout.size, (kept, time)
        )

    def bind_product(self, kind: str, p: Array | Mapping[Any, float] | None = None) -> BoundProduct:
        """Fix the parameters and get the address of ``J v`` (kind ``jvp``) or ``J^T w`` (``vjp``).

        Raises:
            OptionError: another kind.
            UnsupportedError: the system has loops over modes or points.
        """
        return bound_product(self, kind, self.parameter_vector(p).copy())

    def _ready(self, kind: str, p: Array) -> tuple[int, int, Any]:
        """Address and context of a program at a parameter vector, and what to keep alive."""
        instance = self._instance(kind)
        instance.update(self._named(p))
        return instance.address, instance.context, instance

    @cached_property
    def has_events(self) -> bool:
        """Whether the problem has events that change the state."""
        return bool(self.lowered.events)

    def bind_events(self, p: Array | Mapping[Any, float] | None = None) -> BoundEvents | None:
        """The compiled events of the problem at a parameter vector, with memory for one user; None without events."""
        return bind_events(self, p)

    @cached_property
    def _sparse_jacobian(self) -> SparseJacobian:
        with self._lock:
            return sparse_jacobian_of(self.lowered, self.name)

    @property
    def _main(self) -> str:
        """The program behind `bind`: only N is compiled where there is a linear part."""
        return "rhs" if self.lowered.linear is None else "nonlinear"

    def linear_diagonal(self, p: Array | None = None) -> Array | None:
        """Diagonal of L at a parameter vector; None where the system has no split.

        Returns:
            (size/2,) complex128 where the state holds complex modes.
        """
        if self.lowered.linear is None:
            return None
        p = self.parameter_vector(p)
        g, roots = self.lowered.graph, list(self.lowered.linear.values())
        values = leaf_values(g, roots, self.space, self._named(p))
        shape = self.space.shape.modes
        parts = [np.broadcast_to(v, shape).ravel() for v in evaluate(g, roots, values)]
        return np.concatenate(parts).astype(complex)

    # ------------------------------------------------------------------ for Python
    def _call(self, kind: str, t: float, u: Any, p: Any, size: int, direction: Any = None) -> Array:
        instances = self._local.__dict__.setdefault("instances", {})
        if kind not in instances:
            instances[kind] = (self._instance(kind), None)
        instance, known = instances[kind]
        p = self.parameter_vector(p)
        if known is None or not np.array_equal(known, p):
            instance.update(self._named(p))
            instances[kind] = (instance, p.copy())
        u = np.ascontiguousarray(u, dtype=float)
        if u.shape != (self.layout.size,):
            raise RitzError(f"The state of {self.name} has length {self.layout.size}; found shape {u.shape}.")
        if direction is not None:
            instance.set_direction(np.asarray(direction, dtype=float), self.name)
        return self._run(instance, float(t), u, np.ascontiguousarray(p), size)

    def _run(self, instance: Any, t: float, u: Array, p: Array, size: int) -> Array:
        out = np.zeros(size)
        call_rhs_address(instance.address, t, u, p, out, instance.context)
        return out

    def rhs(self, t: float, u: Any, p: Any = None) -> Array:
        """Time derivative of the state.

        Args:
            t: time.
            u: (size,) state vector.
            p: parameter vector or overrides of the defaults.
        """
        out = self._call(self._main, t, u, p, self.layout.size)
        linear = self.linear_diagonal(p if p is None else self.parameter_vector(p))
        if linear is not None:
            out += (linear * np.ascontiguousarray(u, dtype=float).view(complex)).view(float)
        return out

    def jvp(self, t: float, u: Any, v: Any, p: Any = None) -> Array:
        """Derivative of `rhs` along a direction ``v`` of the state: ``J v``."""
        return self._call("jvp", t, u, p, self.layout.size, v)

    def vjp(self, t: float, u: Any, w: Any, p: Any = None) -> Array:
        """Transposed derivative: ``J^T w`` in the coordinates of the state vector."""
        return self._call("vjp", t, u, p, self.layout.size, w)

    def time_derivative(self, t: float, u: Any, p: Any = None) -> Array:
        """Partial derivative of `rhs` with respect to time; zero where the equations do not contain it."""
        return self._call("time_derivative", t, u, p, self.layout.size)

    def param_jvp(self, t: float, u: Any, dp: Any, p: Any = None) -> Array:
        """Derivative of `rhs` along a direction ``dp`` of the parameters."""
        return self._call("param_jvp", t, u, p, self.layout.size, dp)

    def param_vjp(self, t: float, u: Any, w: Any, p: Any = None) -> Array:
        """``(df/dp)^T w``, (parameters,)."""
        if not self.parameters:
            return np.zeros(0)
        if self.lowered.space is None:
            return self._call("param_vjp", t, u, p, len(self.parameters), w)
        rows = np.eye(len(self.parameters))
        return np.array([self.param_jvp(t, u, row, p) @ np.asarray(w, dtype=float) for row in rows])

    def jacobian(self, t: float, u: Any, p: Any = None) -> Any:
        """Jacobian of `rhs` as a sparse matrix with a pattern that does not depend on the arguments.

        Raises:
            UnsupportedError: the system lives on modes, where the Jacobian is dense; use `jvp` or `jacobian_operator`.
        """
        if hasattr(self.space, "jacobian"):
            return self.space.jacobian(self, t, u, p)
        form = self._sparse_jacobian
        return form.matrix(self._call("jacobian", t, u, p, len(form.nodes)))

    def jacobian_operator(self, t: float, u: Any, p: Any = None) -> Any:
        """Jacobian as a `scipy.sparse.linalg.LinearOperator` built on `jvp` and `vjp`."""
        from scipy.sparse.linalg import LinearOperator

        n = self.layout.size
        return LinearOperator(
            (n, n), matvec=lambda v: self.jvp(t, u, v, p), rmatvec=lambda w: self.vjp(t, u, w, p), dtype=float
        )

    def rhs_numpy(self, t: float, u: Any, p: Any = None) -> Array:
        """The same as `rhs` by plain NumPy on the graph: slow, the reference of the tests."""
        values, roots = self._oracle(t, u, p)
        g = self.lowered.graph
        results = evaluate_in(self.space, g, roots, values)
        if not self.layout.is_complex:
            blocks = zip(self.layout.names, results, strict=True)
            return np.concatenate([np.broadcast_to(r, self._spread_shape(n)).astype(float).ravel() for n, r in blocks])
        shape = self.space.shape.modes
        return np.concatenate([np.broadcast_to(r, shape).astype(complex).ravel().view(float) for r in results])

    def _spread_shape(self, name: str) -> tuple[int, ...]:
        """The shape of a block where arrays have one dimension for each slot of the space."""
        sizes = {self.space.order[a]: self.space.size(a) for a in self._block_axes(name)}
        return tuple(sizes.get(slot, 1) for slot in range(self.space.slots))

    def _oracle(self, t: float, u: Any, p: Any, roots: Sequence[int] | None = None) -> tuple[dict[int, Any], list[int]]:
        p = self.parameter_vector(p)
        g, roots = self.lowered.graph, list(self.lowered.rhs().values() if roots is None else roots)
        values = leaf_values(g, roots, self.space, self._named(p), t)
        u = np.asarray(u, dtype=float)
        for f in self.layout.fields:
            node = self.lowered.states[f.name]
            block = u[f.start : f.stop]
            if self.layout.is_complex:
                values[node] = spread(block.view(complex).reshape(self.space.shape.modes), self.space.modes, self.space)
            elif self._block_axes(f.name):
                values[node] = block.reshape(self._spread_shape(f.name))
            else:
                values[node] = block[0]
        return values, roots

    # ------------------------------------------------------------------ words
    @property
    def quantities(self) -> tuple[str, ...]:
        """Unknowns that were eliminated (a pressure, a streamfunction) and can be had from a state."""
        return tuple(self.lowered.quantities)

    def quantity(self, name: str, t: float, u: Any, p: Any = None) -> Array:
        """Value of what follows from the state: an eliminated unknown on the grid, an observable of a network.

        A constant that the equations of an eliminated unknown leave open is chosen as mean 0.

        Args:
            name: one of `quantities`.
            t, u: time and state (size,); without space also many of them, (nt,) and (size, nt).
            p: parameter vector or overrides of the defaults.

        Raises:
            OptionError: there is no such quantity.
        """
        if name not in self.lowered.quantities:
            raise OptionError(
                f"{self.name} has no quantity {name!r}.{nearest(name, self.quantities)} "
                f"Quantities: {', '.join(self.quantities) or 'none'}."
            )
        root = self.lowered.quantities[name]
        values, _ = self._oracle(t, u, p, [root])
        (modes,) = evaluate_in(self.space, self.lowered.graph, [root], values)
        if not self.layout.is_complex:
            return np.array(np.broadcast_to(modes, np.shape(u)[1:]), dtype=float)
        return self.space.shape.inverse(np.broadcast_to(modes, self.space.shape.modes).astype(complex))

    def explain_nonfinite(self, t: float, u: Any, p: Any = None) -> str:
        """Words for the first value that is not finite at this state: term, field, place and time."""
        from ritz.codegen.blame import explain_nonfinite

        return explain_nonfinite(self, t, u, p)

    def point_form(self) -> Any:
        """The right-hand side taken apart at the grid, for reduced models (see `ritz.codegen.point_form.PointForm`)."""
        if self._point_form is None:
            from ritz.codegen.point_form import make_point_form

            with self._lock:
                self._point_form = make_point_form(self)
        return self._point_form

    @property
    def forms(self) -> list[Any]:
        """Reports of the searches for forms with fewer transforms: written and found counts, the form as text."""
        return [f.report for f in self.lowered.forms]

    def program_lines(self) -> list[str]:
        """What the compiled right-hand side does, line by line."""
        from ritz.codegen.report import program_lines

        return program_lines(self._compiled(self._main), self.space)

    def report(self) -> Any:
        """What was done to the equations: forms, operations, tables, loops, emitted source."""
        from ritz.codegen.report import SystemReport

        return SystemReport(self)

    @cached_property
    def graph(self) -> Graph:
        """The graph of the model."""
        return self.lowered.graph


def _remake(problem: Any, discretization: Any, rewriter: str | Rewriting | None) -> System:
    system: System = discretization.discretize(problem, rewriter=rewriter)
    return system
