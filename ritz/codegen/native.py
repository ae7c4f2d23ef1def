"""LLVM code with its object code on disk: what is compiled once on a machine is only loaded ever after.

Text in LLVM's language goes in, addresses of its functions come out. The object code lies in the cache folder, under a
name that depends on the text, the optimisation, LLVM's version and the processor with its features; code made for
another processor therefore is never found, let alone run. A digest in the file guards against halves.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from ritz.codegen import cache

_MATHEMATICS = {"linux": "libm.so.6", "win32": "ucrtbase.dll"}  # elsewhere every process has these functions anyway
_DIGEST = 32  # bytes of the digest in front of the object code
_lock = threading.RLock()
_loaded: dict[str, Native] = {}


class Native:
    """Loaded code.

    Attributes:
        key: the name under which its object code is stored.
    """

    def __init__(self, key: str, engine: Any) -> None:
        self.key, self._engine = key, engine  # the code lives as long as its engine

    def address(self, name: str) -> int:
        """Address of a function.

        Raises:
            KeyError: there is no such function.
        """
        found = int(self._engine.get_function_address(name))
        if not found:
            raise KeyError(f"the module has no function {name!r}")
        return found


def load(text: str, *, level: int = 2, vectorize: bool = False) -> Native:
    """Compile a module in LLVM's language, or load it if that was done before.

    Args:
        text: the module; functions that it declares and does not define are looked up among those of the process.
        level: optimisation, 0 (compile quickly) to 3.
        vectorize: let LLVM vectorise loops and straight lines; explicit vectors need no help.

    Returns:
        the loaded code; the same object for the same text within one process.

    Raises:
        KeyError: a function that is declared is nowhere in the process.
        RuntimeError: the text is not valid.

    Example:
        >>> text = "define double @twice(double %x) { %y = fadd double %x, %x ret double %y }"
        >>> import ctypes
        >>> ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(load(text).address("twice"))(4.0)
        8.0
    """
    return load_made(text, lambda: text, level=level, vectorize=vectorize)


def load_made(description: str, make: Callable[[], str], *, level: int = 2, vectorize: bool = False) -> Native:
    """The same for a module whose text takes time to write.

    Args:
        description: everything that the text depends on.
        make: writes the text; called only where there is no object code for this description.
        level, vectorize: see `load`.
    """
    key = _key(description, level, vectorize)
    with _lock:
        if key not in _loaded:
            code = _stored(key)
            if code is None:
                code = _compile(make(), level, vectorize)
                _store(key, code)
            _loaded[key] = Native(key, _link(code))
        return _loaded[key]


def key(description: str) -> str:
    """A name for what depends on a description, on LLVM's version and on this processor with its features."""
    return _key(description, 0, False)


@functools.cache
def lanes() -> int:
    """Doubles in a vector register of this processor: 8, 4 or 2."""
    features = _processor()[1].split(",")
    return 8 if "+avx512f" in features else 4 if "+avx2" in features else 2


@functools.cache
def registers() -> int:
    """Vector registers of this processor: 32 with AVX-512 or on 64-bit ARM, else 16."""
    name, features = _target().triple, _processor()[1].split(",")
    return 32 if "+avx512f" in features or name.startswith(("aarch64", "arm64")) else 16


@functools.cache
def _processor() -> tuple[str, str]:
    """Name and features of the processor, in LLVM's words."""
    import llvmlite.binding as llvm

    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # not known to LLVM on this machine: the name alone stands for the features
        features = ""
    return llvm.get_host_cpu_name(), features


@functools.cache
def _target() -> Any:
    """LLVM's description of this machine; afterwards the C library's functions can be called."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if sys.platform in _MATHEMATICS:
        with contextlib.suppress(RuntimeError):  # a libc that has them itself; what is missing is named when it is used
            llvm.load_library_permanently(_MATHEMATICS[sys.platform])
    return llvm.Target.from_default_triple()


def _machine(level: int) -> Any:
    name, features = _processor()
    reloc = "static" if _target().name.startswith("x86") else "default"
    return _target().create_target_machine(
        cpu=name, features=features, opt=level, reloc=reloc, codemodel="jitdefault", jit=True
    )


def _key(text: str, level: int, vectorize: bool) -> str:
    import llvmlite.binding as llvm

    facts = repr((llvm.llvm_version_info, sys.platform, _processor(), level, vectorize))
    return hashlib.sha256(f"{facts}\n{text}".encode()).hexdigest()[:24]


def _compile(text: str, level: int, vectorize: bool) -> bytes:
    """Object code of a module."""
    import llvmlite.binding as llvm

    machine = _machine(level)  # first of all: it loads what the text may call
    module = llvm.parse_assembly(text)
    module.verify()
    _check_names(module)
    module.triple, module.data_layout = _target().triple, str(machine.target_data)
    if level:
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization = options.slp_vectorization = vectorize
        options.loop_unrolling = vectorize
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


def _check_names(module: Any) -> None:
    """Refuse functions that are nowhere in the process: LLVM itself would end the process."""
    import llvmlite.binding as llvm

    wanted = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    missing = [name for name in wanted if not llvm.address_of_symbol(name)]
    if missing:
        raise KeyError(f"no library of this process has {', '.join(missing)}")


def _link(code: bytes) -> Any:
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(1))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _stored(key: str) -> bytes | None:
    """Object code from the disk, None if it is not there or damaged."""
    try:
        data = (cache.directory() / f"native_{key}.o").read_bytes()
    except OSError:
        return None
    digest, code = data[:_DIGEST], data[_DIGEST:]
    return code if hashlib.sha256(code).digest() == digest else None


def _store(key: str, code: bytes) -> None:
    """Put object code into place atomically; a cache that cannot be written costs time only."""
    try:
        root = cache.writable_directory()
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=root)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(temporary, root / f"native_{key}.o")
    except OSError:
        return
