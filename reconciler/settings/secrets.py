"""Secrets do not stand in files: they are found, reported without being shown, and not read."""

import re
from collections.abc import Iterator
from typing import Any

from reconciler.model.diagnostics import Diagnostic
from reconciler.text.codes import Mistake
from reconciler.text.yaml import Path, Places

_SECRET_KEY = re.compile(r"secret|passw|token|credential|access_?key|api_?key|private_?key", re.IGNORECASE)
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s]*@|[?&]password=", re.IGNORECASE)


def without_secrets(value: dict[str, Any], places: Places) -> Iterator[Diagnostic]:
    """Take everything out of `value` that is or holds a secret, and yield a diagnostic for each."""
    return _search(value, (), places)


def _search(value: dict[str, Any], path: Path, places: Places) -> Iterator[Diagnostic]:
    for key, inner in tuple(value.items()):
        here = (*path, key)
        if _SECRET_KEY.search(key):
            del value[key]
            yield Mistake.SECRET_IN_FILE.at(places.of_key(here), f"`{key}` looks like a secret.")
        elif isinstance(inner, str) and _URL_WITH_PASSWORD.search(inner):
            del value[key]
            yield Mistake.SECRET_IN_FILE.at(places.of_value(here), f"The URL of `{key}` holds a password.")
        elif isinstance(inner, dict):
            yield from _search(inner, here, places)
