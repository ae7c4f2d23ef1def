"""Forty-six floating-point expressions of the literature: never less accurate than written, as a rule within a bit."""

import statistics

import pytest
from fp_cases import cases, measure

BEST = {"fp_herbie_53", "fp_hamming-ch3_39", "fp_hamming-ch3_41", "fp_hamming-ch3_43", "fp_hamming-ch3_45"}
BEST |= {"fp_hamming-ch3_47", "fp_hamming-ch3_49", "fp_fptaylor-extra_15", "fp_rosa_85", "fp_fptaylor-tests_31"}
found: dict[str, float] = {}


@pytest.mark.parametrize("name", cases())
def test_never_less_accurate_than_as_written(name):
    m = measure(cases()[name], budget=10)
    found[name] = m.after
    # other points than those the choice was made at: sampling moves a mean of 160 points by a few hundredths of a bit
    assert m.after <= m.before + 0.02
    assert m.result.report.bits_after <= m.result.report.bits_before
    assert m.result.report.check.startswith("agrees with the source")
    if name in BEST:
        assert m.after <= 1.2 < m.before + 0.1


def test_median_is_at_most_one_bit():
    values = [found[name] if name in found else measure(cases()[name], budget=10).after for name in cases()]
    assert statistics.median(values) <= 1.0


@pytest.mark.parametrize("name", ["fp_hamming-ch3_45", "fp_rosa_75", "fp_fptaylor-extra_9"])
def test_balanced_goal_wins_bits_too(name):
    m = measure(cases()[name], goal="balanced")
    assert m.after < m.before - 1
