import click

from reconciler.cli.options import option_format
from reconciler.cli.project import open_project


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
    from reconciler.bootstrap import open_stores
    from reconciler.inspecting.audit import verify_chain
    from reconciler.render.history import audit_jsonl, audit_lines

    with open_stores(open_project(directory).settings) as stores:
        if verify:
            head = verify_chain(stores.database, stores.objects)
            click.echo(f"The audit log is whole: {head.seq:,} entries, the last one {head.hash[:16]}.")
            return
        with stores.database.read() as session:
            if format_ == "text" and not session.records.audit_head().seq:
                click.echo("No entries yet.")
            lines = audit_jsonl if format_ == "jsonl" else audit_lines
            for line in lines(session.records.audit()):
                click.echo(line)
