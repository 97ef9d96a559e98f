"""Notification messages: when one is due, its text, and sending it with Apprise."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.logs import masked
from reconciler.model.drift import DriftReport
from reconciler.model.errors import ElmifyError, Exit, Interrupted, UsageError
from reconciler.model.history import Actor, Run
from reconciler.model.occasions import Message, Occasion
from reconciler.model.values import counted

#: The state of a command whose last run did what it should.
WELL = "well"

#: The state of a command of whose end nobody could be told.
UNHEARD = "unheard"

_DETAILS = 10  # in a message; the rest is in the log
_SHAPE_CHARS = 100
_NUMBER = re.compile(r"\d+")


def is_worth_telling(error: ElmifyError) -> bool:
    """Whether others than the person at the terminal may want to hear of it."""
    return not isinstance(error, UsageError | Interrupted)


def state_of(error: ElmifyError | None) -> str:
    """Return the state a command is in after it ended so: failures of the same kind are the same state."""
    return WELL if error is None else _shape(error.message)


def state_of_run(run: Run) -> str:
    """Return the state a command was in after that run, by what the records tell of it."""
    return WELL if run.outcome in {None, "ok"} else _shape(str(run.outcome))


def _shape(sentence: str) -> str:
    """Return a failure's sentence without its numbers: 3 files that failed are as 4 files that failed."""
    return _NUMBER.sub("#", sentence.partition("\n")[0])[:_SHAPE_CHARS]


def is_news(before: str | None, now: str) -> bool:
    """Whether a state is worth telling after another; that all is well only is to who heard it was not."""
    return before != now and not (before in {None, UNHEARD} and now == WELL)


def of_failure(command: str, environment: str, error: ElmifyError, actor: Actor) -> Message:
    """Return what to tell of a command that failed, or that did not finish."""
    occasion, title = _failed(command, environment, error)
    more = len(error.details) - _DETAILS
    details = [*error.details[:_DETAILS], *([f"and {more:,} more"] if more > 0 else [])]
    return _message(occasion, title, [error.message, *details, error.hint], actor)


def _failed(command: str, environment: str, error: ElmifyError) -> tuple[Occasion, str]:
    match error.exit:
        case Exit.UNFINISHED:
            return Occasion.PARTIAL, f"{environment}: elmify {command} committed, but did not finish"
        case Exit.GUARDED:
            return Occasion.GUARDED, f"{environment}: a guard stopped elmify {command}"
        case _:
            return Occasion.FAILED, f"{environment}: elmify {command} failed"


def of_recovery(command: str, environment: str, actor: Actor) -> Message:
    """Return what to tell of a command that does again what it should."""
    title = f"{environment}: elmify {command} works again"
    return _message(Occasion.FAILED, title, ["The last run went through."], actor)


def of_takeover(environment: str, facts: Mapping[str, Any], actor: Actor) -> Message:
    """Return what to tell of a lease that a run took over from one that had stopped answering."""
    title = f"{environment}: run {facts.get('run')} took over the lease of run {facts.get('from_run')}"
    told = "The other one let it run out: it was killed, or cannot reach the database. It can commit no more."
    return _message(Occasion.TAKEOVER, title, [told, "See `elmify runs`."], actor)


def of_drift(report: DriftReport, headline: str, details: Sequence[str], actor: Actor) -> Message:
    """Return what to tell of drift, or of its end."""
    if report.clean:
        title = f"{report.environment}: no drift any more"
    else:
        title = f"{report.environment} has drifted: {counted(report.count, 'difference')}"
    return _message(Occasion.DRIFT, title, [headline, *details], actor)


def of_trial(environment: str, actor: Actor) -> Message:
    """Return a message that says nothing but that it arrived."""
    told = "This is a trial: whoever reads it will hear of what goes wrong."
    return _message(Occasion.FAILED, f"{environment}: elmify can reach you", [told], actor)


def _message(occasion: Occasion, title: str, lines: Sequence[str], actor: Actor) -> Message:
    who = f"by {actor.name}" + (f", {actor.url}" if actor.url else "")
    return Message(occasion=occasion, title=title, body="\n".join([*filter(None, lines), who]))


_INSTALL = "In a clone of elmify, install what they need:\n    pip install '.[notify]'"


class NotTold(ElmifyError):
    """A message did not reach everybody. `details` name each that it did not reach, without its URL."""

    code = "not-told"


def send(urls: Sequence[str], message: Message) -> None:
    """Send a message to every URL, whatever becomes of the others; `NotTold` when one was not reached."""
    try:
        import apprise
    except ImportError as error:
        raise NotTold("notifications cannot be sent: Apprise is not installed", hint=_INSTALL) from error
    failed = []
    for number, url in enumerate(urls, 1):
        service = apprise.Apprise()
        with apprise.LogCapture(level=logging.WARNING) as told:  # type: ignore[no-untyped-call]
            taken = service.add(url)
            if not taken or not service.notify(title=message.title, body=message.body):
                reason = " ".join(told.getvalue().split()) if taken else "Apprise does not know such a URL"
                failed.append(f"{_named(number, url)}: {masked(reason)}")
    if failed:
        raise NotTold(
            f"{len(failed)} of {len(urls)} could not be told",
            details=failed,
            hint="Correct the URLs, and try them with\n    elmify notify test",
        )


def _named(number: int, url: str) -> str:
    """Name a URL without showing it: `the 2nd one` by its place and its scheme."""
    return f"URL {number} ({url.partition(':')[0]}://…)"
