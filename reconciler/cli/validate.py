import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result, show_diagnostics
from reconciler.cli.github import folder_in_repository
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project
from reconciler.model.diagnostics import Diagnostic, Severity, has_errors
from reconciler.model.errors import Exit, InvalidInput
from reconciler.model.kinds import Kind

if TYPE_CHECKING:
    from reconciler.model.catalog import Catalog


@click.command("validate")
@option_format("text", "json", "sarif", "github")
@click.pass_obj
def command(directory: str, format_: str) -> int:
    """Check elmify.yaml, the catalog, the lockfile and the local media.

    Only the media on this machine are checked; no network is used. All mistakes are shown at once,
    each with its code, its place, and what to do. Exits 1 when there are errors. The format sarif is
    for code scanning; github annotates lines from within a workflow, in addition to the text.
    """
    from reconciler.operations.catalog import validate

    catalog = None
    try:
        found, catalog = validate(open_project(directory))
    except InvalidInput as invalid:
        found = invalid.diagnostics
    match format_:
        case "json":
            _print_json(found)
        case "sarif":
            from reconciler.render.github import diagnostics_sarif

            result(diagnostics_sarif(found, _folder(directory)))
        case _:
            _print_text(found, catalog, annotated_in=_folder(directory) if format_ == "github" else None)
    return Exit.ERROR if has_errors(found) else Exit.OK


def _print_text(found: Sequence[Diagnostic], catalog: "Catalog | None", *, annotated_in: str | None) -> None:
    if annotated_in is not None:
        from reconciler.render.github import annotations

        if commands := annotations(found, annotated_in):
            result(commands)
    if has_errors(found):
        raise InvalidInput(found)
    show_diagnostics(found)
    result(_verdict(catalog, len(found)))


def _folder(directory: str) -> str:
    """Return the project's folder in the repository, as annotations name it."""
    from reconciler.settings import find_root

    try:
        return folder_in_repository(find_root(Path(directory)))
    except InvalidInput:
        return ""


def _print_json(found: Sequence[Diagnostic]) -> None:
    from reconciler.render.diagnostics import diagnostics_json

    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in found)
    document = {
        "valid": not errors,
        "error_count": errors,
        "warning_count": len(found) - errors,
        "diagnostics": diagnostics_json(found),
    }
    result(json.dumps(document, indent=2, ensure_ascii=False))


def _verdict(catalog: "Catalog | None", warnings: int) -> str:
    kinds = [resource.kind for resource in catalog.resources.values()] if catalog else []
    counts = [_count(kinds.count(kind), kind.value) for kind in Kind]
    if warnings:
        counts.append(_count(warnings, "warning"))
    return f"The catalog is valid: {', '.join(counts)}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
