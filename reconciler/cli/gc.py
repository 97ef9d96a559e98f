from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result
from reconciler.cli.options import option_lock_timeout
from reconciler.cli.project import open_workspace
from reconciler.model.values import counted, readable_size
from reconciler.render.escape import harmless

if TYPE_CHECKING:
    from reconciler.model.outcomes import Collected
    from reconciler.model.plan import NamedBy
    from reconciler.model.ports import UnfinishedUpload


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


def collected_text(collected: "Collected", *, dry_run: bool) -> str:
    """Return the report of a garbage collection as text, line by line.

    It lists what was deleted or given up, and what was only seen.
    """
    clutter, verb = collected.clutter, "would be deleted" if dry_run else "deleted"
    lines = [
        f"  - {_object(item.record.key, item.record.size_bytes, item.why)}" for item in collected.rubbish
    ]
    lines += [f"  - {_object(stored.key, stored.size_bytes, 'staged copy')}" for stored in clutter.staged]
    lines += [f"  - {_upload(upload)}: given up" for _, upload in clutter.given_up]
    lines += [f"  ? {_kept(key, named_by)}" for key, named_by in sorted(collected.kept.items())]
    lines += [f"  ? {_upload(upload)}: not elmify's, left alone" for upload in clutter.foreign]
    lines += [f"  ? unfinished uploads to {store} cannot be seen with this key" for store in clutter.unseen]
    deleted = len(collected.rubbish) + len(clutter.staged)
    if deleted:
        lines.append(f"{counted(deleted, 'object')} {verb}, {readable_size(collected.size_bytes)}.")
    elif not clutter.given_up:
        lines.append("There is nothing to delete.")
    return "\n".join(lines)


def _object(key: str, size_bytes: int, why: str) -> str:
    return f"{harmless(key)} ({readable_size(size_bytes)}; {why})"


def _kept(key: str, named_by: "NamedBy") -> str:
    return f"{harmless(key)}: kept, {harmless(str(named_by))}"


def _upload(upload: "UnfinishedUpload") -> str:
    return f"{harmless(upload.key)} (unfinished upload, begun {upload.begun_at:%Y-%m-%d %H:%M} UTC)"
