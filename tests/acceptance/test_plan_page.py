"""The page of a plan, in a browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.render.plan_html import plan_html
from tests.browser import CHROMIUM, Page, browser
from tests.unit.render.plans import HOSTILE, create, delete, full_plan, plan_of, update

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

SHOWN = """
    [...document.querySelectorAll(".change")]
        .filter(change => change.checkVisibility())
        .map(change => change.querySelector("h3").textContent)
"""
ATTACKS = (
    "<script>document.title = 'attacked'</script>",
    "<img src=x onerror=\"document.title = 'attacked'\">",
    '"><svg onload="document.title = \'attacked\'">',
    "</style></script><script>document.title = 'attacked'</script>",
    "<iframe srcdoc='<script>parent.document.title = 1</script>'>",
    "<a href=\"javascript:document.title = 'attacked'\">x</a>",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


def show(page: Page, tmp_path: Path, text: str, *, width: int = 1000) -> None:
    file = tmp_path / "plan.html"
    file.write_text(text, encoding="utf-8")
    page.viewport(width, 800)
    page.open(file)


def test_typing_leaves_only_what_matches_and_clearing_brings_all_back(chromium: Page, tmp_path: Path) -> None:
    changes = [create("an-nas", "An-Nas"), create("al-ikhlas", "Al-Ikhlāṣ"), delete("al-fatiha", "Al-Fatiha")]
    show(chromium, tmp_path, plan_html(plan_of(changes)))
    before = chromium.screenshot()

    chromium.evaluate("document.getElementById('search').focus()")
    chromium.type("ikhlas")

    assert chromium.evaluate(SHOWN) == ["Al-Ikhlāṣ"]
    assert chromium.evaluate("document.getElementById('shown').textContent") == "1 of 3 shown"
    assert chromium.screenshot() != before

    chromium.type(" nowhere")

    assert chromium.evaluate(SHOWN) == []
    assert chromium.evaluate("document.getElementById('none').checkVisibility()") is True

    chromium.evaluate(
        "{const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input'))}"
    )

    assert chromium.evaluate(SHOWN) == ["Al-Fatiha", "An-Nas", "Al-Ikhlāṣ"]


def test_a_kind_of_change_can_be_put_away(chromium: Page, tmp_path: Path) -> None:
    show(chromium, tmp_path, plan_html(plan_of([create(), delete(), update()])))

    chromium.evaluate("document.querySelector('.chip.create').click()")

    assert chromium.evaluate(SHOWN) == ["Al-Fatiha", "Al-Baqarah (The cow)"]


@pytest.mark.parametrize("told", [*ATTACKS, *HOSTILE])
def test_a_hostile_title_executes_nothing_and_is_shown(chromium: Page, tmp_path: Path, told: str) -> None:
    plan = plan_of([replace(create(title=told), reason=told), delete(title=told)])

    show(chromium, tmp_path, plan_html(replace(plan, environment=told)))

    assert chromium.evaluate("document.title").startswith("elmify plan for ")
    assert chromium.evaluate("document.scripts.length") == 1
    assert chromium.messages == []
    assert chromium.requests[1:] == []
    assert len(chromium.evaluate(SHOWN)) == 2


def test_the_policy_refuses_a_script_that_is_not_the_pages_own(chromium: Page, tmp_path: Path) -> None:
    text = plan_html(full_plan()).replace("<body>", "<body><script>document.title = 'attacked'</script>")

    show(chromium, tmp_path, text)

    assert chromium.evaluate("document.title") == "elmify plan for production"
    assert "Content Security Policy" in chromium.messages[0]


@pytest.mark.parametrize("width", [320, 390, 1000])
def test_nothing_is_wider_than_the_screen(chromium: Page, tmp_path: Path, width: int) -> None:
    long = "Al-Baqarah-" * 30
    plan = full_plan()
    changes = (*plan.changes, create(title=long), replace(delete(title=long), reason=long))

    show(
        chromium,
        tmp_path,
        plan_html(replace(plan, changes=changes), base_url="http://127.0.0.1:1"),
        width=width,
    )
    chromium.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")

    assert chromium.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    assert chromium.evaluate("document.querySelectorAll('audio').length") == 3


def test_deletes_and_what_is_blocked_are_seen_first(chromium: Page, tmp_path: Path) -> None:
    show(chromium, tmp_path, plan_html(full_plan()), width=390)

    tops = chromium.evaluate(
        "['.blocked', '#search', '.change.delete', '.change.create']"
        ".map(s => document.querySelector(s).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    assert tops[0] < 800
