"""Notifications: messages, when one is due, and what was sent before.

Memory files keep the same thing from being sent every night. A file that cannot be read, or that is none of
ours, remembers nothing: sending something twice is the lesser evil.
"""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from reconciler.logs import masked
from reconciler.model.drift import DriftReport
from reconciler.model.errors import ElmifyError, Exit, Interrupted, UsageError
from reconciler.model.history import Actor, Run
from reconciler.model.notifications import Message, NotificationKind, Takeover
from reconciler.model.remedies import TryNotifications
from reconciler.model.values import counted, first_few

_FORMAT = 1


def remembered_drift(file: Path, environment: str) -> frozenset[str] | None:
    """Return the ids of the reported differences of an environment.

    None when nothing is remembered about the environment.
    """
    known = _read(file).get(environment)
    if not isinstance(known, list):
        return None
    return frozenset(each for each in known if isinstance(each, str))


def drift_memory(file: Path, environment: str, ids: Iterable[str]) -> str:
    """Return the text of the file with new ids for an environment.

    What the file knows about other environments stays.
    """
    return _text({**_read(file), environment: sorted(ids)})


def remembered_state(file: Path, topic: str) -> str | None:
    """Return the last state of a topic, such as a kind of operation.

    None when no state is remembered.
    """
    state = _read(file).get(topic)
    return state if isinstance(state, str) else None


def state_memory(file: Path, topic: str, state: str) -> str:
    """Return the text of the file with another state of a topic."""
    return _text({**_read(file), topic: state})


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        return {}
    reported = document.get("told")
    return reported if isinstance(reported, dict) else {}


def _text(reported: Mapping[str, Any]) -> str:
    return json.dumps({"format": _FORMAT, "told": reported}, indent=1, sort_keys=True) + "\n"


#: The state of a kind of operation whose last run did what it should.
WELL = "well"

#: The state of a kind of operation whose last notification was not delivered.
UNDELIVERED = "undelivered"

_DETAILS = 10  # in a message; the rest is in the log
_SHAPE_CHARS = 100
_NUMBER = re.compile(r"\d+")


def is_worth_sending(error: Exception) -> bool:
    """Return whether a failure concerns other people.

    That is, others than the person who asked for the operation.
    """
    return not isinstance(error, UsageError | Interrupted)


def state_of(error: Exception | None) -> str:
    """Return the state that the end of an operation leaves.

    Failures of the same sort are the same state.
    """
    return WELL if error is None else _shape(str(error) or type(error).__name__)


def state_of_run(run: Run) -> str:
    """Return the state that a recorded run left.

    It is the state of the error that the run ended with.
    """
    return WELL if run.outcome in {None, "ok"} else _shape(str(run.outcome))


def _shape(sentence: str) -> str:
    """Return a failure's sentence without its numbers.

    So "3 files failed" and "4 files failed" are the same.
    """
    return _NUMBER.sub("#", masked(sentence).partition("\n")[0])[:_SHAPE_CHARS]


def is_news(before: str | None, now: str) -> bool:
    """Return whether a new state is to be reported, given the one before.

    A change is reported; WELL is reported only after a failure that was delivered.
    """
    return before != now and not (before in {None, UNDELIVERED} and now == WELL)


def failure_message(kind: str, environment: str, error: Exception, actor: Actor, hint: str = "") -> Message:
    """Return the notification of an operation that failed or did not finish.

    `hint` is what to do about it. Any exception may be the failure: secrets in its text are masked.
    """
    about, title = _failed(kind, environment, error)
    details = error.details if isinstance(error, ElmifyError) else ()
    return _message(about, title, [_sentence(error), *first_few(details, _DETAILS), hint], actor)


def _failed(kind: str, environment: str, error: Exception) -> tuple[NotificationKind, str]:
    match error.exit if isinstance(error, ElmifyError) else Exit.ERROR:
        case Exit.UNFINISHED:
            return NotificationKind.PARTIAL, f"{environment}: elmify {kind} committed, but did not finish"
        case Exit.GUARDED:
            return NotificationKind.GUARDED, f"{environment}: a guard stopped elmify {kind}"
        case _:
            return NotificationKind.FAILED, f"{environment}: elmify {kind} failed"


def _sentence(error: Exception) -> str:
    match error:
        case ElmifyError():
            return error.message
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror or error}"
        case _:
            return f"a mistake in elmify: {type(error).__name__}: {error}"


def recovery_message(kind: str, environment: str, actor: Actor) -> Message:
    """Return the notification of an operation that does again what it should."""
    title = f"{environment}: elmify {kind} works again"
    return _message(NotificationKind.FAILED, title, ["The last run went through."], actor)


def takeover_message(environment: str, takeover: Takeover, actor: Actor) -> Message:
    """Return the notification of a lease takeover.

    A run took the lease over from a run that had stopped answering.
    """
    title = f"{environment}: run {takeover.run} took over the lease of run {takeover.from_run}"
    reason = (
        "The other one let it run out: it was killed, or cannot reach the database. It can commit no more."
    )
    return _message(NotificationKind.TAKEOVER, title, [reason, "The list of runs shows both."], actor)


def drift_message(report: DriftReport, headline: str, details: Sequence[str], actor: Actor) -> Message:
    """Return the notification of drift, or of its end."""
    if report.clean:
        title = f"{report.environment}: no drift any more"
    else:
        title = f"{report.environment} has drifted: {counted(report.count, 'difference')}"
    return _message(NotificationKind.DRIFT, title, [headline, *details], actor)


def trial_message(environment: str, actor: Actor) -> Message:
    """Return a message that says nothing but that it arrived."""
    text = "This is a trial: whoever reads it will hear of what goes wrong."
    return _message(NotificationKind.FAILED, f"{environment}: elmify can reach you", [text], actor)


def _message(kind: NotificationKind, title: str, lines: Sequence[str], actor: Actor) -> Message:
    who = f"by {actor.name}" + (f", {actor.url}" if actor.url else "")
    return Message(kind=kind, title=title, body=masked("\n".join([*filter(None, lines), who])))


_INSTALL = "In a clone of elmify, install what they need:\n    pip install '.[notify]'"


class DeliveryFailed(ElmifyError):
    """Message that did not reach every URL.

    `details` name each URL that it did not reach, without showing it.
    """

    code = "delivery-failed"


def send(urls: Sequence[str], message: Message) -> None:
    """Send a message to every URL, even after one has failed.

    Raises `DeliveryFailed` when any URL was not reached.
    """
    try:
        import apprise
    except ImportError as error:
        raise DeliveryFailed(
            "notifications cannot be sent: Apprise is not installed", hint=_INSTALL
        ) from error
    failed = []
    for number, url in enumerate(urls, 1):
        service = apprise.Apprise()
        with _warnings_of(apprise.logger) as warnings:
            known = service.add(url)
            if not known or not service.notify(title=message.title, body=message.body):
                reason = " ".join(" ".join(warnings).split()) if known else "Apprise does not know such a URL"
                failed.append(f"{_named(number, url)}: {masked(reason)}")
    if failed:
        raise DeliveryFailed(
            f"{len(failed)} of {len(urls)} could not be told",
            details=failed,
            hint="Correct the URLs, and try them with",
            remedies=[TryNotifications()],
        )


_captured_by: ContextVar["_Warnings | None"] = ContextVar("elmify_captured_by", default=None)


@contextmanager
def _warnings_of(logger: logging.Logger) -> Iterator[list[str]]:
    """Collect the warnings that this context logs to a logger.

    Other contexts may be sending at the same time.
    """
    handler = _Warnings(logging.WARNING)
    token = _captured_by.set(handler)  # Apprise's own threads have a copy of the context
    logger.addHandler(handler)
    try:
        yield handler.texts
    finally:
        logger.removeHandler(handler)
        _captured_by.reset(token)


class _Warnings(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of a line of this context."""
        if _captured_by.get() is self:
            self.texts.append(record.getMessage())


def _named(number: int, url: str) -> str:
    """Name a URL without showing it: by its position and its scheme."""
    return f"URL {number} ({url.partition(':')[0]}://…)"
