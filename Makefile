# The only entry: what a developer calls, the continuous build calls too.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
# Where an image forbids bytecode, each of hundreds of processes would compile the code for itself.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
# Tests run on this many processes; 0 runs them in one.
JOBS ?= 2
# The tests of a file share what takes long to make (a market, servers), so each process takes whole files as
# far as it goes. (`loadfile` would run tests of one id once, and those of a generated schema have one id.)
IN_RUNS := --dist worksteal
# What `make demo` opens; any empty or new folder does.
DEMO ?= demo-market
LISTINGS ?= 20000
PORT ?= 8100
# Further words for what a target runs, e.g. make test ARGS="-k filter -x"
ARGS ?=

.PHONY: help setup demo test check bench bench-compare fmt lint types docs-test test-browser test-servers clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One stamp for what runs, one for what also tests: the demo does not wait for the test tools.
$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh
	@scripts/setup.sh
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt scripts/setup.sh
	@scripts/setup.sh dev postgres
	@touch $(VENV)/.ready $@

setup: $(VENV)/.ready-dev ## Make .venv with mercer and the test tools in it, pinned by constraints.txt

demo: $(VENV)/.ready ## Set up, make a synthetic market of 20,000 listings and serve it at 127.0.0.1:8100
	$(BIN)/mercer demo --market $(DEMO) --listings $(LISTINGS) --port $(PORT) $(ARGS)

# There is a process for each core; libraries that take all cores would stand in each other's way.
test: setup ## Set up and run the tests that need no server and no browser
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) $(IN_RUNS) -m "not server and not browser" --ignore=tests/docs $(ARGS)

check: lint types docs-test ## Everything that judges the code without running the tests

fmt: setup ## Format the code and sort its imports
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lint: setup ## Ruff, its formatter, and the layers of the folders
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup ## Mypy, strict, over src
	$(BIN)/mypy

docs-test: setup ## Run the snippets of the documents and look for what is not documented
	$(BIN)/pytest -n $(JOBS) tests/docs $(ARGS)

test-servers: setup ## The contract tests on a real PostgreSQL (installs and starts one as root on Debian)
	scripts/test_servers.sh $(ARGS)

test-browser: setup ## The pages in a real Chromium (installs it as root on Debian)
	scripts/test_browser.sh $(ARGS)

bench: setup ## Every benchmark, small; one JSON line each, also added to bench-results/runs.jsonl
	@mkdir -p bench-results
	$(BIN)/mercer bench index --json | tee -a bench-results/runs.jsonl
	$(BIN)/mercer bench search --json | tee -a bench-results/runs.jsonl
	$(BIN)/mercer bench events --json | tee -a bench-results/runs.jsonl

bench-compare: setup ## Compare two result files: make bench-compare BASE=a.jsonl WITH=b.jsonl
	$(BIN)/python scripts/bench_compare.py "$(BASE)" "$(WITH)"

clean: ## Remove what was built: .venv, caches, the demo market
	rm -rf $(VENV) $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find src tests benchmarks examples scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
