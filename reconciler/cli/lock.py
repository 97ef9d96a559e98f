from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result, say
from reconciler.cli.project import open_project
from reconciler.model.errors import ElmifyError
from reconciler.model.values import counted, readable_size

if TYPE_CHECKING:
    from reconciler.loading.locking import Locked


@click.command("lock")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when the lockfile would change.")
@click.option("--rehash", is_flag=True, help="Read every file, also those whose size and time are as before.")
@click.pass_obj
def command(directory: str, check: bool, rehash: bool) -> None:
    """Hash the media that the catalog names into the lockfile, elmify.lock.

    A file is read again when its size or its time has changed. Lines of files that are not on this machine
    stay; lines that the catalog no longer names leave.
    """
    from reconciler.operations.catalog import lock

    done = lock(open_project(directory), rehash=rehash, check=check)
    _print(done.locked)
    if check and done.outdated:
        raise ElmifyError("the lockfile is out of date", hint="Bring it up to date with\n    elmify lock")


def _print(locked: "Locked") -> None:
    for symbol, paths in (("+", locked.added), ("~", locked.changed), ("-", locked.removed)):
        for path in paths:
            result(f"  {symbol} {path}")
    if locked.absent:
        are, lines = (
            ("is", "its line stays as it is")
            if len(locked.absent) == 1
            else ("are", "their lines stay as they are")
        )
        say(f"{counted(len(locked.absent), 'file')} {are} not on this machine; {lines}.")
    if locked.hashed:
        say(f"Hashed {counted(locked.hashed, 'file')}, {readable_size(locked.hashed_bytes)}.")
    counts = f"{len(locked.added):,} added, {len(locked.changed):,} changed, {len(locked.removed):,} removed"
    result(f"Lockfile: {counts}, {len(locked.files):,} in all.")
