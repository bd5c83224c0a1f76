# A thin front: each target is one or two commands that can be typed as well. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
EXTRA ?=
LOCK := requirements$(if $(EXTRA),-$(EXTRA)).lock
READY := $(VENV)/.ready$(if $(EXTRA),-$(EXTRA))
ANY_READY := $(or $(wildcard $(VENV)/.ready-*),$(READY))
CONFIG ?= config/demo.yaml
CORES ?= all
ARGS ?=

SNAKEMAKE := $(BIN)/snakemake --profile profiles/local --cores $(CORES)

.PHONY: help setup demo run dry report test lint format docs lock parity-peer clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## install into .venv, once; GPUs: make setup EXTRA=cuda12

$(READY): requirements.lock $(LOCK) pyproject.toml envs/setup.sh
	@envs/setup.sh $(VENV) $(LOCK)
	@touch $@

demo: CONFIG := config/demo.yaml
demo: run  ## the whole line on two small proteins: results/demo/report.html

run: $(ANY_READY)  ## the whole line: make run CONFIG=my.yaml
	@$(BIN)/cgpipe check --configfile $(CONFIG)
	@$(SNAKEMAKE) $(ARGS) --configfile $(CONFIG)

dry: $(ANY_READY)  ## what would run, and why: make dry CONFIG=my.yaml
	@$(SNAKEMAKE) --dry-run $(ARGS) --configfile $(CONFIG)

report: $(ANY_READY)  ## Snakemake's own report, with run times and provenance: snakemake-report.html
	@$(SNAKEMAKE) --report snakemake-report.html $(ARGS) --configfile $(CONFIG)

# files in their order: by number of tests, as xdist would have it, the longest would be left to one process at the end
test: $(ANY_READY)  ## all tests; one file: make test ARGS=tests/unit/config
	@NPROC=1 $(BIN)/python -m pytest $(or $(ARGS),-n auto --dist loadfile --no-loadscope-reorder --ignore tests/sampling)
	@$(if $(ARGS),,NPROC=1 $(BIN)/python -m pytest -n auto --dist loadfile tests/sampling)

lint: $(ANY_READY)  ## everything that looks at the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/lint-imports
	$(BIN)/mypy
	@twice=$$(find tests -name 'test_*.py' -printf '%f\n' | sort | uniq -d); \
	    if [ -n "$$twice" ]; then echo "pytest needs every file name once: $$twice" >&2; exit 1; fi

format: $(ANY_READY)  ## lay out Python and workflow files
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/snakefmt Snakefile workflow

docs: $(ANY_READY)  ## regenerate the key table and the JSON schemas
	@$(BIN)/python -m cgpipe.config.docs

lock: $(ANY_READY)  ## resolve the dependencies anew, for all platforms
	@compile() { $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml "$$@"; }; \
	compile --extra dev --extra native --upgrade -o requirements.lock; \
	compile --extra dev --extra native --extra cuda12 -c requirements.lock -o requirements-cuda12.lock

parity-peer: $(ANY_READY) .venv-peer/.ready  ## compare the network with nequip-allegro, in an environment of its own
	@$(BIN)/python benchmarks/parity_peer.py --peer-python .venv-peer/bin/python

.venv-peer/.ready:
	@$(BIN)/python -m venv .venv-peer
	@.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check nequip-allegro==0.8.3 'torch==2.13.*'
	@touch $@

clean:  ## remove the environment, caches and the demo's results; other results stay
	@rm -rf $(VENV) results/demo .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
