"""The parts of README.md that are recorded: `python -m tests.readme` records them again."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from reconciler.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
EXAMPLE = ROOT / "plans/example.json"
_ELMIFY = Path(sys.executable).with_name("elmify")

_OLD_TITLE, _NEW_TITLE = "title: Home & Family", "title: Home and Family"
_GONE = re.compile(r"  - \{id: how-to-go-on.*\n")
_SAVED = """
insert into users (id, email) values (1, 'one@example.com'), (2, 'two@example.com');
insert into favorites (user_id, lecture_id)
select who, id from lectures, (values (1), (2)) as people (who) where title = 'How to Go On';
insert into playback_positions (user_id, lecture_id, current_position)
select 1, id, 2 from lectures where title = 'How to Go On';
"""


def commands_table() -> str:
    """Return the table of commands."""
    rows = [f"| `elmify {name}` | {line} |" for name, line in COMMANDS.items()]
    return "\n".join(["| command | |", "|---|---|", *rows])


def story(folder: Path) -> str:
    """Live through the README's story in a copy of the sample, and return the plan it ends with."""
    for name in ("catalog", "elmify.yaml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    _elmify(folder, "apply", "--auto-approve")
    _listen(folder)
    seerah = folder / "catalog/the-reading-circle/seerah.yaml"
    seerah.write_text(seerah.read_text("utf-8").replace(_OLD_TITLE, _NEW_TITLE), "utf-8")
    tafsir = folder / "catalog/studio-voice/introduction-to-tafsir.yaml"
    tafsir.write_text(_GONE.sub("", tafsir.read_text("utf-8")), "utf-8")
    audio = folder / "catalog/media/Abdul Rashid Sufi/Quran Hafs"
    again = audio / "02 - Al-Baqarah (The cow).mp3"
    again.write_bytes((audio / "01 - Al-Fatiha (The opener).mp3").read_bytes() + again.read_bytes())
    _elmify(folder, "lock")
    return _elmify(folder, "plan", "--json-into", str(folder / "plan.json"))


def _listen(folder: Path) -> None:
    import psycopg

    from providers.embedded_postgres.server import EmbeddedServer

    with EmbeddedServer(folder / ".elmify/postgres") as server, psycopg.connect(server.start()) as connection:
        connection.execute(_SAVED.encode())


def _elmify(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [_ELMIFY, *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


def between(name: str, text: str) -> str:
    """Return what stands between the markers of that name."""
    return text.partition(f"<!-- {name}:begin -->\n")[2].partition(f"<!-- {name}:end -->")[0]


def recorded(text: str, name: str, content: str) -> str:
    """Return `text` with other content between the markers of that name."""
    return text.replace(between(name, text) + f"<!-- {name}:end -->", f"{content}\n<!-- {name}:end -->")


def plan_block(plan: str) -> str:
    """Return a plan as the README shows it."""
    return f"```console\n$ elmify plan\n{plan.rstrip()}\n```"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        page = recorded(README.read_text("utf-8"), "plan", plan_block(story(Path(folder))))
        shutil.copy(Path(folder) / "plan.json", EXAMPLE)
    README.write_text(recorded(page, "commands", commands_table()), "utf-8")
