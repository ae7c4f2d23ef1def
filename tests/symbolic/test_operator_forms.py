"""The search finds the known best forms alone, and every form it returns is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
import sympy as sp
from operator_form_examples import TEXTBOOK

from ritz.symbolic.operator_forms import GridForm, LinearField, ProductForm, find_form, verify_form, written_form

NAMES = list(TEXTBOOK)
WRONG = sp.Rational(1001, 1000)


@cache
def found(name: str) -> tuple[ProductForm, GridForm]:
    make, best = TEXTBOOK[name]
    form = make()
    return form, find_form(form, budget=60.0, good_enough=best)


@pytest.mark.parametrize("name", NAMES)
def test_finds_the_known_number_of_transforms(name: str) -> None:
    _, grid_form = found(name)
    assert sum(grid_form.report.found) == TEXTBOOK[name][1], str(grid_form)


@pytest.mark.parametrize("name", NAMES)
def test_written_and_found_form_agree_exactly_and_on_random_fields(name: str) -> None:
    form, grid_form = found(name)
    for candidate in (written_form(form), grid_form):
        check = verify_form(form, candidate)
        assert check.exact
        assert check.error < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_never_more_transforms_than_written(name: str) -> None:
    form, grid_form = found(name)
    assert sum(grid_form.report.found) <= sum(written_form(form).report.written)


def with_wrong_product(grid_form: GridForm) -> Iterator[GridForm]:
    """The last coefficient of every product, off by 0.1 %."""
    for index, product in enumerate(grid_form.products):
        coefficient, factors = product[-1]
        planted = (*product[:-1], (coefficient * WRONG, factors))
        yield replace(grid_form, products=(*grid_form.products[:index], planted, *grid_form.products[index + 1 :]))


def with_wrong_row(grid_form: GridForm) -> Iterator[GridForm]:
    """The last multiplier of every row, off by 0.1 %."""
    for index, row in enumerate(grid_form.rows):
        if row:
            coefficient, multiplier, product = row[-1]
            planted = (*row[:-1], (coefficient * WRONG, multiplier, product))
            yield replace(grid_form, rows=(*grid_form.rows[:index], planted, *grid_form.rows[index + 1 :]))


def with_wrong_field(grid_form: GridForm) -> Iterator[GridForm]:
    """Every field, off by 0.1 %; a pair of complex conjugates as a whole stays wrong too."""
    for index, item in enumerate(grid_form.fields):
        planted: LinearField = item * Fraction(1001, 1000)
        yield replace(grid_form, fields=(*grid_form.fields[:index], planted, *grid_form.fields[index + 1 :]))


@pytest.mark.parametrize("name", NAMES)
def test_rejects_planted_errors(name: str) -> None:
    form, grid_form = found(name)
    plants = [*with_wrong_product(grid_form), *with_wrong_row(grid_form), *with_wrong_field(grid_form)]
    assert len(plants) >= 3
    for planted in plants:
        check = verify_form(form, planted)
        assert not check.exact
        assert check.error > 1e-6
        assert not check


def test_text_of_the_vorticity_form() -> None:
    _, grid_form = found("vorticity 2-D")
    text = str(grid_form.report)
    assert "written: 5 transforms (4 inverse, 1 forward)" in text
    assert "found:   4 transforms (2 inverse, 2 forward)" in text
    assert "Q1 = F1*F2" in text
    assert "dt(w) ∋ (dx^2 - dy^2) Q1 + dx*dy Q2" in text


def test_same_form_every_time() -> None:
    make, best = TEXTBOOK["Burgers 2-D"]
    first, second = (find_form(make(), good_enough=best) for _ in range(2))
    assert (first.fields, first.products, first.rows) == (second.fields, second.products, second.rows)
