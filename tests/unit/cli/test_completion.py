"""What a shell is told when somebody presses Tab."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli import COMMANDS, run
from reconciler.model.errors import Exit

COMMAND = Path(sys.executable).with_name("elmify")
SAMPLE = Path(__file__).parents[3]


def completed(words: str, project: Path) -> list[str]:
    """Return what bash is told to offer at the end of these words."""
    line = f"elmify -C {project} {words}"
    asked = {
        "_ELMIFY_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
        "ELMIFY_CACHE": "off",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",  # nothing asks for a store
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run([COMMAND], env=asked, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [each.partition(",")[2] for each in done.stdout.splitlines() if each]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("val", ["validate"]),
        ("plan --max", ["--max-bytes"]),
        ("plan --only ", ["abdul-rashid-sufi", "studio-voice", "the-reading-circle"]),
        ("plan --only studio-voice/", ["studio-voice/introduction-to-tafsir"]),
        ("gc --now the-r", ["the-reading-circle"]),
        ("adopt abdul-rashid-sufi/quran-hafs/al-f", ["abdul-rashid-sufi/quran-hafs/al-fatiha"]),
        ("why abdul-rashid-sufi/quran-hafs/al-f", ["abdul-rashid-sufi/quran-hafs/al-fatiha"]),
        ("plan --only nobody", []),
    ],
)
def test_tab_offers_what_goes_on(words: str, offered: list[str]) -> None:
    assert completed(words, SAMPLE) == offered


def test_a_broken_catalog_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "catalog", tmp_path / "catalog", ignore=shutil.ignore_patterns("media"))
    shutil.copy(SAMPLE / "elmify.yaml", tmp_path)
    (tmp_path / "catalog/studio-voice/speaker.yaml").write_text("speaker: [", "utf-8")

    assert completed("plan --only ", tmp_path) == []


def test_outside_a_project_commands_are_offered_all_the_same(tmp_path: Path) -> None:
    assert completed("", tmp_path) == list(COMMANDS)
    assert completed("plan --only ", tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == Exit.OK

    script = capsys.readouterr().out
    assert f"_ELMIFY_COMPLETE={shell}_complete" in script


def test_bash_takes_its_script(tmp_path: Path) -> None:
    script = subprocess.run(
        [COMMAND, "completion", "bash"], capture_output=True, text=True, check=True
    ).stdout

    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\ncomplete -p elmify"], capture_output=True, text=True, check=False
    )

    assert "_elmify_completion elmify" in done.stdout, done.stderr
