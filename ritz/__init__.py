"""Ritz: equations in a notebook, fast solvers and reduced models, without a compiler.

Every public name is listed here and loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME: dict[str, str] = {}


def _list(module: str, names: str) -> None:
    for name in names.split():
        _HOME[name] = module


_list("ritz.symbolic.coordinates", "Coordinate Time coords")
_list("ritz.symbolic.fields", "Field fields vector_fields tensor_fields")
_list("ritz.symbolic.parameters", "Parameter params")
_list("ritz.symbolic.equation", "Eq")
_list("ritz.symbolic.events", "Event")
_list("ritz.symbolic.domains", "Box Interval")
_list("ritz.symbolic.conditions", "Periodic")
_list("ritz.symbolic.boundary_conditions", "Dirichlet MeanZero Neumann PointValue Robin")
_list("ritz.symbolic.weak_notation", "average cell_size facet_size integral jump normal numbers side test")
_list("ritz.symbolic.problem", "Problem")
_list("ritz.symbolic.parse", "parse")
_list(
    "ritz.symbolic.notation",
    "component cross curl d det div dot dt dx dy dz grad identity inner inv lap outer sym tensor transpose vector",
)
_list("ritz.symbolic.importers", "read_bionetgen read_model read_sbml")
_list("ritz.symbolic.rewrite", "Rewriting rewrite rule")
_list("ritz.codegen.pointwise", "Pointwise")
_list("ritz.codegen.fourier", "Fourier")
_list("ritz.codegen.fem.discretization", "FiniteElement")
_list("ritz.codegen.fem.element", "Element")
_list("ritz.codegen.mesh", "Mesh box disc gmsh_mesh interval read_mesh rectangle write_fields")
_list("ritz.codegen.system", "System")
_list("ritz.codegen.function_system", "FunctionSystem")
_list("ritz.codegen.structure", "Saddle Structure")
_list("ritz.codegen.calibration", "calibrate")
_list("ritz.codegen.traced.trace", "trace")
_list("ritz.solvers.solve", "solve")
_list("ritz.solvers.methods", "methods")
_list("ritz.solvers.continuation", "continuation")
_list("ritz.solvers.eigen", "eigenvalues")
_list("ritz.solvers.linear.table", "LinearOptions linear_solvers")
_list("ritz.solvers.solution", "Solution")
_list("ritz.solvers.storage", "load")
_list("ritz.solvers.convergence", "convergence_study")
_list("ritz.solvers.estimate", "estimate_error")
_list("ritz.solvers.adapt", "adapt")
_list("ritz.reduced_order.sweep", "sweep")
_list("ritz.reduced_order.reduce", "reduce")
_list("ritz.reduced_order.pod", "POD")
_list("ritz.reduced_order.incremental", "IncrementalPOD")
_list("ritz.reduced_order.interpolation", "DEIM EIM")

_SYMPY = (
    "Abs E Heaviside I Max Min Piecewise acos asin atan atan2 conjugate cos cosh erf exp im log oo pi re sign sin sinh "
    "sqrt tan tanh"
)
_list("sympy", _SYMPY)
_MODULES = {
    "cache": "ritz.codegen.cache",
    "errors": "ritz.errors",
    "rewriter": "ritz.symbolic.rewrite.expressions",
}

__all__ = ["__version__", "cache", "errors", "rewriter", "t", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = import_module(_MODULES[name])
    elif name == "t":
        from ritz.symbolic.coordinates import Time

        value = Time()
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        from ritz.errors import nearest

        raise AttributeError(f"module 'ritz' has no attribute {name!r}.{nearest(name, __all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
