"""Pictures of a reduced model: how fast the singular values fall, and the error where it was not trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ritz.reduced_order.reduced_model import ReducedModel


def plot(model: ReducedModel, axes: Any = None, **kwargs: Any) -> Any:
    """Draw singular values (left) and held-back errors (right).

    Args:
        model: the reduced model.
        axes: two matplotlib axes; a new figure by default.
        kwargs: passed to both ``plot`` calls.

    Returns:
        the two axes.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    _singular_values(model, axes[0], kwargs)
    _errors(model, axes[1], kwargs)
    return axes


def _singular_values(model: ReducedModel, ax: Any, kwargs: dict[str, Any]) -> None:
    sigma = model.training.singular_values
    shown = sigma[sigma > 1e-16 * sigma[0]] / sigma[0]
    ax.semilogy(np.arange(1, len(shown) + 1), shown, ".-", **kwargs)
    ax.axvline(model.size, color="0.6", linestyle="--", linewidth=1)
    ax.annotate(f" {model.size} modes kept", (model.size, 1.0), color="0.4", fontsize="small", va="top")
    ax.set_xlabel("mode")
    ax.set_ylabel("singular value, relative")
    ax.set_title(f"{model.training.n_snapshots} snapshots of {model.training.n_train} runs", fontsize="medium")


def _errors(model: ReducedModel, ax: Any, kwargs: dict[str, Any]) -> None:
    estimate = model.error_estimate
    single = len(estimate.names) == 1
    place = estimate.parameters[:, 0] if single else np.arange(1, len(estimate.errors) + 1)
    order = np.argsort(place)
    for values, label, mark in ((estimate.errors, "reduced model", "o"), (estimate.projections, "best possible", "x")):
        ax.semilogy(place[order], values[order], mark, label=label, **kwargs)
    if estimate.tolerance is not None:
        ax.axhline(estimate.tolerance, color="0.6", linestyle="--", linewidth=1, label="tolerance")
    if single:
        ax.set_xlabel(estimate.names[0])
    else:
        ax.set_xticks(place)
        kind = "held-back point" if estimate.held_back else "training point"
        ax.set_xlabel(f"{kind} of ({', '.join(estimate.names)})" if estimate.names else kind)
    ax.set_ylabel("relative error")
    ax.set_title("held-back runs" if estimate.held_back else "training runs (none held back)", fontsize="medium")
    ax.legend(fontsize="small")
