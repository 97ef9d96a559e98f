import click

from reconciler.cli.console import result

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
