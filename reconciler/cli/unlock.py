import click

from reconciler.cli.project import open_workspace


@click.command("unlock")
@click.argument("run", type=click.IntRange(min=1))
@click.option("--force", is_flag=True, help="Also end a lease whose holder still seems to be alive.")
@click.pass_obj
def command(directory: str, run: int, force: bool) -> None:
    """End the lease of run RUN, whose holder is gone.

    A lease ends by itself a minute after its last heartbeat. A holder that is alive after all can no longer
    commit once its lease was ended.
    """
    from reconciler.model.status import Advice, Why
    from reconciler.operations.status import end_lease
    from reconciler.planning.advice import remedy_of_run
    from reconciler.render.status import advice_lines

    with open_workspace(directory) as workspace:
        ended = end_lease(workspace, run, force=force)
    advice = Advice(why=Why.LEASE_ENDED, remedy=remedy_of_run(ended), run=run)
    click.echo(f"The lease of run {run} is ended. " + "\n".join(advice_lines(advice)))
