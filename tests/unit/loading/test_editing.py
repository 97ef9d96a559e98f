import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.loading import editing
from reconciler.loading.editing import CatalogEditor, NotEditable, amend_lockfile
from reconciler.loading.fmt import format_catalog_file
from reconciler.loading.lockfile import read_lockfile, write_lockfile
from reconciler.loading.yaml_writing import node, plain
from reconciler.model.address import Address
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import InvalidInput

SPEAKER = "# Who he is.\nspeaker: rashid\nname: Rashid # as on the sleeve\n"
QURAN = """\
collection: quran
title: Quran
lectures:
  # The opening.
  - id: one
    number: 1
    title: One  # short
    audio: one.mp3
  # The end.
  - {id: nine, number: 9, title: Nine, audio: nine.mp3}
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        path = tmp_path / "catalog" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def editor(tmp_path: Path, write: Write) -> CatalogEditor:
    write("rashid/speaker.yaml", SPEAKER)
    write("rashid/quran.yaml", QURAN)
    return CatalogEditor.open(tmp_path, tmp_path / "catalog")


def text(editor: CatalogEditor, name: str) -> str:
    written = editor.edits()[f"catalog/{name}"]
    assert not format_catalog_file(written, name).differs
    return written


def test_everything_declared_has_its_address(editor: CatalogEditor) -> None:
    assert list(editor.addresses) == ["rashid", "rashid/quran", "rashid/quran/one", "rashid/quran/nine"]
    assert Address("rashid/quran/nine") in editor
    assert editor.file_of(Address("rashid/quran/one")) == "catalog/rashid/quran.yaml"


def test_the_fields_of_an_entry_are_what_is_written_there(editor: CatalogEditor) -> None:
    assert editor.fields(Address("rashid/quran")) == {"collection": "quran", "title": "Quran"}
    assert editor.fields(Address("rashid/quran/nine"))["number"] == 9


def test_a_new_value_leaves_every_comment_where_it_was(editor: CatalogEditor) -> None:
    editor.set(Address("rashid"), {"name": "Rashid the Teacher", "bio": "One.\n\nTwo."})
    editor.set(Address("rashid/quran/one"), {"title": "The Opening"})

    assert text(editor, "rashid/speaker.yaml") == (
        "# Who he is.\nspeaker: rashid\nname: Rashid the Teacher  # as on the sleeve\n"
        "bio: |-\n  One.\n\n  Two.\n"
    )
    assert text(editor, "rashid/quran.yaml") == QURAN.replace("title: One", "title: The Opening")


def test_an_entry_on_one_line_stays_on_it(editor: CatalogEditor) -> None:
    editor.set(Address("rashid/quran/nine"), {"description": "a, b", "as_is": {"title": "Nine "}})

    line = '{id: nine, number: 9, title: Nine, description: "a, b", audio: nine.mp3, as_is: {title: "Nine "}}'
    assert f"  # The end.\n  - {line}\n" in text(editor, "rashid/quran.yaml")


def test_a_field_that_is_removed_takes_its_comment_along(editor: CatalogEditor) -> None:
    editor.remove(Address("rashid/quran/one"), ["title", "genre"])

    assert "# short" not in text(editor, "rashid/quran.yaml")
    assert "title: One" not in text(editor, "rashid/quran.yaml")


def test_what_says_the_same_already_is_no_edit(editor: CatalogEditor) -> None:
    editor.set(Address("rashid/quran/one"), {"number": 1})
    editor.remove(Address("rashid"), ["bio"])

    assert editor.edits() == {}
    editor.set(Address("rashid/quran/one"), {"number": True})
    assert editor.edits() != {}


def test_a_new_lecture_goes_where_its_number_belongs(editor: CatalogEditor) -> None:
    editor.add(Address("rashid/quran/two"), {"number": 2, "title": "Two", "audio": "two.mp3"})
    editor.add(Address("rashid/quran/last"), {"title": "Last", "audio": "last.mp3"})

    written = text(editor, "rashid/quran.yaml")
    assert [each["id"] for each in yaml.safe_load(written)["lectures"]] == ["one", "two", "nine", "last"]
    assert "  - id: two\n    number: 2\n    title: Two\n    audio: two.mp3\n  # The end.\n" in written


def test_a_new_collection_gets_a_file_beside_its_speaker(editor: CatalogEditor) -> None:
    editor.add(Address("rashid/speaker"), {"title": "12", "categories": ["no", "quran"]})
    editor.add(Address("rashid/speaker/a"), {"title": "A", "audio": "a.mp3"})

    assert text(editor, "rashid/speaker-2.yaml") == (
        'collection: speaker\ntitle: "12"\ncategories: ["no", quran]\n'
        "lectures:\n  - id: a\n    title: A\n    audio: a.mp3\n"
    )


def test_a_new_speaker_gets_a_folder_of_his_own(editor: CatalogEditor, write: Write, tmp_path: Path) -> None:
    write("noor/speaker.yaml", "speaker: light\nname: Light\n")
    editor = CatalogEditor.open(tmp_path, tmp_path / "catalog")

    editor.add(Address("noor"), {"name": "Noor", "defaults": {"public": True}})

    assert editor.save() == ("catalog/noor-2/speaker.yaml",)
    written = (tmp_path / "catalog/noor-2/speaker.yaml").read_text()
    assert written == "speaker: noor\nname: Noor\ndefaults:\n  public: true\n"


def test_a_collection_without_lectures_takes_its_first(tmp_path: Path, write: Write) -> None:
    write("a/speaker.yaml", "speaker: a\nname: A\n")
    write("a/q.yaml", "collection: q\ntitle: Q\nlectures: []\n")
    editor = CatalogEditor.open(tmp_path, tmp_path / "catalog")

    editor.add(Address("a/q/x"), {"title": "X", "audio": "x.mp3"})

    assert text(editor, "a/q.yaml").endswith("lectures:\n  - id: x\n    title: X\n    audio: x.mp3\n")


def test_a_dropped_entry_takes_its_own_comments_and_no_others(editor: CatalogEditor) -> None:
    editor.drop(Address("rashid/quran/one"))

    assert text(editor, "rashid/quran.yaml") == (
        "collection: quran\ntitle: Quran\nlectures:\n"
        "  # The end.\n  - {id: nine, number: 9, title: Nine, audio: nine.mp3}\n"
    )
    assert Address("rashid/quran/one") not in editor


def test_what_is_declared_already_is_not_declared_again(editor: CatalogEditor) -> None:
    with pytest.raises(ValueError, match=r"^rashid\b"):
        editor.add(Address("rashid"), {"name": "R"})


def test_a_comment_is_never_given_to_an_entry_that_took_the_memory_of_another(editor: CatalogEditor) -> None:
    for _ in range(50):
        editor.remove(Address("rashid/quran/one"), ["title"])
        editor.set(Address("rashid/quran/one"), {"title": "Again"})

    assert "# short" not in text(editor, "rashid/quran.yaml")


def test_saving_twice_writes_once(editor: CatalogEditor, tmp_path: Path) -> None:
    editor.set(Address("rashid"), {"premium": False})

    assert editor.save() == ("catalog/rashid/speaker.yaml",)
    assert editor.save() == ()
    assert (tmp_path / "catalog/rashid/speaker.yaml").read_text().endswith("premium: false\n")


def test_an_absent_folder_is_an_empty_catalog(tmp_path: Path) -> None:
    editor = CatalogEditor.open(tmp_path, tmp_path / "catalog")

    assert list(editor.addresses) == []
    assert editor.save() == ()


def test_mistakes_in_the_notation_are_all_told_before_anything_is_edited(
    tmp_path: Path, write: Write
) -> None:
    write("a/speaker.yaml", "speaker: a\nname: A\nname: B\n")
    write("a/q.yaml", "collection: [\n")

    with pytest.raises(InvalidInput) as caught:
        CatalogEditor.open(tmp_path, tmp_path / "catalog")

    assert {each.position.file for each in caught.value.diagnostics} == {
        "catalog/a/speaker.yaml",
        "catalog/a/q.yaml",
    }


@pytest.mark.parametrize("notation", ["bio: |+\n  text\n\n", "bio: >2\n    text\n"])
def test_a_notation_that_cannot_be_kept_is_refused_before_anything_is_written(
    tmp_path: Path, write: Write, notation: str
) -> None:
    path = write("a/speaker.yaml", "speaker: a\nname: A\n")
    path.write_text(f"speaker: a\nname: A\n{notation}")
    before = path.read_text()
    editor = CatalogEditor.open(tmp_path, tmp_path / "catalog")
    editor.set(Address("a"), {"premium": True})
    editor.add(Address("b"), {"name": "B"})

    with pytest.raises(NotEditable):
        editor.save()

    assert path.read_text() == before
    assert not (tmp_path / "catalog/b").exists()


@pytest.mark.parametrize("content", ["- a\n", "# nothing yet\n", ""])
def test_a_file_that_is_no_entry_stays_as_it_is(tmp_path: Path, write: Write, content: str) -> None:
    write("a/odd.yaml", content)

    editor = CatalogEditor.open(tmp_path, tmp_path / "catalog")

    assert (list(editor.addresses), editor.texts()) == ([], {"catalog/a/odd.yaml": content})


def test_line_breaks_that_only_unicode_knows_are_no_matter_until_the_file_is_edited(
    tmp_path: Path, write: Write
) -> None:
    write("a/speaker.yaml", 'speaker: a\nname: "A\u2028B"\n')
    editor = CatalogEditor.open(tmp_path, tmp_path / "catalog")
    assert editor.edits() == {}

    editor.set(Address("a"), {"premium": True})

    with pytest.raises(NotEditable):
        editor.save()


def test_what_was_saved_can_be_edited_on(editor: CatalogEditor, tmp_path: Path) -> None:
    editor.set(Address("rashid"), {"premium": False})
    editor.save()

    assert editor.texts()["catalog/rashid/speaker.yaml"].endswith("premium: false\n")
    editor.set(Address("rashid"), {"premium": True})
    editor.save()

    assert (tmp_path / "catalog/rashid/speaker.yaml").read_text().endswith("premium: true\n")


def test_a_file_that_grew_beyond_what_can_be_read_is_refused(
    editor: CatalogEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.set(Address("rashid"), {"bio": "long"})
    monkeypatch.setattr(editing, "FILE_MAX_BYTES", 10)

    with pytest.raises(NotEditable, match=r"\.yaml\b.*\b10\b"):
        editor.save()


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), _TEXTS, st.lists(_TEXTS, max_size=3))


@settings(deadline=None)
@given(fields=st.dictionaries(st.sampled_from(["title", "bio", "genre", "public", "row"]), _VALUES))
def test_every_value_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("law")
    editor = CatalogEditor.open(root, root / "catalog")
    editor.add(Address("s"), {"name": "S"})
    editor.add(Address("s/c"), {"title": "C"})
    editor.add(Address("s/c/l"), fields)

    written = editor.edits()["catalog/s/c.yaml"]

    assert yaml.safe_load(written)["lectures"] == [{"id": "l", **fields}]
    assert not format_catalog_file(written).differs


@settings(deadline=None)
@given(value=_VALUES)
def test_a_node_is_the_value_it_was_made_of(value: Any) -> None:
    assert plain(node(value)) == value


# The lockfile.


def line(path: str, size: int = 1) -> MediaFile:
    return MediaFile(path=path, size_bytes=size, media_type="audio/mpeg", sha256="a" * 64)


def test_lines_are_added_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "elmify.lock"
    write_lockfile(path, [line("a.mp3"), line("b.mp3")])

    assert amend_lockfile(path, tmp_path, [line("b.mp3", 2), line("c.mp3")])

    files, problems = read_lockfile(path, tmp_path)
    assert problems == ()
    assert {name: each.size_bytes for name, each in files.items()} == {"a.mp3": 1, "b.mp3": 2, "c.mp3": 1}


def test_a_lockfile_that_would_not_change_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "elmify.lock"
    write_lockfile(path, [line("a.mp3")])
    before = path.stat()

    assert not amend_lockfile(path, tmp_path, [line("a.mp3")])
    assert path.stat().st_ino == before.st_ino


def test_a_lockfile_with_a_merge_conflict_is_left_for_a_person(tmp_path: Path) -> None:
    path = tmp_path / "elmify.lock"
    path.write_text("<<<<<<< ours\n")

    with pytest.raises(InvalidInput):
        amend_lockfile(path, tmp_path, [line("a.mp3")])
