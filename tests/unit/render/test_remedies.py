"""Remedies as commands: each can be pasted, and none is composed anywhere else."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import click
import pytest

import providers
import reconciler
from reconciler.cli import COMMANDS, cli
from reconciler.model.kinds import Kind
from reconciler.model.plan import Blocked
from reconciler.model.remedies import (
    Adopt,
    Apply,
    CollectGarbage,
    EndLease,
    ImportFiles,
    ImportLive,
    LiftGuard,
    Lock,
    MakePlan,
    Merge,
    NewEntry,
    Operation,
    Rebind,
    Remedy,
    Rollback,
    Sentence,
    ShowAudit,
    ShowDrift,
    ShowLease,
    ShowRuns,
    Stage,
    TakeDown,
    TryNotifications,
    Verify,
)
from reconciler.render.remedies import command_of, guard_lines, hint_text, remedy_json, remedy_lines
from tests.unit.render.plans import plan_of

UGLY = 'it\'s "one" $(reboot) `x` ; ü'

#: One of each, and more where a field changes the words; with names that a shell would act on.
SAMPLES: tuple[Operation, ...] = (
    MakePlan(),
    MakePlan(
        scope=(UGLY,), options=("rekey", "delete-unmanaged"), allowances={"deletes": 3}, out=f"{UGLY}.json"
    ),
    MakePlan(rolls_back=12, review=True),
    MakePlan(merges=(UGLY, "a/b/c"), allowances={"user-rows": 1}),
    LiftGuard(guard="deletes", number=12),
    Apply(),
    Apply(scope=(f"={UGLY}",), options=("delete-unmanaged",)),
    Apply(fingerprint="f" * 64, wait_seconds=120),
    Rollback(run=12, wait_seconds=90),
    Merge(row=UGLY, into="a/b/c"),
    CollectGarbage(wait_seconds=120),
    TakeDown(),
    TakeDown(addresses=(UGLY, "s/c/l")),
    EndLease(run=3),
    EndLease(run=3, force=True),
    ShowLease(),
    ShowRuns(),
    ShowAudit(),
    ShowDrift(),
    Lock(rehash=True),
    Stage(),
    Rebind(),
    Adopt(addresses=(UGLY,)),
    Verify(deep=True),
    Verify(sample="1/30"),
    *(NewEntry(of=kind, file=UGLY if kind is Kind.LECTURE else None) for kind in Kind),
    ImportFiles(folder=UGLY),
    ImportLive(),
    ImportLive(hash_bytes=True, clean=("titles",)),
    TryNotifications(),
)


def parsed(words: list[str], group: click.Group = cli) -> dict[str, object]:
    """Return what the command line understands of words; raises as it would for a person."""
    name, *rest = words
    found = group.get_command(click.Context(group), name)
    assert found is not None
    if isinstance(found, click.Group):
        return parsed(rest, found)
    with found.make_context(name, rest) as context:
        return dict(context.params)


def test_there_is_a_sample_of_every_remedy() -> None:
    assert {type(sample) for sample in SAMPLES} == set(get_args(Operation))
    assert set(get_args(Remedy)) == {*get_args(Operation), Sentence}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.kind)
def test_every_remedy_is_a_command_that_the_command_line_takes(
    sample: Operation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / UGLY).mkdir()
    monkeypatch.chdir(tmp_path)

    program, *words = shlex.split(command_of(sample))
    asked = parsed(words)

    assert program == "elmify"
    texts = [value for each in fields(sample) for value in _texts(getattr(sample, each.name))]
    understood = [text for value in asked.values() for text in _texts(value)]
    for text in filter(lambda text: UGLY in text, texts):
        assert text in understood


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str | Path):
        yield str(value)


def test_kinds_are_names_of_their_own() -> None:
    kinds = [remedy.kind for remedy in get_args(Remedy)]

    assert len(set(kinds)) == len(kinds)


def test_a_remedy_in_json_has_its_kind_and_its_facts() -> None:
    assert remedy_json(LiftGuard(guard="deletes", number=12)) == {
        "kind": "lift-guard",
        "guard": "deletes",
        "number": 12,
    }
    assert remedy_json(NewEntry(of=Kind.SPEAKER)) == {"kind": "new-entry", "of": "speaker", "file": None}
    assert remedy_json(Adopt(addresses=("a", "b"))) == {"kind": "adopt", "addresses": ["a", "b"]}


def test_sentences_and_commands_are_told_in_their_order_each_once() -> None:
    told = remedy_lines([Sentence(text="Declare it:"), Adopt(addresses=("s/c",)), Apply(), Apply()])

    assert told == ["Declare it:", "    elmify adopt s/c", "    elmify apply"]


def test_a_hint_is_followed_by_its_commands() -> None:
    assert hint_text("Run", [Lock(), Apply()]) == "Run\n    elmify lock\n    elmify apply"
    assert hint_text("", [Lock()]) == "    elmify lock"
    assert hint_text("", []) == ""


def test_one_command_lifts_every_guard_of_a_plan_and_saves_it_where_it_was() -> None:
    lifted = Blocked(guard="deletes", summary="many", remedies=(LiftGuard(guard="deletes", number=4),))
    other = Blocked(guard="user-rows", summary="some", remedies=(LiftGuard(guard="user-rows", number=2),))
    plan = plan_of([], blocked=(lifted, other), scope=("s c",), options=("rekey",))

    assert guard_lines(plan, lifted) == guard_lines(plan, other)
    assert guard_lines(plan, lifted, "of today.json") == [
        "elmify plan --rekey --only 's c' --allow deletes=4 --allow user-rows=2 --out 'of today.json'"
    ]


def test_a_guard_that_nothing_lifts_has_no_lines() -> None:
    blocked = Blocked(guard="protect", summary="no")

    assert guard_lines(plan_of([], blocked=(blocked,)), blocked) == []


def test_a_plan_to_be_reviewed_has_a_file_and_one_of_many_globs_names_none() -> None:
    assert command_of(MakePlan(rolls_back=7, review=True)) == "elmify rollback 7 --out plans/next.json"
    assert command_of(MakePlan(scope=tuple(map(str, range(21))))) == "elmify plan"


def test_of_many_addresses_to_adopt_the_first_are_named() -> None:
    assert command_of(Adopt(addresses=tuple("abcd"))) == "elmify adopt a b c …"


# Nothing below the doors composes a command.

#: The doors, and where values are put into words.
DOORS = ("cli", "render")

#: Files that hold text for the project's own documents: the table of mistakes, and the lockfile's first line.
DOCUMENTS = frozenset(
    {
        "loading/diagnostic_codes.py",
        "loading/media_codes.py",
        "loading/lockfile.py",
    }
)

_COMMAND_LINE = re.compile(rf"\belmify (?:{'|'.join(COMMANDS)})\b")


def _sources() -> Iterator[tuple[str, Path]]:
    for package in (reconciler, providers):
        root = Path(next(iter(package.__path__)))
        for file in sorted(root.rglob("*.py")):
            yield file.relative_to(root).as_posix(), file


def _command_texts(file: Path) -> Iterator[str]:
    """Yield the command lines in the strings of a file, docstrings left out."""
    tree = ast.parse(file.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from (f"{file.name}:{node.lineno}: {found}" for found in _COMMAND_LINE.findall(node.value))


def test_no_text_below_the_doors_holds_a_command_line() -> None:
    found = [
        text
        for name, file in _sources()
        if name.partition("/")[0] not in DOORS and name not in DOCUMENTS
        for text in _command_texts(file)
    ]

    assert found == []


def test_every_document_that_may_hold_command_lines_holds_one() -> None:
    files = dict(_sources())

    assert [name for name in sorted(DOCUMENTS) if not list(_command_texts(files[name]))] == []


def test_a_docstring_may_name_a_command_and_another_string_may_not(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text('"""Run `elmify apply`."""\n\nhint = "then\\n    elmify plan --rekey"\n', "utf-8")

    assert list(_command_texts(file)) == ["sample.py:3: elmify plan"]
