"""Starting Numba's threads, once, when a program first asks for more than one."""

from __future__ import annotations

import os
from functools import cache


@cache
def launch() -> None:
    """Start the pool; has to happen before code with parallel loops is loaded from the cache.

    Between two loops a thread of GNU OpenMP spins for about a millisecond, then sleeps, unless the environment says
    otherwise: waking a sleeping thread takes as long as a loop over a small grid.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000000")
    from numba.np.ufunc.parallel import _launch_threads

    _launch_threads()
