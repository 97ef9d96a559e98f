"""docs/tutorial.md, lived through: every command in its order, on a live system with all the usual mess."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.projects import COMMAND, PATIENCE_SECONDS, clean_environment, run_sql
from tests.live.mess import BASE_URL
from tests.live.project import live_project
from tests.live.truth import SMALL

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
SAMPLE = (
    Path(__file__).parents[2] / "catalog/media/Abdul Rashid Sufi/Quran Hafs/01 - Al-Fatiha (The opener).mp3"
)

#: What a test cannot do, or has no business to: pip is tried by the smoke test of the wheel.
_SKIPPED = frozenset({"pip", "cd"})

_GIT = {"NAME": "maryam", "EMAIL": "maryam@example.com"}

_STEP = re.compile(
    r"^\$ (?P<command>.*?)(?:  # exits (?P<status>\d+))?$|^<!-- run: (?P<hidden>.*) -->$", re.MULTILINE
)


def steps() -> list[tuple[list[str], int]]:
    """Return every command of the page, the hidden ones that stand for an edit too, with its exit status."""
    found = []
    for step in _STEP.finditer(TUTORIAL.read_text(encoding="utf-8")):
        words = shlex.split(step["command"] or step["hidden"])
        if words[0] not in _SKIPPED:
            found.append((words, int(step["status"] or 0)))
    return found


@pytest.fixture
def library(tmp_path: Path, database_url: str) -> Path:
    """The folder in which the tutorial is followed, beside the bucket of a live system with listeners."""
    live_project(tmp_path, database_url, SMALL, rows=sum(SMALL) + 10, objects=120)
    library = tmp_path / "library"
    settings = re.search(r"^# elmify.yaml\n(.*?)^```", TUTORIAL.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert settings is not None
    assert BASE_URL in settings[1]
    library.mkdir()
    (library / "elmify.yaml").write_text(
        f"{settings[1]}objects: {{store: directory, directory: ../bucket}}\n", encoding="utf-8"
    )
    shutil.copy(SAMPLE, library / "SAMPLE.mp3")
    return library


def test_the_tutorial_can_be_followed_to_its_end(library: Path, tmp_path: Path, database_url: str) -> None:
    environ = clean_environment(tmp_path, DATABASE_URL=database_url, GIT_CONFIG_NOSYSTEM="1")
    environ |= {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _GIT.items()}
    environ["PATH"] = f"{COMMAND.parent}{os.pathsep}{environ['PATH']}"
    favourites = run_sql(database_url, "select * from favorites order by id")
    plans = []

    for words, status in steps():
        if words[0] == "mkdir":
            continue  # the fixture has made it
        ran = subprocess.run(
            words,
            check=False,
            cwd=library,
            env=environ,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
        )
        assert ran.returncode == status, f"{words}\n{ran.stdout}\n{ran.stderr}"
        if words == ["elmify", "plan"]:
            plans.append(ran.stdout.rstrip().splitlines()[-1])

    assert plans == ["No changes. The library matches the catalog."]
    assert favourites
    assert run_sql(database_url, "select * from favorites order by id") == favourites
    assert run_sql(database_url, "select count(*) as n from lectures where title = 'Al-Fatiha'") == [{"n": 1}]
