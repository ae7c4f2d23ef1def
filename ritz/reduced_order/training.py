"""Which parameter points train a reduced model and which are held back to judge it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ritz.errors import OptionError, ParameterError, SolveError
from ritz.reduced_order.estimator import FloatArray, Seed
from ritz.reduced_order.sampling import Samples, check_names, draw, read_range
from ritz.reduced_order.sweep_result import Sweep

MAX_CORNERS = 16


def training_points(
    system: Any, ranges: Mapping[Any, Any], n_train: int | None, n_test: int | None, rng: Seed
) -> tuple[Samples, int]:
    """Choose training and held-back points.

    One range is divided evenly; several are sampled by their corners (up to 16) and Sobol' points. Lists of values are
    combined with each other as they are. Held-back points are drawn from a Latin hypercube over the whole box.

    Args:
        system: gives names and bounds.
        ranges: ``{parameter: (low, high) | [values] | number}``.
        n_train: number of training points (of each combination of lists); None for 8, or 10 for each of several ranges.
        n_test: number of held-back points; None for a quarter of the training points, at least 2.
        rng: seed or generator.

    Returns:
        all points, training first, and the number of training points. The box of the samples is the sampled box where
        all parameters have ranges, else None.

    Raises:
        ParameterError: as `draw`; or a number of points below one.
    """
    if not isinstance(ranges, Mapping):
        raise OptionError(
            f"sweep= must be a mapping of parameters to ranges, or a Sweep; found {type(ranges).__name__}."
        )
    generator = np.random.default_rng(rng)
    names = tuple(map(str, ranges))
    check_names(system, names)
    if not names:
        return Samples((), np.zeros((1, 0)), np.zeros((0, 2))), 1
    for what, number, least in (("n_train", n_train, 1), ("n_test", n_test, 0)):
        if number is not None and (not isinstance(number, (int, np.integer)) or number < least):
            raise ParameterError(f"{what} must be a whole number, at least {least}; found {number!r}.")
    spans = [read_range(name, value) for name, value in zip(names, ranges.values(), strict=True)]
    free = [i for i, span in enumerate(spans) if isinstance(span, tuple)]
    listed = [range(1) if i in free else spans[i] for i in range(len(names))]
    inner = _fill([spans[i] for i in free], n_train, generator)  # type: ignore[misc]
    rows = []
    for combination in itertools.product(*listed):
        block = np.tile(np.array(combination, dtype=float), (len(inner), 1))
        block[:, free] = inner
        rows.append(block)
    train = np.concatenate(rows)
    box = np.array([[min(s), max(s)] for s in spans])
    test = _inside(box, max(2, len(train) // 4) if n_test is None else n_test, generator)
    values = np.concatenate([train, test])
    draw(system, names, sampling=values)  # checks the declared bounds
    return Samples(names, values, box if len(free) == len(names) else None), len(train)


def _fill(spans: list[tuple[float, float]], n: int | None, rng: np.random.Generator) -> FloatArray:
    """Return points (n, len(spans)) that fill the box, ends or corners included."""
    d = len(spans)
    if d == 0:
        return np.zeros((1, 0))
    box = np.array(spans)
    if d == 1:
        return np.linspace(*spans[0], 8 if n is None else n)[:, None]
    from scipy.stats import qmc

    count = 10 * d if n is None else n
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=d)))
    corners = corners if len(corners) <= min(MAX_CORNERS, count) else np.zeros((0, d))
    rest = count - len(corners)
    power = max(0, int(np.ceil(np.log2(max(rest, 1)))))
    inside = qmc.Sobol(d, rng=rng).random_base2(power)[:rest]
    return np.asarray(box[:, 0] + (box[:, 1] - box[:, 0]) * np.concatenate([corners, inside]))


def _inside(box: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    from scipy.stats import qmc

    if n == 0:
        return np.zeros((0, len(box)))
    return np.asarray(box[:, 0] + (box[:, 1] - box[:, 0]) * qmc.LatinHypercube(len(box), rng=rng).random(n))


def split_sweep(sweep: Sweep, n_test: int | None, rng: Seed) -> tuple[Sweep, Sweep]:
    """Hold back some runs of a finished sweep; those at the ends of a parameter's range are kept for training.

    Raises:
        SolveError: if too few runs succeeded.
    """
    good = sweep.succeeded
    if not len(good):
        raise SolveError("No run of the sweep succeeded, so there is nothing to learn from:\n" + repr(sweep))
    values = sweep.parameters[good]
    at_end = np.any((values == values.min(axis=0)) | (values == values.max(axis=0)), axis=1)
    candidates = good[~at_end] if (~at_end).any() else good[: max(0, len(good) - 2)]
    wanted = max(1, len(good) // 5) if n_test is None else n_test
    count = min(wanted, len(candidates))
    held = np.sort(np.random.default_rng(rng).choice(candidates, count, replace=False)) if count else candidates[:0]
    training = sweep.select([i for i in good if i not in set(held.tolist())])
    return training, sweep.select(held)
