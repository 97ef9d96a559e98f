from typing import TYPE_CHECKING

import click

from reconciler.cli.console import is_interactive
from reconciler.cli.project import open_project
from reconciler.model.errors import IdentityMismatch, UsageError

if TYPE_CHECKING:
    from reconciler.model.ports import ObjectStore


@click.command("identity")
@click.option("--rebind", is_flag=True, help="Make this bucket and this database a pair, whatever they were.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(directory: str, rebind: bool, auto_approve: bool) -> None:
    """Show or repair which environment both stores belong to.

    --rebind is for a bucket that was copied or a database whose records are lost. Be sure that the two are
    the ones you mean: everything else rests on it.
    """
    from reconciler.applying import environment
    from reconciler.bootstrap import open_stores

    project = open_project(directory)
    with open_stores(project.settings) as stores:
        if rebind:
            _ask(f"Bind {stores.objects} and {stores.database} together?", auto_approve=auto_approve)
            settings = project.settings
            environment.rebind(stores.database, stores.objects, settings.policy.environment, settings.actor)
        marker, trouble = _marker(stores.objects)
        with stores.database.read() as session:
            known = session.records.load_identity()
    click.echo(f"elmify.yaml  {project.settings.policy.environment}")
    click.echo(f"database     {f'{known.environment}, {known.id}, {known.state}' if known else 'not begun'}")
    said = "carries no marker" if trouble is None else "carries a marker that is not readable"
    click.echo(f"bucket       {marker or said}")
    if trouble is not None:
        raise trouble


def _marker(objects: "ObjectStore") -> "tuple[str | None, IdentityMismatch | None]":
    """Return the identity that the bucket carries, or why its marker cannot be read."""
    from reconciler.applying.refresh import read_marker

    try:
        return read_marker(objects), None
    except IdentityMismatch as unreadable:
        return None, unreadable


def _ask(question: str, *, auto_approve: bool) -> None:
    if auto_approve:
        return
    if not is_interactive():
        raise UsageError("there is no terminal to ask on", hint="Say yes with --auto-approve.")
    click.confirm(question, default=False, abort=True, err=True)
