"""The cost table of this machine: operations timed once, stored beside the kernels, used by later runs.

Nothing is timed unless `calibrate` is called: without a stored table the fixed one of `ritz.symbolic.rewrite.cost` is
used, so results are the same on every machine.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import platform
import time

import numpy as np

from ritz.codegen import cache, loops
from ritz.symbolic.rewrite.cost import DEFAULT, LATENCY, CostTable

_MODULE = '''"""Loops that time single operations, made by Ritz"""

import math

from ritz.codegen.loops import as_f64


def chain(x_: int, y_: int, n: int, total_: int):
    x, total = as_f64(x_), 0.0
    for i in range(n):
        total = total + x[i]
    as_f64(total_)[0] = total


def nothing(x_: int, y_: int, n: int, total_: int):
    x, total = as_f64(x_), 0.0
    for i in range(0, n, 4):
        total = total + ((x[i] + x[i + 1]) + (x[i + 2] + x[i + 3]))
    as_f64(total_)[0] = total
{functions}
'''
_FUNCTION = """

def time_{name}(x_: int, y_: int, n: int, total_: int):
    x, y, total = as_f64(x_), as_f64(y_), 0.0
    for i in range(0, n, 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        total = total + (({0} + {1}) + ({2} + {3}))
    as_f64(total_)[0] = total
"""
_SHOW = {
    "div": "y[i] / {v}", "sqrt": "math.sqrt({v})", "exp": "math.exp({v})", "expm1": "math.expm1({v})",
    "log": "math.log({v})", "log1p": "math.log1p({v})", "sin": "math.sin({v})", "cos": "math.cos({v})",
    "tan": "math.tan({v})", "arcsin": "math.asin({v})", "arccos": "math.acos({v})", "arctan": "math.atan({v})",
    "arctan2": "math.atan2({v}, y[i])", "sinh": "math.sinh({v})", "cosh": "math.cosh({v})", "tanh": "math.tanh({v})",
    "hypot": "math.hypot({v}, y[i])", "pow": "{v} ** y[i]",
}  # fmt: skip
_SIZE, _REPEATS = 4096, 15
_CHAIN_IN_UNITS = 8.0  # one link of a chain of additions takes about four cycles, in which two units add eight numbers
_TRUST = 4.0  # a figure further than this factor from the fixed table is put down to a disturbance


def calibrate() -> CostTable:
    """Time the operations on this machine, store the result, and use it for models that are compiled from now on.

    Takes a few seconds; do nothing else meanwhile. Models whose code was chosen before are not chosen again.

    Returns:
        The table; its unit is one addition.

    Example:
        >>> import ritz as rz
        >>> table = rz.calibrate()  # doctest: +SKIP
        >>> table.latency["exp"] > table.latency["mul"]  # doctest: +SKIP
        True
    """
    measured = measure()
    path = cache.writable_directory() / _name()
    path.write_text(json.dumps(measured, indent=1, sort_keys=True))
    return _table(measured)


def machine_costs() -> CostTable:
    """The table stored for this machine, or the fixed one if there is none."""
    try:
        return _table(json.loads((cache.directory() / _name()).read_text()))
    except FileNotFoundError:
        return DEFAULT
    except (OSError, ValueError, TypeError) as error:
        logging.getLogger(__name__).warning("the stored cost table cannot be read and is not used: %s", error)
        return DEFAULT


def measure() -> dict[str, float]:
    """Costs of operations in units of one addition, by timing."""
    parts = [_FUNCTION.format(*(text.format(v=v) for v in "abcd"), name=name) for name, text in _SHOW.items()]
    module = loops.load(_MODULE.format(functions="".join(parts)))
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 0.9, _SIZE), rng.uniform(1.1, 1.9, _SIZE)
    unit = _seconds(module.address("chain"), x, y) / _CHAIN_IN_UNITS
    base = _seconds(module.address("nothing"), x, y)
    found = {}
    for name in _SHOW:
        cost = (_seconds(module.address(f"time_{name}"), x, y) - base) / unit
        fixed = LATENCY[name]
        found[name] = round(float(min(max(cost, fixed / _TRUST), fixed * _TRUST)), 2)
    return found


def _seconds(address: int, x: np.ndarray, y: np.ndarray) -> float:
    """Seconds per number: the fastest of several runs."""
    total = np.empty(1)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 4)(address)
    given = x.ctypes.data, y.ctypes.data, x.size, total.ctypes.data
    function(*given)
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        function(*given)
        best = min(best, time.perf_counter() - start)
    return best / _SIZE


def _table(measured: dict[str, float]) -> CostTable:
    unknown = set(measured) - set(_SHOW)
    if unknown:
        raise ValueError(f"unknown operations {', '.join(sorted(unknown))}")
    return DEFAULT.with_latency(**{name: float(cost) for name, cost in measured.items()})


def _name() -> str:
    about = f"{platform.machine()} {platform.processor()} {platform.system()} {_processor()}"
    return f"costs_{hashlib.sha256(about.encode()).hexdigest()[:16]}.json"


def _processor() -> str:
    import llvmlite.binding as llvm

    return str(llvm.get_host_cpu_name())
