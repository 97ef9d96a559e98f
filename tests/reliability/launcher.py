"""Runs elmify in a real process, with faults at its numbered points.

    python -m tests.reliability.launcher --log points.txt --fault kill-before:17 -- apply --auto-approve

`--serve` instead stays, with everything imported, and forks a process for each line of JSON on stdin: an
interpreter that starts and imports takes half a second, a fork three milliseconds.
"""

import argparse
import gc
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.reliability import hooks
from tests.reliability.points import Fault, Points

#: What commands import when they come to need it, and what they make once, on first use.
_HEAVY = ("boto3", "botocore.httpsession", "psycopg", "yaml", "rich.progress", "jinja2.sandbox", "deepdiff")
_PACKAGES = ("reconciler", "providers")


def arm(log: Path, faults: Sequence[str], statement: str = "") -> None:
    """Count the points of this process in `log`, and let the faults wait at theirs.

    `statement` is what somebody else sends to the database meanwhile, where a fault says so.
    """
    parsed = [Fault.parse(fault) for fault in faults]
    modes = {fault.point: fault.mode for fault in parsed}
    answer = log.with_suffix(".meanwhile")
    hooks.install(Points(log, modes, lambda: hooks.send(statement, answer)), Path.cwd())


def _warm_up() -> None:
    for name in _HEAVY:
        importlib.import_module(name)
    for package in map(importlib.import_module, _PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    from reconciler.loading.parse_cache import reading_version
    from reconciler.loading.schema import adapter
    from reconciler.model.kinds import Kind
    from reconciler.settings.schema import settings_adapter

    reading_version()
    settings_adapter()
    for kind in (Kind.SPEAKER, Kind.COLLECTION):
        adapter(kind)
    _warm_up_boto()


def _warm_up_boto() -> None:
    """Let botocore read its descriptions of S3 once for all children, and not once for each client."""
    from botocore.loaders import JSONFileLoader

    from providers.objects.client import Connection, connect

    load, loaded = JSONFileLoader.load_file, {}

    def load_once(self: Any, path: str) -> Any:
        if path not in loaded:
            loaded[path] = load(self, path)
        return loaded[path]

    hooks.replace(JSONFileLoader, "load_file", load_once)
    connect(Connection(endpoint="http://127.0.0.1", access_key="none", secret_key="none")).close()


def _serve() -> None:
    _warm_up()
    gc.freeze()  # a collection in a child would copy every page of what was imported
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(asked: dict[str, Any]) -> None:
    """Run commands one after the other; what each says, and how it ended, is left in files."""
    from reconciler.cli import run

    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if asked["log"] is not None:
        arm(Path(asked["log"]), asked["faults"], asked["statement"])
    status = 0
    for number, arguments in enumerate(asked["commands"]):
        for descriptor, name in ((1, "out"), (2, "err")):
            path = f"{asked['answers']}/{number}.{name}"
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        try:
            status = int(run(arguments))
        except BaseException:  # noqa: BLE001 -- this is what an interpreter does at its end
            sys.excepthook(*sys.exc_info())
            status = 70
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(
            os.open(f"{asked['answers']}/{number}.status", os.O_WRONLY | os.O_CREAT), str(status).encode()
        )
    os._exit(status)


def main() -> None:
    """Run one command with faults, or serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("command", nargs="*")
    asked = parser.parse_args()
    if asked.serve:
        _serve()
        return
    from reconciler.cli import main as elmify

    arm(asked.log, asked.fault)
    elmify(asked.command)


if __name__ == "__main__":
    main()
