from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import colours, result, say
from reconciler.cli.options import option_format
from reconciler.cli.plan_output import save_plan
from reconciler.cli.project import open_workspace
from reconciler.model.errors import Exit, UsageError
from reconciler.model.values import counted

if TYPE_CHECKING:
    from reconciler.model.plan import Plan
    from reconciler.planning.verification.findings import Verification

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("verify")
@click.option("--deep", is_flag=True, help="Also download and hash everything that is live.")
@click.option("--sample", metavar="N/T", help="Hash N of every T objects, others each day: 1/30.")
@option_format("text", "json", "junit")
@click.option("--out", type=_FILE, help="Write it to a file, and the text to stdout.")
@click.option("--repair-plan", type=_FILE, help="Save a plan of every repair that can be made safely.")
@click.pass_obj
def command(
    directory: str, deep: bool, sample: str | None, format_: str, out: Path | None, repair_plan: Path | None
) -> int:
    """Check that catalog, bucket and database agree.

    Shows how to repair what does not agree. Costs one listing and a fixed number of queries; writes
    to neither store. Exits 2 when something is wrong.
    """
    from reconciler.operations import verify as operations
    from reconciler.planning.verification.byte_checks import parse_sample

    if deep and sample is not None:
        raise UsageError("--deep hashes everything, --sample a part of it", hint="Give one of the two.")
    part = parse_sample(sample) if sample is not None else None
    with open_workspace(directory) as workspace:
        if deep or part is not None:
            found = operations.verify_deep(workspace, part)
        else:
            found = operations.verify(workspace)
        _print(found, format_, out)
        if repair_plan is not None:
            repairs = operations.repair_plan(workspace, found)
            _save_repairs(repairs, found, repair_plan, quiet=format_ != "text")
    return Exit.DIFFERENCES if found.wrong else Exit.OK


def _print(found: "Verification", format_: str, out: Path | None) -> None:
    from reconciler.operations.catalog import write_output
    from reconciler.render.verify.text import verify_text

    if out is not None:
        write_output(out, _rendered(found, format_), "the result")
    if out is None and format_ != "text":
        result(_rendered(found, format_))
    else:
        result(verify_text(found, colour=colours()))


def _rendered(found: "Verification", format_: str) -> str:
    from reconciler.render.verify.formats import verify_json, verify_junit
    from reconciler.render.verify.text import verify_text

    match format_:
        case "json":
            return f"{verify_json(found)}\n"
        case "junit":
            return f"{verify_junit(found)}\n"
        case _:
            return f"{verify_text(found)}\n"


def _save_repairs(repairs: "Plan | None", found: "Verification", file: Path, *, quiet: bool) -> None:
    """Save the repairs as an ordinary plan, and say what no plan can repair."""
    from reconciler.cli.plan_output import print_plan
    from reconciler.planning.verification.repair import beyond_repair
    from reconciler.render.verify.text import retold

    if repairs is None:
        say("\nThere is nothing that a plan can repair, so none was saved.")
        return
    save_plan(file, repairs)
    left = beyond_repair(found.findings)
    if not quiet:
        result("\nThe repairs, as a plan:\n")
        print_plan(repairs, "text", None, out=file)
        if left:
            result(f"\n{counted(len(left), 'finding')} a person has to decide on:\n\n{retold(left)}")
    say(f"\nSaved. To carry out exactly these repairs:\n    elmify apply {file}")
