"""Parameters, complex fields, forced fields, means, budgets and the pieces of the search."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp
from operator_form_examples import (
    INVERSE,
    ONE,
    H,
    U,
    V,
    advect,
    curl,
    d,
    derivative_nls,
    form,
    lap,
    mhd_2d,
    mhd_3d,
    navier_stokes_3d,
    product,
    projected,
    rotated_gradient,
    shallow_water,
    state,
    vorticity_2d,
    vorticity_3d,
)

from ritz.symbolic.form_kernel import split_coefficient, split_rows
from ritz.symbolic.form_library import build_library
from ritz.symbolic.form_recovery import recover
from ritz.symbolic.form_sharing import polynomial_basis
from ritz.symbolic.low_rank import low_rank_products
from ritz.symbolic.operator_forms import (
    GridForm,
    LinearField,
    Multiplier,
    ProductForm,
    ProductTerm,
    find_form,
    verify_form,
    written_form,
)

a, b, t = sp.symbols("a b t")


def best(source: ProductForm, good_enough: int = 0, budget: float = 20.0) -> GridForm:
    """Found and verified."""
    grid_form = find_form(source, budget=budget, good_enough=good_enough)
    assert verify_form(source, grid_form), str(grid_form)
    return grid_form


# ---------------------------------------------------------------------- coefficients
def test_parameters_merge_into_one_product() -> None:
    grid_form = best(form(1, "u", [a * product(U, U) + b * product(U, U, U)]))
    assert grid_form.report.found == (1, 1)
    assert "Q1 = a*u^2 + b*u^3" in grid_form.report.text


def test_parameters_merge_under_a_derivative_and_across_rows() -> None:
    flux = a * product(U, d(U, 0)) + 3 * b * product(U, U, d(U, 0))
    grid_form = best(form(1, "u v", [flux, (a * b) * flux]))
    assert grid_form.report.found == (1, 1)


def test_parameters_that_cannot_merge_keep_their_products() -> None:
    grid_form = best(form(1, "u v", [a * product(U, U) + b * product(V, V), b * product(U, U) + a * product(V, V)]))
    assert grid_form.report.found == (2, 2)


def test_magnetic_strength_as_a_parameter() -> None:
    assert sum(best(mhd_2d(a**2), good_enough=7).report.found) == 7


@pytest.mark.parametrize("factor", [sp.Float(0.37), sp.Float(1.23456789), sp.pi, sp.sin(t), 1 / (1 + a), sp.I * a])
def test_coefficients_that_are_no_small_fractions(factor: sp.Expr) -> None:
    grid_form = best(form(1, "u", [factor * product(U, d(U, 0)) + product(d(U, 0), d(U, 0, 0))]))
    assert sum(grid_form.report.found) <= 4


def test_undefined_functions_of_time() -> None:
    forcing = sp.Function("f")(t)
    assert best(form(1, "u", [forcing * product(U, d(U, 0))])).report.found == (1, 1)


def test_split_coefficient() -> None:
    assert split_coefficient((a + 2) * b / 3) == {b: sp.Rational(2, 3), a * b: sp.Rational(1, 3)}
    assert split_coefficient(sp.Float(0.5)) == {sp.Integer(1): sp.Rational(1, 2)}
    assert split_coefficient(-sp.Rational(12345, 67891)) == {sp.Rational(12345, 67891): -1}


def test_polynomial_basis_prefers_polynomial_combinations() -> None:
    basis, weights = polynomial_basis([(a, b), (a * b, b**2), (sp.Integer(0), sp.Integer(0))], 2)
    assert (basis, weights) == ([(a, b)], [(1,), (b,), (0,)])
    basis, weights = polynomial_basis([(a, b, 0 * a), (a + 1, 2 * b, 0 * a), (1 + 2 * a, 3 * b, 0 * a)], 3)
    assert len(basis) == 2
    assert weights[2] == (1, 1)


# ---------------------------------------------------------------------- kinds of forms
def test_mixed_degrees() -> None:
    grid_form = best(form(1, "u", [-1 * product(U, d(U, 0)) + product(U, U, U)]))
    assert sum(grid_form.report.found) <= 3


def test_quartic_terms() -> None:
    grid_form = best(form(1, "u", [4 * product(U, U, U, d(U, 0))]))
    assert grid_form.report.found == (1, 1)


def test_a_field_and_its_conjugate_share_a_transform() -> None:
    cubic = form(1, "u", [sp.I * product(U, U, V)], conjugates={1: 0})
    assert written_form(cubic).report.written == (1, 1)
    assert best(cubic).report.found == (1, 1)
    assert len(written_form(cubic).fields) == 2


def test_conjugates_listed_among_the_states() -> None:
    source = derivative_nls()
    listed = replace(source, states=("u", "conj(u)"), rows=(source.rows[0], ()))
    assert best(listed).report.found == (1, 1)


def test_forced_fields_are_free() -> None:
    source = replace(vorticity_2d(), forced=tuple(rotated_gradient(-U * INVERSE)))
    grid_form = best(source)
    assert grid_form.report.written == (2, 1)
    assert grid_form.report.found == (0, 2)


def test_no_products() -> None:
    grid_form = find_form(ProductForm(2, ("u", "v"), ((), ())))
    assert (grid_form.fields, grid_form.products, grid_form.rows) == ((), (), ((), ()))
    assert grid_form.report.complete


def test_terms_that_cancel() -> None:
    assert best(form(1, "u", [product(U, d(U, 0)) - product(U, d(U, 0))])).report.found == (0, 0)


def test_terms_that_cancel_by_the_product_rule() -> None:
    grid_form = best(form(1, "u", [2 * product(U, d(U, 0)) - product(U, U).d(0)]))
    assert grid_form.report.found == (0, 0)


def test_many_states_are_settled_by_the_bound() -> None:
    species = [state(i) for i in range(30)]
    rows = [product(x, y) - product(x, x) for x, y in zip(species, [*species[1:], species[0]])]
    grid_form = find_form(form(2, " ".join(f"c{i}" for i in range(30)), rows), budget=60.0)
    assert grid_form.report.found == (30, 30)
    assert grid_form.report.complete


def test_mean_of_a_projected_force() -> None:
    """The mean of T^2 drives a mean flow: the operators must be right at k = 0 although 1/lap vanishes there."""
    force = projected([product(H, H) - advect([U, V], U), -1 * advect([U, V], V)])
    source = form(2, "u v T", [*force, product(H, H)], solenoidal=((0, 1),))
    grid_form = best(source, good_enough=6)
    assert sum(grid_form.report.found) < sum(written_form(source).report.written)
    square = next(
        j for j, terms in enumerate(grid_form.products) if len(terms) == 1 and "T" in _names(source, grid_form, j)
    )
    mean = sum(c * m.at_mean for c, m, j in grid_form.rows[0] if j == square)
    assert mean * grid_form.products[square][0][0] == 1


def _names(source: ProductForm, grid_form: GridForm, index: int) -> str:
    return " ".join(grid_form.fields[i].text(source.names) for _, factors in grid_form.products[index] for i in factors)


def test_a_mean_vorticity_in_three_dimensions_forbids_the_velocity_form() -> None:
    source = vorticity_3d()
    grid_form = best(source, good_enough=8)
    with_mean = replace(source, mean_free=())
    assert not verify_form(with_mean, grid_form)
    assert sum(best(with_mean, good_enough=9).report.found) == 9


# ---------------------------------------------------------------------- search
def test_budget_spent_returns_the_written_form_or_better() -> None:
    source = mhd_3d()
    grid_form = find_form(source, budget=0.0)
    assert not grid_form.report.complete
    assert sum(grid_form.report.found) <= sum(grid_form.report.written)
    assert verify_form(source, grid_form)


def test_own_library() -> None:
    velocity = rotated_gradient(-U * INVERSE)
    grid_form = find_form(vorticity_2d(), library=[[item] for item in velocity])
    assert grid_form.report.found == (2, 2)
    assert grid_form.report.complete


def test_library_is_made_from_the_form_alone() -> None:
    fields = {item for entry in build_library(vorticity_2d()).entries for item in entry.fields}
    for expected in (U, U * INVERSE, d(U * INVERSE, 0), d(U * INVERSE, 1), d(U, 0)):
        assert expected in fields
    blocks = [entry for entry in build_library(mhd_3d()).tiers[0] if entry.cost == 3]
    velocity, magnetic = [U, V, H], [state(3), state(4), state(5)]
    for vector in (velocity, magnetic, curl(velocity), [u + w for u, w in zip(velocity, magnetic)]):
        assert any(set(entry.fields) == {item.normalised()[1] for item in vector} for entry in blocks)
    curls = {item for entry in build_library(shallow_water()).entries for item in entry.fields}
    assert d(U, 0) + d(V, 1) in curls
    assert d(U, 1) - d(V, 0) in curls


def test_dependent_products_give_the_rotational_form() -> None:
    source = navier_stokes_3d()
    velocity = [U, V, H]
    vorticity = curl(velocity)
    pieces = split_rows(source)
    products = low_rank_products(source, pieces, [velocity, vorticity], float("inf"))
    assert products is not None
    assert len(products) == 3
    grid_form = recover(source, pieces, [*velocity, *vorticity], products)
    assert grid_form is not None
    assert verify_form(source, grid_form)


@pytest.mark.slow
def test_hall_magnetohydrodynamics() -> None:
    velocity, magnetic = [U, V, H], [state(3), state(4), state(5)]
    current = curl(magnetic)
    flow = projected([advect(magnetic, y) - advect(velocity, x) for x, y in zip(velocity, magnetic)])
    electric = [
        product(velocity[j], magnetic[k])
        - product(velocity[k], magnetic[j])
        - product(current[j], magnetic[k])
        + product(current[k], magnetic[j])
        for j, k in ((1, 2), (2, 0), (0, 1))
    ]
    induction = [electric[(i + 2) % 3].d((i + 1) % 3) - electric[(i + 1) % 3].d((i + 2) % 3) for i in range(3)]
    source = form(3, "u1 u2 u3 b1 b2 b3", [*flow, *induction], solenoidal=((0, 1, 2), (3, 4, 5)))
    assert sum(best(source, good_enough=17, budget=40.0).report.found) == 17


@pytest.mark.slow
def test_complete_search_of_a_whole_library() -> None:
    grid_form = best(mhd_2d(), budget=120.0)
    assert grid_form.report.complete
    assert sum(grid_form.report.found) == 7


# ---------------------------------------------------------------------- data
def test_forms_check_themselves() -> None:
    term = ProductTerm(sp.Integer(1), ONE, (U, U))
    with pytest.raises(ValueError, match="One row per state"):
        ProductForm(1, ("u", "v"), ((term,),))
    with pytest.raises(ValueError, match="state 1"):
        ProductForm(1, ("u",), ((ProductTerm(sp.Integer(1), ONE, (U, V)),),))
    with pytest.raises(ValueError, match="two factors"):
        ProductTerm(sp.Integer(1), ONE, (U,))
    with pytest.raises(ValueError, match="solenoidal"):
        ProductForm(2, ("u",), ((term,),), solenoidal=((0,),))
    with pytest.raises(ValueError, match="dimension"):
        ProductForm(4, ("u",), ((term,),))


def test_factors_may_be_mappings_or_pairs() -> None:
    term = ProductTerm(2, ONE, ({0: ONE}, ((0, Multiplier.one().derivative(0)),)))  # type: ignore[arg-type]
    assert term.factors == (U, d(U, 0))
    assert term.coefficient == sp.Integer(2)


def test_written_form_shares_proportional_products() -> None:
    same = form(1, "u v", [product(U, 2 * V), a * product(V, -1 * U)])
    assert written_form(same).report.written == (2, 1)
    laplacian = form(2, "u", [product(U, lap(U, 2)) + product(U, LinearField(lap(U, 2)))])
    assert written_form(laplacian).products == (((sp.Integer(1), (0, 1)),),)
