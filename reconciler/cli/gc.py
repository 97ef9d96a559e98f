import click

from reconciler.cli.options import option_lock_timeout
from reconciler.cli.project import open_project
from reconciler.model.values import counted, readable_size


@click.command("gc")
@click.option("--older-than", metavar="DURATION", help="Retention to go by. [default: elmify.yaml's, 30d]")
@click.option(
    "--now", multiple=True, metavar="ADDRESS", help="A takedown: also what this address had, at once."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@option_lock_timeout()
@click.pass_obj
def command(
    directory: str, older_than: str | None, now: tuple[str, ...], dry_run: bool, lock_timeout: str
) -> None:
    """Delete retired objects whose retention has passed, and what interrupted runs left over.

    Never an object that any row names, and never before 24 hours have passed but by --now.
    """
    from reconciler.applying.gc import collect
    from reconciler.bootstrap import open_stores
    from reconciler.settings import parse_duration

    project = open_project(directory)
    retention = parse_duration(older_than) if older_than else project.settings.policy.retention
    with open_stores(project.settings) as stores:
        job = project.job(stores, "gc", lock_timeout, "text")
        collected = collect(job, older_than=retention, now=now, dry_run=dry_run)
    for item in collected.rubbish:
        click.echo(f"  - {item.record.key} ({readable_size(item.record.size_bytes)}; {item.why})")
    verb = "would be deleted" if dry_run else "deleted"
    count = len(collected.rubbish)
    objects = counted(count, "object")
    click.echo(
        f"{objects} {verb}, {readable_size(collected.size_bytes)}."
        if count
        else "There is nothing to delete."
    )
