import click

from reconciler.cli.console import result
from reconciler.cli.options import option_lock_timeout
from reconciler.cli.project import open_workspace


@click.command("gc")
@click.option("--older-than", metavar="DURATION", help="Retention to go by. [default: elmify.yaml's, 30d]")
@click.option(
    "--now",
    multiple=True,
    metavar="ADDRESS",
    help="A takedown: what this address had, at once; it must be gone from the catalog and applied.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@option_lock_timeout()
@click.pass_obj
def command(
    directory: str, older_than: str | None, now: tuple[str, ...], dry_run: bool, lock_timeout: str
) -> None:
    """Delete expired retired objects and what interrupted runs left over.

    A retired object is deleted once its retention has passed. An object that any row names is never
    deleted, and nothing is deleted before 24 hours have passed, except with --now. Staged copies are
    deleted according to `staging: {keep: …}`. Of unfinished uploads only elmify's own are aborted,
    after 24 hours.
    """
    from reconciler.operations.gc import collect_garbage
    from reconciler.render.outcomes import collected_text
    from reconciler.settings import parse_duration

    with open_workspace(directory) as workspace:
        collected = collect_garbage(
            workspace,
            older_than=parse_duration(older_than) if older_than else None,
            now=now,
            dry_run=dry_run,
            wait=parse_duration(lock_timeout),
        )
    result(collected_text(collected, dry_run=dry_run))
