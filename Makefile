# Needs Python 3.11 or newer and make; everything else goes into .venv. Without make: see README.md.
# PYTHON=/path/to/python picks the interpreter of .venv; by default the first of these that is new enough.

SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python)
OUTPUT ?= demo-output
# Two processes halve the wait: each begins with half of the tests in their order, so that most files stay in one of them
# and their fixtures are made once, and takes over from the other when it is done.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test test-full test-kernels lint format bench bench-short bench-guard docs clean distclean

help:  ## show these lines
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 14

demo: $(VENV)/installed  ## set up, then run the main job on the built-in sample; results in demo-output/
	$(BIN)/predpol-eval demo --output $(OUTPUT)

test: $(VENV)/installed-dev  ## set up, then run the tests and the examples in the docs
	$(PYTEST) -n $(WORKERS) --dist worksteal

test-full: $(VENV)/installed-dev  ## the same with the long proofs, at full size (hours)
	PREDPOL_TEST_FULL=1 HYPOTHESIS_PROFILE=full $(PYTEST) -n $(WORKERS) --dist worksteal -m "slow or not slow"

# A cache of its own: machine code that was compiled without the checks would be loaded without them.
test-kernels: $(VENV)/installed-dev  ## the kernels' tests again: every index checked, then interpreted at small sizes
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR="$(CURDIR)/build/checked-kernels" HYPOTHESIS_PROFILE=few \
	  $(PYTEST) -n $(WORKERS) tests/kernels tests/test_tallies.py
	NUMBA_DISABLE_JIT=1 HYPOTHESIS_PROFILE=few $(PYTEST) -n $(WORKERS) tests/kernels tests/test_tallies.py

lint: $(VENV)/installed-dev  ## style, types, and which module may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev  ## let ruff lay out the code and mend what it can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/installed-dev  ## time the kernels against their naive twins and peers; also into build/benchmarks.json
	@mkdir -p build
	$(PYTEST) benchmarks --benchmark-only --benchmark-json=build/benchmarks.json

bench-short: $(VENV)/installed-dev  ## the same at small sizes, as in CI
	$(PYTEST) benchmarks --benchmark-only --short

bench-guard: $(VENV)/installed-dev  ## show that the short form trips on a planted slowdown and not on ten clean runs
	$(BIN)/python -m benchmarks.prove_guard

docs: $(VENV)/installed-docs  ## the manual, in docs/_build/html
	$(BIN)/python -m sphinx -E -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:  ## remove what was made, but for .venv
	rm -rf build dist $(OUTPUT) docs/_build docs/api .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	  .benchmarks .import_linter_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean  ## remove .venv too
	rm -rf $(VENV)

# Set-up. Each mark is renewed when pyproject.toml changes; PIP_CONSTRAINT is obeyed, as CI does.

$(VENV)/bin/python:
	@for candidate in $(PYTHONS); do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "$$candidate -m venv $(VENV)"; \
	    $$candidate -m venv $(VENV) && exit 0; rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "Found no Python 3.11 or newer among: $(PYTHONS). Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	@touch $@ $(VENV)/installed
