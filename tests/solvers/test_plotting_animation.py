"""Animations: frames, fixed scales, files and notebook players."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.animation import FuncAnimation
from PIL import Image
from solution_fakes import fake_solution, fake_system, flow_2d, orbit, packet_1d, wave_1d

from ritz.errors import OptionError, UnsupportedError


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def shown(movie: FuncAnimation, frame: int):
    """Show one frame and return the figure's first axes."""
    movie._func(frame)
    movie._draw_was_started = True  # the animation was looked at: no reminder when it goes
    return movie.figure.axes[0]


def frame_count(movie: FuncAnimation) -> int:
    return len(list(movie.new_frame_seq()))


@pytest.mark.parametrize("make", [wave_1d, flow_2d, packet_1d, lambda: orbit(nt=4)])
def test_animation_is_saved_as_gif(make, tmp_path):
    movie = make().animate(frames=3)
    movie.save(tmp_path / "run.gif", writer="pillow", dpi=40)
    with Image.open(tmp_path / "run.gif") as picture:
        assert picture.n_frames == 3


def test_frames_are_at_most_the_stored_times_without_dense_output():
    movie = wave_1d(nt=4).animate(frames=50)
    assert frame_count(movie) == 4 and "t = 2" in shown(movie, 3).get_title(loc="right")
    dense = wave_1d(nt=4, dense=True).animate(frames=50)
    assert frame_count(dense) == 50
    shown(dense, 0)


def test_profile_moves_over_its_start():
    movie = wave_1d(nt=3).animate("u")
    ax = shown(movie, 2)
    start, now = ax.lines
    x = now.get_xdata()
    np.testing.assert_allclose(start.get_ydata(), np.sin(x), atol=1e-12)
    np.testing.assert_allclose(now.get_ydata(), np.sin(x - 2), atol=1e-12)


def test_image_changes_and_its_colours_stay():
    movie = flow_2d(nt=4).animate("u_x")
    picture = shown(movie, 0).images[0]
    first, limits = np.array(picture.get_array()), picture.get_clim()
    shown(movie, 3)
    assert picture.get_clim() == limits and np.max(picture.get_array()) == pytest.approx(first.max() * np.cos(1))


def test_curves_of_an_ode_grow():
    movie = orbit(nt=61).animate(frames=7)
    ax = shown(movie, 3)
    assert ax.lines[0].get_xdata()[-1] == pytest.approx(3) and ax.get_xlim() == (0, 6)
    assert ax.lines[0].get_xdata().size == 31


@pytest.mark.parametrize("names", ["x y", "x y z"])
def test_phase_portrait_grows(names):
    movie = orbit(nt=61, names=names).animate(kind="phase", frames=7)
    line = shown(movie, 6).lines[0]
    assert len((line.get_data_3d() if names == "x y z" else line.get_data())[0]) == 61


def test_backward_runs_play_from_their_start():
    system = fake_system("a")
    movie = fake_solution(system, np.linspace(1, 0, 11), lambda t: {"a": t}).animate(frames=11)
    assert shown(movie, 2).lines[0].get_xdata().tolist() == pytest.approx([1.0, 0.9, 0.8])


def test_box_is_cut_in_the_middle():
    system = fake_system("w", {"x": (0, 1, 6), "y": (0, 1, 6), "z": (0, 2, 8)})
    movie = fake_solution(system, [0.0, 1.0], lambda t, x, y, z: {"w": t + z}).animate()
    ax = shown(movie, 1)
    assert "$z$ = 1" in ax.get_title(loc="left") and np.mean(ax.images[0].get_array()) == pytest.approx(2)


def test_player_for_notebooks():
    movie = wave_1d(nt=2).animate("u", html=True)
    assert "<script" in movie._repr_html_() and not plt.fignum_exists(movie.figure.number)


def test_mistakes():
    with pytest.raises(UnsupportedError, match="at least two stored times"):
        wave_1d(nt=1).animate()
    with pytest.raises(OptionError, match="no animation kind='phase' in 1 dimensions"):
        wave_1d().animate(kind="phase")
