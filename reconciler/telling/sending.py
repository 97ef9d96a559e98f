"""Sending a message through Apprise to whatever its URLs name: Slack, Discord, e-mail, a webhook."""

import logging
from collections.abc import Sequence

from reconciler.model.errors import ElmifyError
from reconciler.model.occasions import Message
from reconciler.telling.logs import masked

_INSTALL = "Install what elmify needs for them:\n    pip install 'elmify[notify]'"


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
