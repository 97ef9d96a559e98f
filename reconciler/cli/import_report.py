"""Report of an import at the terminal, and the next step."""

from typing import TYPE_CHECKING

from reconciler.cli.console import colours, result, say, show_diagnostics
from reconciler.model.diagnostics import has_errors
from reconciler.model.errors import Exit
from reconciler.model.values import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.model.address import Address
    from reconciler.model.outcomes import Imported


def _next_step(imported: "Imported") -> str:
    unlocked = len(imported.unlocked)
    if not unlocked:
        return "Nothing live was changed. See what an apply would do with\n    elmify plan"
    return (
        f"Nothing live was changed. The lockfile does not know {counted(unlocked, 'file')} yet. If they are "
        "live, learn them from there:\n    elmify import live\n"
        "If not, put them under the media folder, then\n    elmify lock\n    elmify plan"
    )


def report(
    imported: "Imported", format_: str, accepted: "Mapping[Address, Sequence[str]] | None" = None
) -> int:
    """Print the result of an import and return the exit status.

    The status says whether the catalog has mistakes now.
    """
    from shutil import get_terminal_size

    from reconciler.render.import_report import report_json, report_text

    if format_ == "json":
        result(report_json(imported, accepted))
    else:
        show_diagnostics(imported.diagnostics)
        width = max(get_terminal_size((120, 24)).columns, 60)
        result(report_text(imported, accepted, width=width, colour=colours()))
        say(_next_step(imported))
    return Exit.ERROR if has_errors(imported.diagnostics) else Exit.OK
