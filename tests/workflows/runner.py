"""Runs a workflow's jobs and steps on this machine as GitHub's runner does on its own.

The scripts run under bash with the options that GitHub gives it, in the environment that it sets; outputs,
additions to PATH, the summary and annotations are read back; `uses:` are done by hand. A `python` that only
looks like one makes the environment that a job installs into, to be quick: it holds the elmify under test.
With `installs` it is a real one, and pip really installs that elmify, from a repository of its own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.workflows.expressions import Context, filled, holds
from tests.workflows.github import REPOSITORY, GitHub, Pull
from tests.workflows.package import Package

_ANNOTATIONS = 10  # of one sort that GitHub shows for a step
_SUMMARY_MAX_BYTES = 1024 * 1024
_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
_PATIENCE_SECONDS = 120

_BASE_PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
_REAL_PYTHON = """\
#!/bin/sh
exec '{python}' "$@"
"""
#: What `python` is without `installs`: it can make an environment, whose pip has nothing to do.
_QUICK_PYTHON = """\
#!/bin/sh
[ "$1 $2 $3" = "-I -m venv" ] || exit 97
mkdir -p "$4/bin"
ln -s '{elmify}' "$4/bin/elmify"
cat > "$4/bin/python" <<'END'
#!/bin/sh
[ "$1 $2 $3 $4" = "-I -m pip install" ] && exit 0
exec '{python}' "$@"
END
chmod +x "$4/bin/python"
"""


@dataclass
class StepRan:
    """A step that has ended."""

    name: str
    outcome: str
    out: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class JobRan:
    """A job that has ended, or was not begun: `success`, `failure` or `skipped`."""

    result: str
    steps: list[StepRan] = field(default_factory=list)

    @property
    def out(self) -> str:
        return "\n".join(step.out for step in self.steps)

    @property
    def summary(self) -> str:
        return "".join(step.summary for step in self.steps)

    def step(self, name: str) -> StepRan:
        return next(step for step in self.steps if step.name == name)


@dataclass
class Runner:
    """Runs workflows of a repository. `secrets` are those of each environment, by name.

    `installs` is the package that pip really installs. `left_behind` is a folder whose files an earlier job
    has left in the workspace, as on a machine of a team's own.
    """

    hub: GitHub
    folder: Path
    secrets: Mapping[str, Mapping[str, str]]
    installs: Package | None = None
    left_behind: Path | None = None
    _count: int = 0

    # The events.

    def pull_request(self, pull: Pull) -> dict[str, JobRan]:
        """Run the plan workflow as a push to a pull request does."""
        commit = self.hub.test_merge(pull)
        event = {
            "pull_request": {
                "number": pull.number,
                "head": {
                    "sha": pull.head,
                    "repo": {"full_name": "stranger/library" if pull.fork else REPOSITORY},
                },
            }
        }
        facts = {"sha": commit, "ref_name": f"{pull.number}/merge", "event_name": "pull_request"}
        return self._run("elmify-plan.yml", {**facts, "event": event}, head=pull.head, fork=pull.fork)

    def merged(self, commit: str, *, since: str = "") -> dict[str, JobRan]:
        """Run the apply workflow as a push to main does, or a person with `since`."""
        facts = {"sha": commit, "ref_name": "main", "event_name": "push", "event": {}}
        return self._run("elmify-apply.yml", facts, head=commit, inputs={"since": since})

    def night(self) -> dict[str, JobRan]:
        """Run the drift workflow as the schedule does."""
        commit = self.hub.git(self.hub.origin, "rev-parse", "main")
        facts = {"sha": commit, "ref_name": "main", "event_name": "schedule", "event": {}}
        return self._run("elmify-drift.yml", facts, head=commit)

    # A run.

    def _run(
        self,
        name: str,
        facts: dict[str, Any],
        *,
        head: str,
        fork: bool = False,
        inputs: Mapping[str, str] | None = None,
    ) -> dict[str, JobRan]:
        text = self.hub.git(self.hub.origin, "show", f"{facts['sha']}:.github/workflows/{name}")
        workflow = yaml.safe_load(text)
        run = self.hub.begin_run(name, head, facts["event_name"], fork=fork)
        done: dict[str, JobRan] = {}
        for job_name, job in workflow["jobs"].items():
            needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            failed = any(done[each].result != "success" for each in needed)
            done[job_name] = self._job(workflow, job, facts, run, failed=failed, inputs=inputs or {})
        results = {job.result for job in done.values()}
        run["conclusion"] = "failure" if "failure" in results else "success"
        return done

    def _job(
        self,
        workflow: Mapping[str, Any],
        job: Mapping[str, Any],
        facts: Mapping[str, Any],
        run: Mapping[str, Any],
        *,
        failed: bool,
        inputs: Mapping[str, str],
    ) -> JobRan:
        self._count += 1
        home = self.folder / f"job-{self._count}"
        for name in ("workspace", "temp", "home", "bin"):
            (home / name).mkdir(parents=True)
        if self.left_behind is not None:
            shutil.copytree(self.left_behind, home / "workspace", dirs_exist_ok=True)
        token = f"token-{self._count}"
        self.hub.tokens[token] = job.get("permissions", workflow["permissions"])
        names: dict[str, Any] = {
            "github": {**facts, "repository": REPOSITORY, "token": token},
            "runner": {"temp": str(home / "temp")},
            "secrets": {} if run["fork"] else self.secrets.get(job.get("environment", ""), {}),
            "inputs": inputs,
            "steps": {},
        }
        context = Context(names, failed=failed)
        if not holds(job.get("if"), context):
            return JobRan("skipped")
        assert job["permissions"] is not None
        ran = JobRan("success")
        environment = self._environment(home, facts, run) | workflow.get("env", {}) | job.get("env", {})
        for number, step in enumerate(job["steps"]):
            done = self._step(workflow, step, number, context, home, run, environment)
            ran.steps.append(done)
            names["steps"][step.get("id", f"__{number}")] = {"outputs": done.outputs, "outcome": done.outcome}
            if done.outcome == "failure":
                context.failed, ran.result = True, "failure"
        for number in range(len(job["steps"]), 0, -1):  # a job that is over has no steps of its own left
            names["steps"].pop(f"__{number}", None)
        return ran

    def _environment(self, home: Path, facts: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, str]:
        self._tools(home / "bin")
        return {
            "PATH": f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home / "home"),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "tester",
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_SERVER_URL": self.hub.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": facts["sha"],
            "GITHUB_REF_NAME": facts["ref_name"],
            "GITHUB_RUN_ID": str(run["id"]),
            "GITHUB_WORKSPACE": str(home / "workspace"),
            "RUNNER_TEMP": str(home / "temp"),
            **{name: os.environ[name] for name in ("COVERAGE_PROCESS_START",) if name in os.environ},
            **(self.installs.environment if self.installs else {}),
        }

    def _tools(self, folder: Path) -> None:
        """Put a `python` on the path, as actions/setup-python does."""
        elmify = Path(sys.executable).with_name("elmify")
        quick = _QUICK_PYTHON.format(elmify=elmify, python=sys.executable)
        python = folder / "python"
        python.write_text(_REAL_PYTHON.format(python=_BASE_PYTHON) if self.installs else quick)
        python.chmod(0o755)

    # A step.

    def _step(
        self,
        workflow: Mapping[str, Any],
        step: Mapping[str, Any],
        number: int,
        context: Context,
        home: Path,
        run: Mapping[str, Any],
        environment: dict[str, str],
    ) -> StepRan:
        name = step.get("name") or step.get("uses", "").partition("@")[0]
        if not holds(step.get("if"), context):
            return StepRan(name, "skipped")
        if "uses" in step:
            given = {key: filled(str(value), context) for key, value in step.get("with", {}).items()}
            self._uses(step["uses"].partition("@")[0], given, context, home, run)
            return StepRan(name, "success")
        assert workflow["defaults"]["run"]["shell"] == "bash"
        script = home / "temp" / f"step-{number}.sh"
        script.write_text(filled(step["run"], context), encoding="utf-8")
        outputs, summary, path = (home / f"{name}-{number}" for name in ("output", "summary", "path"))
        for file in (outputs, summary, path):
            file.touch()
        own = {key: filled(str(value), context) for key, value in step.get("env", {}).items()}
        files = {
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_PATH": str(path),
        }
        done = subprocess.run(
            [*_BASH, str(script)],
            cwd=home / "workspace",
            env={**environment, **files, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        environment["PATH"] = ":".join([*reversed(path.read_text("utf-8").split()), environment["PATH"]])
        assert summary.stat().st_size <= _SUMMARY_MAX_BYTES
        for sort in ("error", "warning", "notice"):
            assert sum(line.startswith(f"::{sort}") for line in done.stdout.splitlines()) <= _ANNOTATIONS
        return StepRan(
            name,
            "failure" if done.returncode else "success",
            done.stdout,
            summary.read_text("utf-8"),
            read_outputs(outputs.read_text("utf-8")),
        )

    def _uses(
        self, action: str, given: Mapping[str, str], context: Context, home: Path, run: Mapping[str, Any]
    ) -> None:
        match action:
            case "actions/checkout":
                assert given["persist-credentials"] == "False"
                self._check_out(
                    home / "workspace", context.names["github"]["sha"], given.get("fetch-depth", "1")
                )
            case "actions/setup-python":
                assert given == {"python-version": "3.12"}
            case "actions/upload-artifact":
                self.hub.keep(run, given["name"], Path(given["path"]))
            case _:
                raise AssertionError(f"this runner does not know {action}")

    def _check_out(self, workspace: Path, commit: str, depth: str) -> None:
        """Empty the workspace and fetch a commit as deep as asked for: 0 is all of its history."""
        shutil.rmtree(workspace)
        workspace.mkdir()
        git = self.hub.git
        git(workspace, "init", "--quiet")
        git(workspace, "remote", "add", "origin", self.hub.origin.as_uri())
        deep = [] if depth == "0" else [f"--depth={depth}"]
        git(workspace, "fetch", "--quiet", *deep, "origin", commit)
        git(workspace, "checkout", "--quiet", "--detach", commit)


def read_outputs(text: str) -> dict[str, str]:
    """Read a file of outputs as the runner does."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        name, heredoc, end = line.partition("<<")
        if not heredoc:
            name, equals, value = line.partition("=")
            found.update({name: value} if equals else {})
            continue
        value_lines = []
        for each in lines:
            if each == end:
                break
            value_lines.append(each)
        found[name] = "\n".join(value_lines)
    return found
