"""docs/commands: a page for each command, written from its help and up to date."""

import re
from pathlib import Path

import pytest

from reconciler.cli import COMMANDS
from tests.command_pages import command_pages
from tests.documents import COMMANDS_FOLDER, DOCS

_PAGES = command_pages()


@pytest.mark.parametrize("name", _PAGES)
def test_the_page_of_a_command_says_what_its_help_says(name: str) -> None:
    page = (COMMANDS_FOLDER / name).read_text(encoding="utf-8")

    assert page == _PAGES[name], "run: python -m tests.documents"


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    written = {page.name for page in COMMANDS_FOLDER.glob("*.md")}

    assert written == {"README.md", *(f"{name}.md" for name in COMMANDS)}


def test_a_page_tells_its_usage_its_options_and_their_variables() -> None:
    page = _PAGES["drift.md"]

    assert page.startswith("# elmify drift\n\n")
    assert "```\nelmify drift [OPTIONS]\n```" in page
    assert "| `--format` `text\\|json\\|markdown` | `ELMIFY_DRIFT_FORMAT` |" in page
    assert "| `--new-only` | `ELMIFY_DRIFT_NEW_ONLY` |" in page


def test_the_commands_of_a_group_stand_on_its_page() -> None:
    assert "## elmify notify test\n" in _PAGES["notify.md"]
    assert "```\nelmify notify test [OPTIONS]\n```" in _PAGES["notify.md"]


@pytest.mark.parametrize("name", _PAGES)
def test_no_page_breaks_its_tables(name: str) -> None:
    for line in _PAGES[name].splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") in {3, 4}, line


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_no_page_names_a_command_that_there_is_not(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    named = set(re.findall(r"(?:`|^\$ |^    )elmify ([a-z]+)", text, re.MULTILINE))

    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_no_page_links_to_a_page_that_there_is_not(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []
