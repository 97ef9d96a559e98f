"""What the docstrings of the packages promise of all code below them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli import COMMANDS, MODULES

ROOT = Path(__file__).parents[2]
COMMAND_MAX_LINES = 60

#: The process's own: its environment, its working directory, its end. Only a door knows them.
OF_THE_PROCESS = frozenset(
    {"os.environ", "os.getenv", "os.getcwd", "os.chdir", "Path.cwd", "sys.exit", "sys.argv"}
)
CLOCKS = frozenset(
    {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.monotonic"}
)


def files_below(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def names_used(file: Path) -> Iterator[str]:
    """Yield `name.attribute` for every attribute of a plain name that a file uses."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def used_in(files: list[Path], names: frozenset[str]) -> dict[str, set[str]]:
    found = {str(file.relative_to(ROOT)): set(names_used(file)) & names for file in files}
    return {file: used for file, used in found.items() if used}


def below_the_doors() -> list[Path]:
    door = ROOT / "reconciler" / "cli"
    return [file for file in files_below("reconciler", "providers") if door not in file.parents]


def test_nothing_below_the_doors_knows_the_process() -> None:
    found = used_in(below_the_doors(), OF_THE_PROCESS)
    # It runs as a program of its own, which its command line starts.
    found.pop("providers/embedded_postgres/supervisor.py", None)
    assert found == {}


def test_model_and_planning_have_no_clock() -> None:
    assert used_in(files_below("reconciler/model", "reconciler/planning"), CLOCKS) == {}


def command_files() -> list[Path]:
    return [ROOT / "reconciler" / "cli" / f"{MODULES.get(name, name)}.py" for name in COMMANDS]


def test_commands_do_not_import_one_another() -> None:
    commands = {f"reconciler.cli.{file.stem}" for file in command_files()}
    for file in command_files():
        imported = {
            node.module
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom)
        }
        assert imported & commands == set(), file.name


@pytest.mark.parametrize("file", command_files(), ids=lambda file: file.stem)
def test_a_command_parses_calls_an_operation_and_prints(file: Path) -> None:
    functions = [
        node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    for function in functions:
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= COMMAND_MAX_LINES, f"{function.name} has {lines} lines"
