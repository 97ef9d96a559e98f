import json
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import colours, result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_workspace
from reconciler.model.errors import Exit

if TYPE_CHECKING:
    from reconciler.operations.doctor import DoctorFinding


@click.command("doctor")
@click.option("--read-only", is_flag=True, help="Try no write: for the credentials that only plan.")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, read_only: bool, format_: str) -> int:
    """Check that both stores can be reached and used.

    Each finding comes with its remedy. Puts, reads and deletes one small object under .elmify/probe/
    of the bucket. Exits 1 when a check failed.
    """
    from reconciler.operations.doctor import DoctorFinding, Health, examine
    from reconciler.render.remedies import hint_text

    def line(finding: DoctorFinding) -> str:
        sign = {Health.OK: ("ok", "green"), Health.WARNING: ("!!", "yellow"), Health.FAILED: ("no", "red")}
        word, colour = sign[finding.health]
        mark = click.style(word, fg=colour) if colours() else word
        remedy = hint_text(finding.hint, finding.remedies).replace("\n", "\n      ")
        return f"{mark}  {finding.check}: {finding.message}" + (f"\n      {remedy}" if remedy else "")

    with open_workspace(directory) as workspace:
        findings = examine(workspace, read_only=read_only)
    if format_ == "json":
        result(json.dumps(list(map(_document, findings)), indent=2, ensure_ascii=False))
    else:
        result("\n".join(map(line, findings)))
    return Exit.ERROR if any(finding.health is Health.FAILED for finding in findings) else Exit.OK


def _document(finding: "DoctorFinding") -> dict[str, object]:
    from reconciler.render.remedies import hint_text, remedy_json

    return {
        "check": finding.check,
        "health": finding.health.value,
        "message": finding.message,
        "remedy": hint_text(finding.hint, finding.remedies),
        "remedies": [remedy_json(remedy) for remedy in finding.remedies],
    }
