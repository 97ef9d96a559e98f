from pathlib import Path

import click

from reconciler.cli.console import colours, result
from reconciler.cli.options import option_format
from reconciler.model.errors import ElmifyError
from reconciler.model.plan import Plan


@click.command("show")
@click.argument("planfile", type=click.Path(dir_okay=False, path_type=Path))
@option_format("text", "json", "markdown")
@click.option("--detail", type=click.Choice(["summary", "resources", "attributes"]), help="How much to show.")
def command(planfile: Path, format_: str, detail: str | None) -> None:
    """Show a saved plan."""
    print_plan(read_plan(planfile), format_, detail)


def read_plan(file: Path) -> Plan:
    """Return the plan that was saved there; an `ElmifyError` says what is wrong with the file."""
    from reconciler.render.plan_json import load_plan

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ElmifyError(
            f"the plan file {file} cannot be read: {error}", hint="Make one with\n    elmify plan --out FILE"
        ) from error
    return load_plan(text, str(file))


def print_plan(plan: Plan, format_: str, detail: str | None) -> None:
    """Print a plan to stdout in one of its formats."""
    from reconciler.render.detail import Detail
    from reconciler.render.plan_json import dump_plan
    from reconciler.render.plan_markdown import plan_markdown
    from reconciler.render.plan_text import plan_text

    level = Detail(detail) if detail is not None else None
    match format_:
        case "json":
            result(dump_plan(plan))
        case "markdown":
            result(plan_markdown(plan, detail=level) if level is not None else plan_markdown(plan))
        case _:
            result(plan_text(plan, detail=level, colour=colours()))
