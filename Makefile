# SchedRace on Debian and Ubuntu. Everywhere else: pipx install .
#   make run    open the window (without a display: race in the terminal and save the window's picture)
#   make test   everything that must hold before a change is merged
#   make bench  measurements, side by side     make soak  long fault campaigns

VENV := .venv
PY := $(VENV)/bin/python
# an environment knows where it lies: a copy of this folder makes its own
READY := $(VENV)/.ready-$(shell pwd | cksum | cut -d' ' -f1)
# simulators that we are measured against; without them their benchmarks are skipped
PEERS := .venv-peers
PEERS_READY := $(PEERS)/$(notdir $(READY))

.PHONY: run test bench soak libraries
.DEFAULT_GOAL := run

run: libraries
	@$(PY) -m app

test: libraries
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -m "not benchmark and not soak"

bench: libraries $(PEERS_READY)
	$(PY) -m pytest -m benchmark -s -o faulthandler_timeout=600 tests/benchmarks

soak: libraries
	$(PY) -m pytest -m soak -s -o faulthandler_timeout=900 tests

libraries: $(READY)
	@sh resources/setup/system_libraries.sh $(PY)

$(READY): requirements.lock pyproject.toml
	@sh resources/setup/environment.sh $(VENV) $(PYTHON)
	@touch $@

$(PEERS_READY): resources/setup/peers.lock | libraries
	-@sh resources/setup/peers.sh $(PY) $(PEERS) && touch $@
