# make demo   sets everything up and runs train, eval and predict on sample_images/
# make test   lint, types, tests, and the wheel installed alone; sets up what it needs
# make bench  how much vectorization gains on this machine

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint types tests wheel bench clean

demo: $(VENV)/.installed
	@sh tools/demo.sh $(BIN)/catclf

test: lint types tests wheel

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/mypy

tests: $(VENV)/.developing
	$(BIN)/pytest -rs

wheel: $(VENV)/.developing
	sh tools/check_wheel.sh $(BIN)/python

bench: $(VENV)/.developing
	$(BIN)/python tools/bench/vectorization.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.developing: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis
