"""Solutions on meshes: fields with prescribed values, numbers, values in points, files."""

from __future__ import annotations

import numpy as np
import pytest

import ritz as rz
from ritz.errors import OptionError, OptionValueError, UnsupportedError

x, y, z = rz.coords("x y z")
u, p = rz.fields("u p")
w = rz.vector_fields("w")
k = rz.params("k", default=2.0)


@pytest.fixture(scope="module")
def steady():
    """-lap(u) = -4 with u = x**2 + y**2, which degree 2 finds exactly."""
    problem = rz.Problem([rz.Eq(-rz.lap(u), -4)], domain=rz.rectangle(n=3), conditions=[rz.Dirichlet(u, x**2 + y**2)])
    return rz.solve(problem.discretize(rz.FiniteElement(degree=2)))


@pytest.fixture(scope="module")
def moving():
    """dt(u) = lap(u) + 1 with u = k*t on the boundary; u = t for k = 1."""
    problem = rz.Problem(
        [rz.Eq(rz.dt(u), rz.lap(u) + 1)], domain=rz.rectangle(n=3), conditions=[rz.Dirichlet(u, k * rz.t)],
        initial={u: 0},
    )  # fmt: skip
    system = problem.discretize(rz.FiniteElement(degree=1))
    seen = []

    def half(t, state):
        seen.append((t, state["u"]))
        return state["u"].mean() - 0.1

    solution = rz.solve(system, (0, 0.2), params={"k": 1}, t_eval=[0, 0.05, 0.2], events=half)
    return solution, seen


@pytest.fixture(scope="module")
def stokes():
    """Driven flow with a pressure of mean zero."""
    problem = rz.Problem(
        [rz.Eq(-rz.lap(w) + rz.grad(p), (0, x)), rz.Eq(rz.div(w), 0)], domain=rz.rectangle(n=3),
        conditions=[rz.Dirichlet(w, (0, 0)), rz.MeanZero(p)],
    )  # fmt: skip
    return rz.solve(problem.discretize(rz.FiniteElement(degree=2)))


def test_fields_hold_prescribed_values(steady):
    nodes = steady.system.nodes("u")
    assert steady["u"].shape == (1, 49)
    np.testing.assert_allclose(steady["u"][0], (nodes**2).sum(axis=1), atol=1e-13)
    np.testing.assert_allclose(steady.final["u"], steady["u"][-1])


def test_prescribed_values_follow_time_and_parameters(moving):
    solution, _ = moving
    expected = np.broadcast_to(solution.t[:, None], (3, 16))
    np.testing.assert_allclose(solution["u"], expected, atol=1e-6)
    np.testing.assert_allclose(solution.snapshot(1)["u"], 0.05, atol=1e-6)
    np.testing.assert_allclose(solution.at(0.05)["u"], 0.05, atol=1e-6)


def test_events_see_prescribed_values(moving):
    solution, seen = moving
    for t, values in seen:
        np.testing.assert_allclose(values, t, atol=1e-6)
    assert solution.t_events[0] == pytest.approx([0.1], abs=1e-6)


def test_added_unknowns_are_auxiliary(stokes):
    assert set(stokes.fields) == {"w", "p"}
    assert stokes.components[-1] == "mean_p"
    assert stokes["w"].shape == (1, 2, 49)
    assert stokes["p"].shape == (1, 16)


def test_rates_are_auxiliary():
    wave = rz.Problem(
        [rz.Eq(rz.dt(u, 2), rz.lap(u))], domain=rz.interval(0, 1, 4), conditions=[rz.Dirichlet(u, 0)],
        initial={u: rz.sin(rz.pi * x), rz.dt(u): 0},
    )  # fmt: skip
    solution = rz.solve(wave.discretize(rz.FiniteElement(degree=1)), (0, 0.1), t_eval=[0, 0.1])
    assert solution.fields == ("u",)
    assert solution.components == ("u", "u_t")


def test_card_tells_mesh_and_elements(stokes):
    text = repr(stokes)
    assert "18 triangles in 2-D; Lagrange 1: p, Lagrange 2: w_x, w_y" in text
    assert "steady" in text
    assert "18 triangles" in stokes._repr_html_()


def test_values_in_points(steady):
    assert steady.evaluate(u, (0.3, 0.4)) == pytest.approx(0.25)
    gradient = steady.evaluate(rz.grad(u), [[0.3, 0.4], [0.8, 0.1]])
    np.testing.assert_allclose(gradient, [[0.6, 1.6], [0.8, 0.2]], atol=1e-12)
    assert np.isnan(steady.evaluate("u", [[2.0, 2.0]], outside="nan")).all()


def test_values_at_times(moving):
    solution, _ = moving
    assert solution.evaluate(u, (0.5, 0.5), 0) == pytest.approx(0, abs=1e-6)
    assert solution.evaluate(u, (0.5, 0.5), 0.05) == pytest.approx(0.05, abs=1e-6)
    assert solution.integrate(u, t=1) == pytest.approx(0.05, abs=1e-6)
    assert solution.error({u: rz.t}) < 1e-6
    assert solution.error({"u": k * rz.t}, t=0.05) < 1e-6


def test_line(steady):
    s, values = steady.line(u, (0, 0), (0.6, 0.8), 5)
    np.testing.assert_allclose(s, np.linspace(0, 1, 5))
    np.testing.assert_allclose(values, s**2, atol=1e-13)


def test_numbers(steady):
    assert steady.integrate(u) == pytest.approx(2 / 3)
    assert steady.integrate(rz.integral(u, over="boundary", on="left")) == pytest.approx(1 / 3)
    assert steady.flux(u, on=["left", "right", "bottom", "top"]) == pytest.approx(4)
    assert steady.error({u: x**2 + y**2}, norm="H1") < 1e-12
    assert steady.error({u: x**2 + y**2 + 1}) == pytest.approx(1)


def test_flux_of_a_vector(stokes):
    force = stokes.flux(w, on=["left", "right", "bottom", "top"])
    np.testing.assert_allclose(force, [0, -0.5], atol=1e-12)  # the walls carry the load (0, x)


def test_dataset(stokes, moving):
    found = stokes.to_xarray()
    sizes = {found[name].dims: found[name].shape for name in ("p", "w_x")}
    assert sorted(sizes.values()) == [(1, 16), (1, 49)]
    assert found["w_x"].dims == found["w_y"].dims
    node = found["w_x"].dims[1]
    where = {str(c): v for c, v in found.coords.items() if v.dims == (node,)}
    np.testing.assert_array_equal(np.stack(list(where.values()), axis=1), stokes.system.nodes("w_x"))
    assert found["mean_p"].dims == ("t",)
    assert moving[0].to_xarray()["u"].dims == ("t", "node")


def test_round_trip_through_a_file(moving, tmp_path):
    solution, _ = moving
    path = solution.save(tmp_path / "run.nc")
    alone = rz.load(path)
    np.testing.assert_array_equal(alone["u"], solution["u"])
    assert alone.catalog.mesh == solution.catalog.mesh
    assert alone.to_xarray().identical(solution.to_xarray())
    whole = rz.load(path, system=solution.system)
    assert whole.integrate(u) == solution.integrate(u)
    with pytest.raises(UnsupportedError, match=r"solution.integrate needs the equations, which a file does not hold.*"):
        alone.integrate(u)


def test_values_and_pictures_of_a_loaded_solution(moving, stokes, tmp_path):
    """All that needs no equations, also after the loaded solution was saved once more."""
    points = np.array([[0.21, 0.34], [0.7, 0.55]])
    for k, (solution, fields) in enumerate(
        ((moving[0], (u, rz.grad(u))), (stokes, ("w", "p", rz.div(rz.vector_fields("w")))))
    ):
        path = solution.save(tmp_path / f"run{k}.nc")
        alone = rz.load(rz.load(path).save(tmp_path / f"again{k}.nc"))
        assert alone.system is None
        for expr in fields:
            for t in (0, -1):
                np.testing.assert_array_equal(alone.evaluate(expr, points, t), solution.evaluate(expr, points, t))
        one, other = (s.line(fields[0], (0.1, 0.1), (0.9, 0.8), 7).values for s in (alone, solution))
        np.testing.assert_array_equal(one, other)
        drawn = [np.ravel(s.plot())[0].collections[0].get_array() for s in (alone, solution)]
        np.testing.assert_array_equal(*drawn)
        assert alone.write(tmp_path / f"run{k}.pvd").exists()


def test_file_whose_values_do_not_belong_to_its_mesh(moving, tmp_path):
    import xarray as xr

    path = moving[0].save(tmp_path / "run.nc")
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as opened:
        data = opened.load()
    data.isel(ritz_cell=slice(6)).to_netcdf(tmp_path / "cut.nc", engine="h5netcdf")
    with pytest.raises(rz.errors.StorageError, match="values of u in the file do not belong to the mesh"):
        rz.load(tmp_path / "cut.nc")


def test_file_of_another_mesh_is_refused(moving, tmp_path):
    solution, _ = moving
    path = solution.save(tmp_path / "run.nc")
    points = solution.system.mesh.points.copy()
    points[:, 0] **= 2
    other = type(solution.system.mesh).from_arrays(points, solution.system.mesh.cells, "triangle")
    system = solution.problem.replace(domain=other).discretize(rz.FiniteElement(degree=1))
    with pytest.raises(UnsupportedError, match="The nodes of u in .*run.nc are not those of the system given"):
        rz.load(path, system=system)
    fine = solution.problem.discretize(rz.FiniteElement(degree=2))
    with pytest.raises(UnsupportedError, match="holds states of 4 numbers, the system given has 25"):
        rz.load(path, system=fine)


@pytest.mark.parametrize("ending", ["vtu", "pvd", "xdmf"])
def test_files_for_paraview(stokes, tmp_path, ending):
    import meshio

    path = stokes.write(tmp_path / f"flow.{ending}")
    assert path.exists()
    if ending == "vtu":
        read = meshio.read(path)
        assert read.points.shape == (49, 3)
        order = np.lexsort(read.points.T.round(9))
        mine = np.lexsort(stokes.system.nodes("w_x").T.round(9))
        np.testing.assert_allclose(read.point_data["w"][order, :2], stokes["w"][0].T[mine], atol=1e-12)


def test_series_for_paraview(moving, tmp_path):
    import meshio

    solution, _ = moving
    with meshio.xdmf.TimeSeriesReader(solution.write(tmp_path / "heat.xdmf")) as reader:
        points, _ = reader.read_points_cells()
        rows = [reader.read_data(step) for step in range(reader.num_steps)]
    assert [row[0] for row in rows] == [0, 0.05, 0.2]
    np.testing.assert_allclose(rows[1][1]["u"], 0.05, atol=1e-6)
    with pytest.raises(OptionValueError, match=r"This solution has 3 times: write them to a file that ends in .pvd or"):
        solution.write(tmp_path / "heat.vtu")


def test_discontinuous_fields_are_written_by_cells(tmp_path):
    import meshio

    v = rz.test(u, "v")
    weak = rz.integral((u - x) * v)
    element = rz.FiniteElement(elements={u: rz.Element("DG", 1)})
    system = rz.Problem([weak], domain=rz.rectangle(n=2)).discretize(element)
    solution = rz.solve(system)
    read = meshio.read(solution.write(tmp_path / "dg.vtu"))
    np.testing.assert_allclose(read.cell_data["u"][0].ravel(), system.mesh.midpoints[:, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda s: s.evaluate(u, (3, 3)), OptionError, "1 of 1 points lie outside the mesh"),
        (lambda s: s.evaluate("v", (0, 0)), OptionError, "There is no field 'v'"),
        (lambda s: s.evaluate(u, (0, 0), 4), OptionValueError, "t=4 is an index of stored times, of which there"),
        (lambda s: s.evaluate(u, (0, 0), 4.0), UnsupportedError, "t = 4 lies outside the computed span"),
        (lambda s: s.evaluate(u, (0, 0), outside="no"), OptionValueError, "outside= is 'raise' or 'nan', found 'no'"),
        (lambda s: s.line(u, (0, 0), (1, 1), 1), OptionValueError, "at least 2; found 1"),
        (lambda s: s.line(u, 0, 1), OptionValueError, "2 coordinates each; found shapes"),
        (lambda s: s.line(u, (2, 2), (3, 3)), OptionError, "lies outside the mesh"),
        (lambda s: s.line(u, (0, 0), (1, 1), color="red"), OptionError, "options of the picture need ax="),
        (lambda s: s.error({"q": x}), OptionError, "has no field 'q'"),
        (lambda s: s.error(x), OptionError, "The exact solution is"),
        (lambda s: s.error({u: x}, norm="L1"), OptionError, "norm= is 'L2' or 'H1'"),
        (lambda s: s.flux("q", on="left"), OptionError, "There is no unknown q"),
        (lambda s: s.write("u.foo"), OptionValueError, "u.foo cannot be written"),
        (lambda s: s.write("u.vtu", "q"), OptionError, "has no field 'q'"),
    ],
)  # fmt: skip
def test_mistakes(steady, call, kind, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=message):
        call(steady)


def test_solutions_without_mesh_say_so():
    problem = rz.Problem([rz.Eq(rz.dt(p), -p)], initial={p: 1})
    solution = rz.solve(problem, (0, 1))
    calls = (solution.evaluate, (p, (0,))), (solution.write, ("p.vtu",)), (rz.estimate_error, (solution,))
    for call, arguments in calls:
        with pytest.raises(UnsupportedError, match="is there for solutions on meshes"):
            call(*arguments)


def test_branches_follow_prescribed_values():
    problem = rz.Problem([rz.Eq(-rz.lap(u), 0)], domain=rz.interval(0, 1, 3), conditions=[rz.Dirichlet(u, k)])
    branch = rz.continuation(problem.discretize(rz.FiniteElement()), k, (1, 2))
    np.testing.assert_allclose(branch["u"], np.broadcast_to(branch.values[:, None], branch["u"].shape), atol=1e-9)


def test_vector_elements_are_vectors(tmp_path):
    """div(q) = x - 1/2 with q = (x*(x - 1)/2, 0): the exact normal components are found."""
    q = rz.vector_fields("q")
    problem = rz.Problem(
        [rz.Eq(q + rz.grad(u), (0, 0)), rz.Eq(rz.div(q), x - 0.5)], domain=rz.rectangle(n=8),
        conditions=[rz.Dirichlet(q, (0, 0)), rz.MeanZero(u)],
    )  # fmt: skip
    elements = {q: ("RT", 2), u: ("DG", 1)}
    solution = rz.solve(problem.discretize(rz.FiniteElement(elements=elements)))
    np.testing.assert_allclose(solution.evaluate(q, (0.3, 0.4)), [-0.105, 0], atol=1e-2)
    assert solution.catalog.ranks["q"] == 1
    assert solution.plot("q", kind="arrows").get_title() == r"$|\boldsymbol{q}|$"
    assert solution.write(tmp_path / "q.vtu").exists()
