"""LLVM code on disk: compiled once, loaded afterwards, never trusted when damaged."""

import ctypes

import pytest

from ritz.codegen import cache, native

TEXT = "define double @shift(double %x) {{ %y = fadd double %x, {} ret double %y }}"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RITZ_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(native, "_loaded", {})


def call(module, x):
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(module.address("shift"))(x)


def forget(monkeypatch):
    """As in a new process that must not compile."""
    native._loaded.clear()
    monkeypatch.setattr(native, "_compile", lambda *_: pytest.fail("compiled again"))


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_code_runs_at_every_level(level):
    assert call(native.load(TEXT.format("1.0"), level=level), 2.0) == 3.0


def test_the_second_process_compiles_nothing(monkeypatch):
    native.load(TEXT.format("1.0"))
    forget(monkeypatch)
    assert call(native.load(TEXT.format("1.0")), 2.0) == 3.0


def test_equal_text_is_one_module_and_counts_in_the_cache():
    assert native.load(TEXT.format("1.0")) is native.load(TEXT.format("1.0"))
    assert native.load(TEXT.format("2.0")) is not native.load(TEXT.format("1.0"))
    assert cache.status().object_bytes > 0


def test_damaged_object_code_is_compiled_again(monkeypatch):
    key = native.load(TEXT.format("1.0")).key
    path = cache.directory() / f"native_{key}.o"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    native._loaded.clear()
    assert call(native.load(TEXT.format("1.0")), 2.0) == 3.0
    forget(monkeypatch)
    native.load(TEXT.format("1.0"))


def test_another_processor_never_finds_the_code(monkeypatch):
    first = native.load(TEXT.format("1.0")).key
    monkeypatch.setattr(native, "_processor", lambda: ("another", "+one,-two"))
    assert native._key(TEXT.format("1.0"), 2, False) != first


def test_unknown_functions_raise_and_do_not_end_the_process():
    text = "declare double @no_such_function(double) define double @shift(double %x) { %y = call double "
    with pytest.raises(KeyError, match="no_such_function"):
        native.load(text + "@no_such_function(double %x) ret double %y }")
    with pytest.raises(KeyError, match="has no function 'other'"):
        native.load(TEXT.format("1.0")).address("other")


def test_text_that_is_not_valid_is_refused():
    with pytest.raises(RuntimeError, match="parsing error"):
        native.load("define double @shift(double %x) { ret float %x }")


def test_lanes_fit_the_processor():
    assert native.lanes() in (2, 4, 8)
