"""Plans at the terminal: options, plan files, and printing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli.console import colours, result, say
from reconciler.model.errors import ElmifyError, UsageError
from reconciler.model.plan import Plan

#: What a plan can be printed as.
PLAN_FORMATS = ("text", "json", "markdown", "html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Sources of pictures and sound for the page of a plan.

    Links by key, valid until `links_end`; otherwise a base URL.
    """

    base_url: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    links_end: datetime | None = None


def option_max_bytes() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that says how long a comment may be."""
    return click.option(
        "--max-bytes",
        type=click.IntRange(min=1),
        metavar="NUMBER",
        help="With --format markdown: show less detail above this size. [default: 60000]",
    )


def refuse_idle_options(format_: str, max_bytes: int | None) -> None:
    """Raise `UsageError` for a size that the format does not keep to."""
    if max_bytes is not None and format_ != "markdown":
        raise UsageError("--max-bytes is for --format markdown", hint="Leave it out, or ask for markdown.")


def read_plan(file: Path) -> Plan:
    """Return the plan that was saved in a file.

    An `ElmifyError` says what is wrong with the file.
    """
    from reconciler.render.plan.json import load_plan

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ElmifyError(
            f"the plan file {file} cannot be read: {said}", hint="Make one with\n    elmify plan --out FILE"
        ) from error
    return load_plan(text, str(file))


def print_plan(
    plan: Plan,
    format_: str,
    detail: str | None,
    *,
    max_bytes: int | None = None,
    media: Media | None = None,
    out: Path | None = None,
) -> None:
    """Print a plan to stdout in one of its formats.

    `out` is the file that the plan is saved in.
    """
    from reconciler.render.plan.html import plan_html
    from reconciler.render.plan.json import dump_plan
    from reconciler.render.plan.markdown import MAX_BYTES, plan_markdown
    from reconciler.render.plan.parts import Detail
    from reconciler.render.plan.text import plan_text

    level = Detail(detail) if detail is not None else None
    file = str(out) if out is not None else None
    match format_:
        case "json":
            result(dump_plan(plan))
        case "markdown":
            finest = level or Detail.ATTRIBUTES
            result(plan_markdown(plan, detail=finest, max_bytes=max_bytes or MAX_BYTES, out=file))
        case "html":
            shown = media or Media()
            links, end = shown.links, shown.links_end
            result(
                plan_html(plan, detail=level, base_url=shown.base_url, links=links, links_end=end, out=file)
            )
        case _:
            result(plan_text(plan, detail=level, colour=colours(), out=file))


def say_saved(plan: Plan, file: Path) -> None:
    """Print what can be done with a saved plan.

    `elmify apply` refuses a plan that a guard has blocked.
    """
    if plan.blocked:
        say(f"\nSaved for a review. `elmify apply {file}` will refuse it until what blocks it is lifted.")
    else:
        say(f"\nSaved. To carry out exactly this plan:\n    elmify apply {file}")


def save_plan(file: Path, plan: Plan) -> None:
    """Write a plan for `elmify apply`; the file is whole or absent."""
    from reconciler.operations.catalog import write_output
    from reconciler.render.plan.json import dump_plan

    write_output(file, dump_plan(plan), "the plan")
