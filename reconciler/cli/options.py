"""Options that several commands share."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from reconciler.model.errors import UsageError
from reconciler.planning.guards import ALLOWANCES
from reconciler.planning.world import DELETE_UNMANAGED, REKEY, Request

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option_format(*formats: str) -> _Decorator:
    """Return the `--format` option of a command that offers these formats.

    The first format is the default.
    """
    return click.option(
        "--format",
        "format_",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print the result.",
    )


def option_lock_timeout() -> _Decorator:
    """Return the option for how long to wait for another run's lease."""
    return click.option(
        "--lock-timeout",
        default="0s",
        show_default=True,
        metavar="DURATION",
        help="How long to wait for another run's lease: 30s, 10m.",
    )


def request_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a plan is asked for.

    `request_from` reads them.
    """
    for option in (
        click.option("--rekey", is_flag=True, help="Move objects to the keys that the templates give today."),
        click.option("--delete-unmanaged", is_flag=True, help="Delete what is there and not declared."),
        click.option(
            "--allow",
            multiple=True,
            metavar="NAME=NUMBER",
            help="Lift a guard up to a number: deletes=12, user-rows=40, empty-catalog=1.",
        ),
        click.option(
            "--only", multiple=True, metavar="ADDRESS-GLOB", help="Limit it to addresses; again for more."
        ),
    ):
        function = option(function)
    return function


def request_from(
    only: tuple[str, ...], allow: tuple[str, ...], *, delete_unmanaged: bool, rekey: bool
) -> Request:
    """Return the request that the options describe.

    Raises `UsageError` for an allowance that is not valid.
    """
    chosen = {DELETE_UNMANAGED: delete_unmanaged, REKEY: rekey}
    return Request(
        scope=tuple(sorted(set(only))),
        options=frozenset(name for name, given in chosen.items() if given),
        allowances=_allowances(allow),
    )


def _allowances(texts: tuple[str, ...]) -> Mapping[str, int]:
    allowances = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in ALLOWANCES or not number.isdecimal():
            raise UsageError(
                f"--allow {text} is not an allowance",
                hint=f"Write one of {', '.join(ALLOWANCES)} with a number: --allow deletes=12",
            )
        allowances[name] = int(number)
    return allowances
