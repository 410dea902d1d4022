# `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
LOCK := requirements-dev.lock

# Python of the machine: the first that is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  "$$p" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && { command -v "$$p"; break; }; done)

# The environment is up to date when its stamp is that of the lock file, the Python and this very folder (launchers hold its path).
STAMP := $(VENV)/.stamp-$(shell { cat $(LOCK) Makefile; echo "$(PYTHON)"; pwd; } | cksum | cut -d' ' -f1)

TESTS ?=

.PHONY: help setup demo test lint format bench chaos mutants lock clean prerequisites

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## ?/\1\t/' | while IFS=$$'\t' read -r t d; do printf '  make %-8s %s\n' "$$t" "$$d"; done

demo: setup  ## set up what is missing, play the whole protocol over real prices, show it
	@$(VENV)/bin/alluse demo

test: setup  ## set up what is missing, run every test (TESTS="tests/unit -k ladder" for some)
	@$(PY) -m pytest $(TESTS)

lint: setup  ## ruff, pyright (strict), the import table
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(PY) -m pyright
	@$(VENV)/bin/lint-imports --no-cache

format: setup  ## format the code and mend what ruff can mend
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: setup  ## the benchmarks, each beside its limit and its peers
	@$(PY) -m benchmarks

chaos: setup  ## the fault tests at length: 20 kills of each process instead of 3
	@ALLUSE_CHAOS=1 $(PY) -m pytest tests/integration/runtime tests/integration/scenarios tests/unit/book tests/unit/processors

mutants: setup  ## 400 seeded mutants of domain/, each against the tests that run it; then docs/protocol-coverage.md
	@$(PY) -m tests.mutation
	@$(PY) -m tests.mutation --rules
	@$(PY) scripts/make_coverage.py

setup: $(STAMP)  ## Python environment from the lock file, the broker's jars; once done, nothing is downloaded
	@$(PY) -m infra.kafka

$(STAMP): | prerequisites
	@echo "Setting up $(VENV) from $(LOCK) (once; a few minutes)" >&2
	@"$(PYTHON)" -m venv $(VENV) || { echo "error: Python's venv module is missing. Debian: apt-get install python3-venv; Fedora: dnf install python3; macOS: brew install python" >&2; exit 3; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(LOCK)
	@echo "$(CURDIR)" > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/alluse-checkout.pth"
	@printf '%s\n' '#!/bin/sh' '"exec" "$(CURDIR)/$(PY)" "$$0" "$$@"' 'import sys' 'from alluse.cli import main' 'sys.exit(main())' > $(VENV)/bin/alluse
	@chmod +x $(VENV)/bin/alluse
	@rm -f $(VENV)/.stamp-*
	@touch $@

prerequisites:
	@[ -n "$(PYTHON)" ] || { echo "error: Python 3.11, 3.12 or 3.13 is missing. Debian: apt-get install python3 python3-venv; Fedora: dnf install python3; macOS: brew install python@3.13" >&2; exit 3; }
	@[ -n "$${KAFKA_BOOTSTRAP_SERVERS:-}" ] || command -v mvn >/dev/null || { echo "error: Maven is missing (it fetches the Kafka broker). Debian: apt-get install maven; Fedora: dnf install maven; macOS: brew install maven" >&2; exit 3; }

# uv is used for this alone, from an environment of its own.
lock:  ## make the lock files anew from pyproject.toml (every supported Python, with hashes)
	@[ -x $(VENV)-lock/bin/uv ] || { "$(PYTHON)" -m venv $(VENV)-lock && $(VENV)-lock/bin/python -m pip install --quiet uv; }
	@compile() { $(VENV)-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" pyproject.toml "$$@" > /dev/null; }; \
	compile --group dev --group bench -o requirements-dev.lock; \
	compile -c requirements-dev.lock -o requirements.lock
	@$(RM) -r $(VENV)-lock

clean:  ## remove the environment and local state (downloads stay in the cache under HOME)
	@$(RM) -r $(VENV) $(VENV)-lock .alluse .pytest_cache .ruff_cache .hypothesis
