from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result
from reconciler.cli.import_report import report
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project

if TYPE_CHECKING:
    from reconciler.importing.adopt import Adopted


@click.command("adopt")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, addresses: tuple[str, ...], format_: str) -> int:
    """Accept what other hands changed: write live values into the catalog.

    ADDRESS is a resource that drifted, a parent of several, or a row that nobody declared, such as
    `unmanaged.lectures[412]`. To reject drift instead, run `elmify apply`.
    """
    from reconciler.operations.imports import adopt
    from reconciler.operations.workspace import open_workspace

    project = open_project(directory)
    with open_workspace(project) as workspace:
        adopted = adopt(project, workspace, addresses)
    if format_ == "text":
        _print(adopted)
    return report(adopted.imported, format_, adopted.accepted)


def _print(adopted: "Adopted") -> None:
    from reconciler.render.escape import harmless

    for address, names in adopted.accepted.items():
        result(f"  ~ {address}: {', '.join(map(harmless, names))}")
    if not adopted.accepted and not sum(adopted.imported.added.values()):
        result("Nothing has drifted there.")
