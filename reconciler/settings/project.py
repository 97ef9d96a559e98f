"""Which folder is the project."""

from pathlib import Path

from reconciler.model.diagnostics import Position
from reconciler.model.errors import InvalidInput
from reconciler.text.codes import Mistake

CONFIG_NAME = "elmify.yaml"


def find_root(start: Path) -> Path:
    """Return the nearest folder from `start` upwards that holds elmify.yaml. `InvalidInput` if none does."""
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    detail = f"There is no {CONFIG_NAME} in {here} or in any folder above it."
    raise InvalidInput([Mistake.NO_SETTINGS.at(Position(CONFIG_NAME), detail)])
