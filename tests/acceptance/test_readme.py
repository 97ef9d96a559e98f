import re
from pathlib import Path

from reconciler.model.errors import Exit
from reconciler.render.plan.json import load_plan
from tests.readme import EXAMPLE, README, ROOT, between, commands_table, plan_block, story

PAGE = README.read_text(encoding="utf-8")


def test_the_recorded_plan_is_what_elmify_prints(tmp_path: Path) -> None:
    assert between("plan", PAGE) == plan_block(story(tmp_path)) + "\n", "run: python -m tests.readme"


def test_the_example_plan_is_the_one_in_the_readme(tmp_path: Path) -> None:
    story(tmp_path)

    assert load_plan(EXAMPLE.read_text("utf-8"), "example.json").fingerprint == fingerprint_in(tmp_path)


def fingerprint_in(folder: Path) -> str:
    return load_plan((folder / "plan.json").read_text("utf-8"), "plan.json").fingerprint


def test_the_table_of_commands_is_the_commands_there_are() -> None:
    assert between("commands", PAGE) == commands_table() + "\n", "run: python -m tests.readme"


def test_the_table_of_exit_codes_is_complete() -> None:
    cells = re.findall(r"^\| ([0-9, ]+) \| \w", PAGE, flags=re.MULTILINE)

    assert {int(code) for cell in cells for code in cell.split(",")} == {int(status) for status in Exit}


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))

    assert re.findall(r"^\$ make (\w+)", PAGE, flags=re.MULTILINE) == ["demo", "test"]
    assert {"demo", "test"} <= targets


def test_every_page_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", PAGE)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_folder_of_the_map_exists() -> None:
    folders = re.findall(r"^  (\w+)/ ", PAGE, flags=re.MULTILINE)

    assert folders
    assert [name for name in folders if not (ROOT / "reconciler" / name).is_dir()] == []
