# make demo   sets everything up and runs catclf demo: predict, train and eval on sample_images/
# make test   lint, types, tests, and the wheel installed alone; sets up what it needs
# make stress trainings killed and stopped at random moments: a minute or three
# make fuzz   files by chance that try to break it, for SECONDS (60); findings go to tests/findings
# make docs   the documents as a site, build/docs/index.html, with their examples run
# make bench  speed beside scikit-learn, PyTorch and others; CATCLF_DATA names a folder with the data

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

SECONDS ?= 60

.PHONY: demo test lint types tests wheel stress fuzz docs bench clean

demo: $(VENV)/.installed
	@$(BIN)/catclf demo

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

stress: $(VENV)/.developing
	$(BIN)/python tools/stress.py

fuzz: $(VENV)/.developing
	$(BIN)/python tools/fuzz/fuzz.py --seconds $(SECONDS)

docs: $(VENV)/.developing
	$(BIN)/pytest tests/test_doctests.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict -f tools/site/mkdocs.yml
	@echo "open build/docs/index.html"

bench: $(VENV)/.benching
	$(BIN)/python tools/bench/vectorization.py
	$(BIN)/python tools/bench/run.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.developing: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.benching: pyproject.toml | $(VENV)/bin/python
	$(PIP) -e '.[bench]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis
