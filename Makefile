# Everything this project does, by name: `make help`.
# A first call makes $(VENV) and installs the hashed lock of its Python; later calls start at once.

VENV ?= .venv
PYTHON ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
PEERS ?= .venv-peers
# Two for each core: half of the time a test waits for a disk, a server or a browser.
WORKERS ?= $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1))

NAMES := python3.13 python3.12 python3.11 python3
# A name on PATH may be a shim that cannot run here, so each is tried, and the system's after them.
CANDIDATES := $(or $(PYTHON),$(NAMES) $(addprefix /usr/bin/,$(NAMES)))
# One stamp per asked Python: another PYTHON= makes the environment anew, none takes what is there.
MADE := $(if $(PYTHON),$(VENV)/.made-$(subst /,-,$(PYTHON)),$(firstword $(wildcard $(VENV)/.made-*) $(VENV)/.made-first))
READY := $(VENV)/.ready
RUN := $(VENV)/bin/python -m
LOCKS := requirements/py313-django61.txt requirements/py311-django52.txt

.DEFAULT_GOAL := help
.PHONY: help run test test-long test-all check bench bench-peers clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'PYTHON=python3.11 picks the Python, VENV=.venv311 another folder, PYTEST_ARGS="-k name" the tests.'

run: $(READY) ## Start the server with demo data, on SQLite
	@exec $(VENV)/bin/holdfast serve --demo

# What is compiled is kept, also where the environment says otherwise: each of hundreds of processes
# would compile it again.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(RUN) pytest -n $(WORKERS) --dist worksteal
TESTING = @echo "Testing with $$(cat $(MADE)) on $${HOLDFAST_TEST_DATABASE:-sqlite}"

test: $(READY) ## Run all tests but the long ones (HOLDFAST_TEST_DATABASE=postgres: on PostgreSQL)
	$(TESTING)
	@$(PYTEST) -m "not long" --hypothesis-profile=quick $(PYTEST_ARGS)

test-long: $(READY) ## Run what `make test` leaves out: long tests, all examples of properties
	$(TESTING)
	@$(PYTEST) -m "long or hypothesis" $(PYTEST_ARGS)

test-all: $(READY) ## Run the whole suite
	$(TESTING)
	@$(PYTEST) $(PYTEST_ARGS)

check: $(READY) ## Lint, format, types, imports, templates, migrations, system checks
	@echo "Checking style"
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@echo "Checking templates"
	@find templates -name '*.html' -exec $(VENV)/bin/djade --check --target-version 5.2 {} +
	@echo "Checking types"
	@$(RUN) mypy
	@echo "Checking imports"
	@$(VENV)/bin/python -c 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())'
	@echo "Checking migrations and settings"
	@$(VENV)/bin/python manage.py makemigrations --check --dry-run
	@$(VENV)/bin/python manage.py check --fail-level WARNING

bench: $(READY) ## Measure
	@$(RUN) bench $(BENCH_ARGS)

bench-peers: ## Measure other libraries' sessions, and a site under gunicorn (Python 3.13)
	@$(MAKE) --no-print-directory VENV=$(PEERS) $(PEERS)/.peers
	@$(PEERS)/bin/python -m bench --only peers --only guest $(BENCH_ARGS)

clean: ## Remove what make and the tools made (never your data)
	@echo "Removing $(VENV), $(PEERS), caches and builds"
	@rm -rf $(VENV) $(PEERS) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's Python may lack ensurepip; its own pip then puts one into the environment.
$(MADE):
	@for python in $(CANDIDATES); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found="$$python" && break; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python >= 3.11 runs here (tried: $(CANDIDATES)). Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	version=$$("$$found" -c 'import platform; print("Python", platform.python_version())'); \
	echo "Making $(VENV) with $$version ($$found)"; \
	if "$$found" -c 'import ensurepip' 2>/dev/null; then \
	  "$$found" -m venv --clear $(VENV); \
	elif "$$found" -m pip --version >/dev/null 2>&1; then \
	  "$$found" -m venv --clear --without-pip $(VENV) && \
	  "$$found" -m pip --python $(VENV)/bin/python --quiet --quiet install pip; \
	else \
	  echo "$$found has neither ensurepip nor pip. Install them (Debian: apt-get install python3-venv), or name another: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi && echo "$$version" > $@

$(READY): $(MADE) $(LOCKS) pyproject.toml setup.py
	@case "$$(cat $(MADE))" in "Python 3.11."*) lock=py311-django52;; *) lock=py313-django61;; esac; \
	echo "Installing requirements/$$lock.txt into $(VENV) (minutes the first time)"; \
	$(RUN) pip install --quiet --quiet --require-hashes -r requirements/$$lock.txt && \
	$(RUN) pip install --quiet --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@

# What the bench compares with stands in no lock of the product: tests and checks need none of it.
$(PEERS)/.peers: $(MADE) requirements/peers.txt pyproject.toml setup.py
	@echo "Installing requirements/peers.txt into $(VENV) (minutes the first time)"; \
	$(RUN) pip install --quiet --quiet --require-hashes -r requirements/peers.txt && \
	$(RUN) pip install --quiet --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@
