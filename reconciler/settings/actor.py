"""Who runs elmify, by what CI or the login session says."""

import getpass
import os
from collections.abc import Mapping

from reconciler.model.history import Actor

_NAMES = ("ELMIFY_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME", "USERNAME")
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA")


def read_actor(environ: Mapping[str, str]) -> Actor:
    """Return who is acting; the login name when nothing in the environment tells."""
    return Actor(
        name=_first(environ, _NAMES) or _login(),
        commit=_first(environ, _COMMITS),
        url=_run_url(environ),
    )


def _login() -> str:
    """Return the login name of this process's user; its number where the system knows no name."""
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
