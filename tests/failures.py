"""Failures in tests: known by class, code and the data that they name, never by their sentences."""

import re

import pytest

from reconciler.model.errors import ElmifyError


def failing[F: ElmifyError](kind: type[F], code: str, *facts: object) -> pytest.RaisesExc[F]:
    """Expect a failure of that class and code that names the facts: names, addresses, keys, numbers."""
    return pytest.raises(kind, check=lambda error: error.code == code and names(error, *facts))


def names(error: ElmifyError, *facts: object) -> bool:
    """Return whether a failure's message and details name each fact as a whole, not as a part of a word."""
    return all(named_in("\n".join([error.message, *error.details]), fact) for fact in facts)


def named_in(text: str, fact: object) -> bool:
    """Return whether a text has a fact as a whole: 12 is in `run 12`, and not in `run 123`."""
    return re.search(rf"(?<!\w){re.escape(str(fact))}(?!\w)", text) is not None
