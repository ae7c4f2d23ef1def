"""The problems that all sides solve, and their reference answers by NumPy with a smaller time step.

| name | equation | domain |
|---|---|---|
| ks | u_t + u u_x + u_xx + u_xxxx = 0 | [0, 16 pi N / 128) |
| ns | w_t + psi_y w_x - psi_x w_y = nu lap w, -lap psi = w | [0, 2 pi)^2 |
| gs | u_t = Du lap u - u v^2 + F (1 - u), v_t = Dv lap v + u v^2 - (F + k) v | [0, 2.5)^2 |
| tg | u_t + u . grad u + grad p = nu lap u, div u = 0 (three components) | [0, 2 pi)^3 |
| burgers | u_t + u u_x = nu u_xx | [0, 2 pi) |
| brusselator | u' = b + u^2 v - (a + 1) u + alpha lap u, v' = a u - u^2 v + alpha lap v (grid differences) | [0, 1)^2 |
| lorenz | x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z | |
"""

from __future__ import annotations

import numpy as np

KS = {"dt": 0.05, "check": 10.0}
NS = {"dt": 0.005, "nu": 1e-4, "check": 0.25}
GS = {"dt": 1.0, "Du": 2e-5, "Dv": 1e-5, "F": 0.04, "k": 0.06, "length": 2.5, "check": 50.0}
TG = {"dt": 0.01, "nu": 1 / 1600, "check": 0.1}
BURGERS = {"nu": 0.1, "range": (0.05, 0.2), "check": 1.0}
BRUSSELATOR = {"a": 3.4, "b": 1.0, "alpha": 100.0, "end": 0.1, "rtol": 1e-4, "atol": 1e-6}
LORENZ = {"sigma": 10.0, "rho": 28.0, "beta": 8.0 / 3.0, "start": (1.0, 1.0, 1.0), "end": 10.0, "tolerance": 1e-6}


def ks_length(n):
    """Domain length: the grid spacing is the same for every n."""
    return 16 * np.pi * n / 128


def ks_start(n):
    """Two waves and one long wave that breaks their symmetry, (n,)."""
    x = np.arange(n) * (ks_length(n) / n)
    return np.cos(x / 8) * (1 + np.sin(x / 8)) + 0.1 * np.cos(2 * np.pi * x / ks_length(n))


def ns_start(n):
    """Vorticity of two disturbed shear layers, (n, n), axes x and y."""
    s = np.arange(n) * (2 * np.pi / n)
    x, y = np.meshgrid(s, s, indexing="ij")
    layers = np.exp(-8 * (1 - np.cos(y - np.pi / 2))) - np.exp(-8 * (1 - np.cos(y - 3 * np.pi / 2)))
    return 4 * layers * (1 + 0.1 * np.cos(x)) + 0.5 * np.cos(2 * x + y) + 0.3 * np.sin(3 * x - 2 * y)


def gs_start(n):
    """Three smooth spots of v in u, each (n, n)."""
    s = 2 * np.pi * np.arange(n) / n
    x, y = np.meshgrid(s, s, indexing="ij")
    spots = ((0.5, 0.5), (0.35, 0.6), (0.62, 0.38))
    v = sum(0.3 * np.exp(-40 * (2 - np.cos(x - 2 * np.pi * a) - np.cos(y - 2 * np.pi * b))) for a, b in spots)
    return 1 - 1.6 * v, v


def tg_start(n):
    """Velocity of the Taylor-Green vortex, (3, n, n, n)."""
    s = 2 * np.pi * np.arange(n) / n
    x, y, z = np.meshgrid(s, s, s, indexing="ij")
    return np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), np.zeros_like(x)])


def lorenz_reference():
    """End state by SciPy's DOP853 near round-off, (3,)."""
    from scipy.integrate import solve_ivp

    span, start = (0.0, LORENZ["end"]), LORENZ["start"]
    return solve_ivp(lorenz_rhs, span, start, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]


def lorenz_rhs(t, u):
    """Right-hand side as a user of SciPy writes it."""
    x, y, z = u
    return [LORENZ["sigma"] * (y - x), x * (LORENZ["rho"] - z) - y, x * y - LORENZ["beta"] * z]


def etd_coefficients(linear, dt, points=32):
    """Kassam and Trefethen (2005): means over a circle, for a real diagonal operator."""
    circle = np.exp(1j * np.pi * (np.arange(1, points + 1) - 0.5) / points)
    z = dt * linear[..., None] + circle
    e = np.exp(z)

    def mean(values):
        return dt * values.mean(-1).real

    return (
        np.exp(dt * linear),
        np.exp(dt * linear / 2),
        mean((np.exp(z / 2) - 1) / z),
        mean((-4 - z + e * (4 - 3 * z + z**2)) / z**3),
        2 * mean((2 + z + e * (z - 2)) / z**3),
        mean((-4 - 3 * z - z**2 + e * (4 - z)) / z**3),
    )


def etdrk4(v, linear, nonlinear, dt, steps):
    """Advance modes by ETDRK4 (Cox and Matthews 2002)."""
    full, half, q, f1, f2, f3 = etd_coefficients(linear, dt)
    for _ in range(steps):
        nv = nonlinear(v)
        a = half * v + q * nv
        na = nonlinear(a)
        b = half * v + q * na
        nb = nonlinear(b)
        c = half * a + q * (2 * nb - nv)
        v = full * v + f1 * nv + f2 * (na + nb) + f3 * nonlinear(c)
    return v


def ks_reference(n, finer=4):
    """u at the check time, (n,)."""
    index = np.arange(n // 2 + 1)
    kept = index <= (n - 1) // 3
    k = 2 * np.pi / ks_length(n) * index
    dt = KS["dt"] / finer
    modes = etdrk4(
        np.fft.rfft(ks_start(n)) * kept,
        k**2 - k**4,
        lambda v: -0.5j * k * kept * np.fft.rfft(np.fft.irfft(v, n) ** 2),
        dt,
        round(KS["check"] / dt),
    )
    return np.fft.irfft(modes, n)


def burgers_start(n):
    """A smooth wave that steepens, (n,)."""
    x = 2 * np.pi * np.arange(n) / n
    return np.sin(x) + 0.5 * np.cos(2 * x)


def burgers_reference(n, steps=4000):
    """u at the check time, (n,)."""
    k = np.arange(n // 2 + 1.0)
    kept = k <= (n - 1) // 3
    modes = etdrk4(
        np.fft.rfft(burgers_start(n)) * kept,
        -BURGERS["nu"] * k**2,
        lambda v: -0.5j * k * kept * np.fft.rfft(np.fft.irfft(v, n) ** 2),
        BURGERS["check"] / steps,
        steps,
    )
    return np.fft.irfft(modes, n)


def plane(n, length):
    """Wave numbers along both axes and the modes that the 2/3 rule keeps."""
    first, last = np.fft.fftfreq(n, 1 / n)[:, None], np.arange(n // 2 + 1.0)[None]
    kept = (np.abs(first) <= (n - 1) // 3) & (last <= (n - 1) // 3)
    return 2 * np.pi / length * first, 2 * np.pi / length * last, kept


def ns_reference(n, finer=2):
    """Vorticity at the check time, (n, n)."""
    kx, ky, kept = plane(n, 2 * np.pi)
    k2 = kx**2 + ky**2
    inverse = np.divide(1, k2, out=np.zeros_like(k2), where=k2 > 0)

    def back(modes):
        return np.fft.irfft2(modes, s=(n, n))

    def nonlinear(w):
        psi = w * inverse
        advection = back(1j * ky * psi) * back(1j * kx * w) - back(1j * kx * psi) * back(1j * ky * w)
        return -(kept * np.fft.rfft2(advection))

    dt = NS["dt"] / finer
    return back(etdrk4(np.fft.rfft2(ns_start(n)) * kept, -NS["nu"] * k2, nonlinear, dt, round(NS["check"] / dt)))


def tg_reference(n, finer=2, most=64):
    """Velocity at the check time, (3, n, n, n), from the rotational form on at most `most` points an axis.

    Until then the modes beyond are below round-off, so that larger grids have the same solution.
    """
    m = min(n, most)
    index, last = np.fft.fftfreq(m, 1 / m), np.arange(m // 2 + 1.0)
    k = np.stack(np.meshgrid(index, index, last, indexing="ij"))
    kept = (np.abs(k) <= (m - 1) // 3).all(axis=0)
    square = (k**2).sum(axis=0)
    inverse = np.divide(1, square, out=np.zeros_like(square), where=square > 0)

    def back(modes):
        return np.fft.irfftn(modes, s=(m,) * 3, axes=(1, 2, 3))

    def nonlinear(u):
        force = kept * np.fft.rfftn(np.cross(back(u), back(1j * np.cross(k, u, axis=0)), axis=0), axes=(1, 2, 3))
        return force - k * ((k * force).sum(axis=0) * inverse)

    dt = TG["dt"] / finer
    start = np.fft.rfftn(tg_start(m), axes=(1, 2, 3)) * kept
    modes = etdrk4(start, np.stack([-TG["nu"] * square] * 3), nonlinear, dt, round(TG["check"] / dt))
    full = np.zeros((3, n, n, n // 2 + 1), dtype=complex)
    places = index.astype(int) % n
    full[np.ix_(range(3), places, places, last.astype(int))] = modes * (n / m) ** 3
    return np.fft.irfftn(full, s=(n,) * 3, axes=(1, 2, 3))


def gs_reference(n, finer=4):
    """u and v at the check time, (2, n, n)."""
    kx, ky, kept = plane(n, GS["length"])
    k2 = kx**2 + ky**2
    linear = np.stack([-GS["Du"] * k2 - GS["F"], -GS["Dv"] * k2 - GS["F"] - GS["k"]])

    def nonlinear(modes):
        u, v = np.fft.irfft2(modes, s=(n, n))
        product = np.fft.rfft2(u * v * v) * kept
        out = np.stack([-product, product])
        out[0, 0, 0] += GS["F"] * n * n
        return out

    dt = GS["dt"] / finer
    start = np.fft.rfft2(np.stack(gs_start(n))) * kept
    return np.fft.irfft2(etdrk4(start, linear, nonlinear, dt, round(GS["check"] / dt)), s=(n, n))


def brusselator(t, y, a, b, alpha):
    """The Brusselator on a periodic grid as a NumPy program, y is (2, n, n)."""
    u, v = y

    def lap(z):
        return np.roll(z, 1, 0) + np.roll(z, -1, 0) + np.roll(z, 1, 1) + np.roll(z, -1, 1) - 4 * z

    q = u**2 * v
    return np.stack([b + q - (a + 1) * u + alpha * lap(u), a * u - q + alpha * lap(v)])


def brusselator_start(n):
    """Smooth start of the Brusselator, (2, n, n)."""
    s = np.arange(n) / n
    x, y = np.meshgrid(s, s, indexing="ij")
    return np.stack([22 * y * (1 - y) ** 1.5, 27 * x * (1 - x) ** 1.5])
