"""Solutions over real layouts: vectors, auxiliary unknowns, complex fields, ODEs."""

import pickle

import numpy as np
import pytest
import sympy as sp

from ritz.codegen.fourier.discretization import Fourier
from ritz.codegen.pointwise import Pointwise
from ritz.solvers.solution import Solution
from ritz.solvers.storage import load
from ritz.symbolic.conditions import Periodic
from ritz.symbolic.coordinates import coords
from ritz.symbolic.domains import Box
from ritz.symbolic.equation import Eq
from ritz.symbolic.fields import fields, vector_fields
from ritz.symbolic.notation import dot, dt, grad, lap
from ritz.symbolic.parameters import params
from ritz.symbolic.problem import Problem


def still(problem: Problem, discretization: object, nt: int = 3) -> Solution:
    """A Solution that holds multiples 1, 2, ... of the initial state."""
    system = problem.discretize(discretization)
    start = system.initial_state()
    states = np.stack([start * (1 + i) for i in range(nt)], axis=1)
    return Solution(t=np.linspace(0, 1, nt), y=states, system=system, params=system.parameter_values(), method="RK45")


def burgers() -> Solution:
    x, y = coords("x y")
    velocity, nu = vector_fields("U"), params("nu", default=0.1)
    return still(
        Problem(
            [Eq(dt(velocity), nu * lap(velocity) - dot(velocity, grad(velocity)))],
            domain=Box(x=(0, 2 * sp.pi), y=(0, 2 * sp.pi)),
            conditions=[Periodic()],
            initial={velocity: (sp.sin(y), sp.cos(x))},
        ),
        Fourier(16, 12),
    )


def wave() -> Solution:
    x, u = coords("x"), fields("u")
    box = Box(x=(0, 2 * sp.pi))
    problem = Problem([Eq(dt(u, 2), lap(u))], domain=box, conditions=[Periodic()], initial={u: sp.sin(x), dt(u): 0})
    return still(problem, Fourier(16))


def schroedinger() -> Solution:
    x, psi = coords("x"), fields("psi", complex=True)
    return still(
        Problem(
            [Eq(sp.I * dt(psi), -lap(psi) + sp.Abs(psi) ** 2 * psi)],
            domain=Box(x=(0, 2 * sp.pi)),
            conditions=[Periodic()],
            initial={psi: sp.exp(sp.I * x)},
        ),
        Fourier(16),
    )


def oscillator() -> Solution:
    x, v = fields("x v")
    return still(Problem([Eq(dt(x), v), Eq(dt(v), -x)], initial={x: 1, v: 0.5}), Pointwise())


def test_vector_field():
    solution = burgers()
    assert solution.fields == ("U",) and solution["U"].shape == (3, 2, 16, 12)
    np.testing.assert_allclose(solution["U_y"][1], 2 * np.cos(solution.coords["x"])[:, None] + np.zeros(12), atol=1e-13)
    assert solution.parameters == {"nu": 0.1} and solution.catalog.equations[0].startswith("dt(U) = ")
    assert all(axis.periodic for axis in solution.catalog.axes)


def test_auxiliary_unknown_is_not_listed():
    assert wave().fields == ("u",) and wave().components == ("u", "u_t")


def test_complex_field():
    solution = schroedinger()
    np.testing.assert_allclose(solution["psi"][0], np.exp(1j * solution.coords["x"]), atol=1e-14)
    assert solution.catalog.complex_valued == ("psi",)


def test_ode():
    assert oscillator().final == {"x": 3.0, "v": 1.5} and oscillator()["v"].tolist() == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("make", [burgers, wave, schroedinger, oscillator])
def test_file_and_pickle_round_trips(make, tmp_path):
    solution = make()
    again = load(solution.save(tmp_path / "run.nc"), system=solution.system)
    thawed = pickle.loads(pickle.dumps(solution))
    for other in (again, thawed):
        assert repr(other) == repr(solution)
        np.testing.assert_array_equal(other.final_state, solution.final_state)
        for name in solution.components:
            np.testing.assert_array_equal(other[name], solution[name])
