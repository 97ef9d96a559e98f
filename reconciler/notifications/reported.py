"""Memory files of notifications: reported drift, and last states.

They keep the same thing from being sent every night. A file that cannot be read, or that is none of ours,
remembers nothing: sending something twice is the lesser evil.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_FORMAT = 1


def remembered_drift(file: Path, environment: str) -> frozenset[str] | None:
    """Return the ids of the reported differences of an environment.

    None when nothing is remembered about the environment.
    """
    known = _read(file).get(environment)
    if not isinstance(known, list):
        return None
    return frozenset(each for each in known if isinstance(each, str))


def drift_memory(file: Path, environment: str, ids: Iterable[str]) -> str:
    """Return the text of the file with new ids for an environment.

    What the file knows about other environments stays.
    """
    return _text({**_read(file), environment: sorted(ids)})


def remembered_state(file: Path, topic: str) -> str | None:
    """Return the last state of a topic, such as a kind of operation.

    None when no state is remembered.
    """
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
    reported = document.get("told")
    return reported if isinstance(reported, dict) else {}


def _text(reported: Mapping[str, Any]) -> str:
    return json.dumps({"format": _FORMAT, "told": reported}, indent=1, sort_keys=True) + "\n"
