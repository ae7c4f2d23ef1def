"""Atoms: radial equations of Schroedinger and Dirac, and self-consistent fields, against published energies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from case_tools import parameters, reference

import ritz as rz

x = rz.coords("x")  # the distance from the nucleus, in Bohr radii; energies are in Hartree
P, Q = rz.fields("P Q")
FAMILY = "fem_benchmark"


def radii(ends: Any) -> rz.Mesh:
    """Cells between given radii."""
    ends = np.asarray(ends, dtype=float)
    cells = np.stack([np.arange(len(ends) - 1), np.arange(1, len(ends))], axis=1)
    sides = {"nucleus": lambda x: x == ends[0], "far": lambda x: x == ends[-1]}
    return rz.Mesh.from_arrays(ends[:, None], cells, "interval", facet_groups=sides)


# ------------------------------------------------------------------------------------------- one electron
def test_hydrogen():
    wanted, (charge,) = [(1, 0), (2, 0), (2, 1), (3, 2)], parameters(FAMILY, "hydrogenic_schroedinger_Z1").values()
    line, l = radii(120 * np.linspace(0, 1, 41) ** 2), rz.params("l", default=0)
    potential = l * (l + 1) / (2 * x**2) - charge / x
    problem = rz.Problem(
        [rz.Eq(rz.dt(P), rz.lap(P) / 2 - potential * P)], domain=line, conditions=[rz.Dirichlet(P, 0)], initial={P: 0}
    )
    system = problem.discretize(rz.FiniteElement(degree=8))
    for (n, momentum), energy in zip(wanted, reference(FAMILY, "hydrogenic_schroedinger_Z1")):
        found = rz.eigenvalues(system, 4, sigma=-1.0, params={l: momentum}).eigenvalues
        assert found[n - momentum - 1] == pytest.approx(energy, abs=1e-11)


def dirac(charge: float, c: float, cells: int, degree: int) -> tuple[Any, Any]:
    """The radial Dirac equation as a system of first order, and its parameter kappa.

    Q is discontinuous: then ``P' + kappa/r P`` lies in its space up to interpolation, and no spurious states appear in
    the gap. P begins like a broken power of r, for which the cells shrink geometrically.
    """
    kappa, v, w = rz.params("kappa", default=-1), rz.test(P), rz.test(Q)
    potential = -charge / x
    form = rz.integral(
        rz.dt(P) * v + potential * P * v + c * Q * (rz.dx(v) + kappa / x * v)
        + rz.dt(Q) * w + (potential - 2 * c**2) * Q * w + c * (rz.dx(P) + kappa / x * P) * w
    )  # fmt: skip
    problem = rz.Problem(
        [form], domain=radii(np.geomspace(1e-14, 3, cells + 1)), conditions=[rz.Dirichlet(P, 0)], initial={P: 0, Q: 0}
    )
    return problem.discretize(rz.FiniteElement(degree=degree, elements={Q: ("DG", degree)})), kappa


def sommerfeld(charge: float, c: float, n: int, kappa: int) -> float:
    """Energy of a level less the rest mass."""
    fine = charge / c
    s = fine / (n - abs(kappa) + np.sqrt(kappa**2 - fine**2))
    return float(c**2 * (-(s**2) / np.sqrt(1 + s**2) / (1 + np.sqrt(1 + s**2))))


@pytest.mark.parametrize("cells, degree", [(40, 12), (16, 30)])
def test_dirac(cells, degree):
    case = parameters(FAMILY, "hydrogenic_dirac_Z80")
    system, kappa = dirac(case["Z"], case["c"], cells, degree)
    levels = [(1, -1), (2, -1), (2, 1), (3, -2)]
    for (n, number), energy in zip(levels, reference(FAMILY, "hydrogenic_dirac_Z80")):
        found = rz.eigenvalues(system, 1, sigma=1.01 * energy, params={kappa: number})
        assert found.eigenvalues[0] == pytest.approx(energy, abs=2e-10)
        assert sommerfeld(case["Z"], case["c"], n, number) == pytest.approx(energy, abs=1e-11)


@pytest.mark.parametrize("number", [-2, -1, 1, 2])
def test_nothing_else_lies_in_the_gap(number):
    """The states between the continua are those of Sommerfeld's formula, each once."""
    system, kappa = dirac(80.0, 137.035999037, 30, 10)
    found = np.sort(rz.eigenvalues(system, 4, sigma=-4500.0, params={kappa: number}).eigenvalues)
    first = abs(number) if number < 0 else number + 1
    expected = [sommerfeld(80.0, 137.035999037, n, number) for n in range(first, first + 4)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# ------------------------------------------------------------------------------------------- many electrons
def per_electron(n: Any) -> sp.Expr:
    """Exchange and correlation energy of the uniform electron gas per electron.

    Source: S. H. Vosko, L. Wilk, M. Nusair, Can. J. Phys. 58 (1980) 1200-1211, without spin polarisation.
    """
    a, start, b, c = 0.0310907, -0.10498, 3.72744, 12.9352
    y, root = (3 / (4 * rz.pi * n)) ** sp.Rational(1, 6), sp.sqrt(4 * c - b * b)
    whole, part = y**2 + b * y + c, start**2 + b * start + c
    angle = rz.atan(root / (2 * y + b))
    correlation = rz.log(y**2 / whole) + 2 * b / root * angle
    correlation -= b * start / part * (rz.log((y - start) ** 2 / whole) + 2 * (b + 2 * start) / root * angle)
    return a * correlation - sp.Rational(3, 4) * (3 * n / rz.pi) ** sp.Rational(1, 3)


def screened(charge: int) -> sp.Expr:
    """What the nucleus and the other electrons look like from a radius, as a charge: the Thomas-Fermi model.

    Source: M. Oulne, Appl. Math. Comput. 218 (2011) 303-307, for the screening function.
    """
    s = rz.sqrt(x * (128 * charge / (9 * np.pi**2)) ** (1 / 3))
    root = (1 + 0.7280642371 * s - 0.5430794693 * s**2 * rz.exp(-0.3612163121 * s)) * rz.exp(-0.7280642371 * s)
    return 1 + (charge - 1) * root**2


class Atom:
    """Kohn-Sham equations of an atom in the local density approximation, all orbitals at once.

    Orbitals, their energies, the potential U/r of the electrons and the exchange potential X are unknowns of one steady
    problem. Newton's method starts from the orbitals of a screened nucleus, whose potential is exchanged for theirs.

    Args:
        shells: (n, l) -> electrons.
        ends: radii between cells.
        degree: of the elements.
    """

    def __init__(self, shells: dict[tuple[int, int], int], ends: Any, degree: int) -> None:
        self.shells, self.charge, self.line = shells, sum(shells.values()), radii(ends)
        self.element = rz.FiniteElement(degree=degree)
        self.orbitals = {s: rz.fields(f"P{s[0]}{s[1]}") for s in shells}
        self.energies = {s: rz.numbers(f"e{s[0]}{s[1]}") for s in shells}
        self.U, self.X = rz.fields("U X")
        n = sp.Dummy("n", positive=True)
        self.inside = sum(k * self.orbitals[s] ** 2 for s, k in shells.items())
        density = {n: self.inside / (4 * rz.pi * x**2) + 1e-30}  # far away it would underflow
        self.exchange = per_electron(n).subs(density)
        self.exchange_potential = sp.diff(n * per_electron(n), n).subs(density)

    def start(self) -> dict[Any, Any]:
        """Orbitals and energies in the field of the screened nucleus."""
        l, found = rz.params("l", default=0), {}
        potential = l * (l + 1) / (2 * x**2) - screened(self.charge) / x
        one = rz.Problem(
            [rz.Eq(rz.dt(P), rz.lap(P) / 2 - potential * P)], domain=self.line, conditions=[rz.Dirichlet(P, 0)],
            initial={P: 0},
        ).discretize(self.element)  # fmt: skip
        for momentum in {s[1] for s in self.shells}:
            mine = sorted(s for s in self.shells if s[1] == momentum)
            pairs = rz.eigenvalues(one, len(mine), sigma=-(float(self.charge) ** 2), params={l: momentum})
            for shell, energy, mode in zip(mine, pairs.eigenvalues, pairs["P"], strict=True):
                found |= {self.orbitals[shell]: mode, self.energies[shell]: energy}
        return found

    def problem(self, mix: Any) -> rz.Problem:
        """The equations; `mix` goes from 0 for the screened nucleus to 1 for the field of the electrons."""
        far, forms = float(self.line.points.max()), []
        field = (mix - 1) * screened(self.charge) / x + mix * ((self.U - self.charge) / x + self.X)
        for shell, orbital in self.orbitals.items():
            v, norm, energy = rz.test(orbital), rz.test(self.energies[shell]), self.energies[shell]
            potential = shell[1] * (shell[1] + 1) / (2 * x**2) + field
            forms.append(rz.integral(rz.dx(orbital) * rz.dx(v) / 2 + (potential - energy) * orbital * v))
            forms.append(rz.integral(norm * (orbital**2 - 1 / far)))
        v, w = rz.test(self.U), rz.test(self.X)
        forms.append(rz.integral(rz.dx(self.U) * rz.dx(v) - self.inside / x * v))
        forms.append(rz.integral((self.X - self.exchange_potential) * w))
        conditions = [rz.Dirichlet(orbital, 0) for orbital in self.orbitals.values()]
        conditions += [rz.Dirichlet(self.U, 0, on="nucleus"), rz.Dirichlet(self.U, self.charge, on="far")]
        return rz.Problem(forms, domain=self.line, conditions=conditions)

    def total_energy(self) -> tuple[float, dict[tuple[int, int], float]]:
        """The total energy, and those of the orbitals."""
        mix = rz.params("mix", default=1)
        system = self.problem(mix).discretize(self.element)
        nothing = {field: np.zeros(len(system.nodes(str(field)))) for field in (self.U, self.X)}
        found = rz.solve(system, y0=self.start() | nothing, continuation={mix: (0, 1)})
        levels = {s: float(found[e].ravel()[-1]) for s, e in self.energies.items()}
        twice = self.U / (2 * x) + self.X - self.exchange  # what the sum of the levels has too much of, per electron
        sum_of_levels = sum(k * levels[s] for s, k in self.shells.items())
        return sum_of_levels - float(found.integrate(self.inside * twice)), levels


NEON = {(1, 0): 2, (2, 0): 2, (2, 1): 6}
URANIUM = {
    (1, 0): 2, (2, 0): 2, (2, 1): 6, (3, 0): 2, (3, 1): 6, (3, 2): 10, (4, 0): 2, (4, 1): 6, (4, 2): 10, (4, 3): 14,
    (5, 0): 2, (5, 1): 6, (5, 2): 10, (5, 3): 3, (6, 0): 2, (6, 1): 6, (6, 2): 1, (7, 0): 2,
}  # fmt: skip


def test_neon():
    """The tables of S. Kotochigova, Z. H. Levine et al., NIST Standard Reference Database 141 (LDA)."""
    energy, levels = Atom(NEON, [0, *np.geomspace(1e-2, 25, 10)], 10).total_energy()
    assert energy == pytest.approx(-128.233481, abs=1e-6)
    assert list(levels.values()) == pytest.approx([-30.305855, -1.322809, -0.498034], abs=1e-6)


@pytest.mark.slow
def test_uranium():
    energy, levels = Atom(URANIUM, [0, *np.geomspace(1e-3, 50, 20)], 10).total_energy()
    assert energy == pytest.approx(reference(FAMILY, "featom_uranium_schroedinger"), abs=1e-6)
    for momentum in range(4):  # no orbital has taken the place of another
        mine = [levels[s] for s in sorted(levels) if s[1] == momentum]
        assert all(np.diff(mine) > 0) and mine[-1] < 0
