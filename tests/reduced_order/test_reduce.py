"""Reduced models of real systems: all kinds of terms, structure they keep, use as a System, mistakes."""

import pickle
import warnings

import numpy as np
import pytest

import ritz as rz
from ritz.errors import (
    AccuracyWarning,
    ExtrapolationWarning,
    OptionError,
    ParameterError,
    SolveError,
    UnsupportedError,
)
from ritz.reduced_order.gain import NoGainWarning, full_operations
from ritz.reduced_order.reduced_system import ReducedSystem
from ritz.reduced_order.sweep import SweepWarning, rebuild, recipe_of

BOX = {"domain": rz.Box(x=(0, 2 * rz.pi)), "conditions": [rz.Periodic()]}


def system_of(equations, initial, points=64):
    return rz.Problem(equations, initial=initial, **BOX).discretize(rz.Fourier(points), rewriter=None)


def burgers(points=64):
    x, u, nu = rz.coords("x"), rz.fields("u"), rz.params("nu", default=0.2, bounds=(0.05, 2.0))
    return system_of([rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.dx(u, 2))], {u: rz.sin(x)}, points)


@pytest.fixture(scope="module")
def full():
    return burgers()


@pytest.fixture(scope="module")
def rom(full):
    return rz.reduce(full, {"nu": (0.1, 0.4)}, (0, 2), tol=1e-3, n_train=6, n_test=2)


def relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def projected(model, t, z, p):
    layout = model.layout
    return layout.test.T @ model.full.rhs(t, layout.decode(z), p)


# Use as a System


def test_error_is_what_it_claims(full, rom):
    assert rom.error_estimate.met and rom.size <= 9
    times = rom.training.t_eval
    for nu in (0.13, 0.29):
        truth = rz.solve(full, (0, 2), params={"nu": nu}, t_eval=times, rtol=1e-9, atol=1e-9)
        solution = rom(nu=nu)
        assert relative(solution["u"], truth["u"]) < 2e-3
        assert solution.parameters == {"nu": nu} and solution.coords["x"].shape == (64,)
    assert solution.to_xarray().u.dims == ("t", "x")


def test_reduced_right_hand_side_is_the_projected_one(full, rom):
    rng = np.random.default_rng(0)
    z, v = rng.standard_normal((2, rom.size))
    p = full.parameter_values({"nu": 0.3})
    np.testing.assert_allclose(rom.rhs(0.0, z, {"nu": 0.3}), projected(rom, 0.0, z, p), rtol=1e-10, atol=1e-12)
    chain = rom.layout.test.T @ full.jvp(0.0, rom.layout.decode(z), rom.layout.basis @ v, p)
    np.testing.assert_allclose(rom.jvp(0.0, z, v, p), chain, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        rom.param_jvp(0.0, z, [1.0], p), (rom.rhs(0, z, [1.3]) - rom.rhs(0, z, [0.3])), rtol=1e-7
    )
    assert rom.linear_diagonal() is None


def test_convection_neither_makes_nor_takes_energy(rom):
    """The quadratic tensor inherits <u, u u_x> = 0."""
    quadratic = rom.assembled({"nu": 0.2}).tensors[2]
    from ritz.reduced_order.monomials import monomial_values

    for z in np.random.default_rng(1).standard_normal((5, rom.size)):
        assert abs(z @ (monomial_values(z, 2) @ quadratic)) < 1e-12 * np.abs(quadratic).max() * rom.size**2


def test_training_states_start_and_come_back(full, rom):
    p = full.parameter_values({"nu": 0.2})
    z = rom.initial_state(p)
    assert z.shape == (rom.size,)
    fields = rom.to_fields(z)
    np.testing.assert_allclose(fields["u"], np.sin(full.layout.coords["x"]), atol=1e-3)
    np.testing.assert_allclose(rom.layout.from_fields(fields), z, atol=1e-12)
    gram = rom.layout.test.T @ rom.layout.basis
    np.testing.assert_allclose(gram, np.eye(rom.size), atol=1e-13)


def test_a_reduced_model_is_swept_reduced_and_pickled(rom):
    runs = rz.sweep(rom, {"nu": (0.1, 0.4)}, (0, 2), n=3, t_eval=[0, 1, 2])
    assert runs.to_xarray().u.dims == ("nu", "t", "x")
    smaller = rz.reduce(rom, {"nu": (0.15, 0.35)}, (0, 2), tol=2e-2, n_train=4, n_test=2)
    assert smaller.size < rom.size and smaller.root is rom.root and smaller.full is rom
    assert relative(smaller(nu=0.25)["u"], rom(nu=0.25)["u"]) < 4e-2
    again = pickle.loads(pickle.dumps(rom))
    z = np.linspace(-1, 1, rom.size)
    np.testing.assert_array_equal(again.rhs(0.0, z, {"nu": 0.3}), rom.rhs(0.0, z, {"nu": 0.3}))
    elsewhere = rebuild(pickle.loads(recipe_of(rom)))
    assert isinstance(elsewhere, ReducedSystem) and elsewhere.name == rom.name


def test_words_and_pictures(rom):
    text = str(rom.report())
    for part in (
        "-> ",
        "modes",
        "exact tensors: linear, quadratic",
        "multiply-adds",
        "0.1 <= nu <= 0.4",
        "0 <= t <= 2",
    ):
        assert part in text
    assert "<pre>" in rom.report()._repr_html_()
    left, right = rom.plot()
    assert left.get_yscale() == "log" and right.get_xlabel() == "nu"
    assert "held-back points" in repr(rom)
    gain = rom.measure_gain(repeats=1, seconds=1e-4)
    assert gain.ratio > 0 and "gain" in str(gain)


def test_outside_the_training_region_warns(rom):
    with pytest.warns(ExtrapolationWarning, match=r"nu = 0.6 is outside \[0.1, 0.4\]"):
        rom(nu=0.6)
    with pytest.warns(ExtrapolationWarning, match="times 0 to 3 leave the trained span 0 to 2"):
        rom((0, 3), nu=0.2)
    with pytest.warns(ExtrapolationWarning, match="nu = 0.6"):
        rz.solve(rom, (0, 1), params={"nu": 0.6})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rom((0, 1), nu=0.4, rtol=1e-4)


def test_call_names_wrong_words(rom):
    with pytest.raises(
        OptionError, match=r"'nuu' is neither a parameter \(nu\) nor an option of solve. Did you mean 'nu'"
    ):
        rom(nuu=0.2)
    with pytest.raises(OptionError, match="Did you mean 'rtol'"):
        rom(rtoll=1e-4)
    with pytest.raises(ParameterError, match=r"nu = 5 is outside its bounds"):
        rom(nu=5.0)
    assert "coefficient of mode 1" in rom.explain_nonfinite(0.5, np.array([0.0, np.nan]), {"nu": 0.2})
    assert "outside its training region" in rom.explain_nonfinite(0.5, np.array([np.nan]), {"nu": 1.5})


# Other kinds of terms


def test_two_fields_with_a_cubic_term():
    x, (u, v), a = rz.coords("x"), rz.fields("u v"), rz.params("a", default=0.5)
    equations = [
        rz.Eq(rz.dt(u), 0.05 * rz.lap(u) - u * v**2 + a * (1 - u)),
        rz.Eq(rz.dt(v), 1e-3 + 0.02 * rz.lap(v) + u * v**2 - (a + 0.1) * v),
    ]
    full = system_of(equations, {u: 1 - rz.cos(x) / 4, v: 1e3 * (0.25 + rz.cos(x) / 8) / 1e3})
    rom = rz.reduce(full, {"a": (0.3, 0.7)}, (0, 3), tol=1e-3, n_train=4, n_test=2)
    assert rom.error_estimate.met and rom.operators.degree == 3 and rom.operators.inputs is None
    z = np.random.default_rng(0).standard_normal(rom.size)
    p = full.parameter_values({"a": 0.6})
    np.testing.assert_allclose(rom.rhs(0.0, z, p), projected(rom, 0.0, z, p), rtol=1e-9, atol=1e-11)
    sampled = rz.reduce(full, {"a": (0.3, 0.7)}, (0, 3), tol=1e-3, n_train=4, n_test=2, hyper="deim")
    assert sampled.error_estimate.met and 0 < sampled.operators.points < 64
    assert "interpolated at" in str(sampled.report())


def test_a_term_that_is_no_polynomial_is_sampled():
    x, u, (d, a) = rz.coords("x"), rz.fields("u"), rz.params("d a", default=(0.1, 1.0))
    equation = rz.Eq(rz.dt(u), d * rz.lap(u) + a * rz.sin(u) * rz.exp(-(u**2) / 4) + rz.sin(x) / 3)
    full = system_of([equation], {u: rz.sin(x) + 0.3 * rz.cos(2 * x)})
    ranges = {"d": (0.05, 0.15), "a": (0.5, 1.5)}
    rom = rz.reduce(full, ranges, (0, 2), tol=1e-3, n_train=8, n_test=2)
    assert rom.error_estimate.met and 0 < rom.operators.points < 40
    right = rom.plot()[1]
    assert right.get_xlabel() == "held-back point of (d, a)" and right.get_xticks().tolist() == [1, 2]
    z = rom.initial_state(full.parameter_values()) + 0.01
    p = full.parameter_values({"a": 1.2})
    assert relative(rom.rhs(0.0, z, p), projected(rom, 0.0, z, p)) < 1e-2
    with pytest.raises(UnsupportedError, match="1 of 1 nonlinear terms are not"):
        rz.reduce(full, ranges, (0, 2), hyper=None, n_train=4, n_test=1)
    again = pickle.loads(pickle.dumps(rom))
    np.testing.assert_allclose(again.rhs(0.0, z, p), rom.rhs(0.0, z, p), rtol=1e-12)


def test_factors_may_depend_on_time():
    x, u, (nu, w) = rz.coords("x"), rz.fields("u"), rz.params("nu w", default=(0.2, 1.0))
    equation = rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.lap(u) + rz.sin(w * rz.t) * rz.cos(x))
    full = system_of([equation], {u: rz.sin(x) / 2})
    rom = rz.reduce(full, {"w": (1, 2)}, (0, 2), tol=1e-3, n_train=5, n_test=2)
    assert rom.error_estimate.met
    z = np.random.default_rng(0).standard_normal(rom.size)
    p = full.parameter_values({"w": 1.4})
    for t in (0.3, 1.7):
        np.testing.assert_allclose(rom.rhs(t, z, p), projected(rom, t, z, p), rtol=1e-9, atol=1e-11)
    with pytest.warns(ExtrapolationWarning, match="nu = 0.3 was held at 0.2"):
        rom(nu=0.3)


def test_a_complex_field_keeps_its_mass():
    x, psi, g = rz.coords("x"), rz.fields("psi", complex=True), rz.params("g", default=1.0)
    equation = rz.Eq(rz.I * rz.dt(psi), -rz.lap(psi) / 2 + g * rz.Abs(psi) ** 2 * psi)
    full = system_of([equation], {psi: 1 + 0.3 * rz.cos(x) + 0.2 * rz.I * rz.sin(x)}, 32)
    rom = rz.reduce(full, {"g": (0.8, 1.2)}, (0, 1), tol=1e-3, n_train=4, n_test=2)
    assert rom.error_estimate.met
    solution = rom(g=1.1, rtol=1e-10, atol=1e-10)
    mass = np.mean(np.abs(solution["psi"]) ** 2, axis=1)
    np.testing.assert_allclose(mass, mass[0], rtol=1e-7)


# Choices


def test_rank_centring_and_no_parameters(full):
    small = rz.reduce(full, {"nu": (0.1, 0.4)}, (0, 2), rank=3, n_train=4, n_test=1)
    assert small.size == 3 and small.error_estimate.tolerance is None and small.error_estimate.met
    centred = rz.reduce(full, {"nu": (0.1, 0.4)}, (0, 2), tol=1e-3, center=True, n_train=6, n_test=2)
    assert centred.error_estimate.met and centred.layout.mean.any()
    single = rz.reduce(full, {}, (0, 2), tol=1e-3)
    assert not single.error_estimate.held_back and single.error_estimate.met
    assert single.training_region.fixed == {"nu": 0.2}
    assert single()["u"].shape == (101, 64)
    assert "training point" in repr(single)


def test_runs_are_kept_on_disk(full, tmp_path):
    options = {"tol": 1e-2, "n_train": 3, "n_test": 1, "directory": tmp_path}
    first = rz.reduce(full, {"nu": (0.1, 0.4)}, (0, 1), **options)
    files = {f.name: f.stat().st_mtime_ns for f in tmp_path.glob("run-*.npz")}
    assert len(files) == 4
    second = rz.reduce(burgers(), {"nu": (0.1, 0.4)}, (0, 1), **options)
    assert files == {f.name: f.stat().st_mtime_ns for f in tmp_path.glob("run-*.npz")}
    np.testing.assert_allclose(second.error_estimate.errors, first.error_estimate.errors, rtol=1e-6)


def test_a_tolerance_out_of_reach_is_said(full):
    with pytest.warns(AccuracyWarning, match=r"above tol=1e-05.*use more of them \(n_train=\)"):
        rz.reduce(full, {"nu": (0.05, 1.5)}, (0, 2), tol=1e-5, n_train=2, n_test=2, t_eval=np.linspace(0, 2, 5))


# Mistakes


def test_mistakes(full):
    span = (0, 1)
    with pytest.raises(ParameterError, match="no parameter 'nuu'. Did you mean 'nu'"):
        rz.reduce(full, {"nuu": (0.1, 0.4)}, span)
    with pytest.raises(ParameterError, match="range of nu is empty"):
        rz.reduce(full, {"nu": (0.4, 0.1)}, span)
    with pytest.raises(ParameterError, match=r"nu = 9 lies outside its bounds \[0.05, 2\]"):
        rz.reduce(full, {"nu": (0.1, 9)}, span)
    with pytest.raises(ValueError, match="rank=20 asks for more modes than 8 snapshots"):
        rz.reduce(full, {"nu": (0.1, 0.4)}, span, rank=20, n_train=2, n_test=1, t_eval=np.linspace(0, 1, 4))
    with pytest.raises(OptionError, match="needs the time span"):
        rz.reduce(full, {"nu": (0.1, 0.4)})
    with pytest.raises(OptionError, match="Did you mean 'galerkin'"):
        rz.reduce(full, {"nu": (0.1, 0.4)}, span, method="galerkn")
    with pytest.raises(OptionError, match="hyper='eim' is not known"):
        rz.reduce(full, {"nu": (0.1, 0.4)}, span, hyper="eim")
    with pytest.raises(OptionError, match="0 < tol < 1; found 3"):
        rz.reduce(full, {"nu": (0.1, 0.4)}, span, tol=3)
    with pytest.raises(OptionError, match="rtoll"):
        rz.reduce(full, {"nu": (0.1, 0.4)}, span, rtoll=1e-3)
    runs = rz.sweep(full, {"nu": (0.1, 0.4)}, span, n=3, t_eval=[0, 0.5, 1])
    with pytest.raises(OptionError, match="t_span= belongs to the training runs"):
        rz.reduce(full, runs, (0, 2))
    x = rz.fields("x")
    with pytest.raises(UnsupportedError):
        rz.reduce(rz.Problem([rz.Eq(rz.dt(x), -x)], initial={x: 1}), {}, span)


def test_all_runs_failing_names_the_causes():
    x, u, a = rz.coords("x"), rz.fields("u"), rz.params("a", default=1.0)
    growing = system_of([rz.Eq(rz.dt(u), a * u**2)], {u: 1 + rz.cos(x) / 2}, 16)
    with pytest.raises(SolveError, match="All 4 runs of the sweep failed"):
        rz.reduce(growing, {"a": (2.0, 3.0)}, (0, 5), n_train=2, n_test=2, max_steps=2000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rom = rz.reduce(growing, {"a": [0.05, 0.1, 3.0]}, (0, 1), n_test=1, tol=1e-2, max_steps=2000, rng=3)
    assert any(issubclass(w.category, SweepWarning) for w in caught)
    assert rom.training.n_train == 2 and rom.training_region.bounds.tolist() == [[0.05, 0.1]]


def test_initial_values_may_depend_on_parameters():
    x, u, (nu, a) = rz.coords("x"), rz.fields("u"), rz.params("nu a", default=(0.2, 1.0))
    full = system_of([rz.Eq(rz.dt(u) + u * rz.dx(u), nu * rz.lap(u))], {u: a * rz.sin(x)}, 32)
    rom = rz.reduce(full, {"a": (0.5, 1.5)}, (0, 1), tol=1e-3, n_train=5, n_test=2)
    assert rom.error_estimate.met
    first, second = (rom.initial_state(rom.parameter_values({"a": value})) for value in (0.6, 1.2))
    np.testing.assert_allclose(2 * first, second, rtol=1e-10, atol=1e-14)


@pytest.mark.filterwarnings("ignore::ritz.errors.ResolutionWarning")
def test_a_model_without_gain_is_said_and_the_search_ends(caplog, capsys):
    x, u, c = rz.coords("x"), rz.fields("u"), rz.params("c", default=1.0)
    full = system_of([rz.Eq(rz.dt(u) + u * rz.dx(u), rz.dx(u, 2) / 50)], {u: rz.sin(x + c)}, 64)
    caplog.set_level("INFO", logger="ritz.reduced_order")
    with pytest.warns(NoGainWarning, match=r"No gain expected: \d+ modes, \d+ points; .*Narrow the parameter ranges"):
        rom = rz.reduce(full, {"c": (0.0, 6.28)}, (0, 2), tol=1e-5, n_train=8, n_test=2, hyper=None, progress=True)
    assert rom.operators.operations > full_operations(full) and full_operations(rom) == rom.operators.operations
    text = caplog.text
    assert "8 training and 2 held-back runs" in text and "projecting on" in text and "held-back error" in text
    assert "reduce" in capsys.readouterr().err
    assert text.count("projecting on") <= 3, "no more rounds than needed"
