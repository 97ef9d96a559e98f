from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import request_from
from reconciler.cli.purposes import carry_out, purpose_options
from reconciler.model.errors import UsageError

if TYPE_CHECKING:
    from reconciler.bootstrap import Stores
    from reconciler.planning.world import Request


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
    from dataclasses import replace

    request = request_from((), allow, delete_unmanaged=False, rekey=False)

    def request_on(stores: "Stores") -> "Request":
        return replace(request, rolls_back=run if run is not None else _last_change(stores))

    return carry_out(
        directory,
        request_on,
        out=out,
        auto_approve=auto_approve,
        lock_timeout=lock_timeout,
        format_=format_,
    )


def _last_change(stores: "Stores") -> int:
    with stores.database.read() as session:
        last = session.records.last_change()
    if last is None:
        raise UsageError("no run has changed anything yet", hint="See what runs there are:\n    elmify runs")
    return last
