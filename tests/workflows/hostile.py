"""Files with which a branch tries to run code beside the secrets. Each leaves a mark when it runs."""

from collections.abc import Callable, Mapping
from pathlib import Path

#: Modules that Python itself, pip, venv or elmify import, most of them at once.
_MODULES = (
    *("pip", "venv", "ensurepip", "site", "sitecustomize", "usercustomize", "runpy", "_distutils_hack"),
    *("reconciler", "providers", "click", "json", "re", "os", "importlib", "encodings", "zipfile", "logging"),
    *("typing", "subprocess", "boto3", "psycopg", "yaml", "pydantic", "rich", "jinja2", "mutagen", "apprise"),
)
_PROGRAMS = (
    *("elmify", "python", "python3", "pip", "git", "sh", "bash", "env"),
    *("cat", "chmod", "mkdir", "printf", "sed", "tail", "tee"),
)
_PROGRAM_FOLDERS = ("", "bin", "venv/bin", ".venv/bin")


def _python(mark: Path) -> str:
    return f"open({str(mark)!r}, 'a').close()\n"


def _shell(mark: Path) -> str:
    return f"#!/bin/sh\n: > '{mark}'\n"


def _modules(marks: Path) -> dict[str, str]:
    return {f"{name}.py": _python(marks / f"{name}.py") for name in _MODULES}


def _packages(marks: Path) -> dict[str, str]:
    """The same as packages, which come before modules, and the `__main__` that `-m` and a folder ask for."""
    names = {f"{name}/{part}.py" for name in _MODULES for part in ("__init__", "__main__")}
    names |= {"__main__.py", "reconciler/cli/__init__.py", "pip/_internal/__init__.py"}
    return {name: _python(marks / name.replace("/", "-")) for name in sorted(names)}


def _programs(marks: Path) -> dict[str, str]:
    places = [f"{folder}/{name}".lstrip("/") for folder in _PROGRAM_FOLDERS for name in _PROGRAMS]
    return {place: _shell(marks / place.replace("/", "-")) for place in places}


def _configuration(marks: Path) -> dict[str, str]:
    """What tools read of the folder that they run in: Python's, pip's, a shell's and git's."""
    backend = '[build-system]\nrequires = []\nbuild-backend = "hostile"\nbackend-path = ["."]\n'
    elsewhere = "[global]\nindex-url = http://127.0.0.1:9/\nno-index = false\nrequire-virtualenv = true\n"
    run = f"/bin/sh -c ': > {marks}/git'"
    git = f'[core]\n\tbare = true\n\tfsmonitor = "{run}"\n\tpager = "{run}"\n\tsshCommand = "{run}"\n'
    shell = {
        name: _shell(marks / name) for name in (".env", ".envrc", ".bashrc", ".bash_profile", ".profile")
    }
    return {
        **shell,
        "hostile.py": _python(marks / "backend"),
        "setup.py": _python(marks / "setup.py"),
        "conftest.py": _python(marks / "conftest.py"),
        "pyproject.toml": f'{backend}[project]\nname = "elmify"\nversion = "99"\n',
        "setup.cfg": "[metadata]\nname = elmify\nversion = 99\n",
        "requirements.txt": "./\n",
        "constraints.txt": "elmify==99\n",
        "hostile.pth": f"import hostile; {_python(marks / 'pth')}",
        "hostile.start": "hostile:main\n",
        "pyvenv.cfg": "home = .\ninclude-system-site-packages = true\n",
        ".python-version": "2.7\n",
        **dict.fromkeys(("pip.conf", "pip.ini", ".pip/pip.conf", ".config/pip/pip.conf"), elsewhere),
        ".gitattributes": "* filter=hostile diff=hostile merge=hostile\n",
        ".gitconfig": git,
        # The files of a bare repository, which git would take for one where it finds no other.
        "HEAD": "ref: refs/heads/main\n",
        "config": git,
        "objects/kept": "",
        "refs/kept": "",
    }


#: How to write the files of each kind, by the folder that marks are left in.
HOSTILE: Mapping[str, Callable[[Path], dict[str, str]]] = {
    "modules": _modules,
    "packages": _packages,
    "programs": _programs,
    "configuration": _configuration,
}


def write_hostile(kind: str, folder: Path, marks: Path) -> None:
    """Write the files of one kind into a folder. Programs can be executed."""
    for name, text in HOSTILE[kind](marks).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        if text.startswith("#!"):
            file.chmod(0o755)
