"""What was told before, in small files: so that nobody hears the same thing every night."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_FORMAT = 1


def remembered_drift(file: Path, environment: str) -> frozenset[str] | None:
    """Return the ids of what was reported of an environment; None when the file remembers nothing of it.

    A file that is not one of ours remembers nothing: telling something twice is the lesser evil.
    """
    known = _read(file).get(environment)
    if not isinstance(known, list):
        return None
    return frozenset(each for each in known if isinstance(each, str))


def drift_memory(file: Path, environment: str, ids: Iterable[str]) -> str:
    """Return the text of the file with other ids for an environment; what it knows of others stays."""
    return _text({**_read(file), environment: sorted(ids)})


def remembered_state(file: Path, topic: str) -> str | None:
    """Return the state that was last noted of a topic, such as a command; None when none was."""
    state = _read(file).get(topic)
    return state if isinstance(state, str) else None


def state_memory(file: Path, topic: str, state: str) -> str:
    """Return the text of the file with another state of a topic."""
    return _text({**_read(file), topic: state})


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        return {}
    told = document.get("told")
    return told if isinstance(told, dict) else {}


def _text(told: Mapping[str, Any]) -> str:
    return json.dumps({"format": _FORMAT, "told": told}, indent=1, sort_keys=True) + "\n"
