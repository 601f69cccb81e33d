# Everything that sets up, runs and checks the project. Needs Python 3.11+, Node 20+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGES := backstage/plugins/analytics-internal
PAGE := src/analytics_internal/http/page
DATA ?= data
PORT ?= 7008
EVENTS ?= 100000
# Stamps are named after the lock files: nothing is installed or built twice.
sha = $(shell cat $(1) | sha256sum | cut -c1-16)
RUNTIME := $(VENV)/.runtime-$(call sha,requirements.lock pyproject.toml)
DEVELOPMENT := $(VENV)/.development-$(call sha,requirements-dev.lock pyproject.toml)
NODE_MODULES := $(PAGES)/node_modules/.installed-$(call sha,$(PAGES)/package-lock.json)
PAGE_SOURCES := $(shell git ls-files $(PAGES) 2>/dev/null)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet

.PHONY: install run demo test test-python test-pages check bench crash lock docs clean

install: $(RUNTIME) $(PAGE)/index.html ## the command in .venv/bin, the page built

run: install ## the service on its embedded database, without authentication, on this machine only
	@exec $(BIN)/analytics-internal serve --auth none --port $(PORT) --data-dir $(DATA)

demo: install ## the same with a year of a realistic portal's events
	@sh .ci/demo $(BIN)/analytics-internal $(PORT) $(DATA)-demo $(EVENTS)

test: check test-pages test-python ## everything

check: $(DEVELOPMENT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test-pages: $(NODE_MODULES)
	npm --prefix $(PAGES) run --silent check

test-python: $(DEVELOPMENT) $(PAGE)/index.html | chromium
	$(BIN)/pytest $(PYTEST)

.PHONY: chromium
chromium:
	@sh .ci/chromium

bench: $(DEVELOPMENT) ## the ratios of docs/benchmarks.md
	$(BIN)/python -m bench.ingest
	$(BIN)/python -m bench.query

crash: $(DEVELOPMENT) ## kill -9 of the service and of PostgreSQL under load, at random moments
	$(BIN)/python -m tests.crash.crash --rounds 20

lock: $(DEVELOPMENT) ## new lock files from pyproject.toml and package.json
	$(BIN)/uv pip compile pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --quiet -o requirements-dev.lock
	npm --prefix $(PAGES) install --package-lock-only --ignore-scripts

clean:
	rm -rf $(VENV) $(PAGE) $(PAGES)/node_modules

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --no-index -e .
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEVELOPMENT): | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --no-index -e .
	@rm -f $(VENV)/.development-* $(VENV)/.runtime-* && touch $@ $(RUNTIME)

$(NODE_MODULES):
	npm --prefix $(PAGES) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@rm -f $(PAGES)/node_modules/.installed-* && touch $@

$(PAGE)/index.html: $(NODE_MODULES) $(PAGE_SOURCES)
	npm --prefix $(PAGES) run --silent build
	@touch $@
