"""The GitHub repository that a workflow runs for, by what the runner sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.errors import UsageError
from reconciler.settings.values import Secret

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.{1,2}$)[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeSettings:
    """Where the forge's API is, for which repository, and by what right.

    `api_url` ends without a slash. `commit` is what the workflow runs for, `branch` its branch, `run_url` its
    page.
    """

    api_url: str
    repository: str
    token: Secret
    commit: str
    branch: str
    run_url: str


def read_forge(environ: Mapping[str, str]) -> ForgeSettings:
    """Return what a workflow's step knows; `UsageError` outside a workflow, or in a step without a token."""
    wanted = ("GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF_NAME", "GITHUB_TOKEN")
    missing = [name for name in wanted if not environ.get(name)]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            hint="`elmify ci` is for the steps of a GitHub workflow; give the step its token:\n"
            "    env: {GITHUB_TOKEN: '${{ github.token }}'}",
        )
    repository = environ["GITHUB_REPOSITORY"]
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError("GITHUB_REPOSITORY is not of the form owner/name")
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    return ForgeSettings(
        api_url=environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        repository=repository,
        token=Secret(environ["GITHUB_TOKEN"]),
        commit=environ["GITHUB_SHA"],
        branch=environ["GITHUB_REF_NAME"],
        run_url=f"{server}/{repository}/actions/runs/{environ.get('GITHUB_RUN_ID', '')}",
    )
