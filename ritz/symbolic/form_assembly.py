"""Putting grid forms together: the form as written, counts of transforms, and readable text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import sympy as sp

from ritz.symbolic.form_kernel import exact_coefficient
from ritz.symbolic.form_sharing import Monomial, RowKey, shared_products
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import FormReport, GridForm, GridProduct, GridRow, LinearField, ProductForm


def written_form(form: ProductForm) -> GridForm:
    """The form as the user wrote it, equal fields and proportional products computed once.

    Example:
        >>> from ritz.symbolic.product_form import ProductTerm
        >>> u, one = LinearField.state(0), Multiplier.one()
        >>> burgers = ProductForm(1, ("u",), ((ProductTerm(sp.Integer(-1), one, (u, u.derivative(0))),),))
        >>> written_form(burgers).report.written
        (2, 1)
    """
    fields: list[LinearField] = []
    places: dict[LinearField, int] = {}
    sums: dict[RowKey, dict[Monomial, sp.Expr]] = {}
    for row, terms in enumerate(form.rows):
        for term in terms:
            scale, monomial = Fraction(1), list[int]()
            for factor in term.factors:
                lead, item = factor.normalised()
                if item not in places:
                    places[item] = len(fields)
                    fields.append(item)
                scale *= lead if item else 0
                monomial.append(places[item])
            group = sums.setdefault((row, term.multiplier), {})
            key = tuple(sorted(monomial))
            coefficient = exact_coefficient(term.coefficient) * sp.Rational(scale)
            group[key] = sp.expand(group.get(key, sp.Integer(0)) + coefficient)
    products, rows = shared_products(len(form.rows), sums)
    return assemble(form, fields, products, rows)


def assemble(
    form: ProductForm, fields: Sequence[LinearField], products: Sequence[GridProduct], rows: Sequence[GridRow]
) -> GridForm:
    """A grid form without unused fields, whose report holds its counts and text."""
    used = sorted({index for product in products for _, factors in product for index in factors})
    place = {old: new for new, old in enumerate(used)}
    products = tuple(
        tuple((coefficient, tuple(sorted(place[index] for index in factors))) for coefficient, factors in product)
        for product in products
    )
    bare = GridForm(tuple(fields[index] for index in used), products, tuple(rows), FormReport((0, 0), (0, 0)))
    count = transform_count(form, bare)
    return replace(bare, report=FormReport(written=count, found=count, text=describe(form, bare)))


def transform_count(form: ProductForm, grid_form: GridForm) -> tuple[int, int]:
    """(inverse, forward) transforms: forced fields are free, a field and its conjugate share one."""
    free = {field_key(form, item) for item in form.forced}
    return len({field_key(form, item) for item in grid_form.fields} - free), len(grid_form.products)


def field_key(form: ProductForm, item: LinearField) -> tuple[LinearField, ...]:
    """Equal for fields that come from one inverse transform: multiples and conjugates of each other."""
    direct = item.simplified(form.dimension).normalised()[1]
    mirrored = form.conjugate(item).simplified(form.dimension).normalised()[1]
    return tuple(sorted({direct, mirrored}, key=lambda entry: entry.text(form.names)))


# ---------------------------------------------------------------------- text
def describe(form: ProductForm, grid_form: GridForm) -> str:
    """Fields, products and rows in readable mathematics."""
    names = [_field_name(form, item, index) for index, item in enumerate(grid_form.fields)]
    lines = [
        f"{name} = {item.text(form.names)}"
        for name, item in zip(names, grid_form.fields, strict=True)
        if name != item.text(form.names)
    ]
    for index, product in enumerate(grid_form.products):
        terms = [_scaled(coefficient, _monomial_text([names[i] for i in factors])) for coefficient, factors in product]
        lines.append(f"Q{index + 1} = {_joined(terms)}")
    for state, row in enumerate(grid_form.rows):
        if row:
            terms = [_row_text(coefficient, multiplier, index) for coefficient, multiplier, index in row]
            lines.append(f"dt({form.names[state]}) ∋ {_joined(terms)}")
    return "\n".join(lines)


def _field_name(form: ProductForm, item: LinearField, index: int) -> str:
    text = item.text(form.names)
    return text if text in form.names else f"F{index + 1}"


def _monomial_text(names: Sequence[str]) -> str:
    words = []
    for name in dict.fromkeys(names):
        power = list(names).count(name)
        words.append(name if power == 1 else f"{name}^{power}")
    return "*".join(words)


def _row_text(coefficient: sp.Expr, multiplier: Multiplier, index: int) -> str:
    word, name = str(multiplier), f"Q{index + 1}"
    if len(multiplier.terms) > 1:
        word = f"({word})"
    body = name if word == "1" else f"-{name}" if word == "-1" else f"{word} {name}"
    if coefficient == 1:
        return body
    return f"-{_scaled(coefficient, body[1:])}" if body.startswith("-") else _scaled(coefficient, body)


def _scaled(coefficient: sp.Expr, body: str) -> str:
    if coefficient == 1:
        return body
    if coefficient == -1:
        return f"-{body}"
    word = str(coefficient).replace("**", "^")
    return f"({word})*{body}" if coefficient.is_Add else f"{word}*{body}"


def _joined(terms: Sequence[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ")
