"""Fourier transforms behind one small interface.

A provider turns a `TransformShape` and a direction into a `Plan`: the addresses of compiled functions and of the data
that they read. Spectral arrays hold kept modes only; padding and truncation are the provider's business. The forward
transform divides by the number of points, so that mode 0 is the mean. Cosine and sine transforms are in `cosine`.
"""

from __future__ import annotations

from ritz.codegen.transforms.provider import (
    PROVIDERS,
    Phase,
    Plan,
    TransformShape,
    choose_provider,
    provider,
    register_provider,
)

__all__ = ["PROVIDERS", "Phase", "Plan", "TransformShape", "choose_provider", "provider", "register_provider"]
