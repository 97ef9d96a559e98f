import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result, say

if TYPE_CHECKING:
    from reconciler.loading.init import Initialised


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--ci", type=click.Choice(["github"]), help="Write the workflows of the repository instead.")
@click.option("--branch", default="main", show_default=True, help="With --ci: whose merges are applied.")
@click.option(
    "--package", metavar="REQUIREMENT", help="With --ci: what pip installs there. [default: this elmify]"
)
def command(directory: Path, ci: str | None, branch: str, package: str | None) -> None:
    """Write a commented elmify.yaml and an example catalog.

    With --ci github, the three workflows that plan pull requests, apply merges and look for drift, in the
    repository whose root DIR is. Nothing that is there already is overwritten.
    """
    from reconciler.loading.init import init_project
    from reconciler.loading.schema import catalog_schema

    if ci is not None:
        _write_workflows(directory, branch, package)
        return
    done = init_project(directory, json.dumps(catalog_schema(), indent=2, ensure_ascii=False) + "\n")
    _tell(directory, done)
    if not done.written:
        say("Everything is there already. Nothing was written.")
        return
    enter = "" if directory == Path() else f"    cd {directory}\n"
    say(
        "\nThe example is ready for a bucket and a database of its own under .elmify/:\n"
        f"{enter}    elmify plan\n"
        "    elmify apply\n"
        "Then replace it with your own speakers, run `elmify lock`, and plan again."
    )


def _write_workflows(directory: Path, branch: str, package: str | None) -> None:
    from reconciler.loading.init import init_workflows
    from reconciler.loading.workflows import installed_package

    done = init_workflows(directory, branch=branch, package=package or installed_package())
    _tell(directory, done)
    if done.written:
        say(
            "\nIn the settings of the repository make two environments, with the secrets R2_ACCESS_KEY_ID,\n"
            "R2_SECRET_ACCESS_KEY and DATABASE_URL: `elmify-plan`, whose rights are to read only, and\n"
            f"`elmify-apply`, which only the branch {branch} may use. Each file says more at its top."
        )


def _tell(directory: Path, done: "Initialised") -> None:
    for name in done.written:
        result(f"wrote  {directory / name}")
    for name in done.kept:
        result(f"kept   {directory / name}")
