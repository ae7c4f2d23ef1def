"""Spectra, interpolation between grid points and the check of the resolution."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from solution_fakes import fake_solution, fake_system, flow_2d, orbit, packet_1d, wave_1d

from ritz.errors import ResolutionWarning, UnsupportedError
from ritz.solvers.catalog import Axis
from ritz.solvers.spectra import between_points, shell_spectrum, tail_size


def axis(n: int, length: float = 2 * np.pi) -> Axis:
    return Axis("x", length / n * np.arange(n), 0.0, length, True)


@pytest.mark.parametrize("shape", [(15,), (16,), (8, 9), (4, 6, 5)])
def test_shell_powers_add_up_to_the_mean_square(shape, rng):
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    _, power = shell_spectrum(values, tuple(axis(n) for n in shape))
    assert power.sum() == pytest.approx(np.mean(abs(values) ** 2))


def test_wavenumbers_are_those_of_the_box():
    line = axis(32, length=10.0)
    k, power = shell_spectrum(np.cos(2 * np.pi * 3 * line.values / 10), (line,))
    assert k[np.argmax(power)] == pytest.approx(2 * np.pi * 3 / 10)


@pytest.mark.parametrize("n", [7, 8])
@pytest.mark.parametrize("kind", [float, complex])
def test_interpolant_is_exact_for_resolved_waves(n, kind):
    def wave(x):
        return np.exp(3j * x) + 0.5 if kind is complex else np.cos(3 * x) + np.sin(x) - 0.2

    fine, values = between_points(wave(axis(n).values), axis(n), 0, 50)
    assert fine[-1] == pytest.approx(2 * np.pi) and values.dtype == kind
    np.testing.assert_allclose(values, wave(fine), atol=1e-13)


def test_interpolant_passes_through_the_grid_values(rng):
    values = rng.standard_normal((3, 12, 2))
    _, fine = between_points(values, axis(12), 1, 40)
    np.testing.assert_allclose(fine[:, :-1:4], values, atol=1e-14)


def test_values_that_are_not_finite_keep_their_points():
    values = np.array([1.0, np.nan, 2.0, 3.0])
    _, shown = between_points(values, axis(4), 0, 100)
    np.testing.assert_array_equal(shown, [1, np.nan, 2, 3, 1])


@pytest.mark.parametrize("n", [63, 64, 128])
def test_tail_of_smooth_and_rough_fields(n):
    x = axis(n).values
    assert tail_size(np.exp(np.sin(x)), 0) < 1e-6
    assert tail_size(np.sign(x - 3) + 0.1, 0) > 0.05
    assert tail_size(np.full(n, 2.0), 0) == 0


@pytest.mark.parametrize("cut", [2 / 3, 1 / 2])
def test_tail_is_measured_in_the_band_that_dealiasing_keeps(cut, rng):
    modes = np.fft.rfft(rng.standard_normal(96))
    modes[int(48 * cut) + 1 :] = 0
    assert tail_size(np.fft.irfft(modes, 96), 0) > 0.2


@pytest.mark.parametrize("wave", [1, 8, 16, 21])
def test_single_waves_are_resolved(wave):
    assert tail_size(np.sin(wave * axis(64).values), 0) < 1e-12


def test_warning_names_field_axis_and_remedy():
    system = fake_system("u v", {"x": (0, 2 * np.pi, 32), "y": (0, 2 * np.pi, 32)})
    solution = fake_solution(
        system, [0.0, 1.0], lambda t, x, y: {"u": np.sign(np.sin(y) + 0.1) * np.cos(x), "v": np.exp(np.cos(x))}
    )
    with pytest.warns(
        ResolutionWarning, match="Field u is not resolved along y.*more than 32 points along y"
    ) as caught:
        tails = solution.check_resolution()
    assert len(caught) == 1 and caught[0].filename == __file__
    assert tails["u"]["y"] > 0.01 and tails["u"]["x"] < 1e-6 and tails["v"]["x"] < 1e-3


def test_resolved_run_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(wave_1d(n=32).check_resolution()) == {"u", "v"}


def test_ode_has_no_resolution():
    with pytest.raises(UnsupportedError, match="check_resolution needs a periodic grid.*an ODE has no space"):
        orbit().check_resolution()


def test_axis_without_known_bounds_counts_as_not_periodic():
    system = fake_system("u", {"x": (0, 1, 8)})
    system.problem = None
    solution = fake_solution(system, [0.0], lambda t, x: {"u": x})
    with pytest.raises(UnsupportedError, match="x is not periodic"):
        solution.plot(kind="spectrum")
    assert len(solution.plot().lines[0].get_xdata()) == 8
    plt.close("all")


def test_spectrum_pictures():
    ax = wave_1d().plot("u", kind="spectrum")
    assert ax.get_yscale() == "log" and ax.get_xscale() == "linear"
    assert flow_2d().plot(kind="spectrum").get_xscale() == "log"
    assert len(flow_2d().plot("omega", kind="spectrum", times=[0, 1]).lines) == 2
    k, power = packet_1d().plot(kind="spectrum").lines[0].get_data()
    assert k.tolist() == [2.0] and power[0] == pytest.approx(1)  # of psi itself, not of its modulus
    plt.close("all")
