# Everything runs in .venv; its stamp files say what is installed, so that nothing is installed twice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4
JOBS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test litellm check bench targets evaluate fuzz clean
.DEFAULT_GOAL := help

help:  ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.package  ## simulate a small world, scan it, show the campaigns and the report
	@rm -rf demo
	@echo "== A week of traffic: 600 honest accounts and two campaigns"
	@$(BIN)/spiritsafe simulate --out demo/world --accounts 600 --days 7 --exchanges 40000 --seed 1 \
	  --campaign C3:60:rate=18 --campaign C1:40
	@echo "== Scan"
	@$(BIN)/spiritsafe scan demo/world --out demo/found || test $$? -eq 4
	@echo "== Compare with who is what"
	@$(BIN)/spiritsafe evaluate demo/found/findings.json demo/world/labels.parquet --exchanges demo/world
	@echo "== Open in a browser: demo/found/report.html"

test: $(VENV)/.tools  ## run the tests
	$(BIN)/pytest -n logical --maxprocesses $(WORKERS)

litellm: $(VENV)/.tools  ## run the tests against LiteLLM's real proxy, with what it needs to start
	$(BIN)/pip install --quiet --group litellm-proxy
	$(BIN)/pytest tests/gateway/test_litellm.py tests/gateway/test_middleware.py

check: $(VENV)/.tools  ## lint, formatting, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.package  ## measure a scan's, sketching's and links' speed and memory, then tiny worlds in every experiment
	$(BIN)/pip install --quiet --group bench
	$(BIN)/python bench/scan_speed.py --stages
	$(BIN)/python bench/scale_scan.py --exchanges 2e6 --accounts 2e5 --incremental
	$(BIN)/python bench/sketching.py
	$(BIN)/python bench/link_speed.py
	$(BIN)/python bench/link_speed.py --hostile --runs 1
	$(BIN)/python bench/targets.py --quick

targets: $(VENV)/.package  ## measure every target; takes hours, goes on where it was cut
	$(BIN)/python bench/targets.py --jobs $(JOBS)

evaluate: $(VENV)/.tools  ## measure the designed worlds and write docs/evaluation.md; takes hours, goes on where it was cut
	$(BIN)/python bench/evaluate.py --jobs $(JOBS) --write docs/evaluation.md

fuzz: $(VENV)/.package  ## fuzz readers and decoders for FUZZ_SECONDS (3600), one after the other
	$(BIN)/pip install --quiet --group fuzz
	$(BIN)/python bench/fuzz.py

clean:  ## remove the virtual environment, caches and the demo
	rm -rf $(VENV) .bench demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "spiritsafe needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "No virtual environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.package: $(VENV)/.made pyproject.toml
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.package
	$(BIN)/pip install --quiet --group test --group check --group bench
	@touch $@
