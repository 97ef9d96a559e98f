"""GitHub workflows of a repository.

They are written once. From then on they belong to the team.
"""

import json
import re
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

#: A URL that holds no user, password or fragment, and a commit in full.
_PACKAGE = re.compile(
    r"(?:elmify(?:\[(?P<extras>[A-Za-z0-9_, -]*)\])?\s*@\s*)?"
    r"(?:git\+)?(?P<url>https://[A-Za-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/%+-]+)@(?P<commit>[0-9A-Fa-f]{40})"
)
#: Not `embedded`: a pull request could bring the folder of its server, whose settings can name programs.
_EXTRAS = frozenset({"notify", "metrics"})
_SCRIPT_INDENT = "\n" + " " * 10


def workflow_texts(*, branch: str, package: str | None) -> dict[str, str]:
    """Return the text of each workflow by its path in the repository.

    `branch` is the one whose merges are applied; `package` is a URL and a commit of elmify, as
    `package_requirement` takes it. Without one the install step of every job stops and says what to fill in.
    Raises `UsageError` for a name that no branch would have, and for another package.
    """
    if not _BRANCH.fullmatch(branch):
        raise UsageError(f"--branch {branch} is not the name of a branch that can stand in a workflow")
    requirement = "" if package is None else package_requirement(package)
    marks = {
        **_ACTIONS,
        "@BRANCH@": branch,
        "@PACKAGE@": json.dumps(requirement),
        "@INSTALL@": _template("install.sh").rstrip().replace("\n", _SCRIPT_INDENT),
    }
    return {f"{FOLDER}/{name}": _filled(_template(name), marks) for name in NAMES}


def package_requirement(package: str) -> str:
    """Return the requirement that pip installs for a package.

    `package` has the form `[elmify[EXTRAS] @] [git+]https://HOST/PATH@COMMIT`. Raises `UsageError`
    for anything that could become something else later: a name that a registry resolves, a branch, a
    tag, a shortened commit.
    """
    found = _PACKAGE.fullmatch(package.strip())
    if found is None:
        raise UsageError(
            "--package is not the URL of a repository with a full commit",
            hint="The jobs hold the library's secrets. Others can change what a name, a branch or a tag\n"
            "means; a commit stays as it is. Give the URL of elmify's repository and a commit's 40 digits:\n"
            "    --package git+https://HOST/PATH@COMMIT\n"
            "    --package 'elmify[notify] @ git+https://HOST/PATH@COMMIT'",
        )
    extras = sorted(filter(None, (name.strip() for name in (found["extras"] or "").split(","))))
    if refused := [name for name in extras if name not in _EXTRAS]:
        raise UsageError(
            f"--package: the extra {refused[0]!r} is not for the jobs of a repository",
            hint=f"They can use {' and '.join(sorted(_EXTRAS))}.",
        )
    named = f"[{','.join(extras)}]" if extras else ""
    return f"elmify{named} @ git+{found['url']}@{found['commit'].lower()}"


def _template(name: str) -> str:
    return (files("reconciler.loading") / "workflows" / name).read_text("utf-8")


def _filled(text: str, marks: dict[str, str]) -> str:
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def installed_package() -> str | None:
    """Return the URL and the commit that this elmify was installed from.

    None when it was not installed in that way.
    """
    try:
        text = distribution("elmify").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    return _package_at(json.loads(text or "{}"))


def _package_at(origin: dict[str, Any]) -> str | None:
    """Return the package of a distribution's `direct_url.json`."""
    came_from = origin.get("vcs_info", {})
    package = f"{origin.get('url')}@{came_from.get('commit_id')}"
    is_exact = came_from.get("vcs") == "git" and _PACKAGE.fullmatch(package)
    return package_requirement(package) if is_exact else None
