# Two commands do everything: `make demo` and `make test`. Each sets up what it needs first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ENGINES := .engines
TORCH  ?= torch==2.13.0
INCUMBENT := reference/faulty?name=incumbent&kind=schema.required&rate=0.04&seed=1&latency=0.9
CANDIDATE := reference/faulty?name=candidate&kind=schema.stringified_container,schema.enum_case,call.missing&rate=0.12&seed=2&latency=0.6
SUITES := travel payments office cloud crowded

# Each command and many a test is a process of its own, which would compile every library again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-engines check generated bench clean
.DELETE_ON_ERROR:

help:           ## Say what there is to make
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/run.done        ## Compare two embedded models on the bundled suites and write reports/demo/report.html
	@$(BIN)/evalkit migrate $(SUITES) --from "$(INCUMBENT)" --to "$(CANDIDATE)" --latency --run demo --fresh || test $$? -eq 1  # the gate fails, as planted

test: $(VENV)/dev.done        ## Run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-engines: $(VENV)/dev.done $(ENGINES)/done  ## Start real engines: transformers, and vLLM and llama-server where they are on PATH
	PATH="$(CURDIR)/$(ENGINES)/bin:$$PATH" $(BIN)/python -m pytest -v tests/engines

check: $(VENV)/dev.done       ## Lint, types, the floors of the house, generated files up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py
	@for kind in suite models policy report; do \
		$(BIN)/evalkit schema $$kind | diff -u evalkit/schemas/$$kind.schema.json - || exit 1; done

generated: $(VENV)/dev.done   ## Write the files that are made from the code
	@for kind in suite models policy report; do $(BIN)/evalkit schema $$kind > evalkit/schemas/$$kind.schema.json; done
	$(BIN)/python -m tests.tables

clean:          ## Remove the virtual environment and every cache
	rm -rf $(VENV) $(ENGINES) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

# uv resolves and installs in seconds what takes pip minutes; pip does it where uv cannot be had.
INSTALL = if $(BIN)/python -m uv --version >/dev/null 2>&1; \
	then $(BIN)/python -m uv pip install --quiet --python $(BIN)/python -c constraints.txt $(1); \
	else $(BIN)/python -m pip install --quiet -c constraints.txt $(1); fi

$(VENV)/pip.done:
	$(PYTHON) -m venv $(VENV)
	-@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/run.done: $(VENV)/pip.done pyproject.toml constraints.txt
	@$(call INSTALL,-e .)
	@touch $@

$(VENV)/dev.done: $(VENV)/pip.done pyproject.toml constraints.txt
	@$(call INSTALL,-e '.[dev]')
	@touch $@ $(VENV)/run.done

# Engines have many requirements of their own. TORCH names the build: one for CPUs alone is smaller by gigabytes.
$(ENGINES)/done:
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet '$(TORCH)' 'transformers[serving]>=5.23,<6' gguf safetensors
	@touch $@
