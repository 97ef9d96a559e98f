"""A repository that pip installs the elmify under test from: by URL and commit, and without any network."""

import os
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_URL = "https://git.example/elmify"

_PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "elmify"
version = "9.9"
"""

#: Builds a wheel that leads to the packages of this very environment, where elmify is among them.
_BACKEND = """\
import zipfile
from pathlib import Path

_FILES = {{
    "elmify.pth": "import site; site.addsitedir({packages!r})\\n",
    "elmify-9.9.dist-info/METADATA": "Metadata-Version: 2.1\\nName: elmify\\nVersion: 9.9\\n",
    "elmify-9.9.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "elmify-9.9.dist-info/entry_points.txt": "[console_scripts]\\nelmify = reconciler.cli:main\\n",
}}
_RECORD = "elmify-9.9.dist-info/RECORD"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "elmify-9.9-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for path, text in _FILES.items():
            wheel.writestr(path, text)
        wheel.writestr(_RECORD, "".join(f"{{path}},,\\n" for path in (*_FILES, _RECORD)))
    return name
"""


@dataclass(frozen=True)
class Package:
    """What pip is told, and the environment in which git finds the URL on this machine."""

    requirement: str
    environment: Mapping[str, str]


def make_package(folder: Path) -> Package:
    """Make the repository in an empty folder."""
    (folder / "pyproject.toml").write_text(_PROJECT, "utf-8")
    (folder / "backend.py").write_text(_BACKEND.format(packages=sysconfig.get_path("purelib")), "utf-8")
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "-m", "elmify")
    environment = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": _URL,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_REQUIRE_VIRTUALENV": "1",  # a workflow that is wrong installs nothing into our own Python
    }
    return Package(f"elmify @ git+{_URL}@{_git(folder, 'rev-parse', 'HEAD')}", environment)


def _git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
    done = subprocess.run(
        ["git", *who, "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
