"""elmify.yaml as it was read, and the mistakes found in it so far."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.errors import UsageError
from reconciler.settings.project import CONFIG_NAME
from reconciler.settings.secrets import without_secrets
from reconciler.text.codes import Mistake
from reconciler.text.scalars import NOTHING
from reconciler.text.yaml import FILE_MAX_BYTES, Places, read_document


@dataclass(slots=True)
class Source:
    """The values of elmify.yaml, checked by its schema. Mistakes are gathered in `found`."""

    value: Mapping[str, Any]
    places: Places
    found: list[Diagnostic] = field(default_factory=list)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section; empty when it is not there."""
        section: Mapping[str, Any] = self.value.get(name, {})
        return section

    def position(self, *path: str) -> Position:
        """Return where a value stands, or the nearest thing around it."""
        return self.places.of_value(path)

    def report(self, mistake: Mistake, path: tuple[str, ...], detail: str, hint: str = "") -> None:
        """Add a mistake at a value."""
        self.found.append(mistake.at(self.position(*path), detail, hint))

    def parsed(self, parse: Callable[[str], Any], *path: str) -> Any:
        """Return a text parsed; None where there is none, or it cannot be parsed, which is reported."""
        value: Any = self.value
        for step in path:
            value = value.get(step, {})
        if not isinstance(value, str):
            return None
        try:
            return parse(value)
        except UsageError as error:
            self.report(Mistake.BAD_SETTING, path, f"`{path[-1]}`: {error.message}.", error.hint)
            return None


def read_source(root: Path) -> Source:
    """Read elmify.yaml. Its values are not to be used when mistakes were found."""
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
    from reconciler.settings.schema import settings_adapter
    from reconciler.text.mistakes import find_mistakes
    from reconciler.text.yaml import Document

    if isinstance(value, dict):
        _drop_empty(value)
        source.found += without_secrets(value, source.places)
        source.value = value
    source.found += find_mistakes(settings_adapter(), Document(value, source.places, ()))


def _drop_empty(value: dict[str, Any]) -> None:
    """Take out what has nothing behind its colon: a section whose lines are all comments."""
    for key, inner in tuple(value.items()):
        if inner == NOTHING:
            del value[key]
        elif isinstance(inner, dict):
            _drop_empty(inner)
