"""Versions of the dependencies, as constraints for pip.

python -m tests.constraints exact     # the newest of everything, for constraints.txt; needs uv
python -m tests.constraints lowest    # the lower bounds of pyproject.toml, for `make test-lowest`
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

#: What the build backend asks for when it builds an editable elmify; no file says so.
_EDITABLE_BUILD = "editables"

_BOUND = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:\[[^]]*\])?>=(?P<version>[0-9.]+)")
_RUNTIME_EXTRAS = ("embedded", "metrics", "notify")


def pyproject() -> dict[str, Any]:
    """Return the content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def lowest() -> Iterator[str]:
    """Yield `name==version` for the lower bound of every dependency of the program and of its extras."""
    project = pyproject()["project"]
    extras = [project["optional-dependencies"][name] for name in _RUNTIME_EXTRAS]
    for requirement in (*project["dependencies"], *(each for extra in extras for each in extra)):
        if match := _BOUND.match(requirement):
            yield f"{match['name']}=={match['version']}"


def exact() -> Iterator[str]:
    """Yield `name==version` or `name==version ; marker` for all that the Makefile installs.

    The markers tell the Pythons apart that `requires-python` admits, and the platforms. Raises
    `CalledProcessError` when uv finds no such versions.
    """
    table = pyproject()
    oldest_python = table["project"]["requires-python"].removeprefix(">=")
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--all-extras"),
        *("--python-version", oldest_python, "--no-header", "--no-annotate", "--no-emit-index-url"),
        *("pyproject.toml", "-"),
    ]
    build = "\n".join((*table["build-system"]["requires"], _EDITABLE_BUILD))
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **_index_for_uv()},
        input=build,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    yield from done.stdout.splitlines()


def _index_for_uv() -> Mapping[str, str]:
    """Return the index that pip is set to, as the variable that uv reads; empty where pip has its default."""
    if url := os.environ.get("PIP_INDEX_URL"):
        return {"UV_DEFAULT_INDEX": url}
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"UV_DEFAULT_INDEX": done.stdout.strip()} if done.returncode == 0 else {}


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["exact"]:
            lines = exact()
        case ["lowest"]:
            lines = lowest()
        case _:
            sys.stderr.write(__doc__ or "")
            return 64
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
