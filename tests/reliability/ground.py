"""Where one small library after the other is played: a database that is emptied, a folder that is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.objects.directory import DirectoryBucket
from tests.acceptance.projects import clean_environment, run_sql
from tests.reliability import snapshot
from tests.reliability.invariants import Seen, look
from tests.reliability.points import Fault
from tests.reliability.runner import Launcher, Ran
from tests.reliability.trials import expire_lease


@dataclass
class Ground:
    """A project in `root`, with a directory bucket and the database at `url`, whose state was kept."""

    launcher: Launcher
    url: str
    root: Path

    def clear(self) -> None:
        """Begin anew."""
        snapshot.put_back(self.url)
        for left in sorted(self.root.rglob("*"), reverse=True):
            left.rmdir() if left.is_dir() else left.unlink()
        (self.root / "home").mkdir()

    @property
    def objects(self) -> DirectoryBucket:
        return DirectoryBucket(self.root / ".elmify" / "bucket")

    @property
    def environ(self) -> Mapping[str, str]:
        return clean_environment(self.root / "home", DATABASE_URL=self.url)

    @property
    def log(self) -> Path:
        return self.root.with_suffix(".points")

    def sql(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        return run_sql(self.url, query, *parameters)

    def look(self) -> Seen:
        return look(self.url, self.objects)

    def elmify(self, *commands: tuple[str, ...]) -> list[Ran]:
        return self.launcher.run(commands, self.root, self.environ)

    def with_fault(self, command: tuple[str, ...], fault: Fault | None, statement: str = "") -> Ran:
        """Run a command, and let a minute pass if something may have kept it from giving its lease back."""
        answer = self.log.with_suffix(".meanwhile")
        answer.unlink(missing_ok=True)
        ran = self.launcher.run_with(command, self.root, self.environ, self.log, fault, statement)
        if fault is not None:
            expire_lease(self.url)
        return ran

    @property
    def stood(self) -> bool:
        """Whether somebody else's statement was sent, and stands."""
        answer = self.log.with_suffix(".meanwhile")
        return answer.exists() and answer.read_text("utf-8") == "stands"
