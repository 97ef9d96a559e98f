"""Help answers at once: it imports no store's library, nor anything else that takes its time."""

import subprocess
import sys

import pytest

from reconciler.cli import COMMANDS

#: boto3 and psycopg alone take a second on a cold machine.
HEAVY = ("boto3", "botocore", "psycopg", "mutagen", "rich", "pydantic", "deepdiff", "ruamel")

_SCRIPT = """
import sys
from reconciler.cli import run
status = run(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""


def help_of(*arguments: str) -> tuple[str, set[str]]:
    """Return what `elmify ARGUMENTS --help` prints and which packages it has imported."""
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments, "--help"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return ran.stdout, set(ran.stderr.split())


def test_help_lists_every_command_and_imports_none_of_them() -> None:
    shown, imported = help_of()

    for name, sentence in COMMANDS.items():
        assert f"  {name} " in shown
        assert sentence.split(maxsplit=1)[0] in shown
    assert imported.isdisjoint({*HEAVY, "yaml", "providers"})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_imports_no_library_of_a_store(command: str) -> None:
    shown, imported = help_of(command)

    assert shown.startswith(f"Usage: elmify {command} ")
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_says_what_each_option_does(command: str) -> None:
    shown, _ = help_of(command)

    options = shown.partition("Options:")[2].strip().splitlines()
    starts = [line for line in options if line.startswith("  -")]
    assert [
        line for line in starts if len(line.split("  ")) < 3 and _next(options, line).startswith("  -")
    ] == []


def _next(lines: list[str], line: str) -> str:
    """Return the line below; a help text that does not fit beside its option stands there."""
    following = lines[lines.index(line) + 1 :]
    return following[0] if following else "  -"
