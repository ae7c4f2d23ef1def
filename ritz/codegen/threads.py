"""Starting Numba's threads, once, when a program first asks for more than one."""

from __future__ import annotations

import os
from functools import cache


@cache
def launch() -> None:
    """Start the pool; has to happen before code with parallel loops is loaded from the cache.

    Between two loops the threads sleep instead of spinning (unless ``OMP_WAIT_POLICY`` says otherwise): transforms have
    threads of their own, and on a busy machine spinning threads would keep everybody from working.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from numba.np.ufunc.parallel import _launch_threads

    _launch_threads()
