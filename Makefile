# make demo | test | check | bench      Each sets up what it needs in .venv: Python 3.11, 3.12 or 3.13 is enough.
#
#   demo    the main job on built-in phantoms, end to end; ends by printing where the report is
#   test    every test
#   check   style, types, import contracts, size measures
#   bench   speed and memory, as ratios measured in one run
#
# PYTHON=/path/to/python chooses the interpreter; ECHODUET_BUSI=/path/to/Dataset_BUSI_with_GT lets the tests use real images.

.DELETE_ON_ERROR:
.PHONY: help demo test check bench clean chromium tools

BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

demo: $(RUNTIME)
	$(BIN)/echoduet demo --out demo

test: $(DEV) chromium tools
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(DEV)
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture

bench: $(DEV)
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf .venv demo build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache

# The tests of the review page need a browser. Only Debian's root can be given one here; elsewhere those tests are skipped.
chromium:
	@if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        echo "Installing Chromium for the tests of the review page"; \
	        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null \
	            || echo "warning: Chromium could not be installed; the tests of the review page are skipped, and fail where CI=true." >&2; \
	    else \
	        echo "No Chromium is installed: the tests of the review page are skipped. On Debian: sudo apt install chromium" >&2; \
	    fi; \
	fi

# Other people's programs judge the DICOM that is written, talk to the node, and stand before the server: the same rule.
tools:
	@missing=""; for program in dciodvfy:dicom3tools dcmdump:dcmtk Orthanc:orthanc nginx:nginx-light caddy:caddy curl:curl openssl:openssl; do \
	    PATH="$$PATH:/usr/sbin" command -v "$${program%:*}" >/dev/null || missing="$$missing $${program#*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        echo "Installing$$missing for the tests of DICOM and of the server"; \
	        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null \
	            || echo "warning:$$missing could not be installed; the tests with them are skipped, and fail where CI=true." >&2; \
	    else \
	        echo "Missing:$$missing. The tests with them are skipped. On Debian: sudo apt install$$missing" >&2; \
	    fi; \
	fi

# The first interpreter that will do. A venv that cannot be made is almost always Debian's missing python3-venv.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "error: EchoDuet needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 2; \
	fi; \
	echo "Setting up .venv with $$($$found --version)"; \
	$$found -m venv .venv || { rm -rf .venv; echo "error: $$found cannot make a virtual environment. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 2; }

# The build tools are in the lock too, so the package itself is built without fetching anything that is not pinned.
$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements.lock names (a few minutes the first time)"
	@$(PIP) install -r requirements.lock
	@$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@echo "Installing what requirements-dev.lock names"
	@$(PIP) install -r requirements.lock -r requirements-dev.lock
	@touch $@
