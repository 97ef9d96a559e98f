"""The page of a plan, in a browser."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.render.plan.html import plan_html
from tests.browser import CHROMIUM, Page, browser
from tests.media_files import wav
from tests.servers import Answer, Request, scripted_server
from tests.unit.render.plans import HOSTILE, collection, create, delete, full_plan, plan_of, update

#: Three pixels in a row, as PNG.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABCAIAAACUgoPjAAAADUlEQVR4nGM4EWADQQAVmgP9mBluTwAAAABJRU5ErkJggg=="
)

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
    page.open(file, width=width, height=800)


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


PLAYS = """
    new Promise(resolve => {
        const sound = document.querySelector("audio");
        sound.addEventListener("loadedmetadata", () => resolve(sound.duration));
        sound.addEventListener("error", () => resolve("not to be heard"));
        sound.load();
    })
"""
SEEN = """
    Promise.all([...document.querySelectorAll("img")].map(picture => {
        picture.loading = "eager";
        return picture.decode().then(() => picture.naturalWidth);
    }))
"""


def test_new_sound_is_heard_and_its_cover_is_seen(chromium: Page, tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        if request.path.endswith(".jpg"):
            return Answer(200, PICTURE, {"Content-Type": "image/png"})
        return Answer(200, wav(seconds=2), {"Content-Type": "audio/wav"})

    with scripted_server(answer) as url:
        show(chromium, tmp_path, plan_html(plan_of([collection(), create()]), base_url=url))

        assert chromium.evaluate(SEEN) == [3, 3]  # of the collection, and beside its lecture
        assert chromium.evaluate(PLAYS) == 2
        assert chromium.messages == []


def test_sound_that_is_not_there_yet_is_said(chromium: Page, tmp_path: Path) -> None:
    with scripted_server(lambda _: Answer(404)) as url:
        show(chromium, tmp_path, plan_html(plan_of([create()]), base_url=url))

        assert chromium.evaluate(PLAYS) == "not to be heard"
        assert "not there yet" in chromium.evaluate("document.querySelector('.missing').textContent")


def test_deletes_and_what_is_blocked_are_seen_first(chromium: Page, tmp_path: Path) -> None:
    show(chromium, tmp_path, plan_html(full_plan()), width=390)

    tops = chromium.evaluate(
        "['.blocked', '#search', '.change.delete', '.change.create']"
        ".map(s => document.querySelector(s).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    assert tops[0] < 800
