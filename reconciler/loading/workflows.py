"""The workflows of a repository on GitHub, written once and the team's own from then on."""

import json
import re
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from typing import Any

from reconciler.model.errors import UsageError

NAMES = ("elmify-plan.yml", "elmify-apply.yml", "elmify-drift.yml")
FOLDER = ".github/workflows"

#: Actions by the commit of a release: a tag can be moved, a commit cannot.
_ACTIONS = {
    "@CHECKOUT@": "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    "@SETUP_PYTHON@": "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0",
    "@UPLOAD_ARTIFACT@": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
}
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def workflow_texts(*, branch: str, package: str) -> dict[str, str]:
    """Return the text of each workflow by its path in the repository.

    `branch` is the one whose merges are applied; `package` is what pip installs on the runner. Raises
    `UsageError` for a name that no branch would have.
    """
    if not _BRANCH.fullmatch(branch):
        raise UsageError(f"--branch {branch} is not the name of a branch that can stand in a workflow")
    marks = {**_ACTIONS, "@BRANCH@": branch, "@PACKAGE@": _quoted(package)}
    return {f"{FOLDER}/{name}": _filled(name, marks) for name in NAMES}


def _filled(name: str, marks: dict[str, str]) -> str:
    text = (files("reconciler.loading") / "workflows" / name).read_text("utf-8")
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def _quoted(package: str) -> str:
    """Return a requirement as one word of a shell command that stands in a plain scalar of YAML."""
    if not package.isprintable() or ": " in package or " #" in package or "${{" in package:
        raise UsageError(f"--package {package!r} cannot stand in a workflow")
    return shlex.quote(package)


def installed_package() -> str:
    """Return what pip would install to get this very elmify: its release, or the commit it came from."""
    try:
        found = distribution("elmify")
    except PackageNotFoundError:
        return "elmify"
    origin: dict[str, Any] = json.loads(found.read_text("direct_url.json") or "{}")
    commit = origin.get("vcs_info", {}).get("commit_id")
    if commit and not _names_a_person(str(origin["url"])):
        return f"elmify @ git+{origin['url']}@{commit}"
    return f"elmify=={found.version}"


def _names_a_person(url: str) -> bool:
    """Whether a URL holds a user's name, which with a token in its place would be a secret."""
    return "@" in url.partition("://")[2].partition("/")[0]
