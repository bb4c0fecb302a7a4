# Recipes. CI runs the same ones: what is green here is green there.
# An active virtual environment is used as it is; without one, .venv is made here.

PYTHON ?= python3
VENV   := $(if $(VIRTUAL_ENV),$(VIRTUAL_ENV),$(CURDIR)/.venv)
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
XDIST  ?= 2
# Environments of `make test-python`, `make newest` and of the tools, beside the one that is worked in.
OTHERS := $(CURDIR)/.numberflow/environments
TOOLS  := $(OTHERS)/tools

# Prefect keeps its database and settings inside the project while recipes run, and stays quiet and offline.
export PREFECT_HOME ?= $(CURDIR)/.numberflow/prefect
export DO_NOT_TRACK = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false
# Tests start hundreds of processes. Without kept bytecode each compiles Prefect anew: 2 s of 4.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up test test-all test-fast mutants check fix pages docs docs-serve audit sbom fuzz bench notebook build simulate node-sdk pins clean

# $(call need_python,INTERPRETER,WHAT TO DO): an old one ends in pip's words about a package that nobody knows.
OLDEST := $(shell sed -n 's/^requires-python = ">=\([0-9.]*\)"/\1/p' pyproject.toml)
need_python = @found=$$($(1) -c 'import sys; print("Python %d.%d.%d" % sys.version_info[:3]); \
	sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))' 2>/dev/null) || { \
	echo "numberflow needs Python $(OLDEST) or newer, and $(1) is $${found:-not there}. $(2):" \
	"make $(or $(firstword $(MAKECMDGOALS)),demo) PYTHON=python3.12" >&2; exit 1; }

help:  ## list the recipes
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(BIN)/python:
	$(call need_python,$(PYTHON),Name another one)
	$(PYTHON) -m venv $(VENV)

# What the product needs, pinned with hashes, then the product itself as an editable install.
$(VENV)/.numberflow-run: requirements.txt pyproject.toml | $(BIN)/python
	$(call need_python,$(BIN)/python,Remove or leave that environment and name another one)
	@echo "Installing numberflow into $(VENV) (a minute or two the first time) …"
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.numberflow-dev: requirements-dev.txt $(VENV)/.numberflow-run
	@echo "Installing what tests and checks need …"
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.numberflow-run  ## rent three numbers on the simulator despite faults and a kill (no account needed)
	@NUMBERFLOW_HOME=$(CURDIR)/.numberflow $(BIN)/numberflow demo

up: $(VENV)/.numberflow-run  ## simulator (without credentials), Prefect server and all deployments, until Ctrl-C
	@$(BIN)/numberflow up

simulate: $(VENV)/.numberflow-run  ## only the simulator; prints the environment that points at it
	@$(BIN)/numberflow simulator

test: $(VENV)/.numberflow-dev  ## checks, and all tests except those that only repeat their neighbours
	@$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n $(XDIST) -m "not exhaustive"

test-all: $(VENV)/.numberflow-dev  ## every case of every matrix (an hour on two cores)
	$(BIN)/python -m pytest -n $(XDIST)

test-fast: $(VENV)/.numberflow-dev  ## unit and contract tests only
	$(BIN)/python -m pytest -n $(XDIST) -m "not exhaustive" tests/unit tests/contract

.PHONY: test-python newest
test-python:  ## unit and contract tests on another interpreter: make test-python PYTHON=python3.13
	@$(MAKE) --no-print-directory test-fast VENV=$(OTHERS)/$(subst /,-,$(PYTHON))

# A release that breaks something is noticed here first, before it is pinned.
newest:  ## unit and contract tests with the newest releases that pyproject.toml allows, instead of the pins
	$(call need_python,$(PYTHON),Name another one)
	$(PYTHON) -m venv --clear $(OTHERS)/newest
	$(OTHERS)/newest/bin/python -m pip --quiet install --upgrade pip
	$(OTHERS)/newest/bin/python -m pip --quiet install --editable . --group dev
	@echo "Other than the pins:"
	@$(OTHERS)/newest/bin/python -m pip list --format freeze | tr A-Z_ a-z- | sed 's/^/  /' \
	| grep -vxF "$$(sed -n 's/^\([a-z][^ ;]*==[^ ;]*\).*/  \1/p' requirements*.txt)" || true
	$(OTHERS)/newest/bin/python -m pytest -n $(XDIST) -m "not exhaustive" tests/unit tests/contract

mutants: $(VENV)/.numberflow-dev  ## change what decides on money bit by bit: do its tests notice? (about ten minutes)
	$(BIN)/python tests/mutants.py $(MUTANTS)

check: $(VENV)/.numberflow-dev  ## lint, types, import layers, dependencies; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

.PHONY: validate
validate: $(TOOLS)/.installed  ## are the files of containers/ what Docker, Compose and Kubernetes take?
	@bash .ci/validate $(TOOLS)/bin

fix: $(VENV)/.numberflow-dev  ## format, and fix what lint can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pages: $(VENV)/.numberflow-dev  ## regenerate docs/flows.md and docs/flows/ from the table of flows
	@$(BIN)/python -m flows.page docs

# Material prints an advertisement for its successor otherwise.
docs docs-serve: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/.numberflow-dev  ## build the handbook in site/; a broken link or a page without a place fails
	$(BIN)/mkdocs build --strict --quiet

docs-serve: $(VENV)/.numberflow-dev  ## show the handbook at http://127.0.0.1:8000 while you write it
	$(BIN)/mkdocs serve --strict

audit: $(VENV)/.numberflow-dev  ## ask the advisory databases about every pinned package
	$(BIN)/python tests/advisories.py

# Of what a user installs: the pins with their hashes, and us.
$(TOOLS)/.installed: requirements-tools.txt
	$(call need_python,$(PYTHON),Name another one)
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-tools.txt
	@touch $@

sbom: $(TOOLS)/.installed  ## the bill of materials in dist/ (CycloneDX)
	mkdir -p dist
	$(TOOLS)/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file dist/numberflow.cdx.json

fuzz: $(VENV)/.numberflow-dev  ## ten minutes of made-up callbacks, replies and forms (SECONDS=600)
	cd tests && $(BIN)/python fuzz.py --seconds $(or $(SECONDS),600)

bench: $(VENV)/.numberflow-dev  ## measurements; each prints its question, machine and spread
	$(BIN)/python benchmarks/requests.py
	$(BIN)/python benchmarks/export.py
	$(BIN)/python benchmarks/rate.py
	$(BIN)/python benchmarks/receiver.py

notebook: $(VENV)/.numberflow-dev  ## regenerate docs/inventory.ipynb
	$(BIN)/python benchmarks/notebook.py

# Exactly as package.json pins it, all of it, and without running anything that a package brings.
node-sdk:  ## the vendor's Node SDK, for the test that asks it (needs Node.js and npm)
	cd tests/samples/node_sdk && npm install --no-package-lock --ignore-scripts --no-audit --no-fund

build: $(VENV)/.numberflow-dev  ## build the wheel in dist/
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist .

# Pinned versions stay unless pyproject.toml forbids them. `make pins UPGRADE=--upgrade` upgrades all.
COMPILE := uv pip compile pyproject.toml $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --quiet

pins:  ## compile the pins again (needs uv), without index addresses
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --group dev --constraints requirements.txt --output-file requirements-dev.txt
	$(subst pyproject.toml,,$(COMPILE)) --group tools --constraints requirements-dev.txt --output-file requirements-tools.txt
	$(COMPILE) --extra s3 --constraints requirements.txt --output-file requirements-image.txt
	$(subst pyproject.toml,,$(COMPILE)) --group build --constraints requirements-dev.txt --output-file requirements-build.txt
	sed -i '1i # Compiled from pyproject.toml by `make pins`; hashes, no index addresses.' requirements.txt
	sed -i '1i # Compiled from pyproject.toml (group dev) by `make pins`; hashes, no index addresses.' requirements-dev.txt
	sed -i '1i # Compiled from pyproject.toml (group tools) by `make pins`; hashes, no index addresses.' requirements-tools.txt
	sed -i '1i # Compiled from pyproject.toml (extra s3) by `make pins`, for containers/Dockerfile; hashes, no index addresses.' requirements-image.txt
	sed -i '1i # Compiled from pyproject.toml (group build) by `make pins`, for containers/Dockerfile; hashes, no index addresses.' requirements-build.txt

clean:  ## remove everything that the recipes made
	rm -rf .venv .numberflow dist site mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis
