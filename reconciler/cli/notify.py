import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.project import open_project
from reconciler.model.values import counted

if TYPE_CHECKING:
    from reconciler.model.ports import Database
    from reconciler.settings import Settings


@click.group("notify")
def command() -> None:
    """Tell others what happens, through Apprise.

    They are told when an apply fails or does not finish, when a guard stops one, when the stores have
    drifted, and when a lease is taken over; each once, and again only when it is otherwise. The URLs stand in
    the environment variable ELMIFY_NOTIFY_URLS, parted by spaces; `notify:` in elmify.yaml says of what they
    want to hear.
    """


@command.command("test")
@click.pass_obj
def test(directory: str) -> None:
    """Send a trial message to every URL.

    Exits 1 and names those that could not be reached.
    """
    from reconciler.operations.notify import send_trial

    sent = send_trial(open_project(directory).settings)
    click.echo(f"Told {counted(sent, 'recipient')}.")


def notify_end_of(kind: str, directory: str, error: Exception | None) -> None:
    """Send the notifications for the end of a command.

    The settings of its project decide what is sent.
    """
    from reconciler.logs import collected_events
    from reconciler.operations.notify import notify_end
    from reconciler.settings import find_root, load_settings

    try:
        settings = load_settings(find_root(Path(directory)), os.environ)
    except Exception:  # noqa: BLE001 - the command has met the same, and reports it
        return
    notify_end(settings, kind, error, collected_events(), partial(_open_database, settings))


@contextmanager
def _open_database(settings: "Settings") -> "Iterator[Database]":
    from reconciler.operations.project import Project
    from reconciler.operations.workspace import open_workspace

    with open_workspace(Project(settings)) as workspace:
        yield workspace.database
