"""exponax: the same equations, ETDRK4, double precision, two-thirds rule.

``layout`` is "physical" for `exponax.repeat`, the documented way, or "modes" for a loop over ``step_fourier``, which
saves a transform in each direction per step.
"""

from __future__ import annotations

import numpy as np
import problems
from worker import Ready, serve, versions


def stepper(ex, name, n):
    """The exponax stepper and the start, (channels, *grid)."""
    two_thirds = {"order": 4, "dealiasing_fraction": 2 / 3}
    if name == "ks":
        made = ex.stepper.KuramotoSivashinskyConservative(1, problems.ks_length(n), n, problems.KS["dt"], **two_thirds)
        return made, problems.ks_start(n)[None], problems.KS
    if name == "ns":
        # exponax takes vorticity as u_y - v_x: with the usual v_x - u_y the convection changes sign
        made = ex.stepper.NavierStokesVorticity(
            2,
            2 * np.pi,
            n,
            problems.NS["dt"],
            diffusivity=problems.NS["nu"],
            vorticity_convection_scale=-1.0,
            **two_thirds,
        )
        return made, problems.ns_start(n)[None], problems.NS
    if name == "tg":
        nu = problems.TG["nu"]
        made = ex.stepper.NavierStokesVelocity(3, 2 * np.pi, n, problems.TG["dt"], diffusivity=nu, **two_thirds)
        return made, problems.tg_start(n), problems.TG
    gs = problems.GS
    made = ex.stepper.reaction.GrayScott(
        2,
        gs["length"],
        n,
        gs["dt"],
        diffusivity_1=gs["Du"],
        diffusivity_2=gs["Dv"],
        feed_rate=gs["F"],
        kill_rate=gs["k"],
        **two_thirds,
    )
    return made, np.stack(problems.gs_start(n)), gs


def prepare(arguments):
    """Compile the loops and compute the answer."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import exponax as ex
    import jax.numpy as jnp

    name, n, in_modes = arguments["problem"], arguments["n"], arguments["layout"] == "modes"
    made, start, case = stepper(ex, name, n)
    dimensions = start.ndim - 1

    def loop(count):
        if in_modes:
            return jax.jit(lambda v: jax.lax.fori_loop(0, count, lambda i, w: made.step_fourier(w), v))
        return jax.jit(ex.repeat(made, count))

    state = jnp.asarray(start)
    if in_modes:
        state = ex.fft(state, num_spatial_dims=dimensions)
    final = loop(round(case["check"] / case["dt"]))(state)
    if in_modes:
        final = ex.ifft(final, num_spatial_dims=dimensions, num_points=n)
    answer = np.asarray(final).reshape(start.shape if len(start) > 1 else start.shape[1:])
    loops = {}

    def block(count):
        if count not in loops:
            loops[count] = loop(count)
        loops[count](state).block_until_ready()

    return Ready({"field": answer}, block, versions("exponax", "jax", "jaxlib"))


serve(prepare)
