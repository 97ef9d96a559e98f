"""Command-line interface: one short file for each command.

A command parses its arguments, calls one function, prints one value, and exits.
"""

import importlib
import itertools
import os
import signal
import sys
import threading
from collections.abc import Mapping
from gc import freeze, set_threshold  # by their names: `gc` here is a command
from types import FrameType

import click

from reconciler.model.errors import ElmifyError, Exit, Interrupted, UsageError

#: Every command with the line that `elmify --help` shows, so that help imports none of them.
COMMANDS: Mapping[str, str] = {
    "init": "Write a commented elmify.yaml and an example catalog.",
    "import": "Declare what exists already: live, in a folder, or in a manifest.",
    "export": "Write the catalog in another form: the team's manifest.",
    "new": "Declare a new speaker, collection or lecture.",
    "validate": "Check the catalog and the lockfile. No network.",
    "lock": "Hash the media into the lockfile.",
    "fmt": "Bring the catalog into its canonical form.",
    "schema": "Print the JSON Schema of the catalog.",
    "plan": "Show what apply would change.",
    "show": "Show a saved plan.",
    "stage": "Put the bytes of a pull request where its apply finds them.",
    "apply": "Make both stores match the catalog, as one commit.",
    "drift": "Show what other hands changed since the last apply.",
    "adopt": "Accept what other hands changed: write live values into the catalog.",
    "verify": "Check that catalog, bucket and database agree.",
    "why": "Show by which ways a lecture plays, and why not.",
    "reconcile": "Decide on what verify finds, one finding at a time.",
    "rollback": "Take a run back, its deleted rows and their favourites included.",
    "merge": "Make two rows of one recording one, their favourites together.",
    "gc": "Delete retired objects whose retention has passed.",
    "status": "Show where things stand, and the command that goes on from there.",
    "lease": "Show who may apply now.",
    "unlock": "End a lease whose holder is gone.",
    "runs": "List the last runs.",
    "audit": "Print the audit log, or verify its chain.",
    "metrics": "Print how it stands in numbers, for Prometheus.",
    "notify": "Tell others what happens, and try whether they hear it.",
    "identity": "Show or repair which environment both stores belong to.",
    "doctor": "Check that both stores can be reached and used.",
    "ci": "Take a step of a GitHub workflow.",
    "completion": "Print the completion script of a shell.",
}


#: The modules of the commands whose names are words of Python.
MODULES: Mapping[str, str] = {"import": "import_"}


class Terminated(Interrupted):
    """SIGTERM arrived."""

    code = "terminated"
    exit = Exit.TERMINATED


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order of a first day with elmify."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's own module; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = MODULES.get(cmd_name, cmd_name)
        command = importlib.import_module(f"reconciler.cli.{module}").command
        assert isinstance(command, click.Command)
        _name_variables(cmd_name, command)
        if "_ELMIFY_COMPLETE" in os.environ:
            from reconciler.cli.completion import complete_addresses

            complete_addresses(command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command, and send the notifications that its end asks for."""
        try:
            status = super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # what is between the command and the terminal concerns nobody else
        except Exception as error:
            _notify(ctx, error)
            raise
        _notify(ctx, None)
        return status

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `elmify {near[0]}`?" if near else " See `elmify --help`."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _notify(ctx: click.Context, error: Exception | None) -> None:
    from reconciler.operations.notify import NOTIFIED

    if ctx.invoked_subcommand in NOTIFIED:
        from reconciler.cli.notify import notify_end_of

        notify_end_of(ctx.invoked_subcommand, ctx.obj, error)


def _name_variables(name: str, command: click.Command) -> None:
    """Set the environment variable of each option.

    For example `ELMIFY_PLAN_FORMAT` for `elmify plan --format`.
    """
    for part, below in command.commands.items() if isinstance(command, click.Group) else ():
        _name_variables(f"{name}_{part}", below)
    for option in command.params:
        if isinstance(option, click.Option):
            long = max(option.opts, key=len).lstrip("-").replace("-", "_")
            option.envvar = f"ELMIFY_{name}_{long}".upper()


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"elmify {version('elmify')}")
        ctx.exit()


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.option(
    "-C",
    "--project",
    "directory",
    metavar="DIR",
    default=".",
    envvar="ELMIFY_PROJECT",
    help="The folder with elmify.yaml, or one below it. [default: the working directory]",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="ELMIFY_LOG_FORMAT",
    help="How to log to stderr; with json every line there is JSON.",
)
@click.option(
    "-v",
    "--verbose",
    count=True,
    envvar="ELMIFY_VERBOSE",
    help="Log what a run does, not only what is wrong; -vv for all of it.",
)
@click.pass_context
def cli(ctx: click.Context, directory: str, log_format: str, verbose: int) -> None:
    """Keep an audio library consistent in an R2 bucket and PostgreSQL.

    A YAML catalog in git says what should exist in both places, the R2 bucket and the PostgreSQL
    database. `elmify plan` shows what would change. `elmify apply` makes these changes as one commit
    across both stores.
    """
    from reconciler.logs import LogFormat, start

    start(LogFormat(log_format), verbose)
    ctx.obj = directory


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of the documented statuses."""
    # Of this process alone: the collector would walk all that is read again and again, and free none of it.
    set_threshold(100_000, 50, 1_000)
    status = run(arguments)
    if status in {Exit.INTERRUPTED, Exit.TERMINATED}:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # a thread that hangs in a dead connection must not hold the terminal
    freeze()  # the interpreter's end would look for garbage in all that was read: a tenth of a plan's time
    sys.exit(status)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    from reconciler.logs import collecting_events, hiding

    with collecting_events(), hiding():
        return _run(arguments)


def _run(arguments: list[str] | None) -> int:
    terminated = _listen_for_sigterm()
    as_json = _wants_json(sys.argv[1:] if arguments is None else arguments)
    try:
        status = cli.main(arguments, prog_name="elmify", standalone_mode=False)
    except click.UsageError as usage:
        usage.show()
        return _report(UsageError(usage.format_message()), as_json=True) if as_json else Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        return _report(_stopped(terminated), as_json=as_json)
    except BrokenPipeError:
        from reconciler.cli.console import discard_stdout

        discard_stdout()
        return Exit.ERROR
    except ElmifyError as error:
        return _report(_stopped(terminated) if _was_interrupted(error) else error, as_json=as_json)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _report(ElmifyError(f"{where}{error.strerror or error}"), as_json=as_json)
    return status if isinstance(status, int) else Exit.OK


def _was_interrupted(error: ElmifyError) -> bool:
    """Return whether Ctrl-C interrupted a COMMIT.

    Such a COMMIT only keeps records; it changes nothing that users see.
    """
    return error.code == "commit-unknown" and isinstance(error.__cause__, KeyboardInterrupt)


def _stopped(terminated: threading.Event) -> ElmifyError:
    # What stands at an interruption is an `Unfinished`.
    hint = "Nothing was committed. Run it again to go on where it stopped."
    return (
        Terminated("terminated", hint=hint) if terminated.is_set() else Interrupted("interrupted", hint=hint)
    )


def _listen_for_sigterm() -> threading.Event:
    """Let SIGTERM stop the command as Ctrl-C does.

    psycopg then cancels the statement that it waits for.
    """
    arrived = threading.Event()

    def on_sigterm(_signal: int, _frame: FrameType | None) -> None:
        arrived.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_sigterm)
    return arrived


def _wants_json(arguments: list[str]) -> bool:
    """Return whether the caller asked for JSON output.

    In that case a failure is also written as JSON to stdout.
    """
    said = [after for name, after in itertools.pairwise(arguments) if name == "--format"]
    said += [each.removeprefix("--format=") for each in arguments if each.startswith("--format=")]
    command = next((each for each in arguments if each in COMMANDS), "")
    return (said or [os.environ.get(f"ELMIFY_{command.upper()}_FORMAT", "")])[-1].startswith("json")


def _report(error: ElmifyError, *, as_json: bool) -> int:
    from reconciler.cli.console import discard_stdout, report

    try:
        report(error, as_json=as_json)
    except BrokenPipeError:
        discard_stdout()  # the status says it all the same
    return int(error.exit)
