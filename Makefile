# Two commands on a fresh machine: `make demo` runs the main job, `make test` runs the tests.
PYTHON := .venv/bin/python
STAMP := .venv/.installed

.PHONY: demo test lint validate prove check schema lock bundle benchmarks clean

demo: $(STAMP)
	.venv/bin/kravkoll demo

test: $(STAMP)
	$(PYTHON) -m pytest tests -n 2 --dist worksteal --ignore tests/browser
	$(PYTHON) -m pytest tests/browser  # apart: the driver's event loop would be in the way of others

lint: $(STAMP)
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/bandit --quiet --recursive src suites --severity-level medium

validate: $(STAMP)
	.venv/bin/kravkoll validate

prove: $(STAMP)
	.venv/bin/kravkoll prove --full

check: lint validate test
	.venv/bin/kravkoll prove --changed

schema: $(STAMP)
	$(PYTHON) -m kravkoll.contracts.schemas

lock:
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.13 \
	  pyproject.toml --group dev --output-file requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.13 \
	  pyproject.toml --constraints requirements.lock --output-file requirements.runtime.lock

bundle: $(STAMP)
	bash .ci/bundle dist/offline

benchmarks: $(STAMP)
	$(PYTHON) -m benchmarks

$(STAMP): requirements.lock pyproject.toml .ci/install
	bash .ci/install

clean:
	rm -rf .venv reports/out
