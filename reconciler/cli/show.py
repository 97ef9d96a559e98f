from pathlib import Path

import click

from reconciler.cli.options import option_format
from reconciler.cli.plan_output import (
    PLAN_FORMATS,
    Media,
    option_max_bytes,
    print_plan,
    read_plan,
    refuse_idle_options,
)
from reconciler.model.errors import InvalidInput


@click.command("show")
@click.argument("planfile", type=click.Path(dir_okay=False, path_type=Path))
@option_format(*PLAN_FORMATS)
@click.option("--detail", type=click.Choice(["summary", "resources", "attributes"]), help="How much to show.")
@option_max_bytes()
@click.pass_obj
def command(directory: str, planfile: Path, format_: str, detail: str | None, max_bytes: int | None) -> None:
    """Show a saved plan."""
    refuse_idle_options(format_, max_bytes)
    media = Media(base_url=_base_url(directory)) if format_ == "html" else None
    print_plan(read_plan(planfile), format_, detail, max_bytes=max_bytes, media=media, out=planfile)


def _base_url(directory: str) -> str | None:
    """Return the public base URL that the project in this folder names.

    None when there is no project: a plan can be shown without its project.
    """
    from reconciler.cli.project import open_project

    try:
        return open_project(directory).settings.policy.layout.base_url
    except InvalidInput:
        return None
