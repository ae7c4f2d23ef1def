"""Fourier transforms behind one small interface.

A provider turns a `TransformShape` and a direction into the address of a compiled function ``void m(intp plan, intp
source, intp target)`` and of the plan it reads. Spectral arrays hold kept modes only; padding and truncation are
the provider's business. The forward transform divides by the number of points, so that mode 0 is the mean.
"""

from __future__ import annotations

from ritz.codegen.transforms.provider import PROVIDERS, Plan, TransformShape, provider, register_provider

__all__ = ["PROVIDERS", "Plan", "TransformShape", "provider", "register_provider"]
