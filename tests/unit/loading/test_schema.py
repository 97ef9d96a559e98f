"""One file at a time: every mistake in it has its code and its place."""

import re

import pytest

from reconciler.loading.entries import read_content
from reconciler.loading.schema import adapter
from reconciler.loading.yaml import PROBLEMS_MAX, read_document
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import TABLES, Column, Kind, Origin

HEAD = "collection: quran\ntitle: Quran\n"


def diagnostics(text: str) -> tuple[Diagnostic, ...]:
    return read_content(read_document(text.encode(), "f"))[1]


def found(text: str) -> list[tuple[str, str]]:
    return [(each.code, str(each.position).removeprefix("f:")) for each in diagnostics(text)]


def lecture(rest: str) -> str:
    """Return a collection with one lecture, whose last line, the sixth, is `rest`."""
    return f"{HEAD}lectures:\n- id: one\n  audio: one.mp3\n  {rest}\n"


@pytest.mark.parametrize(
    ("rest", "code", "place"),
    [
        ("title: no", "EL105", "6:10"),
        ("title: 22:22", "EL105", "6:10"),
        ("title: 2025-01-01", "EL105", "6:10"),
        ("title: 12", "EL105", "6:10"),
        ("title: .5", "EL105", "6:10"),
        ("title: 010", "EL105", "6:10"),
        ("title: 1_000", "EL105", "6:10"),
        ("title: ~", "EL107", "6:10"),
        ("title: null", "EL107", "6:10"),
        ("title:", "EL107", "6:9"),
        ("title: [a]", "EL104", "6:10"),
        ("title: ''", "EL109", "6:10"),
        ("title: ' '", "EL109", "6:10"),
        ('title: "\\u00a0\\u3000"', "EL109", "6:10"),
        ('title: "One\\nTwo"', "EL109", "6:10"),
        ('title: "One\\u0007Two"', "EL109", "6:10"),
        ('title: "One\\u2028Two"', "EL109", "6:10"),
    ],
)
def test_a_title_must_be_one_line_of_text(rest: str, code: str, place: str) -> None:
    assert found(lecture(rest)) == [(code, place)]


@pytest.mark.parametrize(
    ("rest", "code", "place"),
    [
        ("number: '3'", "EL104", "7:11"),
        ("number: 010", "EL105", "7:11"),
        ("number: 22:22", "EL105", "7:11"),
        ("number: 1_000", "EL105", "7:11"),
        ("number: 1.5", "EL105", "7:11"),
        ("number: true", "EL104", "7:11"),
        ("number: -1", "EL108", "7:11"),
        ("number: 1000001", "EL108", "7:11"),
        ("number:", "EL107", "7:10"),
        ("year: 0", "EL108", "7:9"),
        ("public: maybe", "EL104", "7:11"),
        ("public: 1", "EL104", "7:11"),
        ("public: null", "EL107", "7:11"),
        ("public: ~", "EL107", "7:11"),
        ("public:", "EL107", "7:10"),
        ("protect: null", "EL107", "7:12"),
        ("row: 0", "EL108", "7:8"),
        ("row: x", "EL104", "7:8"),
        ("row: null", "EL107", "7:8"),
        ("genre: 7", "EL105", "7:10"),
        ("description: ''", "EL109", "7:16"),
        ('description: "a\\0b"', "EL109", "7:16"),
        ("categories: quran", "EL104", "7:15"),
        ("categories: [quran, 7]", "EL105", "7:23"),
        ("categories: [quran, tafsir, quran]", "EL108", "7:31"),
        ("thumbnail: no", "EL105", "7:14"),
        ("thumbnail: ../x.jpg", "EL140", "7:14"),
        ("thumbnail: x.mp3", "EL144", "7:14"),
        ("previously: Al Fatiha", "EL135", "7:15"),
        ("previously: a/b", "EL135", "7:15"),
        ("previously: a/b/c/d", "EL135", "7:15"),
        ("previously: null", "EL107", "7:15"),
        ("premium: true", "EL103", "7:3"),
        ("tilte: x", "EL103", "7:3"),
        ("title: One", "EL102", "7:3"),
        ("genre: &x a", "EL111", "7:10"),
        ("genre: !!str a", "EL112", "7:10"),
    ],
)
def test_each_field_of_a_lecture_has_its_type(rest: str, code: str, place: str) -> None:
    assert found(lecture(f"title: One\n  {rest}")) == [(code, place)]


@pytest.mark.parametrize(
    "rest",
    [
        *(
            "number: 0",
            "number: null",
            "number: ~",
            "year: null",
            "genre: null",
            "public: yes",
        ),
        *("thumbnail: null", "thumbnail: a/b.webp", "categories: []", "categories: null", "row: 412"),
        *("description: |\n    two\n    lines", "previously: one-old", "previously: a/b/c", "protect: true"),
    ],
)
def test_a_field_takes_what_its_column_can_hold(rest: str) -> None:
    assert found(lecture(f"title: One\n  {rest}")) == []


@pytest.mark.parametrize(
    "path", ["/a.mp3", "C:/a.mp3", "~/a.mp3", "a\\b.mp3", "a/../b.mp3", "./a.mp3", "a//b.mp3"]
)
def test_a_media_path_stays_under_the_media_root(path: str) -> None:
    text = f"{HEAD}lectures:\n- id: one\n  title: One\n  audio: '{path}'\n"
    assert found(text) == [("EL140", "6:10")]


@pytest.mark.parametrize(("audio", "code"), [("cover.jpg", "EL144"), ("null", "EL107"), ("", "EL107")])
def test_a_lecture_needs_audio(audio: str, code: str) -> None:
    text = f"{HEAD}lectures:\n- id: one\n  title: One\n  audio: {audio}\n"
    assert [each.code for each in diagnostics(text)] == [code]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("speaker: rashid\n", [("EL106", "1:1")]),
        (f"{HEAD}lectures:\n- {{title: One, audio: a.mp3}}\n", [("EL106", "4:3")]),
        (f"{HEAD}lectures:\n- {{}}\n", [("EL106", "4:3")] * 3),
        ("speaker: Abdul Rashid\nname: x\n", [("EL110", "1:10")]),
        (f"speaker: {'a' * 101}\nname: x\n", [("EL108", "1:10")]),
        ("speaker: 7\nname: x\n", [("EL105", "1:10")]),
        ("speaker: a\nname: x\nvisibility: hidden\n", [("EL108", "3:13")]),
        ("speaker: a\nname: x\npremium: 'yes'\n", [("EL104", "3:10")]),
        ("speaker: a\nname: x\nimage: x.mp3\n", [("EL144", "3:8")]),
        ("speaker: a\nname: x\nprotect: 1\n", [("EL104", "3:10")]),
        ("speaker: a\nname: x\nprevious: b\n", [("EL103", "3:1")]),
        ("speaker: a\nname: x\npreviously: b/c\n", [("EL135", "3:13")]),
        ("speaker: a\nname: x\nforget: [b, 'B C']\n", [("EL135", "3:13")]),
        ("speaker: a\nname: x\nforget: b\n", [("EL104", "3:9")]),
        ("speaker: a\nname: x\ndefaults: {number: 1}\n", [("EL103", "3:12")]),
        ("speaker: a\nname: x\ndefaults: {categories: [a, a]}\n", [("EL108", "3:28")]),
        ("speaker: a\nname: x\ndefaults: []\n", [("EL104", "3:11")]),
        (f"{HEAD}lectures: {{}}\n", [("EL104", "3:11")]),
        (f"{HEAD}lectures:\n", [("EL107", "3:10")]),
        (f"{HEAD}lectures: [hello]\n", [("EL104", "3:12")]),
        ("speaker: a\ncollection: b\n", [("EL121", "1:1")]),
        ("lectures: []\n", [("EL121", "1:1")]),
        ("- a\n", [("EL121", "1:1")]),
        ("text\n", [("EL121", "1:1")]),
        ("", [("EL121", "1:1")]),
        ("speaker: *x\n", [("EL111", "1:10"), ("EL106", "1:1")]),
    ],
)
def test_a_file_is_a_speaker_or_a_collection_with_what_it_needs(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


def test_every_mistake_of_a_file_is_found_at_once() -> None:
    text = f"{HEAD}year: next\nlectures:\n- {{id: A, title: no, audio: '', tilte: x}}\n- {{id: b, id: c}}\n"

    codes = sorted(code for code, _ in found(text))

    assert codes == ["EL102", "EL103", "EL104", "EL105", "EL106", "EL106", "EL109", "EL110"]


def test_an_unknown_key_is_compared_with_those_that_exist() -> None:
    (near,) = diagnostics(lecture("title: One\n  tumbnail: x.jpg"))
    (far,) = diagnostics(lecture("title: One\n  qqqqq: x"))

    assert "`thumbnail`" in near.hint
    assert "id, title, audio, number," in far.hint


def test_a_surprise_says_what_yaml_read_and_how_to_write_the_text() -> None:
    (title,) = diagnostics(lecture("title: 22:22"))
    (number,) = diagnostics(lecture("title: One\n  number: 010"))

    assert (title.code, number.code) == ("EL105", "EL105")
    assert re.findall(r"`[^`]*`|\d{4}", title.detail) == ["`22:22`", "1342", "`title`"]
    assert title.hint.endswith(" '22:22'")
    assert re.findall(r"`[^`]*`|\d", number.detail) == ["`010`", "8", "`number`"]


def test_a_bad_id_is_shown_as_it_might_be() -> None:
    (bad,) = diagnostics("speaker: Abdul Rashid\nname: x\n")
    assert "`abdul-rashid`" in bad.hint


def test_not_more_than_a_hundred_mistakes_of_a_file_are_shown() -> None:
    text = f"{HEAD}lectures:\n" + "- {}\n" * 200

    codes = [code for code, _ in found(text)]

    assert codes == ["EL106"] * PROBLEMS_MAX + ["EL117"]


@pytest.mark.parametrize("kind", [Kind.SPEAKER, Kind.COLLECTION])
def test_the_schema_has_every_field_and_slot_of_the_tables(kind: Kind) -> None:
    schema = adapter(kind).json_schema()
    definitions = {**schema.get("$defs", {}), "top": schema}

    for table in TABLES.values():
        wanted = {slot.value for slot in table.slots} | {
            column.source for column in table.columns if column.origin in {Origin.FIELD, Origin.CATEGORIES}
        }
        name = "Lecture" if table.kind is Kind.LECTURE else "top"
        if table.kind is kind or (kind is Kind.COLLECTION and table.kind is Kind.LECTURE):
            assert wanted <= set(definitions[name]["properties"])


@pytest.mark.parametrize("text", ["speaker: a\nname: null\n", "collection: a\ntitle: null\n"])
def test_a_name_cannot_be_cleared(text: str) -> None:
    assert [code for code, _ in found(text)] == ["EL107"]


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (kind, column)
        for kind, table in TABLES.items()
        for column in table.columns
        if column.origin in {Origin.FIELD, Origin.CATEGORIES}
    ],
)
def test_a_field_takes_null_exactly_where_its_column_may_be_cleared(kind: Kind, column: Column) -> None:
    name = column.source
    heads = {
        Kind.SPEAKER: "speaker: a\nname: A\n",
        Kind.COLLECTION: "collection: a\ntitle: A\n",
        Kind.LECTURE: "collection: a\ntitle: A\nlectures:\n- id: a\n  audio: a.mp3\n  title: A\n",
    }
    indent = "  " if kind is Kind.LECTURE else ""
    text = re.sub(rf"^{indent}{name}: .*\n", "", heads[kind], flags=re.MULTILINE) + f"{indent}{name}: null\n"

    assert [each.code for each in diagnostics(text)] == ([] if column.clearable else ["EL107"])


@pytest.mark.parametrize(
    "text",
    [
        "speaker: a\nname: A\npremium: null\n",
        "speaker: a\nname: A\ndefaults:\n  public: null\n",
        "collection: a\ntitle: A\ndefaults:\n  public: null\n",
        "collection: a\ntitle: A\nlectures:\n- id: a\n  audio: a.mp3\n  title: A\n  public: null\n",
    ],
)
def test_null_is_refused_where_the_app_cannot_read_it_with_place_and_hint(text: str) -> None:
    (found,) = diagnostics(text)

    line = text.splitlines()[-1]
    assert (found.code, found.position.line) == ("EL107", text.count("\n"))
    assert found.position.column == line.index("null") + 1
    assert "true or false" in found.hint
