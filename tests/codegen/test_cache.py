"""Compiled code on disk: one file per text, safe to clear, safe under concurrent processes."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import numpy as np
import pytest

import ritz as rz
from ritz.codegen import loops
from ritz.errors import UnsupportedError

SOURCE = '''"""A module"""


def write(address: int):
    as_f64(address)[0] = 41.0 + 1.0
'''


def value(module):
    found = np.zeros(1)
    ctypes.CFUNCTYPE(None, ctypes.c_ssize_t)(module.address("write"))(found.ctypes.data)
    return found[0]


@pytest.fixture()
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RITZ_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_equal_text_is_one_module(own_cache):
    first, second = loops.load(SOURCE), loops.load(SOURCE)
    assert first is second and value(first) == 42
    assert loops.load(SOURCE + "\n# another\n") is not first
    status = rz.cache.status()
    assert status.modules == 2 and status.source_bytes > 0 and str(own_cache) in str(status)


def test_clear_removes_files_and_loaded_modules_go_on(own_cache):
    source = SOURCE + "\n# to be cleared\n"
    loops.load(source)
    assert rz.cache.clear() == 1
    assert rz.cache.status().modules == 0
    assert value(loops.load(source)) == 42


def test_broken_module_is_not_kept(own_cache):
    for _ in range(2):
        with pytest.raises(UnsupportedError, match="compiled function wrong, line 2"):
            loops.load("def wrong(address: int):\n    open(address)\n")
    assert rz.cache.status().modules == 0


def test_two_processes_at_once(own_cache):
    program = (
        "import ritz as rz; x = rz.fields('x');"
        "s = rz.Problem([rz.Eq(rz.dt(x), -x**3)], initial={x: 1}).discretize(rz.Pointwise());"
        "print(float(s.rhs(0.0, [2.0])[0]))"
    )
    runs = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [run.communicate()[0].strip() for run in runs] == ["-8.0", "-8.0"]
    assert rz.cache.status().modules == 1


def test_second_process_compiles_nothing(own_cache):
    """Neither the kernels of the system nor Ritz's own loops, threaded ones included; and nothing loads Numba."""
    program = (
        "import sys, ritz as rz; from ritz.codegen import native; x, u = rz.coords('x'), rz.fields('u');"
        "compile, made = native._compile, [];"
        "native._compile = lambda *given: (made.append(1), compile(*given))[1];"
        "s = rz.Problem([rz.Eq(rz.dt(u), rz.lap(u) - u**3)], domain=rz.Interval(0, 1), conditions=[rz.Periodic()],"
        " initial={u: 1}).discretize(rz.Fourier(32));"
        "[rz.solve(s, (0, 1), method='ETDRK4', dt=0.1, threads=k) for k in (1, 2)];"
        "rz.solve(s, (0, 1), method='RK45');"
        "print(len(made), 'numba' in sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert int(runs[0][0]) > 5 and runs[1] == ["0", "False"]


def test_transforms_of_a_library_are_found_in_the_cache_again():
    """Functions that reach others through a closure would be compiled, and stored, anew by every process."""
    program = (
        "from ritz.codegen.transforms.rocket import columns_kernel, real_rows_kernel;"
        "print(columns_kernel()._cache_hits, real_rows_kernel()._cache_hits)"
    )
    for _ in range(2):
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "1"]


def _products(names, *, first=()):
    """Sums of products, made after the products `first`; their nodes are numbered accordingly."""
    from ritz.symbolic.graph import Graph

    g = Graph()
    nodes = {name: g.input(name, "state") for name in sorted(names, reverse=bool(first))}
    for pair in first:
        g.product(nodes[n] for n in pair)
    root = g.add([(2, g.product([nodes["a"], nodes["b"]])), (3, g.func("exp", g.product([nodes["b"], nodes["c"]])))], 1)
    return g, [root, g.div(nodes["a"], nodes["c"])]


def test_the_key_of_a_schedule_does_not_depend_on_the_numbers_of_nodes():
    from ritz.codegen.scheduling import _canonical

    one, two = _products("abc"), _products("abc", first=["bc", "ac"])
    assert one[1] != two[1]
    text, leaves = _canonical(*one, "options")
    again, same = _canonical(*two, "options")
    assert text == again
    assert [one[0].args[n] for n in leaves] == [two[0].args[n] for n in same]
    assert _canonical(*_products("abc"), "others")[0] != text


def test_a_schedule_from_the_cache_serves_a_graph_numbered_otherwise(own_cache):
    from ritz.codegen.scheduling import scheduler
    from ritz.symbolic.evaluate import evaluate
    from ritz.symbolic.rewrite.execute import run_numpy

    first, second = [], []
    made = scheduler("egraph", (), first)(*_products("abc"))
    g, roots = _products("abc", first=["bc", "ac"])
    found = scheduler("egraph", (), second)(g, roots)
    assert first[0].seconds == second[0].seconds and found.op == made.op  # from the disk
    values = dict(zip(g.inputs(roots), (0.3, -1.2, 2.5), strict=True))
    np.testing.assert_allclose(run_numpy(found, values), evaluate(g, roots, values), rtol=1e-14)
