from pathlib import Path

import click

from reconciler.cli.approval import carry_out, purpose_options
from reconciler.cli.options import request_from


@click.command("merge")
@click.argument("row")
@click.argument("into")
@purpose_options
@click.pass_obj
def command(
    directory: str,
    row: str,
    into: str,
    allow: tuple[str, ...],
    out: Path | None,
    auto_approve: bool,
    lock_timeout: str,
    format_: str,
) -> int:
    """Move what listeners keep of lecture ROW to lecture INTO, and delete ROW.

    Each is a row id, unmanaged.lectures[412] or an address. Where a listener has kept something of both,
    the newer position and the earlier favourite count, and a day's statistics are added up.
    """
    from reconciler.operations.plan import merge_request

    allowances = request_from((), allow, delete_unmanaged=False, rekey=False).allowances
    return carry_out(
        directory,
        lambda _: merge_request(row, into, allowances),
        out=out,
        auto_approve=auto_approve,
        lock_timeout=lock_timeout,
        format_=format_,
    )
