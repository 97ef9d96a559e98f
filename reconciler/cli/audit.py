from itertools import chain

import click

from reconciler.cli.options import option_format
from reconciler.cli.project import open_workspace


@click.command("audit")
@click.option(
    "--verify", is_flag=True, help="Recompute the chain, and compare it with the heads in the bucket."
)
@option_format("text", "jsonl")
@click.pass_obj
def command(directory: str, verify: bool, format_: str) -> None:
    """Print the audit log: who, when, what, from what to what.

    --verify finds an entry that was altered, dropped, reordered or cut off; it exits 1 then.
    """
    from reconciler.operations.audit import audit_entries, verify_chain
    from reconciler.render.history import audit_jsonl, audit_lines

    with open_workspace(directory) as workspace:
        if verify:
            head = verify_chain(workspace)
            click.echo(f"The audit log is whole: {head.seq:,} entries, the last one {head.hash[:16]}.")
            return
        with audit_entries(workspace) as entries:
            first = next(entries, None)
            if first is not None:
                for line in (audit_jsonl if format_ == "jsonl" else audit_lines)(chain((first,), entries)):
                    click.echo(line)
            elif format_ == "text":
                click.echo("No entries yet.")
