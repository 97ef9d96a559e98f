"""Remedies as commands.

This is the only place where a command line is composed from a value.

Every command can be pasted into a shell: the names in it are quoted. A person has to replace the
words in capitals.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any, assert_never

from reconciler.model.kinds import Kind
from reconciler.model.plan import Blocked, Plan
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
from reconciler.planning.guards import lifted

#: Where a plan is saved for a review when no file is known.
NEXT_PLAN = "plans/next.json"

_INDENT = "    "
_MOST_NAMED = 20  # globs in a command that is to be pasted; a plan of more is not limited to them
_EXAMPLES = 3  # of addresses to adopt: enough to see how it is called
_SECONDS = 60  # of a minute


def command_of(operation: Operation) -> str:
    """Return the command that does it, on one line, quoted for a shell."""
    return " ".join(["elmify", *_words(operation)])


def remedy_lines(remedies: Iterable[Remedy]) -> list[str]:
    """Return the lines of the remedies, in order and without repetition.

    The lines are sentences and commands. A command is alone on its line, indented.
    """
    lines: list[str] = []
    for remedy in remedies:
        if isinstance(remedy, Sentence):
            lines += remedy.text.split("\n")
        else:
            lines.append(f"{_INDENT}{command_of(remedy)}")
    return list(dict.fromkeys(lines))


def commands_of(remedies: Iterable[Remedy]) -> list[str]:
    """Return the commands among remedies, in their order."""
    return [command_of(remedy) for remedy in remedies if not isinstance(remedy, Sentence)]


def hint_text(hint: str, remedies: Iterable[Remedy]) -> str:
    """Return the advice for a problem: its hint, then its remedies.

    Empty when there is neither a hint nor a remedy.
    """
    return "\n".join([*filter(None, [hint]), *remedy_lines(remedies)])


def remedy_json(remedy: Remedy) -> dict[str, Any]:
    """Return a remedy as JSON values: its kind, and the facts of it by name."""
    return {"kind": remedy.kind, **{each.name: _plain(getattr(remedy, each.name)) for each in fields(remedy)}}


def lifting_of(plan: Plan, blocked: Blocked, out: str | None = None) -> tuple[Remedy, ...]:
    """Return the remedies for a guard's refusal of its plan.

    The remedy that lifts the guard plans everything again. `out` is the file that the plan is saved
    to, or was read from.
    """
    again = lifted(plan, out)
    return tuple(again if isinstance(remedy, LiftGuard) else remedy for remedy in blocked.remedies)


def guard_lines(plan: Plan, blocked: Blocked, out: str | None = None) -> list[str]:
    """Return the lines that say how to lift a guard of a plan.

    Empty when nothing lifts the guard.
    """
    return [line.removeprefix(_INDENT) for line in remedy_lines(lifting_of(plan, blocked, out))]


def _plain(value: object) -> Any:
    match value:
        case Enum():
            return value.value
        case tuple():
            return list(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def _words(operation: Operation) -> list[str]:
    match operation:
        case MakePlan():
            return _plan(operation)
        case LiftGuard():
            return ["plan", *_allowed({operation.guard: operation.number})]
        case Apply():
            return _apply(operation)
        case Rollback():
            return ["rollback", str(operation.run), *_waiting(operation.wait_seconds)]
        case Merge():
            return ["merge", *_named([operation.row, operation.into]), *_waiting(operation.wait_seconds)]
        case CollectGarbage():
            return ["gc", *_waiting(operation.wait_seconds)]
        case TakeDown():
            return ["gc", *_each("--now", operation.addresses or ["ADDRESS"])]
        case EndLease():
            return ["unlock", str(operation.run), *(["--force"] if operation.force else [])]
        case ShowLease():
            return ["lease"]
        case ShowRuns():
            return ["runs"]
        case ShowAudit():
            return ["audit"]
        case ShowDrift():
            return ["drift"]
        case Lock():
            return ["lock", *(["--rehash"] if operation.rehash else [])]
        case Stage():
            return ["stage"]
        case Rebind():
            return ["identity", "--rebind"]
        case Adopt():
            return ["adopt", *_some(operation.addresses)]
        case Verify():
            return ["verify", *(["--deep"] if operation.deep else []), *_sampled(operation.sample)]
        case NewEntry():
            return ["new", *_new(operation)]
        case ImportFiles():
            return ["import", "files", *_named([operation.folder])]
        case ImportLive():
            hashing = ["--hash"] if operation.hash_bytes else []
            return ["import", "live", *_each("--clean", operation.clean), *hashing]
        case TryNotifications():
            return ["notify", "test"]
        case _ as never:
            assert_never(never)


def _plan(wanted: MakePlan) -> list[str]:
    purpose = ["plan"]
    if wanted.rolls_back is not None:
        purpose = ["rollback", str(wanted.rolls_back)]
    elif wanted.merges is not None:
        purpose = ["merge", *_named(wanted.merges)]
    scope = wanted.scope if len(wanted.scope) <= _MOST_NAMED else ()
    out = wanted.out or (NEXT_PLAN if wanted.review else None)
    return [
        *purpose,
        *(f"--{option}" for option in wanted.options),
        *_each("--only", scope),
        *_allowed(wanted.allowances),
        *(_each("--out", [out]) if out is not None else []),
    ]


def _apply(wanted: Apply) -> list[str]:
    return [
        "apply",
        *(["PLANFILE"] if wanted.fingerprint is not None else []),
        *(f"--{option}" for option in wanted.options),
        *_each("--only", wanted.scope),
        *_waiting(wanted.wait_seconds),
    ]


def _new(wanted: NewEntry) -> list[str]:
    match wanted.of:
        case Kind.SPEAKER:
            return ["speaker", "NAME"]
        case Kind.COLLECTION:
            return ["collection", "SPEAKER", "TITLE"]
        case Kind.LECTURE:
            return ["lecture", "--collection", "SPEAKER/COLLECTION", *_named([wanted.file or "FILE"])]


def _allowed(allowances: Mapping[str, int]) -> list[str]:
    return _each("--allow", [f"{name}={number}" for name, number in allowances.items()])


def _waiting(seconds: int | None) -> list[str]:
    if seconds is None:
        return []
    minutes, rest = divmod(seconds, _SECONDS)
    return ["--lock-timeout", f"{seconds}s" if rest else f"{minutes}m"]


def _sampled(sample: str | None) -> list[str]:
    return _each("--sample", [sample] if sample is not None else [])


def _some(addresses: Sequence[str]) -> list[str]:
    """Return the first addresses, and a sign when there are more."""
    return [*_named(addresses[:_EXAMPLES]), *(["…"] if len(addresses) > _EXAMPLES else [])]


def _each(option: str, values: Iterable[str]) -> list[str]:
    """Return an option once for each value."""
    return [word for value in values for word in (option, shlex.quote(value))]


def _named(values: Iterable[str]) -> list[str]:
    return [shlex.quote(value) for value in values]
