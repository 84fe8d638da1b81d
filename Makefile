# Everything is built in .venv; nothing needs root or manual installation.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROTOC := build/protoc
ARGS ?=
# The tests start hundreds of processes: each would compile all sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: venv demo test check bench scorecard lift cluster protos sync docs format clean

venv: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --editable '.[http,portal,study,witness]' --group dev
	touch $@

demo: venv  ## The main job; SCENARIO=frozen-line: the founding scenario, as it is today and with the bureau.
	$(BIN)/python -m tests.demo $(if $(SCENARIO),--scenario $(SCENARIO)) $(ARGS)

# Three at once on two cores: many of the tests wait for servers to start, fail and stop.
test: venv  ## All tests, on real servers, databases and browsers; it names what it skips, and why.
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -rs $(ARGS)

check: venv  ## Format, lint, types, import contracts, generated code, contract, documents.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python clients/unasync.py --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(BIN):$$PATH" $(BIN)/buf lint
	PATH="$(BIN):$$PATH" $(BIN)/buf format --diff --exit-code protos --exclude-path protos/buf
	PATH="$(BIN):$$PATH" $(BIN)/buf breaking protos --against protos/baseline.binpb
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(MAKE) protos
	git diff --exit-code -- protos/gen docs/contract.md clients/bureau_client/_operations/methods.py

bench: venv  ## Figures with same-run baselines, to build/bench.json.
	$(BIN)/python -m tests.bench $(ARGS)

scorecard: venv  ## Train the reference scorecard; ARGS="--write" replaces the committed one.
	$(BIN)/python -m tests.scorecard $(ARGS)

lift: venv  ## The lift of an early warning; ARGS="--write" replaces the committed figures.
	$(BIN)/python -m tests.lift $(ARGS)

cluster: venv  ## Many nodes, broken on purpose and audited; ARGS="--list-faults" lists the faults.
	$(BIN)/python -W ignore:XDG_RUNTIME_DIR -m tests.cluster $(ARGS)

protos: $(PROTOC)/.ready  ## Generate protos/gen, docs/contract.md and the SDK's table of methods.
	PATH="$(PROTOC)/bin:$$PATH" $(PROTOC)/bin/python protos/generate.py

$(PROTOC)/.ready: protos/requirements.txt
	$(PYTHON) -m venv $(PROTOC)
	$(PROTOC)/bin/pip install --quiet -r protos/requirements.txt
	touch $@

sync: venv  ## Generate bureau_client/sync from bureau_client/aio.
	$(BIN)/python clients/unasync.py

docs: venv  ## The documents as a site in build/site.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: venv
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	PATH="$(BIN):$$PATH" $(BIN)/buf format -w protos --exclude-path protos/buf

clean:
	rm -rf $(VENV) build
