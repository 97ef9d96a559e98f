"""A page for each command, written from its help."""

import inspect
from collections.abc import Iterator, Mapping

import click

from reconciler.cli import COMMANDS, cli

_EVERYWHERE = """\
# Commands

{table}

Before any command stand the options that hold for all of them:

{options}

Results go to stdout, everything else to stderr. With `--format json` a failure is JSON on stdout too. Exit
codes are in the [README](../../README.md#exit-codes). Every option can be set by the variable beside it; what
is given on the command line wins.
"""


def command_pages() -> Mapping[str, str]:
    """Return every page by the name of its file."""
    root = click.Context(cli, info_name="elmify")
    pages = {"README.md": _index(root)}
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        pages[f"{name}.md"] = "\n".join(_page(command, click.Context(command, root, info_name=name))) + "\n"
    return pages


def _index(root: click.Context) -> str:
    rows = [f"| [`elmify {name}`]({name}.md) | {_cell(line)} |" for name, line in COMMANDS.items()]
    return _EVERYWHERE.format(
        table="\n".join(["| command | |", "|---|---|", *rows]),
        options="\n".join(_options(cli, root)),
    )


def _page(command: click.Command, context: click.Context, depth: int = 1) -> Iterator[str]:
    yield f"{'#' * depth} {context.command_path}\n"
    yield _prose(command.help or "")
    if not isinstance(command, click.Group):
        yield f"\n```\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```"
    options = list(_options(command, context))
    if options:
        yield "\n" + "\n".join(options)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield ""
            yield from _page(inner, click.Context(inner, context, info_name=name), depth + 1)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    shown = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if shown:
        yield "| option | variable | |"
        yield "|---|---|---|"
    for option in shown:
        spelled = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        taken = f" `{_cell(_metavar(option, context))}`" if not (option.is_flag or option.count) else ""
        variable = f"`{option.envvar}`" if isinstance(option.envvar, str) else ""
        default = (
            f" Default: `{option.default}`." if option.show_default and option.default is not None else ""
        )
        again = " Can be given again." if option.multiple and "again" not in (option.help or "") else ""
        yield f"| {spelled}{taken} | {variable} | {_cell(option.help or '')}{default}{again} |"


def _metavar(option: click.Option, context: click.Context) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.make_metavar(context)


def _prose(text: str) -> str:
    """Return a help text as Markdown: its paragraphs, and nothing in them that Markdown takes for markup."""
    return _harmless(inspect.cleandoc(text).replace("\b\n", "")).strip()


def _cell(text: str) -> str:
    return " ".join(_harmless(text).replace("|", "\\|").split())


def _harmless(text: str) -> str:
    """Escape what Markdown takes for markup; it leaves alone what stands between backticks, and so do we."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts)
