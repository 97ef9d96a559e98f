from dataclasses import replace
from typing import Any

from reconciler.importing.declare import FoundResources, MergedEntries, merge
from reconciler.loading.editing import CatalogEditor
from reconciler.model.address import Address
from reconciler.model.kinds import Kind
from tests.importing import ImportProject


def lecture(row: int | None, title: str = "A", **fields: Any) -> FoundResources:
    said = {"title": title, "audio": f"{title}.mp3", **fields}
    return FoundResources(kind=Kind.LECTURE, fields=said, row=row)


def library(*lectures: FoundResources, row: int | None = 1) -> list[FoundResources]:
    collection = FoundResources(
        kind=Kind.COLLECTION, fields={"title": "Fiqh"}, row=row and 10 + row, children=lectures
    )
    return [FoundResources(kind=Kind.SPEAKER, fields={"name": "Noor"}, row=row, children=(collection,))]


def merged(
    project: ImportProject, found: list[FoundResources], known: dict[tuple[Kind, int], str] | None = None
) -> tuple[MergedEntries, CatalogEditor]:
    editor = CatalogEditor.open(project.root, project.folder.catalog_dir)
    addresses = {row: Address(address) for row, address in (known or {}).items()}
    return merge(editor, found, addresses, fill=False), editor


def written(project: ImportProject) -> None:
    project.write("n/speaker.yaml", "speaker: n\nname: The Baker\ndefaults: {genre: Talk}\n")
    project.write(
        "n/f.yaml",
        "collection: f\ntitle: Law\nlectures:\n- {id: one, number: 1, title: One, audio: one.mp3}\n",
    )


def test_a_row_that_the_catalog_has_is_found_under_any_name(project: ImportProject) -> None:
    written(project)
    known = {(Kind.SPEAKER, 1): "n", (Kind.COLLECTION, 11): "n/f", (Kind.LECTURE, 101): "n/f/one"}

    outcome, editor = merged(project, library(lecture(101), lecture(102, "B")), known)

    assert list(outcome.added) == ["n/f/b"]
    assert len(outcome.matched) == 3
    assert editor.fields(Address("n/f/one"))["title"] == "One"


def test_a_lecture_that_was_moved_by_hand_is_not_declared_again(project: ImportProject) -> None:
    written(project)
    known = {(Kind.SPEAKER, 1): "n", (Kind.LECTURE, 101): "n/f/one"}

    outcome, _ = merged(project, library(lecture(101)), known)

    assert list(outcome.added) == ["n/fiqh"]


def test_what_all_new_lectures_say_is_said_once(project: ImportProject) -> None:
    shared: dict[str, Any] = {"public": True, "genre": "Talk"}

    _, editor = merged(
        project, library(lecture(101, **shared, year=2023), lecture(102, "B", **shared, year=2024))
    )

    assert editor.fields(Address("noor/fiqh"))["defaults"] == {"public": True, "genre": "Talk"}
    assert editor.fields(Address("noor/fiqh/a")) == {
        "id": "a",
        "title": "A",
        "audio": "A.mp3",
        "year": 2023,
    }


def test_what_a_row_says_is_written_whatever_the_defaults_are(project: ImportProject) -> None:
    written(project)
    known = {(Kind.SPEAKER, 1): "n", (Kind.COLLECTION, 11): "n/f"}

    _, editor = merged(project, library(lecture(102, "B", genre="Talk")), known)

    assert editor.fields(Address("n/f/b"))["genre"] == "Talk"


def test_what_only_tags_say_gives_way_to_defaults(project: ImportProject) -> None:
    project.write("n/speaker.yaml", "speaker: n\nname: Noor\ndefaults: {genre: Talk}\n")
    project.write("n/f.yaml", "collection: f\ntitle: Fiqh\n")

    _, editor = merged(project, library(lecture(None, "B", genre="Podcast", year=2024), row=None))

    assert editor.fields(Address("n/f/b")) == {"id": "b", "title": "B", "audio": "B.mp3", "year": 2024}


def test_a_title_without_a_letter_gives_an_id_by_its_number(project: ImportProject) -> None:
    found = library(lecture(101, "!!", number=7), lecture(102, "??"), lecture(103, "..", number=7))

    outcome, _ = merged(project, found)

    assert [address.rpartition("/")[2] for address in outcome.added][2:] == [
        "lecture-7",
        "lecture",
        "lecture-7-2",
    ]


def test_parents_of_one_name_are_one_and_a_file_is_declared_once(project: ImportProject) -> None:
    written(project)
    project.write("n/speaker.yaml", "speaker: n\nname: Noor\n")
    project.write(
        "n/f.yaml", "collection: f\ntitle: Fiqh\nlectures:\n- {id: one, title: One, audio: A.mp3}\n"
    )
    found = library(lecture(None), row=None)
    duas = [replace(found[0], children=(replace(found[0].children[0], fields={"title": "Duas"}),))]

    outcome, _ = merged(
        project, [*found, *library(lecture(None, "B", audio="A.mp3"), row=None), *duas, *duas]
    )

    assert list(outcome.added) == ["n/duas"]
    assert [finding.subject for finding in outcome.findings] == ["A.mp3", "A.mp3", "A.mp3"]


def test_two_titles_of_one_slug_get_two_ids(project: ImportProject) -> None:
    outcome, _ = merged(project, library(lecture(101, "Hikma"), lecture(102, "Ḥikma")))

    assert list(outcome.added)[2:] == ["noor/fiqh/hikma", "noor/fiqh/hikma-2"]
