"""GitHub workflow outputs of a command.

They are written only for the workflow that the command runs in.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.model.plan import Plan


def tell_outputs(plan: Plan) -> None:
    """Append a summary of the plan to the outputs of this workflow step.

    Does nothing outside a workflow step.
    """
    from reconciler.render.github import plan_outputs

    write_outputs(plan_outputs(plan))


def write_outputs(outputs: Mapping[str, str]) -> None:
    """Append outputs to those of this workflow step, when there is one."""
    from reconciler.render.github import output_lines

    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(output_lines(outputs))


def folder_in_repository(root: Path) -> str:
    """Return the project's folder relative to the workflow's checkout.

    Empty when the project is at the root of the checkout, or when there is no checkout.
    """
    checkout = os.environ.get("GITHUB_WORKSPACE")
    if not checkout or not root.resolve().is_relative_to(Path(checkout).resolve()):
        return ""
    folder = root.resolve().relative_to(Path(checkout).resolve()).as_posix()
    return "" if folder == "." else folder
