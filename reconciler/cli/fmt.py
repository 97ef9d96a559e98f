import difflib
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result, say
from reconciler.cli.project import open_project
from reconciler.model.errors import ElmifyError
from reconciler.model.values import counted

if TYPE_CHECKING:
    from reconciler.loading.fmt import FormattedFile


@click.command("fmt")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; show what would change.")
@click.pass_obj
def command(directory: str, check: bool, show_diff: bool) -> None:
    """Format the catalog in its canonical form.

    Comments are kept and missing ids are written. Prints the files that change. A file whose YAML
    cannot be read is left alone and named.
    """
    from reconciler.operations.catalog import format_files

    changed = 0
    for file in format_files(open_project(directory), write=not check and not show_diff):
        changed += 1
        result(_diff(file) if show_diff else file.name)
    if check and changed:
        raise ElmifyError("the catalog is not in its canonical form", hint="Run\n    elmify fmt")
    if not changed:
        say("Every file is in its canonical form already.")
    elif not show_diff:
        say(f"Formatted {counted(changed, 'file')}.")


def _diff(file: "FormattedFile") -> str:
    assert file.formatted is not None
    before, after = file.formatted.before.splitlines(), file.formatted.after.splitlines()
    return "\n".join(difflib.unified_diff(before, after, f"a/{file.name}", f"b/{file.name}", lineterm=""))
