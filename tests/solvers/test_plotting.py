"""Pictures: kinds, panels, colours, labels, and the conventions of matplotlib's guests."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from solution_fakes import fake_solution, fake_system, flow_2d, orbit, packet_1d, wave_1d

from ritz.errors import OptionError, UnsupportedError
from ritz.solvers.storage import load


@pytest.fixture(autouse=True)
def _tidy(monkeypatch):
    """Every test leaves rcParams alone, calls no show and draws without a warning."""
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("show() was called"))
    before = mpl.rcParams.copy()
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")
    assert mpl.rcParams == before


def box_3d(nt=2):
    system = fake_system("w", {"x": (0, 1, 8), "y": (0, 1, 8), "z": (0, 2, 10)})
    return fake_solution(
        system, np.arange(nt), lambda t, x, y, z: {"w": np.sin(2 * np.pi * x) * np.exp(np.cos(np.pi * z))}
    )


def test_ode_lines_have_a_legend_of_user_symbols():
    ax = orbit(names="alpha beta").plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [r"$\alpha$", r"$\beta$"]
    assert ax.get_xlabel() == "$t$" and ax.get_xlim() == (0, 6)


def test_dense_output_is_drawn_smoothly():
    assert len(orbit(nt=5).plot().lines[0].get_xdata()) == 5
    x, y = orbit(nt=5, dense=True).plot("x").lines[0].get_data()
    assert len(x) >= 500
    np.testing.assert_allclose(y, np.cos(x), atol=1e-12)


@pytest.mark.parametrize(("names", "dimensions"), [("x y", 2), ("x y z", 3), ("a b c d", 3)])
def test_phase_portrait(names, dimensions):
    ax = orbit(names=names).plot(kind="phase")
    assert hasattr(ax, "set_zlim") == (dimensions == 3)


def test_phase_portrait_needs_two_fields():
    with pytest.raises(OptionError, match="needs two or three fields, got x"):
        orbit().plot("x", kind="phase")


def test_many_unknowns_get_distinct_colours():
    ax = orbit(names=" ".join(f"s_{i}" for i in range(14))).plot()
    assert len({line.get_color() for line in ax.lines}) == 14 and ax.get_legend() is not None


@pytest.mark.parametrize(("nt", "images"), [(20, 1), (5, 0), (1, 0)])
def test_kind_of_a_line_problem_follows_the_number_of_times(nt, images):
    axes = np.atleast_1d(wave_1d(nt=nt).plot("u"))
    assert len(axes[0].images) == images


def test_profiles_close_on_a_periodic_axis_and_interpolate_exactly():
    line = wave_1d(nt=1).plot("v", kind="final").lines[0]
    x, v = line.get_data()
    assert x[0] == 0 and x[-1] == pytest.approx(2 * np.pi) and len(x) > 500
    np.testing.assert_allclose(v, 2 + np.cos(x), atol=1e-12)


def test_profiles_of_several_fields_get_a_panel_each():
    assert wave_1d().plot(kind="lines").shape == (2,)
    assert len(wave_1d().plot("u", kind="lines", times=[0, 1]).lines) == 2


def test_waterfall_stands_on_the_times():
    ax = wave_1d(nt=6).plot("u", kind="waterfall")
    assert len(ax.lines) == 6 and ax.get_ylabel() == "$t$"


def test_uneven_times_are_drawn_where_they_are():
    t = np.array([0, 0.1, 0.5, 2.0] + list(np.arange(3.0, 12)))
    system = fake_system("u", {"x": (0, 1, 16)})
    ax = fake_solution(system, t, lambda s, x: {"u": x + s}).plot()
    assert not ax.images and len(ax.collections) == 1 and ax.get_xlim() == (0, 11)


def test_image_fills_the_domain_and_keeps_its_aspect():
    ax = flow_2d().plot("omega")
    assert ax.get_xlim() == pytest.approx((0, 2 * np.pi)) and ax.get_aspect() == 1.0
    assert ax.get_xlabel() == "$x$ [m]" and "t = 1" in ax.get_title() and r"\omega" in ax.get_title()


def test_first_axis_points_right():
    system = fake_system("u", {"x": (0, 1, 300), "y": (0, 1, 300)})
    ax = fake_solution(system, [0.0], lambda t, x, y: {"u": x + 0 * y}).plot()
    values = ax.images[0].get_array()
    assert values[0, 200] > values[0, 100] and values[200, 50] == pytest.approx(values[0, 50])


def test_signed_fields_are_diverging_about_zero_others_sequential():
    omega = flow_2d().plot("omega").images[0]
    assert omega.get_clim()[0] == -omega.get_clim()[1] and omega.cmap.name == "RdBu_r"
    v = wave_1d(nt=20).plot("v").images[0]
    assert v.cmap.name == "viridis" and v.get_clim() == pytest.approx((1, 3), abs=1e-3)
    assert flow_2d().plot("omega", cmap="magma", vmin=-5).images[0].cmap.name == "magma"


def test_constant_field_shows_no_round_off_pattern():
    system = fake_system("u", {"x": (0, 1, 8), "y": (0, 1, 8)})
    picture = fake_solution(system, [0.0], lambda t, x, y: {"u": 1 + 1e-15 * x}).plot().images[0]
    assert np.ptp(picture.get_clim()) > 0.5


def test_row_of_times_shares_colours():
    axes = flow_2d(nt=5).plot("omega", times=[0, 0.5, 1])
    assert axes.shape == (3,) and len({ax.images[0].get_clim() for ax in axes}) == 1
    assert [ax.get_title() for ax in axes] == ["$t = 0$", "$t = 0.5$", "$t = 1$"]
    assert flow_2d(nt=5).plot("u", times=[0, 1]).shape == (2, 2)


def test_vectors_are_drawn_by_components():
    axes = flow_2d().plot("u")
    assert [ax.get_title().split(",")[0] for ax in axes] == ["$u_{x}$", "$u_{y}$"]


def test_slices_through_a_box():
    axes = box_3d().plot()
    assert axes.shape == (3,) and all(len(ax.images) == 1 for ax in axes)
    assert "$z$ = 1" in axes[0].get_title() and "$x$ = 0.5 m" in axes[2].get_title()


@pytest.mark.parametrize("part", [None, "real", "imag", "phase"])
def test_parts_of_complex_fields(part):
    ax = packet_1d().plot(kind="final", part=part)
    x, shown = ax.lines[0].get_data()
    psi = np.exp(1j * (2 * x - 1))
    expected = {None: abs(psi), "real": psi.real, "imag": psi.imag, "phase": np.angle(psi)}[part]
    np.testing.assert_allclose(np.cos(shown), np.cos(expected), atol=1e-9)
    with pytest.raises(OptionError, match="part='modulus' is not one of abs, real"):
        packet_1d().plot(part="modulus")


def test_drawing_into_given_axes():
    _, axes = plt.subplots(1, 3)
    assert list(flow_2d().plot(ax=axes)) == list(axes)
    _, ax = plt.subplots()
    assert orbit().plot(ax=ax, color="k") is ax and ax.lines[0].get_color() == "k"
    with pytest.raises(OptionError, match="has 3 panels but ax= holds 1 axes"):
        flow_2d().plot(ax=ax)


def test_mistaken_options():
    with pytest.raises(OptionError, match="kind='imag' in 2 space dimensions. Did you mean 'image'"):
        flow_2d().plot(kind="imag")
    with pytest.raises(OptionError, match="kind='spectrum' of an ODE"):
        orbit().plot(kind="spectrum")
    with pytest.raises(OptionError, match="no field 'omg'. Did you mean 'omega'"):
        flow_2d().plot("omg")
    with pytest.raises(UnsupportedError, match="t = 9, but this solution covers 0 to 1"):
        flow_2d().plot(times=9)


def test_field_with_nan_is_still_drawn():
    solution = wave_1d(nt=20)
    solution["u"][-1] = np.nan
    image = solution.plot("u").images[0]
    assert np.isfinite(image.get_clim()).all()


def test_odd_names_are_set_without_mathematics():
    from ritz.solvers.figures import math

    assert math(r"\omega") == r"$\omega$" and math(r"\nosuch{u}") == "nosuch{u}"


def test_loaded_solutions_draw_alike(tmp_path):
    solution = flow_2d()
    again = load(solution.save(tmp_path / "run.nc"))
    ours, theirs = solution.plot("omega"), again.plot("omega")
    np.testing.assert_array_equal(ours.images[0].get_array(), theirs.images[0].get_array())
    assert ours.get_title() == theirs.get_title() and ours.get_xlabel() == theirs.get_xlabel()
