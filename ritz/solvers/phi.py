"""The phi functions of exponential integrators and the coefficient tables of ETDRK4.

``phi_0(z) = exp(z)`` and ``phi_k(z) = (phi_{k-1}(z) - 1/(k-1)!) / z``. The recursion loses all digits near zero, the
power series far from it, so the two are used on their own sides of ``|z| = 2``: the relative error stays below 1e-14
for ``Re z <= 0``, zero and imaginary z included. Averages over a contour around z [Kassam and Trefethen, "Fourth-order
time-stepping for stiff PDEs", SIAM J. Sci. Comput. 26 (2005)] give the same values for 32 times the exponentials and
serve as a check in the tests.
"""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ritz.codegen.loops import as_c128, as_f64, compiled

TERMS = 27  # 2^27 / 27! < 1e-20


@compiled()
def phi123(z):  # type: ignore[no-untyped-def]
    """``exp(z), phi_1(z), phi_2(z), phi_3(z)`` of one real or complex number."""
    e = cmath.exp(z)
    if abs(z) < 2.0:
        p3 = 0.0 * z
        for k in range(TERMS, -1, -1):  # phi_3 = sum z^k / (k + 3)! in nested form
            p3 = p3 * z / (k + 4.0) + 1.0
        p3 = p3 / 6.0
        p2 = p3 * z + 0.5
        p1 = p2 * z + 1.0
        return e, p1, p2, p3
    p1 = (e - 1.0) / z
    p2 = (p1 - 1.0) / z
    return e, p1, p2, (p2 - 0.5) / z


@compiled()
def _phi_rows(z, out, n):  # type: ignore[no-untyped-def]
    for i in range(n):
        out[i], out[n + i], out[2 * n + i], out[3 * n + i] = phi123(z[i])


@compiled()
def _real_phi_rows(z: int, out: int, n: int) -> None:
    _phi_rows(as_f64(z), as_f64(out), n)


@compiled()
def _complex_phi_rows(z: int, out: int, n: int) -> None:
    _phi_rows(as_c128(z), as_c128(out), n)


@compiled()
def _etdrk4_rows(linear, h, out, n):  # type: ignore[no-untyped-def]
    for i in range(n):
        z = h * linear[i]
        half, p1, _, _ = phi123(0.5 * z)
        out[i] = half if abs(half) > 1e-150 else 0.0 * z  # else products of subnormal numbers, which are slow
        out[n + i] = 0.5 * h * p1
        _, p1, p2, p3 = phi123(z)
        out[2 * n + i] = h * (p1 - 3.0 * p2 + 4.0 * p3)
        out[3 * n + i] = h * (2.0 * p2 - 4.0 * p3)
        out[4 * n + i] = h * (4.0 * p3 - p2)


@compiled()
def _real_etdrk4_rows(linear: int, h: float, out: int, n: int) -> None:
    _etdrk4_rows(as_f64(linear), h, as_f64(out), n)


@compiled()
def _complex_etdrk4_rows(linear: int, h: float, out: int, n: int) -> None:
    _etdrk4_rows(as_c128(linear), h, as_c128(out), n)


def etdrk4_table(linear: NDArray[Any], h: float, out: NDArray[Any]) -> None:
    """Coefficients of ETDRK4 for the step `h`: rows exp(hL/2), (h/2) phi_1(hL/2) and the weights of the last stage.

    The weights are those of Cox and Matthews, "Exponential time differencing for stiff systems", J. Comput. Phys. 176
    (2002), eq. (26)-(29), as combinations of phi functions.

    Args:
        linear: (n,) contiguous, real or complex.
        h: the step.
        out: (5, n) of the same type, contiguous.
    """
    fill = _complex_etdrk4_rows if np.iscomplexobj(linear) else _real_etdrk4_rows
    fill(linear.ctypes.data, h, out.ctypes.data, linear.size)


def phi(k: int, z: ArrayLike) -> NDArray[Any]:
    """Evaluate phi_k for k = 0, 1, 2, 3.

    Args:
        k: Which function.
        z: Real or complex numbers, any shape.

    Returns:
        Values in the shape of `z`, real for real `z`.

    Raises:
        ValueError: if k is not 0, 1, 2 or 3.

    Example:
        >>> [float(phi(k, 0.0)) for k in range(4)]
        [1.0, 1.0, 0.5, 0.16666666666666666]
    """
    if k not in (0, 1, 2, 3):
        raise ValueError(f"phi_k is available for k = 0, 1, 2, 3, not k = {k}.")
    values = np.asarray(z)
    values = values.astype(complex if np.iscomplexobj(values) else float)
    out = np.empty((4, values.size), values.dtype)
    flat = np.ascontiguousarray(values).ravel()
    fill = _complex_phi_rows if np.iscomplexobj(flat) else _real_phi_rows
    fill(flat.ctypes.data, out.ctypes.data, flat.size)
    return out[k].reshape(values.shape)
