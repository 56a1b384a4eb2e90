# For those who run a site:
#   make run       set up what is missing and serve on http://localhost:8888 (PORT=9000 OPTIONS="--site-name=Club")
#   make setup     set up only
#   make demo      serve a site with people and messages to look at, in demo.db; later: make run OPTIONS=--database=demo.db
# For those who develop (CONTRIBUTING.rst):
#   make dev       serve with --debug, and again after each change of a file
#   make console   the models at a Python prompt, on the database that OPTIONS names
#   make test      set up what the tests need, run every test
#   make check     lint, types, and the tests that need no browser, Nginx, PostgreSQL, MongoDB, fault harness or quiet
#                  machine
#   make test-one  T=testsuite.test_rooms: a module, a class or a method of the tests
#   make lint      format the code (with CI set: see whether it is formatted), lint it, check its types
#   make types     check the types only
#   make bench     measure (ENGINE=sqlite, postgresql or mongodb; ONLY=fanout,page: some of the figures)
#   make faults    kill, stop and cut four processes under load, and check that nothing is lost (SECONDS=1800 SEED=7);
#                  ENGINE=postgresql or mongodb: on two machines, with the database's servers among what is killed
#   make mutants   show that the fault harness notices a broken promise
#   make screenshots  a picture of each page, light and dark, on a desk and a phone, in screenshots/
# For those who release:
#   make lock      the lock files anew (UPGRADE=--upgrade: with the newest versions that requirements.txt allows)
#   make audit     ask the Python Package Index whether a hole is known in anything that is installed
#   make picture   docs/room.png anew
# Steps of these: test-setup (what the tests need of Python and npm) and tools (what they need of the system).

PYTHON ?= python3
PORT ?= 8888
OPTIONS ?=
BIN := .venv/bin
TYPED := app.py commands.py configuration.py terminal.py dev.py tests.py controllers demo models testsuite bench faults
# Each program that the tests need of the system's, and Debian's package of it.
APT_TOOLS := nginx:nginx chromium:chromium openssl:openssl postgres:postgresql-15

# Debian keeps some of them where the PATH of a plain user often does not look.
export PATH := $(PATH):/usr/sbin:/sbin:/usr/lib/postgresql/15/bin
# npm and others keep something there; where nothing can be kept they get a folder that is thrown away with .venv.
ifneq ($(shell probe=$$(mktemp -d -p "$$HOME" 2>/dev/null) && rmdir "$$probe" && echo writable),writable)
export HOME := $(CURDIR)/.venv/home
endif
# sockjs-tornado comes without a wheel: what builds it is pinned too. Newer pips read the second name.
PIP := PIP_CONSTRAINT=requirements-build.txt PIP_BUILD_CONSTRAINT=requirements-build.txt \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip
NPM := npm --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
COMPILE := $(BIN)/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --quiet

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: run demo dev console setup test check test-one test-setup lint types tools bench audit faults mutants screenshots lock picture

run: setup
	@exec $(BIN)/python app.py --port=$(PORT) $(OPTIONS)

# It refuses a database that has people.
demo: setup
	@$(BIN)/python app.py --database=demo.db $(OPTIONS) demo
	@exec $(BIN)/python app.py --database=demo.db --port=$(PORT) $(OPTIONS)

dev: setup
	@exec $(BIN)/python dev.py --port=$(PORT) $(OPTIONS)

console: setup
	@exec $(BIN)/python app.py $(OPTIONS) console

# --- set-up: each stamp is newer than the lock file that it was made from

setup: .venv/run.stamp node_modules/run.stamp

test-setup: .venv/test.stamp node_modules/test.stamp

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock requirements-build.txt | .venv/bin/python
	@echo "Installing what requirements.lock names"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

.venv/test.stamp: requirements-dev.lock requirements-build.txt | .venv/bin/python
	@echo "Installing what requirements-dev.lock names"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch .venv/run.stamp $@

node_modules/run.stamp: package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: apt-get install npm" >&2; exit 1; }
	$(NPM) ci --omit=dev
	@touch $@

node_modules/test.stamp: package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: apt-get install npm" >&2; exit 1; }
	$(NPM) ci --include=dev
	@touch node_modules/run.stamp $@

tools:
	@missing=; for tool in $(APT_TOOLS); do command -v $${tool%:*} >/dev/null || missing="$$missing $${tool#*:}"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "The tests need what is missing here:$$missing (apt-get install$$missing)" >&2; exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -q && apt-get install -q -y --no-install-recommends $$missing

# --- what developers do

test: tools test-setup
	$(BIN)/python -W error -m testsuite.runner

check: test-setup
	$(BIN)/ruff format $(if $(CI),--check)
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -W error -m testsuite.runner check

T ?= tests

test-one: test-setup
	@$(MAKE) --no-print-directory tools \
		APT_TOOLS="$(filter $(addsuffix :%,$(shell $(BIN)/python -W error -m testsuite.needs $(T))),$(APT_TOOLS))"
	$(BIN)/python -W error -m unittest -v $(T)

lint: test-setup types
	$(BIN)/ruff format $(if $(CI),--check)
	$(BIN)/ruff check

# The answer must not hang on the order in which mypy reads the files, nor on what it remembers of the last time.
types: test-setup
	$(BIN)/mypy
	@printf "%s\n" sort "sort -r" "shuf --random-source=requirements-dev.lock" | xargs -P 3 -I ORDER sh -c '\
		cache=$$(mktemp -d); \
		find $(TYPED) -name "*.py" -not -path "models/migrations/*" | LC_ALL=C ORDER | \
			xargs $(BIN)/mypy --cache-dir="$$cache" && $(BIN)/mypy --cache-dir="$$cache"; \
		answer=$$?; rm -r "$$cache"; \
		if [ $$answer != 0 ]; then echo "so says mypy with the files in the order of: ORDER" >&2; exit 1; fi'

ENGINE ?= sqlite
ONLY ?=

bench: tools test-setup
	$(BIN)/python -m bench --engine=$(ENGINE) $(if $(ONLY),--only=$(ONLY))

# --strict: what the index cannot tell about is a failure, too.
audit: test-setup
	$(BIN)/uv tool run pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock

SECONDS ?= 60
SEED ?=
ROOMS ?= 20

faults: tools test-setup
	$(BIN)/python -W error -m faults --engine=$(ENGINE) --seconds=$(SECONDS) --rooms=$(ROOMS) $(if $(SEED),--seed=$(SEED))

mutants: tools test-setup
	$(BIN)/python -W error -m faults.mutants

screenshots: tools test-setup
	@mkdir -p screenshots
	PROSA_SCREENSHOTS=screenshots $(BIN)/python -W error -m unittest testsuite.test_browser_pages

lock: .venv/test.stamp
	$(COMPILE) $(UPGRADE) requirements.txt -o requirements.lock
	$(COMPILE) $(UPGRADE) -c requirements.lock requirements-dev.txt -o requirements-dev.lock
	$(NPM) install --package-lock-only --omit-lockfile-registry-resolved
	@! grep -nE '://|file:' requirements.lock requirements-dev.lock
	@! grep -n '"resolved"' package-lock.json

picture: tools test-setup
	$(BIN)/python -m docs.picture
