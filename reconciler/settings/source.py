"""Source of settings: elmify.yaml as read, and its mistakes.

It also parses sizes and durations.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.yaml import FILE_MAX_BYTES, NOTHING, Places, YamlPath, read_document
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.errors import UsageError

_SIZE = re.compile(r"([0-9]{1,12})\s*(B|KiB|MiB|GiB)")
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

_DURATION = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_size(text: str) -> int:
    """Return a size such as `64 MiB` in bytes. `UsageError` for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no size", hint="Write a number and B, KiB, MiB or GiB: 64 MiB")
    return int(match.group(1)) * _BYTES[match.group(2)]


def parse_duration(text: str) -> timedelta:
    """Return a duration such as `30s`, `10m`, `12h`, `30d` or `2w`.

    Raises `UsageError` for anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no duration", hint="Write a number and s, m, h, d or w: 30d")
    return timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})


@dataclass(slots=True)
class Source:
    """Values of elmify.yaml, checked against its schema.

    Mistakes are gathered in `found`.
    """

    value: Mapping[str, Any]
    places: Places
    found: list[Diagnostic] = field(default_factory=list)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section; empty when it is not there."""
        section: Mapping[str, Any] = self.value.get(name, {})
        return section

    def position(self, *path: str | int) -> Position:
        """Return where a value stands, or the nearest thing around it."""
        return self.places.of_value(path)

    def report(self, mistake: Mistake, path: YamlPath, detail: str, hint: str = "") -> None:
        """Add a mistake at a value."""
        self.found.append(mistake.at(self.position(*path), detail, hint))

    def parsed(self, parse: Callable[[str], Any], *path: str | int) -> Any:
        """Return a parsed text; None where there is none.

        Also None when it cannot be parsed, which is reported.
        """
        value: Any = self.value
        for step in path:
            value = value[step] if isinstance(step, int) else value.get(step, {})
        if not isinstance(value, str):
            return None
        try:
            return parse(value)
        except UsageError as error:
            self.report(Mistake.BAD_SETTING, path, f"`{path[-1]}`: {error.message}.", error.hint)
            return None


def read_source(root: Path) -> Source:
    """Read elmify.yaml.

    Its values are not to be used when mistakes were found.
    """
    places = Places(CONFIG_NAME)
    try:
        with (root / CONFIG_NAME).open("rb") as handle:
            data = handle.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        detail = f"{root / CONFIG_NAME} cannot be read: {error.strerror}."
        return Source({}, places, [Mistake.NO_SETTINGS.at(Position(CONFIG_NAME), detail)])
    document = read_document(data, CONFIG_NAME)
    source = Source({}, document.places, list(document.problems))
    _check({} if document.value == NOTHING else document.value, source)
    return source


def _check(value: Any, source: Source) -> None:
    from reconciler.loading.schema_errors import find_mistakes
    from reconciler.loading.yaml import Document
    from reconciler.settings.schema import settings_adapter

    if isinstance(value, dict):
        _drop_empty(value)
        source.found += without_secrets(value, source.places)
        source.value = value
    source.found += find_mistakes(settings_adapter(), Document(value, source.places, ()))


def _drop_empty(value: dict[str, Any]) -> None:
    """Remove keys that have nothing behind their colon.

    An example is a section whose lines are all comments.
    """
    for key, inner in tuple(value.items()):
        if inner == NOTHING:
            del value[key]
        elif isinstance(inner, dict):
            _drop_empty(inner)


CONFIG_NAME = "elmify.yaml"


def without_secrets(value: dict[str, Any], places: Places) -> Iterator[Diagnostic]:
    """Remove all secrets from `value`, and yield a diagnostic for each.

    Everything that is or holds a secret is taken out.
    """
    return _search(value, (), places)


def _search(value: dict[str, Any], path: YamlPath, places: Places) -> Iterator[Diagnostic]:
    for key, inner in tuple(value.items()):
        here = (*path, key)
        if _SECRET_KEY.search(key) and not _names_a_variable(key, inner):
            del value[key]
            yield Mistake.SECRET_IN_FILE.at(places.of_key(here), f"`{key}` looks like a secret.")
        elif isinstance(inner, str) and _URL_WITH_PASSWORD.search(inner):
            del value[key]
            yield Mistake.SECRET_IN_FILE.at(places.of_value(here), f"The URL of `{key}` holds a password.")
        else:
            yield from _search_in(inner, here, places)


def _search_in(inner: Any, here: YamlPath, places: Places) -> Iterator[Diagnostic]:
    if isinstance(inner, dict):
        yield from _search(inner, here, places)
    elif isinstance(inner, list):
        for place, each in enumerate(inner):
            yield from _search_in(each, (*here, place), places)


#: The name of an environment variable. No secret is mistaken for one: few are of capitals alone.
VARIABLE = "^[A-Z][A-Z0-9_]*$"


def _names_a_variable(key: str, inner: object) -> bool:
    """Return whether a setting says where a secret is.

    `token_from` is one. It does not hold the secret itself.
    """
    return key.endswith("_from") and isinstance(inner, str) and re.search(VARIABLE, inner) is not None


_SECRET_KEY = re.compile(r"secret|passw|token|credential|access_?key|api_?key|private_?key", re.IGNORECASE)
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s]*@|[?&]password=", re.IGNORECASE)
