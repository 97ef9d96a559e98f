"""Settings that CI provides: the actor of a run and the GitHub repository."""

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.errors import UsageError
from reconciler.model.history import Actor
from reconciler.settings.values import Secret

_NAMES = ("ELMIFY_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME", "USERNAME")
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA")


def read_actor(environ: Mapping[str, str]) -> Actor:
    """Return who is acting.

    It is the login name when nothing in the environment tells who acts.
    """
    return Actor(
        name=_first(environ, _NAMES) or _login(),
        commit=_first(environ, _COMMITS),
        url=_run_url(environ),
    )


def _login() -> str:
    """Return the login name of this process's user.

    It is the user's number where the system knows no name.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _run_url(environ: Mapping[str, str]) -> str | None:
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    run = environ.get("GITHUB_RUN_ID")
    if server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    return environ.get("CI_JOB_URL") or None


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.{1,2}$)[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeSettings:
    """Settings of the forge: its API, the repository, and the token.

    `api_url` ends without a slash. `commit` is the commit that the workflow runs for, `branch` its
    branch, `run_url` its page.
    """

    api_url: str
    repository: str
    token: Secret
    commit: str
    branch: str
    run_url: str


def read_forge(environ: Mapping[str, str]) -> ForgeSettings:
    """Return the forge settings that a workflow's step knows.

    Raises `UsageError` outside a workflow, or in a step without a token.
    """
    wanted = ("GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF_NAME", "GITHUB_TOKEN")
    missing = [name for name in wanted if not environ.get(name)]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            hint="This is for the steps of a GitHub workflow; give the step its token:\n"
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
