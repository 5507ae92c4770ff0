# Each target creates and fills .venv itself; nothing else has to be typed on a fresh clone.
#   make sandbox   local Slack and cluster with the bot in between, and a first alert
#   make test      the test suite
#   make check     what CI runs: style, types, contracts, tests with coverage, every scenario
#   make bench     measurements, as ratios
#   make soak      the tests that have a full size, at that: kills, power cuts, every fault; an hour or so, seeds printed
#   make planted   puts each of many known bugs into a copy and runs the tests that must go red for it; some minutes
#   make fmt       puts the code into shape

PYTHON ?= python3
BIN := .venv/bin
# The stamp is newer than the lock and the project file once both are installed. Nothing is compiled meanwhile: most
# of it is never imported, and what is compiles itself then.
STAMP := .venv/.filled
# Plugins are named, so that whatever else is installed beside them changes nothing.
PYTEST := pytest --disable-plugin-autoload -p pytest_asyncio.plugin -p pytest_timeout \
	-p xdist.plugin -p _hypothesis_pytestplugin --dist worksteal
# Most tests wait for a disk, a socket or a process more than they count.
WORKERS ?= 6
# Workers begin together: without compiled files each of them would compile every test for itself.
unexport PYTHONDONTWRITEBYTECODE
COMPILED := build/.compiled
# Rooms in which a mistake acts on a cluster or loses an alert; each must reach the gate by itself.
GATED := bot/policy bot/workflow bot/mitigations bot/verification bot/storage

.PHONY: sandbox test check lint types contracts covered scenarios bench soak planted fmt

$(STAMP): requirements-dev.lock pyproject.toml
	@echo "Installing into .venv, about a minute; once, and when a lock has changed."
	@test -x $(BIN)/python || { $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")' && $(PYTHON) -m venv .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

sandbox: $(STAMP)
	$(BIN)/fettle sandbox $(ARGS)

# Both cores collect a half of the tests, which compiles them; what is wrong with one is told by the run itself.
$(COMPILED): $(STAMP) $(shell find bot commands alerts tests -name '*.py')
	@mkdir -p build
	@$(BIN)/python -m $(PYTEST) -n 0 --collect-only -qq tests/integration >build/.compiled-here 2>&1 & \
		$(BIN)/python -m $(PYTEST) -n 0 --collect-only -qq --ignore tests/integration >build/.compiled-there 2>&1; wait
	@touch $@

test: $(COMPILED)
	$(BIN)/python -m $(PYTEST) -n $(WORKERS) $(ARGS)

# Every scenario is among the tests that `covered` runs, on the page; `make scenarios` plays them alone, with what is seen.
check: lint types contracts covered

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

# Skips are listed (-rs), because CI refuses them; the report lies where CI reads it.
covered: $(COMPILED)
	@mkdir -p build
	$(BIN)/coverage erase
	FETTLE_EVERY=1 $(BIN)/coverage run -m $(PYTEST) -n 5 -rs --junitxml=build/junit.xml
	$(BIN)/coverage combine --quiet
	@rm -f .coverage.* # a child that a test killed leaves half a file
	$(BIN)/coverage report --skip-covered
	@for room in $(GATED); do \
		printf '%s ' "$$room"; \
		$(BIN)/coverage report --include="$$room/*" --format=total --fail-under=95 || { echo "$$room is covered below 95 %"; exit 1; }; \
	done

scenarios: $(STAMP)
	$(BIN)/fettle sandbox --headless --scenario all

bench: $(STAMP)
	@set -e; for file in bench/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

soak: $(STAMP)
	FETTLE_SOAK=1 $(BIN)/python -m $(PYTEST) -n 0 -s --timeout 3600 \
		tests/load tests/anomalies tests/unit/findings tests/unit/slack tests/verification_judge $(ARGS)

planted: $(STAMP)
	$(BIN)/python -m tests.planted $(ARGS)

fmt: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
