"""The cost table of a machine: fixed without a stored one, stored and read again, damaged files are reported."""

import json

import pytest

import ritz as rz
from ritz.codegen import cache, calibration
from ritz.symbolic.rewrite.cost import DEFAULT, LATENCY


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RITZ_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_without_calibration_the_table_is_fixed(own_cache):
    assert calibration.machine_costs() is DEFAULT


def test_calibration_is_stored_and_used(own_cache):
    table = rz.calibrate()
    again = calibration.machine_costs()
    assert again.latency == table.latency
    assert set(calibration.measure()) <= set(LATENCY)
    for name in calibration.measure():
        assert LATENCY[name] / 4 <= table.latency[name] <= LATENCY[name] * 4
    assert table.latency["add"] == 1


def test_damaged_table_is_reported_and_not_used(own_cache, caplog):
    path = cache.writable_directory() / calibration._name()
    for text in ("{", json.dumps({"exponential": 3.0})):
        path.write_text(text)
        assert calibration.machine_costs() is DEFAULT
        assert "cannot be read" in caplog.text
