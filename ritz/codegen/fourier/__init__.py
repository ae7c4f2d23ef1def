"""Fourier discretisation of periodic boxes."""

from __future__ import annotations

from ritz.codegen.fourier.discretization import Fourier

__all__ = ["Fourier"]
