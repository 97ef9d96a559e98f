from pathlib import Path

import click

from reconciler.cli.approval import carry_out, purpose_options
from reconciler.cli.options import request_from


@click.command("rollback")
@click.argument("run", type=click.IntRange(min=1), required=False)
@purpose_options
@click.pass_obj
def command(
    directory: str,
    run: int | None,
    allow: tuple[str, ...],
    out: Path | None,
    auto_approve: bool,
    lock_timeout: str,
    format_: str,
) -> int:
    """Take a run back: by default the last one that changed something.

    Brings back what the run changed and deleted, rows under their ids with every favourite, position and
    statistic, and retires what it created. A rollback is a run too, and can be rolled back.
    """
    from reconciler.operations.plan import rollback_request

    allowances = request_from((), allow, delete_unmanaged=False, rekey=False).allowances
    return carry_out(
        directory,
        lambda workspace: rollback_request(workspace, run, allowances),
        out=out,
        auto_approve=auto_approve,
        lock_timeout=lock_timeout,
        format_=format_,
    )
