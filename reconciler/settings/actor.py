"""Who runs elmify, by what CI or the login session says."""

from collections.abc import Mapping

from reconciler.model.history import Actor

_NAMES = ("ELMIFY_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME", "USERNAME")
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA")


def read_actor(environ: Mapping[str, str]) -> Actor:
    """Return who is acting; `unknown` when nothing in the environment tells."""
    return Actor(
        name=_first(environ, _NAMES) or "unknown",
        commit=_first(environ, _COMMITS),
        url=_run_url(environ),
    )


def _run_url(environ: Mapping[str, str]) -> str | None:
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    run = environ.get("GITHUB_RUN_ID")
    if server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    return environ.get("CI_JOB_URL") or None


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)
