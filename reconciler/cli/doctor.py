import json
from dataclasses import asdict

import click

from reconciler.cli.console import colours, result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_workspace
from reconciler.model.errors import Exit


@click.command("doctor")
@click.option("--read-only", is_flag=True, help="Try no write: for the credentials that only plan.")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, read_only: bool, format_: str) -> int:
    """Check that both stores can be reached and used, each finding with its remedy.

    Puts, reads and deletes one small object under .elmify/probe/ of the bucket. Exits 1 when a check failed.
    """
    from reconciler.operations.doctor import DoctorFinding, Health, examine

    def line(finding: DoctorFinding) -> str:
        sign = {Health.OK: ("ok", "green"), Health.WARNING: ("!!", "yellow"), Health.FAILED: ("no", "red")}
        word, colour = sign[finding.health]
        mark = click.style(word, fg=colour) if colours() else word
        remedy = finding.remedy.replace("\n", "\n      ")
        return f"{mark}  {finding.check}: {finding.message}" + (f"\n      {remedy}" if remedy else "")

    with open_workspace(directory) as workspace:
        findings = examine(workspace, read_only=read_only)
    if format_ == "json":
        result(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        result("\n".join(map(line, findings)))
    return Exit.ERROR if any(finding.health is Health.FAILED for finding in findings) else Exit.OK
