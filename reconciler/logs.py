"""Log lines on stderr, each with its run and without any secret.

Code that logs calls `logging.getLogger("elmify.…")` with an event's name, and its facts as
`extra={"facts": {...}}`. Only these loggers are shown: libraries log requests with what signs them.

The run, the secrets and the events of an operation belong to its context (`contextvars`), so that several
operations in one process do not mix. A thread has part in them when it is started with a copy of the context.
Secrets alone count for the whole process too, while their block is open: no line shows them, not even one
from a thread without a context. The format and the verbosity are the process's, as stderr is.
"""

import json
import logging
import re
import sys
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from reconciler.model.notifications import Takeover

ROOT = "elmify"

#: The logger of messages for the terminal, which are log lines where stderr is JSON.
CONSOLE = f"{ROOT}.console"

_SECRET_MIN_CHARS = 4  # shorter ones would mask half of every line, and protect nothing
_MASK = "***"
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/\s:@\"]*):[^/\s@\"]+@")
_SIGNATURE = re.compile(r"((?:X-Amz-[A-Za-z]+|[Ss]ignature|[Tt]oken|[Pp]assword)=)[^&\s\"]+")
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)

Value = TypeVar("Value")


class LogFormat(StrEnum):
    """The form of a log line."""

    TEXT = "text"
    JSON = "json"


def start(format_: LogFormat = LogFormat.TEXT, verbosity: int = 0) -> None:
    """Start logging to stderr.

    Verbosity 0 logs warnings, 1 also what runs do, 2 everything.
    """
    logger = logging.getLogger(ROOT)
    for old in _handlers():
        logger.removeHandler(old)
    logger.addHandler(_Lines(format_, _LEVELS[min(verbosity, len(_LEVELS) - 1)]))
    logger.setLevel(logging.DEBUG)  # the handler decides what is shown
    logger.propagate = False


def is_json() -> bool:
    """Return whether stderr is read by a machine.

    Then everything that goes to stderr is a line of JSON.
    """
    return any(handler.is_json for handler in _handlers())


def _handlers() -> list["_Lines"]:
    return [each for each in logging.getLogger(ROOT).handlers if isinstance(each, _Lines)]


# The context of an operation.


@dataclass(frozen=True, slots=True)
class OperationEvents:
    """Runs that an operation began and leases that it took over, in order.

    Any thread of the operation may add to them.
    """

    runs: list[int] = field(default_factory=list)
    takeovers: list[Takeover] = field(default_factory=list)

    @property
    def run(self) -> int | None:
        """The run that was begun last; None when none was."""
        return self.runs[-1] if self.runs else None


_run: ContextVar[int | None] = ContextVar("elmify_run", default=None)
_events: ContextVar[OperationEvents | None] = ContextVar("elmify_events", default=None)


@contextmanager
def collecting_events() -> Iterator[OperationEvents]:
    """Collect the runs and takeovers of the operation in the block.

    Its notifications use them.
    """
    events = OperationEvents()
    with _bound(_events, events):
        yield events


def collected_events() -> OperationEvents:
    """Return the events of the innermost `collecting_events` block.

    Outside of any block they are empty.
    """
    return _events.get() or OperationEvents()


@contextmanager
def run_context(run: int | None) -> Iterator[None]:
    """Put the number of a run into every log line of the block.

    This includes the lines of the threads of the block.
    """
    events = _events.get()
    if events is not None and run is not None and run not in events.runs:
        events.runs.append(run)
    with _bound(_run, run):
        yield


def collect_takeover(takeover: Takeover) -> None:
    """Add a takeover to the operation's events, and log it as a warning."""
    events = collected_events()
    if takeover not in events.takeovers:  # a lost connection at its commit lets it be done again
        events.takeovers.append(takeover)
    facts = {"run": takeover.run, "from_run": takeover.from_run}
    logging.getLogger(f"{ROOT}.lease").warning("lease-taken-over", extra={"facts": facts})


@contextmanager
def _bound(variable: ContextVar[Value], value: Value) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


# Secrets.


class _OpenSecrets:
    """Registry of the secrets to mask, for all open scopes of the process.

    It holds their spellings, each with the number of scopes that need it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counter[str]()
        self.spellings = frozenset[str]()

    def add(self, spellings: Collection[str]) -> None:
        with self._lock:
            self._counts.update(spellings)
            self.spellings = frozenset(self._counts)

    def remove(self, spellings: Collection[str]) -> None:
        with self._lock:
            self._counts.subtract(spellings)
            for gone in [each for each in spellings if self._counts[each] <= 0]:
                del self._counts[gone]
            self.spellings = frozenset(self._counts)


class _SecretScope:
    """Spellings that one `hiding` block has added."""

    def __init__(self) -> None:
        self.spellings = frozenset[str]()
        self.is_open = True

    def add(self, secrets: Iterable[str]) -> None:
        added = frozenset(form for secret in secrets for form in _spellings(secret)) - self.spellings
        self.spellings |= added
        if self.is_open:
            _open_secrets.add(added)

    def close(self) -> None:
        self.is_open = False
        _open_secrets.remove(self.spellings)


_open_secrets = _OpenSecrets()

#: Scopes of this context, the innermost last. A thread that was left behind keeps those that it began with,
#: so that it shows no secret after their blocks have ended either.
_scopes: ContextVar[tuple[_SecretScope, ...]] = ContextVar("elmify_secrets", default=())


@contextmanager
def hiding(secrets: Iterable[str] = ()) -> Iterator[None]:
    """Mask these texts in every line of the process while the block runs.

    `hide` adds more texts inside the block. Blocks may end in any order, and in another context than
    the one they began in.
    """
    scope = _SecretScope()
    _scopes.set((*_scopes.get(), scope))
    try:
        scope.add(secrets)
        yield
    finally:
        scope.close()
        _scopes.set(tuple(each for each in _scopes.get() if each.is_open))


def hide(secrets: Iterable[str]) -> None:
    """Mask these texts too, until the innermost `hiding` block ends.

    Raises `LookupError` outside of any block.
    """
    scopes = _scopes.get()
    if not scopes:
        raise LookupError("secrets can be hidden in a `hiding` block only")
    scopes[-1].add(secrets)


def masked(text: str) -> str:
    """Return a text with all secrets masked.

    Whatever looks like a secret is masked too.
    """
    secrets = _open_secrets.spellings.union(*(scope.spellings for scope in _scopes.get()))
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return _SIGNATURE.sub(rf"\1{_MASK}", _PASSWORD_IN_URL.sub(rf"\1:{_MASK}@", text))


def _spellings(secret: str) -> Iterable[str]:
    """Yield the ways in which a secret may be written.

    For a URL they include its password alone.
    """
    found = {secret, _password_in(secret)}
    for each in found | {unquote(each) for each in found}:
        if len(each) >= _SECRET_MIN_CHARS:
            yield from (each, quote(each, safe=""), quote(each), json.dumps(each)[1:-1])


def _password_in(url: str) -> str:
    try:
        return urlsplit(url.removeprefix("jdbc:")).password or ""
    except ValueError:
        return ""


# Lines.


class _Lines(logging.Handler):
    """Log stream that writes to the current `stderr`.

    It writes each line to the stderr of that moment, and keeps none of them.
    """

    def __init__(self, format_: LogFormat, least: int) -> None:
        super().__init__()
        self._least = least
        self.is_json = format_ is LogFormat.JSON

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        if record.levelno < self._least and record.name != CONSOLE:
            return
        if not self.is_json and getattr(record, "said", False):
            return  # the terminal shows it already
        facts: Mapping[str, Any] = getattr(record, "facts", {})
        number = facts.get("run")
        run = number if isinstance(number, int) else _run.get()
        line = _json(record, facts, run) if self.is_json else _text(record, facts, run)
        sys.stderr.write(f"{masked(line)}\n")
        sys.stderr.flush()


def _json(record: logging.LogRecord, facts: Mapping[str, Any], run: int | None) -> str:
    fixed = {
        "time": _time(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "run": run,
        "event": record.getMessage(),
    }
    return json.dumps({**fixed, **{k: v for k, v in facts.items() if k not in fixed}}, default=str)


def _text(record: logging.LogRecord, facts: Mapping[str, Any], run: int | None) -> str:
    shown = [f"run={run if run is not None else '-'}"]
    shown += [f"{name}={json.dumps(value, default=str)}" for name, value in facts.items() if name != "run"]
    event = json.dumps(record.getMessage())[1:-1]  # on one line, whatever it quotes
    return f"{_time(record)} {record.levelname.lower()} {record.name} {event} {' '.join(shown)}"


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
