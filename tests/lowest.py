"""Prints the lower bounds of the runtime dependencies as constraints: what `make test-lowest` runs on."""

import re
import sys
import tomllib
from pathlib import Path

_BOUND = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:\[[^]]*\])?>=(?P<version>[0-9.]+)")


def lowest(pyproject: Path) -> list[str]:
    """Return `name==version` for every dependency of the program and of its extras."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = [project["optional-dependencies"][name] for name in ("embedded", "metrics", "notify")]
    wanted = [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]
    matches = [_BOUND.match(requirement) for requirement in wanted]
    return [f"{match['name']}=={match['version']}" for match in matches if match is not None]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest(Path(__file__).parents[1] / "pyproject.toml")) + "\n")
