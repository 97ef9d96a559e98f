"""Addresses on the command line, which a shell completes from the catalog."""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from reconciler.cli.console import result
from reconciler.model.errors import ElmifyError


class AddressType(click.types.StringParamType):
    """Parameter type: address of a resource, or a glob of addresses.

    Accepts any text; what it names is looked up in the catalog later.
    """

    name = "address"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the addresses that begin with `incomplete`, for completion.

        They are offered one level at a time. A broken catalog gives none.
        """
        directory = ctx.find_root().params.get("directory") or "."
        return [CompletionItem(address) for address in going_on(_addresses(directory), incomplete)]


def going_on(addresses: Iterable[str], incomplete: str) -> list[str]:
    """Return the addresses of the same depth that begin with `incomplete`.

    Without a slash these are the speakers; after a slash, the addresses directly under a speaker or a
    collection.
    """
    depth = incomplete.count("/")
    return [
        address for address in addresses if address.startswith(incomplete) and address.count("/") == depth
    ]


def _addresses(directory: str) -> list[str]:
    from reconciler.cli.project import open_project

    try:
        catalog = open_project(directory).load().catalog
    except (ElmifyError, OSError):
        return []  # somebody is at the middle of a command line: there is nowhere to say what is wrong
    return list(catalog.resources) if catalog is not None else []


def complete_addresses(command: click.Command) -> None:
    """Enable shell completion for every ADDRESS parameter of a command.

    This covers each option and each argument of the command that takes an ADDRESS.
    """
    if isinstance(command, click.Group):
        for each in command.commands.values():
            complete_addresses(each)
    for param in command.params:
        if type(param.type) is click.types.StringParamType and "ADDRESS" in (param.metavar or ""):
            param.type = AddressType()


_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options and the addresses of the catalog, without any network. For bash, add to
    ~/.bashrc:  eval "$(elmify completion bash)"
    """
    from click.shell_completion import get_completion_class

    from reconciler.cli import cli

    found = get_completion_class(shell)
    assert found is not None  # one of the shells above
    result(found(cli, {}, "elmify", "_ELMIFY_COMPLETE").source())
