import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result, say, show_diagnostics

if TYPE_CHECKING:
    from reconciler.operations.init import Initialised


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--ci", type=click.Choice(["github"]), help="Write the workflows of the repository instead.")
@click.option("--branch", default="main", show_default=True, help="With --ci: whose merges are applied.")
@click.option(
    "--package",
    metavar="URL@COMMIT",
    help="With --ci: the elmify to install there, by its repository and a full commit.",
)
def command(directory: Path, ci: str | None, branch: str, package: str | None) -> None:
    """Write a commented elmify.yaml and an example catalog.

    Where environment variables name a real bucket or database, it says which, and writes no example: an apply
    would put it there.

    With --ci github, the three workflows that plan pull requests, apply merges and look for drift, in the
    repository whose root DIR is. Nothing that is there already is overwritten.

    The workflows install elmify from URL@COMMIT, such as git+https://HOST/PATH@ and 40 digits, and nothing
    else: what a name, a branch or a tag stands for can be changed by others. For notifications, give
    'elmify[notify] @ git+https://HOST/PATH@COMMIT'. Without --package it is the URL and commit that this
    elmify was installed from; where there is none, the install steps stop and say what to fill in.
    """
    from reconciler.loading.schema import catalog_schema
    from reconciler.operations.init import init_project

    if ci is not None:
        _write_workflows(directory, branch, package)
        return
    schema = json.dumps(catalog_schema(), indent=2, ensure_ascii=False) + "\n"
    done = init_project(directory, schema, os.environ)
    _tell(directory, done)
    if done.is_real:
        _tell_stores(directory, done)
        return
    if not done.written:
        say("Everything is there already. Nothing was written.")
        return
    say(
        "\nThe example is ready for a bucket and a database of its own under .elmify/:\n"
        f"{_enter(directory)}    elmify plan\n"
        "    elmify apply\n"
        "Then replace it with your own speakers, run `elmify lock`, and plan again."
    )


def _enter(directory: Path) -> str:
    return "" if directory == Path() else f"    cd {directory}\n"


def _tell_stores(directory: Path, done: "Initialised") -> None:
    from reconciler.render.escape import harmless

    show_diagnostics(done.mistakes)
    if done.stores is None:
        say("\nNo example was written: variables name a store that is not an example's. Correct them first.")
        return
    say(
        "\nThe variables that are set name the stores of this project:\n"
        f"    {harmless(done.stores.bucket)}\n"
        f"    {harmless(done.stores.database)}\n"
        "So no example was written: an apply would put it there. Declare what is live, which changes\n"
        "nothing there:\n"
        f"{_enter(directory)}    elmify import live\n"
        "    elmify plan"
    )


def _write_workflows(directory: Path, branch: str, package: str | None) -> None:
    from reconciler.loading.workflows import installed_package
    from reconciler.operations.init import init_workflows

    package = package or installed_package()
    done = init_workflows(directory, branch=branch, package=package)
    _tell(directory, done)
    if done.written and package is None:
        say(
            "\nThe workflows do not know yet which elmify to install, and stop before they use a secret.\n"
            "Fill in PACKAGE at the top of each, or remove them and init again with --package URL@COMMIT."
        )
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
