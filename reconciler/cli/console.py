"""Terminal output: colours, questions and failures.

Results go to stdout, everything else to stderr.
"""

import logging
import os
import sys
from collections.abc import Iterable

import click

from reconciler.model.diagnostics import Diagnostic
from reconciler.model.errors import ElmifyError


def colours(stream: object = None) -> bool:
    """Return whether to colour stdout, or `stream`.

    `FORCE_COLOR` says yes; otherwise `NO_COLOR` says no; otherwise the answer is whether the stream
    is a terminal.
    """
    if os.environ.get("FORCE_COLOR"):
        return True
    if os.environ.get("NO_COLOR"):
        return False
    return bool(getattr(stream or sys.stdout, "isatty", bool)())


def is_interactive() -> bool:
    """Return whether a person can answer questions.

    That is: both input and output are terminals, and this is not a CI job.
    """
    return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")


def say(message: str = "") -> None:
    """Print a message for the person at the terminal that is not the result.

    When a machine reads stderr, the message is written as a log line instead.
    """
    if not _logged(logging.INFO, message.strip()):
        click.echo(message, err=True)


def _logged(level: int, event: str, **facts: object) -> bool:
    """Log the event instead of printing it, if stderr must be JSON.

    Return whether that was done. In this mode every line of stderr has to be JSON.
    """
    from reconciler.logs import CONSOLE, is_json

    if not is_json():
        return False
    if event:
        logging.getLogger(CONSOLE).log(level, event, extra={"facts": facts})
    return True


def result(text: str) -> None:
    """Print a command's result, whole."""
    click.echo(text.rstrip("\n"), color=colours())


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to stderr, in reading order."""
    from reconciler.render.diagnostics import diagnostics_text

    found = list(diagnostics)
    if all(_logged(logging.WARNING, each.code, **_facts(each)) for each in found):
        return
    text = diagnostics_text(found, colour=colours(sys.stderr))
    if text:
        click.echo(text, err=True, color=colours(sys.stderr))


def _facts(found: Diagnostic) -> dict[str, str]:
    return {
        "severity": found.severity.value,
        "summary": found.summary,
        "position": str(found.position),
        "detail": found.detail,
        "hint": found.hint,
    }


def discard_stdout() -> None:
    """Discard all further output to stdout, because its reader has closed it.

    The command goes on without stdout; what is still to come is written nowhere.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report(error: ElmifyError, *, as_json: bool) -> None:
    """Print a failure: its sentence to stderr, or all of it as JSON to stdout."""
    from reconciler.logs import collected_events
    from reconciler.render.diagnostics import error_json, error_text
    from reconciler.render.remedies import hint_text

    said = _logged(
        logging.ERROR,
        "failed",
        run=collected_events().run,
        code=error.code,
        exit=int(error.exit),
        message=error.message,
        details=error.details,
        diagnostics=[_facts(each) for each in getattr(error, "diagnostics", ())],
        hint=hint_text(error.hint, error.remedies),
    )
    if as_json:
        click.echo(error_json(error))
    elif not said:
        click.echo(error_text(error, colour=colours(sys.stderr)), err=True, color=colours(sys.stderr))
