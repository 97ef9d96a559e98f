"""Failures in tests: known by class, code and the data that they name, never by their sentences."""

import re
from typing import TypeVar

import pytest

from reconciler.model.errors import ElmifyError

Failure = TypeVar("Failure", bound=ElmifyError)


def failing(kind: type[Failure], code: str, *facts: object) -> "pytest.RaisesExc[Failure]":
    """Expect a failure of that class and code that names the facts: names, addresses, keys, numbers."""
    return pytest.raises(kind, check=lambda error: error.code == code and names(error, *facts))


def names(error: ElmifyError, *facts: object) -> bool:
    """Return whether a failure's message and details name each fact as a whole, not as a part of a word."""
    return named_in("\n".join([error.message, *error.details]), *facts)


def named_in(text: str, *facts: object) -> bool:
    """Return whether a text has each fact as a whole: 12 is in `run 12`, and not in `run 123`."""
    return all(re.search(rf"(?<!\w){re.escape(str(fact))}(?!\w)", text) for fact in facts)
