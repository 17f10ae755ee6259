# Two commands do everything: `make run` and `make test`. Needs Python >= 3.11, pip and make.
PYTHON ?= python3
UV := .tools/bin/uv
BIN := .venv/bin
PATIENT := --timeout 3600
# one more than there are cores: tests wait a third of their time
WORKERS ?= $(shell $(PYTHON) -c "import os; print(1 + (os.cpu_count() or 1))")
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport PYTHONDONTWRITEBYTECODE # where a machine sets it, every process compiles all it imports anew: seconds each, hundreds of times in the tests

.PHONY: install run test fmt check ci docs bench profile sdks statistics faults fuzz browser pictures wheel wheel-test clean

install: .venv/.installed

.venv/.installed: uv.lock pyproject.toml sdk/pyproject.toml
	@echo "installing into .venv (once; a minute or two)"
	@test -x $(UV) || ($(PYTHON) -m venv .tools && echo "fetching uv" && .tools/bin/pip install --quiet --disable-pip-version-check "uv>=0.9,<1")
	@$(UV) sync --frozen --all-packages --python $(PYTHON) && touch $@

run: install
	@$(BIN)/plumbline up --demo-if-empty

test: install
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal --durations=10 -m "not statistics and not faults and not browser and not fuzz and not wheel"

fmt: install
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

check: install
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: install
	@$(BIN)/pytest tests/test_docs.py

ci: check test

bench: install
	@$(BIN)/python -m benchmarks $(if $(AGAINST),&& $(BIN)/python -m benchmarks.against $(AGAINST) && $(BIN)/python -m benchmarks.bars $(AGAINST) && $(BIN)/python -m benchmarks.plain_query --against $(AGAINST))

sdks: install # real agent frameworks for tests/wire/test_real_sdks.py, apart from what the product needs
	@$(UV) venv --quiet --python $(PYTHON) .sdks && $(UV) pip install --quiet --python .sdks/bin/python \
	    openai-agents logfire "pydantic-ai-slim[openai]" "strands-agents[openai]>=1" opentelemetry-exporter-otlp-proto-http
	@mkdir -p .sdks/node && ! command -v npm > /dev/null || npm install --silent --no-audit --no-fund --prefix .sdks/node \
	    ai @ai-sdk/openai @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http @opentelemetry/resources

profile: install
	@$(BIN)/python -m benchmarks.stages --spans 8192 --batches 1 16 512
	@$(BIN)/python -m benchmarks.cycle --steps 12500 50000

statistics: install
	@$(BIN)/pytest -m statistics -s $(PATIENT)

faults: install
	@$(BIN)/pytest -m faults -s $(PATIENT)

fuzz: install
	@$(BIN)/pytest -m fuzz -s $(PATIENT)
	@$(BIN)/pytest -n auto -m "hypothesis and not statistics and not faults and not browser" --hypothesis-profile search $(PATIENT)

browser: install
	@$(BIN)/pytest -m browser -s $(PATIENT)

pictures: install # every page in both themes and at 375 px, to docs/pictures, and each state of a review to docs/review; HOUSE=plumbline-data: of the house that runs on it
	@$(BIN)/python -m tests.dashboards.pictures $(if $(HOUSE),--house $(HOUSE))
	@$(BIN)/python -m tests.review.pictures

wheel: install
	@$(UV) build --quiet --all-packages --out-dir dist && ls dist

wheel-test: install
	@$(BIN)/pytest -m wheel -s

clean:
	rm -rf .venv .tools dist plumbline-data
