"""Notifications of an operation's end, of drift, and the trial.

A notification is sent when the state of a kind of operation changes: it fails, fails otherwise, or works
again. Sending harms no operation: what goes wrong with it is logged.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from reconciler.loading.atomic_write import write_whole
from reconciler.logs import OperationEvents, collecting_events, hiding, masked, run_context
from reconciler.model.drift import DriftReport
from reconciler.model.errors import ElmifyError, ProviderError, UsageError
from reconciler.model.history import RunKind
from reconciler.model.notifications import Message
from reconciler.model.ports import Database
from reconciler.notifications.messages import (
    UNDELIVERED,
    DeliveryFailed,
    drift_message,
    failure_message,
    is_news,
    is_worth_sending,
    recovery_message,
    remembered_state,
    send,
    state_memory,
    state_of,
    state_of_run,
    takeover_message,
    trial_message,
)
from reconciler.render.remedies import hint_text
from reconciler.settings import Settings

#: Kinds of operation whose end concerns others: what these do not do is done by nothing else.
NOTIFIED = frozenset({"apply", "rollback", "merge", "gc", "stage", "verify", "drift"})

#: Opens the database whose records say how earlier runs ended, where no file remembers it.
OpenDatabase = Callable[[], AbstractContextManager[Database]]

_MEMORY_NAME = "notified.json"
_RECORDED = frozenset(kind.value for kind in RunKind)  # the kinds of operation that leave runs
_HANDLED: Final = "_elmify_notified"

_log = logging.getLogger("elmify.notify")
_memory_lock = threading.Lock()  # one file holds the states of all kinds


@contextmanager
def notifying(settings: Settings, kind: str, open_database: OpenDatabase) -> Iterator[None]:
    """Run an operation in the block, and notify about its end.

    `kind` is the kind of the operation; its end decides which notifications are sent. Every exception
    except an interrupt counts as a failure, and leaves the block unchanged.
    """
    with collecting_events() as events:
        try:
            yield
        except Exception as error:
            notify_end(settings, kind, error, events, open_database)
            raise
        notify_end(settings, kind, None, events, open_database)


def notify_end(
    settings: Settings,
    kind: str,
    error: Exception | None,
    events: OperationEvents,
    open_database: OpenDatabase,
) -> None:
    """Send the notifications for the end of an operation.

    `error` is None when it went well. `events` are what was collected while it ran. A failure that
    passes through here again on its way out, or an exception that it was turned into, is not sent
    again. Never raises.
    """
    if kind not in NOTIFIED or not settings.notify.urls or _was_handled(error):
        return
    if error is not None:
        setattr(error, _HANDLED, True)
    with _harmless(settings, events.run):
        for takeover in events.takeovers:
            _deliver(settings, takeover_message(settings.policy.environment, takeover, settings.actor))
        if error is None or is_worth_sending(error):
            _notify_state(settings, kind, error, events, open_database)


def _was_handled(error: BaseException | None) -> bool:
    """Return whether an exception was already handled here.

    An exception that it was made from counts too.
    """
    while error is not None and not getattr(error, _HANDLED, False):
        error = error.__cause__
    return error is not None


def notify_drift(settings: Settings, report: DriftReport, fresh: frozenset[str], *, known: bool) -> None:
    """Send a notification of new drift, or of the end of drift.

    New drift was not reported before. `fresh` are the ids of the differences that are new; `known`
    says that some were reported before. Never raises.
    """
    from reconciler.render.drift.sentences import groups, headline, reimport_sentences

    if not settings.notify.urls or not (fresh or (known and report.clean)):
        return
    with _harmless(settings, None):
        details = [*reimport_sentences(report), *(group.title for group in groups(report, 0))]
        _deliver(settings, drift_message(report, headline(report, fresh), details, settings.actor))


def send_trial(settings: Settings) -> int:
    """Send a trial message to every URL, and return their number.

    `UsageError` when there is none, `DeliveryFailed` names those that could not be reached.
    """
    urls = [url.reveal() for url in settings.notify.urls]
    variable = settings.notify.variable
    if not urls:
        raise UsageError(
            f"{variable} is not set, so no notification is sent",
            hint="Set it to the URLs of who is to be notified, as Apprise writes them:\n"
            f"    export {variable}='slack://… mailto://…'",
        )
    with _hiding(settings):
        send(urls, trial_message(settings.policy.environment, settings.actor))
    return len(urls)


def _hiding(settings: Settings) -> AbstractContextManager[None]:
    return hiding(secret.reveal() for secret in settings.secrets)


@contextmanager
def _harmless(settings: Settings, run: int | None) -> Iterator[None]:
    """Log what goes wrong in the block, under that run.

    An interrupt also ends only the block. What the operation did is done by then, and its own end is
    the one to report.
    """
    with _hiding(settings), run_context(run):
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nothing here may harm an operation
            _log_undelivered(f"{type(error).__name__}: {error}")


def _notify_state(
    settings: Settings,
    kind: str,
    error: Exception | None,
    events: OperationEvents,
    open_database: OpenDatabase,
) -> None:
    """Send the news about the end of an operation, and remember it.

    What is remembered is that it was reported.
    """
    environment, actor = settings.policy.environment, settings.actor
    file, topic = settings.state_dir / _MEMORY_NAME, f"{environment}/{kind}"
    now, known = state_of(error), remembered_state(file, topic)
    before = _recorded_state(kind, error, events, open_database) if known is None else known
    if error is None:
        message = recovery_message(kind, environment, actor)
    else:
        hint = hint_text(error.hint, error.remedies) if isinstance(error, ElmifyError) else ""
        message = failure_message(kind, environment, error, actor, hint)
    delivered = not is_news(before, now) or _deliver(settings, message)
    if known != now:
        _remember(file, topic, now if delivered else UNDELIVERED)


def _recorded_state(
    kind: str, error: Exception | None, events: OperationEvents, open_database: OpenDatabase
) -> str | None:
    """Return the state that the previous run of the same kind left.

    This is the last run of the kind before this one. None when its state cannot be known. A CI job
    starts with an empty folder: there only the records remember.
    """
    if kind not in _RECORDED or isinstance(error, ProviderError):
        return None  # a store that does not answer is not asked again
    try:
        with open_database() as database, database.read() as session:
            runs = session.records.ended_runs(RunKind(kind), limit=len(events.runs) + 1)
    except Exception as unknown:  # noqa: BLE001 - the operation may have failed of the same
        _log.info("records-not-read", extra={"facts": {"message": masked(str(unknown))}})
        return None
    earlier = (run for run in runs if run.id not in events.runs)
    return next(map(state_of_run, earlier), None)


def _remember(file: Path, topic: str, state: str) -> None:
    try:
        with _memory_lock:
            write_whole(file, state_memory(file, topic, state))
    except OSError as error:
        _log.warning("state-not-remembered", extra={"facts": {"file": str(file), "message": error.strerror}})


def _deliver(settings: Settings, message: Message) -> bool:
    """Send a message if its kind is wanted; return whether that is settled.

    A settled message needs no further attempt. A message that cannot be sent is logged, and no more.
    """
    if message.kind not in settings.notify.on:
        return True
    try:
        send([url.reveal() for url in settings.notify.urls], message)
    except DeliveryFailed as error:
        _log_undelivered(error.message, error.details)
        return False
    except Exception as error:  # noqa: BLE001 - a plugin of Apprise's may do anything but harm a run
        _log_undelivered(f"{type(error).__name__}: {error}")
        return False
    _log.info("notified", extra={"facts": {"kind": message.kind.value, "title": message.title}})
    return True


def _log_undelivered(message: str, details: tuple[str, ...] = ()) -> None:
    facts = {"message": masked(message), **({"details": details} if details else {})}
    _log.warning("not-notified", extra={"facts": facts})
