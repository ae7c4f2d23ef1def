"""`Fourier`: the user's side of the spectral discretisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ritz.codegen.fourier.lower import NodeBuilder, SpectralSystem, analyse, cutoff
from ritz.codegen.fourier.space import FourierLayout, FourierSpace
from ritz.codegen.lowered import Lowered
from ritz.codegen.memo import remember
from ritz.codegen.transforms import TransformShape, choose_provider, provider
from ritz.codegen.transforms.provider import AUTO
from ritz.errors import DiscretizationError, OptionError, reject_unknown
from ritz.symbolic.problem import Problem
from ritz.symbolic.product_form import GridForm, LinearField, ProductForm
from ritz.symbolic.rewrite.settings import Rewriting

MIN_POINTS = 4
NONPOLYNOMIAL_DEGREE = 2


class Fourier:
    """Fourier modes on a periodic box, one number of grid points per axis (even or odd).

    Args:
        points: grid points per axis, e.g. ``Fourier(256, 256)``.
        dealias: ``"auto"`` keeps the modes on which products of the equation's degree are free of aliasing (2/3 of
            them for quadratic terms, 1/2 for cubic ones; terms that are not polynomial count as quadratic); a number
            is the fraction of modes to keep; False keeps all but the highest.
        transforms: ``"generated"`` (made for this grid and processor), ``"rocket"``, ``"mkl"``, ``"fftw"`` (extras
            `mkl`, `fftw`) or the name of another provider; ``"auto"`` takes generated ones where there are any, else
            rocket-fft. MKL and FFTW are looked for in the folders of the environment variable ``RITZ_LIBRARIES`` first.
        fuse: compile the right-hand side as one piece with its transforms, where they are generated ones and it goes
            once from modes to the grid and back; False keeps loops and transforms apart.

    Example:
        >>> import ritz as rz
        >>> x, u = rz.coords("x"), rz.fields("u")
        >>> heat = rz.Problem([rz.Eq(rz.dt(u), rz.lap(u))], domain=rz.Interval(0, 1), conditions=[rz.Periodic()],
        ...                   initial={u: rz.cos(2*rz.pi*x)})
        >>> heat.discretize(rz.Fourier(32)).layout.coords["x"].shape
        (32,)
    """

    def __init__(
        self, *points: int, dealias: str | float | bool = "auto", transforms: str = "auto", fuse: bool = True
    ) -> None:
        if not points or len(points) > 3:
            raise DiscretizationError(f"Fourier takes one to three numbers of points, one per axis; found {points}.")
        for n in points:
            if int(n) != n or n < MIN_POINTS:
                raise DiscretizationError(f"Fourier needs at least {MIN_POINTS} points along every axis; found {n!r}.")
        if isinstance(dealias, str) and dealias != "auto":
            raise OptionError(f"dealias must be 'auto', False or a fraction between 0 and 1; found {dealias!r}.")
        if not isinstance(dealias, (str, bool)) and not 0 < dealias <= 1:
            raise OptionError(f"dealias must be 'auto', False or a fraction between 0 and 1; found {dealias!r}.")
        if transforms != AUTO:
            provider(transforms)
        self.points = tuple(int(n) for n in points)
        if not isinstance(fuse, bool):
            raise OptionError(f"fuse must be True or False; found {fuse!r}.")
        self.dealias, self.transforms, self.fuse = dealias, transforms, fuse

    def __repr__(self) -> str:
        return f"Fourier({', '.join(map(str, self.points))})"

    def discretize(
        self, problem: Problem, *, rewriter: str | Rewriting | None = "egraph", form_budget: float = 2.0, **options: Any
    ) -> Any:
        """Return the `ritz.System` of a problem on a periodic box.

        Args:
            problem: evolution equations, with constraints such as div(u) = 0 and elliptic equations such as
                lap(psi) = -w eliminated mode by mode.
            rewriter: ``"egraph"``, ``"sympy"``, None, or `ritz.Rewriting` with a goal and own rules; None also keeps
                products as written.
            form_budget: seconds of processor time for the search for the form with the fewest transforms.

        Raises:
            DiscretizationError: wrong number of axes, or a grid too small for the dealiasing.
            UnsupportedError: a term that has no evolution form on Fourier modes.
        """
        from ritz.codegen.system import System

        reject_unknown(options, {"rewriter", "form_budget"}, "Fourier")
        self._check_domain(problem)
        system = analyse(problem.scalar_form())
        space, choices = self._space(problem, system)
        grid_form = self._grid_form(system, rewriter, form_budget, choices)
        for k, unknown in enumerate(system.evolution.algebraic):
            name = system.form.unknowns[unknown].name
            row = system.evolution.response_mean[len(system.names) + k, :]
            if row.is_zero_matrix and system.evolution.linear_mean[len(system.names) + k, :].is_zero_matrix:
                choices.append(f"{name} is eliminated mode by mode; where its mean is not determined it is 0")
        builder = NodeBuilder(system, space, grid_form)
        diagonal, others = builder.rows()
        place = {unknown: i for i, unknown in enumerate(system.evolution.states)}
        groups = tuple(tuple(system.names[place[i]] for i in group) for group in system.evolution.solenoidal)
        layout = FourierLayout(system.names, space, groups)
        names = system.names
        lowered = Lowered(
            builder.g, space, layout, dict(zip(names, builder.states, strict=True)),
            dict(zip(names, diagonal, strict=True)), dict(zip(names, others, strict=True)),
            tuple(p.name for p in system.form.parameters), choices, [grid_form] if grid_form else [],
            {name: builder.quantity(k) for k, name in enumerate(system.algebraic)},
        )  # fmt: skip
        return System(lowered, problem=problem, discretization=self, rewriter=rewriter)

    def _check_domain(self, problem: Problem) -> None:
        if problem.is_weak or problem.has_boundaries:
            what = "is in weak form" if problem.is_weak else "has boundaries that are not periodic"
            raise DiscretizationError(
                f"{self!r} needs a problem in strong form on a box that is periodic along every axis, but this one "
                f"{what}. Use rz.FiniteElement, or rz.Periodic() as the only condition."
            )
        names = [c.name for c in problem.coordinates]
        if len(names) != len(self.points):
            what = f"the axes {', '.join(names)}" if names else "no space (use Pointwise())"
            raise DiscretizationError(f"{self!r} is for {len(self.points)} axes, but the problem has {what}.")

    def _space(self, problem: Problem, system: SpectralSystem) -> tuple[FourierSpace, list[str]]:
        form, choices = system.form, []
        degree = system.degree
        if system.has_pointwise:
            degree = max(degree, NONPOLYNOMIAL_DEGREE)
            choices.append("terms that are not polynomial are dealiased as quadratic ones: 2/3 of the modes are kept")
        cutoffs = []
        for n, c in zip(self.points, form.coordinates, strict=True):
            k = self._cutoff(n, degree)
            if k < 1:
                raise DiscretizationError(
                    f"{n} points along {c.name} leave no mode free of aliasing for products of {degree} factors; "
                    f"take at least {degree + 2} points."
                )
            cutoffs.append(k)
        kept = " x ".join(str(2 * k + 1) for k in cutoffs)
        choices.append(
            f"grid of {' x '.join(map(str, self.points))} points; {kept} modes kept (products of degree {degree})"
        )
        real = not any(f.is_complex_field for f in form.unknowns)
        bounds = [form.bounds[c] for c in form.coordinates]
        shape = TransformShape(self.points, tuple(cutoffs), real)
        transforms, why = choose_provider(self.transforms, shape)
        choices.append(f"{transforms} transforms: {why}")
        floats = [(float(a), float(b)) for a, b in bounds]
        return FourierSpace([c.name for c in form.coordinates], floats, shape, transforms, self.fuse), choices

    def _cutoff(self, n: int, degree: int) -> int:
        if self.dealias == "auto":
            return cutoff(n, degree)
        if self.dealias is False:
            return (n - 1) // 2
        return min(int(np.floor(float(self.dealias) * n / 2 - 1e-12)), (n - 1) // 2)

    def _grid_form(
        self, system: SpectralSystem, rewriter: str | Rewriting | None, budget: float, choices: list[str]
    ) -> GridForm | None:
        if system.products is None:
            return None
        from ritz.symbolic.operator_forms import find_form, written_form

        if self.dealias != "auto":
            choices.append("dealias is set by hand: products are kept as written, since other forms differ by aliasing")
        elif Rewriting.of(rewriter).engine is not None:
            form = system.products
            return remember("form", f"{budget} {_text(form)}", lambda: find_form(form, budget=budget))
        return written_form(system.products)


def _text(form: ProductForm) -> str:
    """Everything a search for a better form depends on."""

    def field(f: LinearField) -> str:
        return str([(i, sorted(m.terms.items())) for i, m in f])

    rows = [[(str(t.coefficient), str(t.multiplier), [field(f) for f in t.factors]) for t in row] for row in form.rows]
    forced = [field(f) for f in form.forced]
    return f"{form.dimension} {form.states} {rows} {dict(form.conjugates)} {form.solenoidal} {forced} {form.mean_free}"
