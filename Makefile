# The everyday commands. `make` lists them.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
# The variable silences an advertisement for other generators; --strict makes a dead link an error, but not with --quiet.
MKDOCS = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help serve test chaos kernels fresh check docs format bench train-demo clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# What serving needs, without the packages for training.
$(VENV)/.serve: pyproject.toml | $(BIN)/python
	$(BIN)/pip install -q -e .
	@touch $@

# Everything: tests, checks, training, export.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install -q "$(TORCH)"
	$(BIN)/pip install -q -e '.[dev]'
	@touch $@ $(VENV)/.serve

serve: $(VENV)/.serve  ## read pictures on localhost:$PORT (8000 by default)
	PORT=$(PORT) exec $(BIN)/spotter serve

test: $(VENV)/.dev  ## run the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

chaos: $(VENV)/.dev  ## break the service for some minutes: overload, leavers, hostile bytes, dying replicas
	SPOTTER_CHAOS=long $(BIN)/python -m pytest tests/chaos tests/topology tests/export/test_decoders.py \
		tests/formats/test_pdf_over.py tests/families/mask_textspotter tests/families/abcnet tests/client/generated tests/deploy/test_wheel.py tests/deploy/test_arm_service.py tests/docs/test_walks.py tests/bulk/test_bulk.py tests/service/test_bad_inputs.py tests/test_ocrmypdf.py --timeout 900 -s

kernels: $(VENV)/.dev  ## compile the kernels for every processor, and feed them random nonsense under sanitizers
	SPOTTER_CHAOS=long $(BIN)/python -m pytest tests/ops/test_build.py tests/ops/test_arm.py -s

fresh:  ## follow the README on a bare Debian, without fonts and with (root; debootstrap)
	tests/fresh.sh

check: $(VENV)/.dev  ## lint, types, import rules, the pages' links, and what is deployed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MKDOCS)
	PATH="$(CURDIR)/$(BIN):$$PATH" deploy/check.sh

docs: $(VENV)/.dev  ## build the pages as a site in build/site
	$(MKDOCS)

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## time the graph, the service, the synthesis and the training step
	$(BIN)/spotter bench

train-demo: $(VENV)/.dev  ## train a small run from nothing, five minutes, no data needed
	$(BIN)/spotter synth pool work/demo-pool --count 2000 --seed 1
	$(BIN)/spotter train work/demo-run --recipe recipes/demo.toml --pool work/demo-pool --minutes 5

clean:  ## remove what the commands made
	rm -rf $(VENV) work build dist *.egg-info
