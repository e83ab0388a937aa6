# `make` prints what there is. Each target sets up what it needs, from a bare clone, with Python 3.11+ and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Items of the benchmark.
ITEMS ?= 100000
VOLUME ?= 10000000
PEER_ITEMS ?= 100000
STAMP := $(VENV)/.installed
FRONTEND := web_helper/frontend
UI := web_helper/backend/static/index.html
# Ray and PyTorch take 1.5 GB, which the demo does not need: `make engines` adds them.
EXTRAS := server agent postgres s3 parquet formats demo
COMPILE := $(BIN)/python -m uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url \
	--generate-hashes --quiet --custom-compile-command "make lock"

.PHONY: help install engines demo experiment-demo playground-demo up test test-system e2e test-peers nightly check format bench bench-peers bench-volume docs screenshots lock clean

help:  ## Print this list.
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# Not `ci`, which insists on the packages of other systems: not every registry has them. Versions and hashes are the lock's.
$(FRONTEND)/node_modules/.package-lock.json: $(FRONTEND)/package-lock.json | $(STAMP)
	$(FRONTEND)/npm install --no-save --no-progress --loglevel=error
	@touch $@

# The types of its answers come from the server's own document.
$(FRONTEND)/openapi.json: $(shell find web_helper/backend synapse_sdk/wire -name '*.py') | $(STAMP)
	$(BIN)/python $(FRONTEND)/write_openapi.py $@

$(UI): $(FRONTEND)/node_modules/.package-lock.json $(FRONTEND)/openapi.json $(shell find $(FRONTEND)/src -type f -not -name schema.gen.ts)
	$(FRONTEND)/npm run --silent build -- --logLevel warn

install: $(STAMP) $(UI)  ## Create .venv with everything pinned, and build the web UI.

engines: $(STAMP)  ## Add Ray and PyTorch to .venv, for the tests that run on them.
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.ray.lock
	$(BIN)/python -m pip install --quiet torch==2.13.0

demo: $(STAMP) $(UI)  ## Photographs in, annotated, exported, validated: see the platform work.
	$(BIN)/synapse demo

playground-demo: $(STAMP) $(UI)  ## Try a plugin in the browser: an app in a container (needs Docker or Podman).
	docker/playground-demo.sh

experiment-demo: $(STAMP) $(UI)  ## Train on a worker, activate a second loss, reproduce the first run bit by bit (after `make engines`).
	$(BIN)/python examples/experiments/demo.py

up: $(STAMP) $(UI)  ## Start server, worker and agent on 127.0.0.1.
	$(BIN)/synapse up

test: $(STAMP) $(UI)  ## The suite. What needs an engine of its own is skipped, with the reason, where it is missing.
	$(FRONTEND)/npm test --silent
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not system"

test-system: $(STAMP) $(UI)  ## The same, with real server, worker and agent processes.
	$(BIN)/python -m pytest -n auto --dist loadgroup -m system

e2e: $(STAMP) $(UI)  ## Only the tests that use the web UI, in Debian's Chromium.
	$(BIN)/python -m pytest -n 0 -m e2e tests/e2e

test-peers: $(STAMP)  ## COCOeval and Ultralytics' own label check (in its own environment) on the hostile set.
	$(BIN)/python -m tests.bench.peers --only-environment ultralytics
	SYNAPSE_REQUIRE_PEERS=1 $(BIN)/python -m pytest -n 0 tests/faults/test_validators.py

nightly: $(STAMP)  ## Two hundred seeded kills of exports, agents and pre-annotations, and the other faults (SYNAPSE_KILLS=200).
	SYNAPSE_KILLS=$${SYNAPSE_KILLS:-200} SYNAPSE_OUTAGE_SECONDS=$${SYNAPSE_OUTAGE_SECONDS:-30} $(BIN)/python -m pytest -n 0 \
		tests/faults tests/agent/test_faults_agent.py tests/agent/test_faults_server.py tests/to_task/test_kills.py tests/middleend/test_kills.py

check: $(STAMP) $(UI)  ## Lint, format, types, import contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(FRONTEND)/npm run --silent check

format: $(STAMP) $(UI)  ## Format the code.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(FRONTEND)/npm run --silent format

bench: $(STAMP)  ## Measure everything as ratios of one run, beside the goals (ITEMS=100000).
	$(BIN)/python -m tests.bench --items $(ITEMS)

bench-peers: $(STAMP)  ## The same items converted by others, each in its own environment (PEER_ITEMS=100000).
	$(BIN)/python -m tests.bench.peers --items $(PEER_ITEMS)

bench-volume: $(STAMP)  ## Ten million items through server, worker and command line, watched (VOLUME=10000000; needs 65 GB).
	$(BIN)/python -m tests.bench.volume --items $(VOLUME) --log volume.log

docs: $(STAMP)  ## Write the reference pages that are read off the code.
	$(BIN)/python docs/generate.py

screenshots: $(STAMP) $(UI)  ## Make the pictures in docs/images (after `make engines`; needs Chromium).
	$(BIN)/python docs/screenshots.py

lock: $(STAMP)  ## Pin every dependency again, with hashes.
	$(COMPILE) $(EXTRAS:%=--extra %) --group dev -o requirements.lock
	$(COMPILE) --extra ray --constraint requirements.lock -o requirements.ray.lock

clean:  ## Remove the environment and caches; data in .synapse stays.
	rm -rf $(VENV) $(FRONTEND)/node_modules web_helper/backend/static .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
