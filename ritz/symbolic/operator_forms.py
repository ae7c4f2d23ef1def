"""Search for the form of a pseudo-spectral right-hand side with the fewest Fourier transforms.

A right-hand side is a sum of linear multipliers applied to products of grid fields. Inverse transforms are paid per
grid field, forward transforms per grid product, multipliers cost nothing. For every set of fields from a library,
cheapest sets first, exact linear algebra modulo a prime tells whether products of these fields can represent all rows,
and how many forward transforms that takes; operators are then recovered exactly and the result is verified before it
is used.

Forms agree on dealiased modes of periodic boxes with constant coefficients, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ritz.symbolic.clock import spent
from ritz.symbolic.form_assembly import field_key, transform_count, written_form
from ritz.symbolic.form_check import CheckResult, verify_form
from ritz.symbolic.form_enumeration import Catalogue, Chosen, Indices, Tester, product_count
from ritz.symbolic.form_kernel import Kernel, Piece, least_fields, random_sums, split_rows
from ritz.symbolic.form_library import Library, build_library, library_of
from ritz.symbolic.form_recovery import Product, joint_rank, product_table, products_of_table, recover
from ritz.symbolic.low_rank import low_rank_products
from ritz.symbolic.multiplier import Multiplier
from ritz.symbolic.product_form import FormReport, GridForm, LinearField, ProductForm, ProductTerm

__all__ = [
    "CheckResult",
    "FormReport",
    "GridForm",
    "LinearField",
    "Multiplier",
    "ProductForm",
    "ProductTerm",
    "find_form",
    "verify_form",
    "written_form",
]

MOST_PRODUCTS = 220  # products of one degree over a set of fields
GREEDY_PRODUCTS = 120  # the same for the first, greedy reduction
CHUNK = 150_000  # residues handled at once
FAILURES = 20  # sets without a valid form whose supersets are still tried
PASSES = 6  # sets whose dependent products are exploited
SMALL_TIERS = 2  # tiers searched before dependent products are exploited
SHARE = 0.5  # of the time left for each of these two steps


def find_form(
    form: ProductForm,
    *,
    budget: float = 10.0,
    library: Iterable[Sequence[LinearField]] | None = None,
    good_enough: int = 0,
) -> GridForm:
    """The form with the fewest transforms that the search can find.

    Args:
        form: right-hand side as written.
        budget: seconds of processor time; when they are over the best form so far is returned and `report.complete` is
            False.
        library: blocks of fields that may be used; made from the form by default.
        good_enough: stop as soon as a form with at most that many transforms is known.

    Returns:
        A verified grid form, never with more transforms than `written_form`; deterministic as long as the budget
        lasts. `report.complete` means: no set of fields in the library has a cheaper form whose products are
        independent at fixed wave vectors. Dependent products are exploited too, heuristically, in a few passes.

    Example:
        >>> import sympy as sp
        >>> u, one = LinearField.state(0), Multiplier.one()
        >>> burgers = ProductForm(1, ("u",), ((ProductTerm(sp.Integer(-1), one, (u, u.derivative(0))),),))
        >>> print(find_form(burgers).report.text)
        Q1 = u^2
        dt(u) ∋ -1/2*dx Q1
    """
    start = spent()
    written = written_form(form)
    if not form.degrees:
        return written
    candidates = build_library(form) if library is None else library_of(form, library)
    search = _Search(form, written, candidates, start + budget, good_enough)
    search.run()
    report = FormReport(
        written=written.report.written,
        found=transform_count(form, search.best),
        seconds=spent() - start,
        complete=search.complete,
        found_after=max(0.0, search.found_at - start),
        tried=search.tried,
        error=search.error,
        text=search.best.report.text,
    )
    return replace(search.best, report=report)


@dataclass(frozen=True)
class _Dependent:
    """A set of entries whose products are dependent at fixed wave vectors."""

    chosen: Chosen
    cost: int
    forward: int


class _Search:
    """One run: keeps the best form, the deadline and the samples."""

    def __init__(
        self, form: ProductForm, written: GridForm, library: Library, deadline: float, good_enough: int
    ) -> None:
        self.form = form
        self.deadline = deadline
        self.good_enough = good_enough
        self.best = self.written = written
        self.total = sum(written.report.written)
        self.found_at = 0.0
        self.error = verify_form(form, written).error
        self.complete = True
        self.tried = 0
        self.pieces: list[Piece] = split_rows(form)
        self.catalogue = Catalogue(library)
        self.best_chosen: Chosen = ()
        self.minimal: list[np.uint64] = []  # bit masks of representable sets
        self.dependent: list[_Dependent] = []
        self.failures = 0
        self.least = self._least_forward()
        self.cheapest = self._least_inverse()
        self.tester = Tester(form, self.pieces, self.catalogue.fields, MOST_PRODUCTS)
        self._kernels: dict[tuple[int, bool], Kernel] = {}

    def run(self) -> None:
        """Greedy reduction, small tiers, dependent products, then the larger tiers."""
        if self.least == 0:
            self._accept([], [])
        if self.cheapest + self.least >= self.total:
            return
        self._reduce_first_tier()
        tiers = range(len(self.catalogue.tiers))
        small = (step for tier in tiers[:SMALL_TIERS] for step in self._search_tier(tier))
        large = (step for tier in tiers[SMALL_TIERS:] for step in self._search_tier(tier))
        self._advance(small, SHARE)
        self._exploit_dependence(SHARE)
        self.complete = self._advance(small, 1.0) and self._advance(large, 1.0)

    # ------------------------------------------------------------------ phases
    def _reduce_first_tier(self) -> None:
        """Drop fields from the first tier while the form can still be represented: a quick first answer."""
        chosen = list(range(self.catalogue.tiers[0]))
        fields = self.catalogue.fields_of(chosen)
        if product_count(len(fields), self.form.degrees[-1]) > GREEDY_PRODUCTS or not self._representable(chosen):
            return
        for index in sorted(chosen, key=lambda index: (-self.catalogue.order(index), -index)):
            rest = [other for other in chosen if other != index]
            if self._late():
                return
            if rest and self._representable(rest):
                chosen = rest
        self._consider(tuple(chosen))

    def _advance(self, steps: Iterator[None], share: float) -> bool:
        """Go on for that share of the time left; True when there is nothing left to do."""
        until = self._until(share)
        return all(spent() < until and not self._late() for _ in steps)

    def _search_tier(self, tier: int) -> Iterator[None]:
        """Try all sets with an entry of this tier, cheapest first, as far as they can be better than the best."""
        for cost in range(self.cheapest, self.total):
            if cost + self.least >= self.total:
                return
            for chosen, members in self.catalogue.batches(tier, cost):
                yield
                unknown = self._unknown(chosen)
                chosen, members = chosen[unknown], members[unknown]
                if room := self._room(members.shape[1]):
                    for start in range(0, len(chosen), room):
                        self._try(chosen[start : start + room], members[start : start + room])
                        yield
                if cost + self.least >= self.total:
                    return

    def _try(self, chosen: Indices, members: Indices) -> None:
        self.tried += len(chosen)
        for place in np.flatnonzero(self.tester.representable(members)):
            self._consider(tuple(int(index) for index in chosen[place]))

    def _unknown(self, chosen: Indices) -> NDArray[np.bool_]:
        """Which sets contain no representable set found before."""
        masks = self.catalogue.masks(chosen)
        unknown = np.ones(len(chosen), dtype=bool)
        for known in self.minimal:
            unknown &= (masks & known) != known
        return unknown

    def _exploit_dependence(self, share: float) -> None:
        """Dependent products leave the multipliers some freedom: use it to save products."""
        deadline = self._until(share)
        promising = sorted(self.dependent, key=lambda item: (item.cost + item.forward, item.cost))
        waiting = [item.chosen for item in promising if item.cost + self.least < self.total][:PASSES]
        for chosen in [*self._extensions()[:PASSES], *waiting]:
            cost = self.catalogue.cost(chosen)
            if spent() > deadline or self._late():
                return
            if cost + self.least < self.total:
                blocks = [list(self.catalogue.entries[index].fields) for index in chosen]
                products = low_rank_products(self.form, self.pieces, blocks, deadline)
                if products is not None and cost + len(products) < self.total:
                    self._accept([field for block in blocks for field in block], products)

    def _extensions(self) -> list[Chosen]:
        """The best set with one more entry that makes products dependent, factors of the written form first."""
        written = {key for item in self.written.fields for key in field_key(self.form, item)}
        found = []
        for index in range(self.catalogue.tiers[:SMALL_TIERS][-1]):
            chosen = (*self.best_chosen, index)
            room = self._room(len(self.catalogue.fields_of(chosen)))
            affordable = self.catalogue.cost(chosen) + self.least < self.total
            if self.best_chosen and index not in self.best_chosen and room and affordable:
                if self.tester.dependent(self.catalogue.fields_of(chosen)):
                    found.append(chosen)
        return sorted(found, key=lambda chosen: not written.issuperset(self.catalogue.entries[chosen[-1]].fields))

    # ------------------------------------------------------------------ one set of fields
    def _consider(self, chosen: Chosen) -> None:
        """Find the products of a representable set and keep the form if it is better."""
        picked = np.array([chosen])
        if self._late() or not self._unknown(picked)[0]:
            return
        self.minimal.append(self.catalogue.masks(picked)[0])
        places = self.catalogue.fields_of(chosen)
        fields = [self.catalogue.fields[place] for place in places]
        cost = self.catalogue.cost(chosen)
        table = product_table(self._kernel(len(fields), few=True), fields, self.pieces)
        if table is not None and cost + joint_rank(table, self.pieces) < self.total:
            table = product_table(self._kernel(len(fields), few=False), fields, self.pieces)
        if table is None:
            return
        forward = joint_rank(table, self.pieces)
        if forward > self.least and self.tester.dependent(places):
            self.dependent.append(_Dependent(chosen, cost, forward))
        if cost + forward < self.total:
            products = products_of_table(table, self.form.degrees, len(fields))
            if products is not None and self._accept(fields, products):
                self.best_chosen = chosen
            elif self.failures < FAILURES:
                self.failures += 1
                self.minimal.pop()  # a larger set may still lead to operators that can be written down

    def _accept(self, fields: Sequence[LinearField], products: Sequence[Product]) -> bool:
        """Recover the operators, verify, and keep the form if it is better."""
        found = recover(self.form, self.pieces, fields, products)
        if found is None or sum(transform_count(self.form, found)) >= self.total:
            return False
        check = verify_form(self.form, found)
        if check.passed:
            self.best, self.total, self.error = found, sum(transform_count(self.form, found)), check.error
            self.found_at = spent()
        return check.passed

    # ------------------------------------------------------------------ helpers
    def _until(self, share: float) -> float:
        now = spent()
        return now + share * (self.deadline - now)

    def _late(self) -> bool:
        return spent() > self.deadline or self.total <= self.good_enough

    def _representable(self, chosen: Sequence[int]) -> bool:
        self.tried += 1
        return bool(self.tester.representable(np.array([self.catalogue.fields_of(chosen)]))[0])

    def _room(self, count: int) -> int:
        """Sets of `count` fields handled at once; 0 if there are too many products."""
        products = product_count(count, self.form.degrees[-1])
        return max(1, CHUNK // (products * (products + 2))) if products <= MOST_PRODUCTS else 0

    def _least_forward(self) -> int:
        """No form needs fewer forward transforms: the rank of the rows at one wave vector."""
        counts = dict.fromkeys(self.form.degrees, len(self.form.rows) + 4)
        kernel = Kernel(self.form, random_sums(self.form.dimension, 1, seed=1), counts, seed=2)
        parts = [np.stack([kernel.piece(piece, d)[0] for piece in self.pieces], axis=-1) for d in self.form.degrees]
        return joint_rank(np.concatenate(parts)[:, :, None], self.pieces)

    def _least_inverse(self) -> int:
        """No set of entries that costs less can do: conjugates come in pairs, forced fields for nothing."""
        free = sum(len(field_key(self.form, item)) for item in self.form.forced)
        pair = 2 if self.form.conjugates else 1
        return max(0, -(-(least_fields(self.form, self.pieces) - free) // pair))

    def _kernel(self, count: int, few: bool) -> Kernel:
        """Samples for tables of `count` fields, at few wave vectors or at enough for the rank to show in full."""
        if (count, few) not in self._kernels:
            counts = {degree: product_count(count, degree) + 4 for degree in self.form.degrees}
            number = 3 if few else max(8, self.total // max(self.least, 1) + 3)
            sums = random_sums(self.form.dimension, number, seed=3)
            self._kernels[count, few] = Kernel(self.form, sums, counts, seed=4)
        return self._kernels[count, few]
