# Every target installs what it needs into $(VENV), once, and again only when the lists of dependencies change.
# pip reads its own settings as ever: to take another build of torch, say, set PIP_EXTRA_INDEX_URL.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
CODE := src tests $(wildcard bench docs/*.py examples studies)

.DEFAULT_GOAL := help
.PHONY: help demo serve-demo test test-all lint format types bench build clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

demo: $(VENV)/.installed ## Install isogloss and run its demonstration
	@$(BIN)/isogloss demo --overwrite

serve-demo: $(VENV)/.installed-serve ## Train a small model in minutes and search with it on a page
	@$(BIN)/isogloss serve --demo

test: lint types ## Check style and types, then run the quick tests
	@$(BIN)/python -m pytest -q

test-all: lint types ## The same with the slow tests
	@$(BIN)/python -m pytest -q -m ""

lint: $(VENV)/.installed-test ## Check style, format and docstrings
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/ruff format --quiet --check $(CODE) || { echo "some files are not formatted; run: make format" >&2; exit 1; }
	@$(BIN)/pydoclint --quiet src

format: $(VENV)/.installed-test ## Write all code in the one format
	@$(BIN)/ruff check --quiet --fix --select I $(CODE)
	@$(BIN)/ruff format $(CODE)

types: $(VENV)/.installed-test ## Check types
	@$(BIN)/mypy --no-error-summary

bench: $(VENV)/.installed-test ## Time the parts that must be fast
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

build: $(VENV)/.installed ## Build the wheel into dist/
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

clean: ## Remove what was built and cached; .venv and runs/ stay
	@rm -rf build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "isogloss needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)" >&2; \
	  echo "name another one, for example: make PYTHON=python3.12 demo" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing isogloss into $(VENV); the first time takes some minutes" >&2
	@$(INSTALL) .
	@touch $@

$(VENV)/.installed-serve: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing isogloss and its service into $(VENV); the first time takes some minutes" >&2
	@$(INSTALL) '.[serve]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing isogloss and what its tests need into $(VENV); the first time takes some minutes" >&2
	@$(INSTALL) '.[test]'
	@touch $@ $(VENV)/.installed
