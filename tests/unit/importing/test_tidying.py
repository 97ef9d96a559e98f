"""Names as live rows have them: the catalog can say all of them, and tidies them on request alone."""

import unicodedata

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.importing.declare import merge
from reconciler.importing.library import library_of
from reconciler.importing.names import clean
from reconciler.importing.tidying import tidy_names, untidy_findings, write_tidy_names
from reconciler.loading.editing import CatalogEditor
from reconciler.model.address import Address
from reconciler.model.diagnostics import Severity
from reconciler.model.outcomes import Reason, Tidied
from reconciler.model.remedies import ImportLive
from tests.importing import ImportProject
from tests.unit.planning.worlds import collection_row, lecture_row, speaker_row, stored, world

#: What PostgreSQL takes as text.
_NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=_NAMES.filter(clean))
@example(name=" A ")
@example(name="%")
@example(name=unicodedata.normalize("NFD", "Café"))
@example(name="\u2028A")
@example(name="15 - 15 Story: 'a' \"b\" #c")
@example(name="null")
@example(name="\ufeffA\x85\x7f\ufffe")
def test_the_catalog_says_every_name_that_a_row_can_have(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = ImportProject(tmp_path_factory.mktemp("project"))
    rows = [
        speaker_row(1, name),
        collection_row(11, 1, name),
        lecture_row(101, name, "a.mp3", collection_id=11),
    ]
    snapshot = world(rows=rows, objects=[stored("a.mp3")]).snapshot
    editor = CatalogEditor.open(project.root, project.folder.catalog_dir)

    merged = merge(editor, library_of(snapshot).speakers, {}, fill=False)
    editor.save()

    loaded = project.load()
    assert {each.code for each in loaded.diagnostics if each.severity is Severity.ERROR} <= {"EL301"}
    assert len(merged.added) == 3
    for address in merged.added:
        fields = CatalogEditor.open(project.root, project.folder.catalog_dir).fields(address)
        field = "title" if "/" in address else "name"
        assert fields.get("as_is", {}).get(field, fields[field]) == name


def catalog(project: ImportProject, *titles: str) -> CatalogEditor:
    lectures = [
        {"id": f"l{n}", "number": n, "title": title, "audio": f"{n}.mp3"}
        for n, title in enumerate(titles, start=15)
    ]
    project.write("n/speaker.yaml", "speaker: n\nname: 'Noor '\n")
    project.write("n/f.yaml", yaml.safe_dump({"collection": "f", "title": " Fiqh", "lectures": lectures}))
    return CatalogEditor.open(project.root, project.folder.catalog_dir)


def titles(editor: CatalogEditor) -> list[str]:
    return [editor.fields(address)["title"] for address in editor.addresses if address.count("/") == 2]


@pytest.mark.parametrize(
    ("said", "tidied"),
    [
        (["15 Story"], ["Story"]),
        (["15 - Story "], ["Story"]),
        (["Cafe\u0301"], ["Café"]),
        (["16 Story"], ["16 Story"]),
        (["15"], ["15"]),
        (["A ", "A"], ["A ", "A"]),
        (["A ", " A"], ["A ", " A"]),
        (["15 Cave", "Cave"], ["15 Cave", "Cave"]),
        (["15 Those ", "16 Those"], ["15 Those", "16 Those"]),
        (["15 Cave ", "Cave", "B "], ["15 Cave", "Cave", "B"]),
        (["15 16 Cave", "16 Cave"], ["15 16 Cave", "Cave"]),
    ],
)
def test_titles_are_tidied_on_request_unless_another_entry_would_have_them(
    project: ImportProject, said: list[str], tidied: list[str]
) -> None:
    editor = catalog(project, *said)

    write_tidy_names(editor, [Tidied.TITLES])

    assert titles(editor) == tidied
    assert len(set(titles(editor))) == len(said)
    assert editor.fields(Address("n/f"))["title"] == "Fiqh"
    assert editor.fields(Address("n"))["name"] == "Noor "


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(
        st.sampled_from(["A", "A ", " A", "15 A", "16 A", "16 A ", "15 16 A", "17 A"]),
        unique=True,
        max_size=5,
    )
)
def test_tidying_makes_no_two_titles_equal_and_leaves_none_to_tidy(
    said: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    editor = catalog(ImportProject(tmp_path_factory.mktemp("project")), *said)

    write_tidy_names(editor, list(Tidied))

    assert len(set(titles(editor))) == len(said)
    assert {clean(title) for title in titles(editor)} <= {clean(title) for title in said} | {"A", "16 A"}


def test_what_would_be_tidied_is_told_with_its_command(project: ImportProject) -> None:
    editor = catalog(project, "15 Story", "B")

    found = {each.subject: each for each in untidy_findings(editor)}

    assert found.keys() == {"n", "n/f", "n/f/l15"}
    assert {each.reason for each in found.values()} == {Reason.UNTIDY_NAME}
    assert found["n"].remedy == ImportLive(clean=("names",))
    assert found["n/f/l15"].remedy == ImportLive(clean=("titles",))
    write_tidy_names(editor, list(Tidied))
    assert list(tidy_names(editor)) == []


def test_a_title_that_was_put_up_with_is_written_tidy(project: ImportProject) -> None:
    editor = catalog(project, "Story")
    address = Address("n/f/l15")
    editor.set(address, {"as_is": {"title": "Story\n", "genre": None}})

    assert [name.address for name in tidy_names(editor) if name.said == "Story\n"] == [address]
    write_tidy_names(editor, [Tidied.TITLES])

    assert editor.fields(address)["title"] == "Story"
    assert editor.fields(address)["as_is"] == {"genre": None}
