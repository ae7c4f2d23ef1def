# Everything runs in .venv, which these rules create from a bare clone. Another Python: make PYTHON=python3.12 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
DEMO_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all bench lint clean

help:
	@echo "make demo      both stories headless, pictures and a report in demo_output/"
	@echo "make test      the tests, slow ones left out"
	@echo "make test-all  the tests, slow ones included"
	@echo "make bench     the measurements of benchmarks/ (peers need RITZ_PEER_PYTHON, see benchmarks/README.md)"
	@echo "make lint      ruff and mypy"
	@echo "make clean     remove .venv, build products and caches"

# The stamp is renewed when the package list changes, not when code does: the installation is editable.
$(STAMP): pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('Ritz needs Python 3.11 to 3.13, found ' + sys.version.split()[0] + '. Say make PYTHON=python3.12 ...' if not (3, 11) <= sys.version_info[:2] < (3, 14) else 0)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $(STAMP)

install: $(STAMP)

demo: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python demo/run.py $(DEMO_ARGS)

test: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

test-all: $(STAMP)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "" $(PYTEST_ARGS)

bench: $(STAMP)
	$(BIN)/python benchmarks/run_all.py $(BENCH_ARGS)

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

clean:
	rm -rf $(VENV) build dist demo_output *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
