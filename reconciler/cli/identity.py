import click

from reconciler.cli.console import is_interactive
from reconciler.cli.project import open_workspace
from reconciler.model.errors import UsageError


@click.command("identity")
@click.option("--rebind", is_flag=True, help="Make this bucket and this database a pair, whatever they were.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(directory: str, rebind: bool, auto_approve: bool) -> None:
    """Show or repair which environment both stores belong to.

    --rebind is for a bucket that was copied or a database whose records are lost. Be sure that the two are
    the ones you mean: everything else rests on it.
    """
    from reconciler.operations.identity import read_identities
    from reconciler.operations.identity import rebind as rebind_stores

    with open_workspace(directory) as workspace:
        if rebind:
            question = f"Bind {workspace.objects} and {workspace.database} together?"
            _ask(question, auto_approve=auto_approve)
            rebind_stores(workspace)
        found = read_identities(workspace)
        environment = workspace.policy.environment
    known = found.recorded
    click.echo(f"elmify.yaml  {environment}")
    click.echo(f"database     {f'{known.environment}, {known.id}, {known.state}' if known else 'not begun'}")
    said = "carries no marker" if found.trouble is None else "carries a marker that is not readable"
    click.echo(f"bucket       {found.marker or said}")
    if found.trouble is not None:
        raise found.trouble


def _ask(question: str, *, auto_approve: bool) -> None:
    if auto_approve:
        return
    if not is_interactive():
        raise UsageError("there is no terminal to ask on", hint="Say yes with --auto-approve.")
    click.confirm(question, default=False, abort=True, err=True)
