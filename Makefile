# Everything runs in .venv, made here on first use; nothing needs to be activated.
#
#   make serve    set-up, index if missing or stale, page on http://127.0.0.1:7860
#   make test     set-up and all tests
#   make check    style, types, unit and integration tests: before each commit
#   make install  set-up only
#   make build    set-up and index only
#   make faults   builds killed 200 times, disks filled, files damaged: a quarter of an hour
#   make bench    speed and memory
#   make train-reader PIAF=folder   train the reader anew: three hours
#   make page-figures the pages' weight, speed and accessibility, in a browser
#   make swap     fifty people ask while twenty builds are published
#   make evaluate quality of answers, compared with the committed figures; PIAF=folder for the French questions too
#
# PYTHON       the interpreter .venv is made with (3.11 or later)
# TORCH_INDEX  address of PyTorch's own CPU wheels; without it, pip may bring gigabytes of GPU libraries

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: serve install build test lint check faults bench evaluate page-figures swap train-reader lock clean

serve: build-or-keep
	@$(BIN)/loos serve

install: $(VENV)/.installed

build: $(VENV)/.installed
	@$(BIN)/loos build

# A corpus that cannot be built leaves the live index in service: say why, and serve it.
.PHONY: build-or-keep
build-or-keep: $(VENV)/.installed
	@$(BIN)/loos build || { $(BIN)/loos index verify >/dev/null && echo "L’index en service est gardé." >&2; }

test: $(VENV)/.installed-dev
	$(BIN)/python tests/chromium.py
	$(BIN)/python tests/nginx.py
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest tests/unit tests/integration

faults: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/faults --long --write

bench: $(VENV)/.installed-dev build
	$(BIN)/python tests/evaluation/bench.py

evaluate: $(VENV)/.installed-dev build
	$(BIN)/python -m tests.evaluation.evaluate $(if $(PIAF),--piaf $(PIAF))

page-figures: $(VENV)/.installed-dev build
	$(BIN)/python tests/chromium.py
	$(BIN)/python -m tests.evaluation.page_figures

swap: $(VENV)/.installed-dev build
	$(BIN)/python -m tests.load.swap_under_load

train-reader: $(VENV)/.installed-dev
	$(BIN)/python -m tests.evaluation.train_reader $(PIAF)

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-find-links \
  --no-emit-trusted-host

# The lock names torch's plain version, which a CPU build satisfies too.
lock: $(VENV)/.installed-dev
	$(COMPILE) --output-file requirements.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+cpu$$/\1/' requirements.lock
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+cpu$$/\1/' requirements-dev.lock

# The index and the models, in var, stay: they may be in service.
clean:
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Il faut Python 3.11 ou plus récent ; indiquez-le ainsi : make serve PYTHON=python3.11" >&2; exit 1; }
	@echo "Installation dans $(VENV) : quelques minutes la première fois."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@$(PIP) --requirement requirements-dev.lock
	@touch $@
