import click

from reconciler.cli.project import open_project
from reconciler.model.errors import ElmifyError


@click.command("unlock")
@click.argument("run", type=click.IntRange(min=1))
@click.option("--force", is_flag=True, help="Also end a lease whose holder still seems to be alive.")
@click.pass_obj
def command(directory: str, run: int, force: bool) -> None:
    """End the lease of run RUN, whose holder is gone.

    A lease ends by itself a minute after its last heartbeat. A holder that is alive after all can no longer
    commit once its lease was ended.
    """
    from reconciler.applying.lease import close_run
    from reconciler.bootstrap import open_stores
    from reconciler.model.history import AuditFact
    from reconciler.planning.advice import going_on
    from reconciler.render.escape import harmless

    project = open_project(directory)
    with open_stores(project.settings) as stores, stores.database.write() as work:
        if work.records.lease() is None:
            raise ElmifyError("nobody holds the lease", hint="There is nothing to unlock.")
        work.records.break_lease(run, force=force)
        advice = going_on(work.records.run(run), "Go on with")
        close_run(work.records, run, f"interrupted; unlocked by {project.settings.actor.name}")
        work.records.append_audit(
            None, project.settings.actor, [AuditFact(event="unlock", detail={"run": run, "force": force})]
        )
    click.echo(f"The lease of run {run} is ended. {harmless(advice.why)}\n    {advice.command}")
