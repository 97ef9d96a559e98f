"""Log lines on stderr: one an event, as text or as JSON, with the run they belong to and without a secret.

Code that has something to log calls `logging.getLogger("elmify.…")` with an event's name and, as
`extra={"facts": {...}}`, what is to be known of it. Only these loggers are ever shown: libraries log requests
with what signs them.
"""

import json
import logging
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote, urlsplit

ROOT = "elmify"

#: What a terminal would have been told in any case; it is logged where the terminal reads JSON.
CONSOLE = f"{ROOT}.console"

_SECRET_MIN_CHARS = 4  # shorter ones would blot out half of every line, and protect nothing
_MASK = "***"
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/\s:@\"]*):[^/\s@\"]+@")
_SIGNATURE = re.compile(r"((?:X-Amz-[A-Za-z]+|[Ss]ignature|[Tt]oken|[Pp]assword)=)[^&\s\"]+")
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class LogFormat(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


def start(format_: LogFormat = LogFormat.TEXT, verbosity: int = 0) -> None:
    """Send what elmify logs to stderr from now on: warnings; with 1 what runs do, with 2 everything."""
    logger = logging.getLogger(ROOT)
    for old in [handler for handler in logger.handlers if isinstance(handler, _Lines)]:
        logger.removeHandler(old)
    logger.addHandler(_Lines(format_, _LEVELS[min(verbosity, len(_LEVELS) - 1)]))
    logger.setLevel(logging.DEBUG)  # what is shown, the handler decides: it also takes note of what is not
    logger.propagate = False


def hide(secrets: Iterable[str]) -> None:
    """Let no line show these texts, whatever they come with."""
    for handler in _handlers():
        handler.secrets |= {form for secret in secrets for form in _spellings(secret)}


def masked(text: str) -> str:
    """Return a text with every secret in it, and whatever looks like one, blotted out."""
    secrets = {secret for handler in _handlers() for secret in handler.secrets}
    return _without(text, secrets)


def is_json() -> bool:
    """Whether stderr is read by a machine: then everything that goes there is a line of JSON."""
    return any(handler.is_json for handler in _handlers())


def run_in_progress() -> int | None:
    """Return the number of the run that this process began last; None when it began none."""
    return next((handler.run for handler in _handlers()), None)


def noted(event: str) -> list[Mapping[str, Any]]:
    """Return the facts of each event of that name that was logged, shown or not, in order."""
    return [facts for handler in _handlers() for name, facts in handler.noted if name == event]


def _handlers() -> list["_Lines"]:
    return [each for each in logging.getLogger(ROOT).handlers if isinstance(each, _Lines)]


def _spellings(secret: str) -> Iterable[str]:
    """Yield the ways in which a secret may be written; of a URL also its password alone."""
    found = {secret, _password_in(secret)}
    for each in found | {unquote(each) for each in found}:
        if len(each) >= _SECRET_MIN_CHARS:
            yield from (each, quote(each, safe=""), quote(each), json.dumps(each)[1:-1])


def _password_in(url: str) -> str:
    try:
        return urlsplit(url.removeprefix("jdbc:")).password or ""
    except ValueError:
        return ""


class _Lines(logging.Handler):
    """Writes lines to whatever stderr is at that moment."""

    def __init__(self, format_: LogFormat, least: int) -> None:
        super().__init__()
        self._least = least
        self.is_json = format_ is LogFormat.JSON
        self.secrets: set[str] = set()
        self.run: int | None = None
        self.noted: list[tuple[str, Mapping[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, and take note of warnings and of the run."""
        facts: Mapping[str, Any] = getattr(record, "facts", {})
        if isinstance(number := facts.get("run"), int):
            self.run = number
        if record.levelno >= logging.WARNING:
            self.noted.append((record.getMessage(), facts))
        if record.levelno < self._least and record.name != CONSOLE:
            return
        if not self.is_json and getattr(record, "said", False):
            return  # the terminal was told already
        line = _json(record, facts, self.run) if self.is_json else _text(record, facts, self.run)
        sys.stderr.write(f"{_without(line, self.secrets)}\n")
        sys.stderr.flush()


def _without(text: str, secrets: Collection[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return _SIGNATURE.sub(rf"\1{_MASK}", _PASSWORD_IN_URL.sub(rf"\1:{_MASK}@", text))


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
    told = [f"run={run if run is not None else '-'}"]
    told += [f"{name}={json.dumps(value, default=str)}" for name, value in facts.items() if name != "run"]
    event = json.dumps(record.getMessage())[1:-1]  # on one line, whatever it quotes
    return f"{_time(record)} {record.levelname.lower()} {record.name} {event} {' '.join(told)}"


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
