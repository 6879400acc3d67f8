# make demo: compiles, proves and runs a real network.  make test: lint, types and the whole test-suite.
# Each alone does all the set-up: it needs python3 (>= 3.10), g++ and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint bench clean

demo: $(READY)
	$(BIN)/python examples/demo.py

test: lint
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(READY)
	$(BIN)/ruff check compiler tests examples bench
	$(BIN)/ruff format --check compiler tests examples bench
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python bench/networks.py

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $(READY)

clean:
	rm -rf $(VENV) build
