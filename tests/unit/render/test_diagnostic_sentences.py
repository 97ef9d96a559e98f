"""The sentences of diagnostics: what a person reads for a mistake in an input."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.loading.entries import read_content
from reconciler.loading.lockfile import HEADER, read_lockfile
from reconciler.loading.yaml import read_document, reading_of
from reconciler.model.diagnostics import Diagnostic
from tests.catalogs import SPEAKER, CatalogProject
from tests.unit.planning.worlds import catalog, collection, declaring, diagnostics, lecture, live, world

MD5 = "cd" * 16
SHA = "ab" * 32
LINE = f'"a.mp3": {{"size": 1, "type": "audio/mpeg", "sha256": "{SHA}", "md5": "{MD5}"}}'
LECTURES = "collection: quran\ntitle: Quran\nlectures:\n- id: one\n  audio: one.mp3\n"


def of_file(text: str) -> Diagnostic:
    """Return the one mistake of a catalog file."""
    document = read_document(text.encode(), "f")
    (found,) = document.problems or read_content(document)[1]
    return found


@pytest.mark.parametrize(
    ("text", "detail", "hint"),
    [
        (
            "a: b: c",
            "A `: ` stands where no key can be: inside a text, or on a line that is indented too far.",
            "Put the text in quotes. Or indent the line like its neighbours.",
        ),
        (
            "a: 'x\n",
            "A quote is opened and never closed. It belongs to what begins on line 1.",
            "Close it. A quote inside single quotes is written twice: 'it''s'.",
        ),
        ("a:\n\t- b", "A tab stands where only spaces may indent.", "Indent with spaces."),
        ("a: @b", "`@` cannot begin a text without quotes.", "Put the text in quotes."),
        (
            "a: [1, 2",
            "A list is opened with `[` and not continued or closed. It belongs to what begins on line 1.",
            "Put commas between its entries, close it with `]`, and quote texts that hold `,` `[` or `]`.",
        ),
        ("title: A\nyear: 1\ntitle: B\n", "`title` was already given on line 1.", "Delete one of the two."),
    ],
)
def test_broken_yaml_is_explained_in_words_of_its_own(text: str, detail: str, hint: str) -> None:
    (found,) = read_document(text.encode(), "f").problems

    assert (found.detail, found.hint) == (detail, hint)


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        ("no", "false"),
        ("22:22", "the number 1342"),
        ("2025-01-01", "the date 2025-01-01"),
        ("2025-01-01 10:00:00", "the time 2025-01-01 10:00:00"),
        ("~", "null, which is nothing"),
        (".5", "the number 0.5"),
        ("=", "something other than text"),
        ("2025-02-31", "something other than text"),
        ("9" * 5000, "something other than text"),
    ],
)
def test_a_surprise_is_put_in_words(raw: str, reading: str) -> None:
    assert reading_of(raw) == reading


@pytest.mark.parametrize(
    ("text", "detail", "hint"),
    [
        (
            f"{LECTURES}  title: 22:22\n",
            "YAML reads `22:22` as the number 1342, and `title` must be text.",
            "Put it in quotes: '22:22'",
        ),
        (
            f"{LECTURES}  title: One\n  number: 010\n",
            "YAML reads `010` as the number 8, and `number` must be a whole number.",
            "Write it in plain digits, without 0 at the front.",
        ),
        (f"{LECTURES}  title: One\n  tumbnail: x.jpg\n", "", "Did you mean `thumbnail`?"),
        (f"{LECTURES}  title: One\n  qqqqq: x\n", "", "The fields here are id, title, audio, number,"),
        (
            "collection: quran\ntitle: Quran\nlectures:\n- {title: One, audio: a.mp3}\n",
            "`id` is missing.",
            "Formatting the catalog writes missing ids.",
        ),
        (
            "speaker: Abdul Rashid\nname: x\n",
            "'Abdul Rashid' is no id.",
            "Write it like `abdul-rashid`.",
        ),
    ],
)
def test_a_field_says_what_is_wrong_and_how_to_write_it(text: str, detail: str, hint: str) -> None:
    found = of_file(text)

    assert found.detail.startswith(detail)
    assert found.hint.startswith(hint)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (f'"md5": "{MD5}"', '"md5": "abc"', "'md5' cannot be \"abc\""),
        (SHA, SHA.upper(), "'sha256' cannot be"),
        ('"size": 1', '"size": -1', "'size' cannot be -1"),
        ('"size": 1, ', "", "'size' is missing"),
        ("audio/mpeg", "text/html", "no media type 'text/html'"),
        (SHA, "unknown", "`etag` must say"),
        ('"size": 1', '"size": 1, "colour": 2', "no fact called 'colour'"),
        (f'"md5": "{MD5}"', f'"md5": "{MD5}", "part_size": 5', "stand together"),
        ('"size": 1, ', '"size":1,', "not spelled as"),
        ('"a.mp3": {', '"a.mp3": [', "not a path and its facts"),
        ('"a.mp3": ', '"b.mp3": {}, "a.mp3": ', "not one path"),
    ],
)
def test_a_malformed_line_of_the_lockfile_says_what_is_wrong_with_it(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "elmify.lock"
    path.write_text(f"{HEADER}\n{LINE.replace(old, new)}\n", "utf-8")

    _, (found,) = read_lockfile(path, tmp_path)

    assert says in found.detail


def test_a_lockfile_that_is_none_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "elmify.lock"
    path.write_text("garbage\n", "utf-8")

    (found,) = read_lockfile(path, tmp_path)[1]

    assert "can also be deleted" in " ".join(found.hint.split())


def _entries(*entries: str) -> Callable[[CatalogProject], None]:
    def write(project: CatalogProject) -> None:
        lines = "".join(f"- {{{entry}}}\n" for entry in entries)
        project.write("c.yaml", f"collection: quran\ntitle: Quran\nlectures:\n{lines}")
        project.lock(*(entry.rpartition(" ")[2] for entry in entries))

    return write


@pytest.mark.parametrize(
    ("write", "detail"),
    [
        (
            _entries("id: a, title: A, audio: a.mp3", "id: b, title: A, audio: b.mp3"),
            "`rashid/quran/a` has the same title, at catalog/c.yaml:4:3.",
        ),
        (
            _entries(*(f"id: l{n}, number: {n}, title: L{n}, audio: {n}.mp3" for n in (3, 4, 6, 9, 12))),
            "`rashid/quran` has no number 5, 7 to 8, 10 to 11.",
        ),
        (
            lambda project: project.lock("d.mp3", "a.mp3", "c.mp3", "b.mp3"),
            "No entry names 4 of its files: a.mp3, b.mp3, c.mp3, ….",
        ),
    ],
)
def test_what_the_whole_catalog_shows_is_said_with_names(
    tmp_path: Path, write: Callable[[CatalogProject], None], detail: str
) -> None:
    project = CatalogProject(tmp_path)
    project.write("s.yaml", SPEAKER)
    write(project)

    (found,) = project.load().diagnostics

    assert found.detail == detail


@pytest.mark.parametrize(
    ("slug", "categories", "detail", "hint"),
    [
        (
            "qur-an",
            {"quran": 1},
            "There is no category 'qur-an' in the database.",
            "Did you mean `quran`?",
        ),
        (
            "zzz",
            {"quran": 1},
            "There is no category 'zzz' in the database.",
            "Create it in the app first, or correct its slug.",
        ),
        ("quran", None, "This database has no category tables.", "Remove `categories:` from the catalog."),
    ],
)
def test_an_unknown_category_is_said_with_what_to_do(
    slug: str, categories: dict[str, int] | None, detail: str, hint: str
) -> None:
    (found,) = diagnostics(world(catalog(collection("s/c", categories=(slug,))), categories=categories))

    assert (found.detail, found.hint) == (detail, hint)


def test_an_ambiguity_says_what_looks_alike() -> None:
    (asked,) = diagnostics(declaring(live(catalog(lecture("s/c/a", number=1))), lecture("s/c/b", number=1)))

    assert "s/c/a left the catalog, and s/c/b looks like it" in asked.detail
