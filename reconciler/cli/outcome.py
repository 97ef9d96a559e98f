"""Notifications at the end of a command, sent when its state changed; never to its harm."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.model.errors import ElmifyError, ProviderError
from reconciler.model.occasions import Message

if TYPE_CHECKING:
    from reconciler.model.drift import DriftReport
    from reconciler.settings import Settings

#: The commands that others may wait for: what they do not do, nobody else does.
TOLD = frozenset({"apply", "rollback", "merge", "gc", "stage", "verify", "drift"})

_MEMORY_NAME = "notified.json"
_RUNS = 20  # to find the command's last one among

_log = logging.getLogger("elmify.notify")


@contextmanager
def notified(ctx: click.Context) -> Iterator[None]:
    """Run a command in the block, and tell who wants to hear it when it ends otherwise than the last time."""
    try:
        yield
    except ElmifyError as error:
        _conclude(ctx, error)
        raise
    _conclude(ctx, None)


def _conclude(ctx: click.Context, error: ElmifyError | None) -> None:
    from reconciler.notifications.messages import is_worth_telling

    command = ctx.invoked_subcommand or ""
    settings = _settings(ctx.obj) if command in TOLD else None
    if settings is None or not settings.notify.urls:
        return
    for message in _takeovers(settings):
        tell(settings, message)
    if error is None or is_worth_telling(error):
        _tell_state(settings, command, error)


def _settings(directory: str) -> "Settings | None":
    """Return the settings; None where they have mistakes, which the command has reported."""
    from reconciler.settings import find_root, load_settings

    try:
        return load_settings(find_root(Path(directory)), os.environ)
    except ElmifyError:
        return None


def _takeovers(settings: "Settings") -> Iterator[Message]:
    from reconciler.logs import noted
    from reconciler.notifications.messages import of_takeover

    for facts in noted("lease-taken-over"):
        yield of_takeover(settings.policy.environment, facts, settings.actor)


def _tell_state(settings: "Settings", command: str, error: ElmifyError | None) -> None:
    """Tell what is news about a command's end, and remember that it was reported."""
    from reconciler.notifications.messages import UNHEARD, is_news, of_failure, of_recovery, state_of
    from reconciler.notifications.reported import remembered_state, state_memory

    environment = settings.policy.environment
    file, topic = settings.state_dir / _MEMORY_NAME, f"{environment}/{command}"
    now, known = state_of(error), remembered_state(file, topic)
    before = _recorded_state(settings, command, error) if known is None else known
    if error is None:
        message = of_recovery(command, environment, settings.actor)
    else:
        message = of_failure(command, environment, error, settings.actor)
    heard = not is_news(before, now) or tell(settings, message)
    if known != now:
        _remember(file, state_memory(file, topic, now if heard else UNHEARD))


def _recorded_state(settings: "Settings", command: str, error: ElmifyError | None) -> str | None:
    """Return how the command's last run before this one ended; None when that cannot be known.

    A CI job starts with an empty folder: there the records are what remembers.
    """
    from reconciler.logs import run_in_progress
    from reconciler.notifications.messages import state_of_run
    from reconciler.operations.project import Project
    from reconciler.operations.workspace import open_workspace

    if isinstance(error, ProviderError):
        return None  # a store that does not answer is not asked again
    try:
        with open_workspace(Project(settings)) as workspace, workspace.database.read() as session:
            runs = session.records.runs(_RUNS)
    except ElmifyError:
        return None
    earlier = (r for r in runs if r.command == command and r.finished_at and r.id != run_in_progress())
    return next(map(state_of_run, earlier), None)


def _remember(file: Path, text: str) -> None:
    from reconciler.loading.atomic_write import write_whole

    try:
        write_whole(file, text)
    except OSError as error:
        _log.warning("state-not-remembered", extra={"facts": {"file": str(file), "message": error.strerror}})


def tell(settings: "Settings", message: Message) -> bool:
    """Send a message to who wants to hear of such things; whether it needs no further attempt.

    One that cannot be sent is logged, and no more.
    """
    from reconciler.notifications.messages import NotTold, send

    if message.occasion not in settings.notify.on:
        return True
    try:
        send([url.reveal() for url in settings.notify.urls], message)
    except NotTold as error:
        _log.warning("not-notified", extra={"facts": {"message": error.message, "details": error.details}})
        return False
    except Exception as error:  # noqa: BLE001 - a plugin of Apprise's may do anything but harm a run
        _log.warning("not-notified", extra={"facts": {"message": f"{type(error).__name__}: {error}"}})
        return False
    _log.info("notified", extra={"facts": {"occasion": message.occasion.value, "title": message.title}})
    return True


def tell_drift(settings: "Settings", report: "DriftReport", fresh: frozenset[str], *, known: bool) -> None:
    """Report drift that was not reported before, and its end; `known` says some was."""
    from reconciler.notifications.messages import of_drift
    from reconciler.render.drift.sentences import groups, headline, reimport_sentences

    if not settings.notify.urls or not (fresh or (known and report.clean)):
        return
    details = [*reimport_sentences(report), *(group.title for group in groups(report, 0))]
    tell(settings, of_drift(report, headline(report, fresh), details, settings.actor))
