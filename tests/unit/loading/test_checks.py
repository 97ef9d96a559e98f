"""What only the whole catalog shows to be wrong: each mistake with its code and place."""

import re
import unicodedata
from pathlib import Path

import pytest

from reconciler.loading.media import MediaFolder, check_media
from reconciler.model.diagnostics import Severity, in_reading_order
from reconciler.model.kinds import Slot
from reconciler.model.policy import Layout
from reconciler.model.values import nfc
from tests.catalogs import SPEAKER, CatalogProject

Found = list[tuple[str, str]]


@pytest.fixture
def project(tmp_path: Path) -> CatalogProject:
    project = CatalogProject(tmp_path)
    project.write("s.yaml", SPEAKER)
    return project


def lectures(project: CatalogProject, *entries: str, name: str = "c.yaml", head: str = "quran") -> None:
    """Write a collection with those lectures, the first in line 4; all their audio is locked."""
    lines = [
        f"collection: {head}",
        f"title: {head.title()}",
        "lectures:",
        *(f"- {{{entry}}}" for entry in entries),
    ]
    project.write(name, "\n".join(lines) + "\n")
    project.lock(*(audio for entry in entries for audio in re.findall("audio: ([^,]*)", entry)))


def test_a_sound_catalog_has_no_diagnostics(project: CatalogProject) -> None:
    lectures(project, "id: a, title: A, number: 1, audio: a.mp3", "id: b, title: B, number: 2, audio: b.mp3")

    assert project.found() == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("id: a, title: A, audio: a.mp3", "id: a, title: B, audio: b.mp3", [("EL130", "c.yaml:5:8")]),
        ("id: a, title: A, audio: a.mp3", "id: b, title: A, audio: b.mp3", [("EL131", "c.yaml:5:18")]),
        (
            "id: a, title: Café, audio: a.mp3",
            f"id: b, title: {unicodedata.normalize('NFD', 'Café')}, audio: b.mp3",
            [("EL164", "c.yaml:5:18")],
        ),
        (
            "id: a, title: A, audio: a.mp3",
            "id: b, title: 'A ', audio: b.mp3",
            [("EL164", "c.yaml:5:18")],
        ),
        (
            "id: a, title: A, number: 1, audio: a.mp3",
            "id: b, title: B, number: 1, audio: b.mp3",
            [("EL132", "c.yaml:5:29")],
        ),
        ("id: a, title: A, audio: a.mp3", "id: b, title: B, audio: a.mp3", [("EL133", "c.yaml:5:28")]),
        (
            "id: a, title: A, row: 4, audio: a.mp3",
            "id: b, title: B, row: 4, audio: b.mp3",
            [("EL134", "c.yaml:5:26")],
        ),
        (
            "id: a, title: A, audio: a.mp3",
            "id: b, title: B, previously: a, audio: b.mp3",
            [("EL136", "c.yaml:5:33")],
        ),
        (
            "id: a, title: A, previously: x, audio: a.mp3",
            "id: b, title: B, previously: rashid/quran/x, audio: b.mp3",
            [("EL137", "c.yaml:5:33")],
        ),
    ],
)
def test_what_is_given_twice_is_reported_at_the_second(
    project: CatalogProject, first: str, second: str, expected: Found
) -> None:
    lectures(project, first, second)

    assert project.found() == expected


def test_the_second_names_the_first_and_its_place(project: CatalogProject) -> None:
    lectures(project, "id: a, title: A, audio: a.mp3", "id: b, title: A, audio: b.mp3")

    (diagnostic,) = project.load().diagnostics

    assert "`rashid/quran/a`" in diagnostic.detail
    assert "catalog/c.yaml:4:3" in diagnostic.detail


def test_scopes_are_apart(project: CatalogProject) -> None:
    entry = "id: a, title: A, number: 1, audio: a.mp3"
    lectures(project, entry)
    lectures(project, entry, name="d.yaml", head="tafsir")

    assert project.found() == []


def test_names_that_nobody_would_type_are_told_once_for_each_file(project: CatalogProject) -> None:
    decomposed = unicodedata.normalize("NFD", "Café")
    lectures(
        project,
        "id: a, title: ' A', audio: a.mp3",
        "id: b, title: 'B ', audio: b.mp3",
        f"id: c, title: {decomposed}, audio: c.mp3",
        "id: d, title: Café, audio: d.mp3",
    )

    (diagnostic,) = project.load().diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("EL164", Severity.WARNING)
    assert str(diagnostic.position).endswith("c.yaml:4:18")
    assert all(repr(name) in diagnostic.detail for name in (" A", "B ", decomposed))


def test_a_row_of_each_kind_is_another_row(project: CatalogProject) -> None:
    project.write("s.yaml", SPEAKER + "row: 4\n")
    lectures(project, "id: a, title: A, row: 4, audio: a.mp3")

    assert project.found() == []


def test_speakers_and_collections_are_unique_too(project: CatalogProject) -> None:
    lectures(project, "id: a, title: A, audio: a.mp3")
    lectures(project, "id: a, title: A, audio: a.mp3", name="d.yaml")
    lectures(project, "id: a, title: A, audio: a.mp3", name="e.yaml", head="other")
    project.write("e.yaml", "collection: other\ntitle: Quran\n")
    project.write("z/s.yaml", "name: Rashid\nspeaker: zayd\n")
    project.write("y/s.yaml", "name: Yusuf\nspeaker: rashid\n")

    assert project.found() == [
        ("EL130", "d.yaml:1:13"),
        ("EL131", "e.yaml:2:8"),
        ("EL130", "y/s.yaml:2:10"),
        ("EL131", "z/s.yaml:1:7"),
    ]


@pytest.mark.parametrize("reference", ["a", "rashid/quran/a", "/rashid", "rashid/quran"])
def test_what_is_declared_cannot_be_forgotten(project: CatalogProject, reference: str) -> None:
    project.lock("a.mp3")
    project.write(
        "c.yaml",
        f"collection: quran\ntitle: Quran\nforget: [x, {reference}]\n"
        "lectures:\n- {id: a, title: A, audio: a.mp3}\n",
    )

    assert project.found() == [("EL138", "c.yaml:3:13")]


def test_media_must_be_locked(project: CatalogProject) -> None:
    (project.root / "media").mkdir()
    (project.root / "media" / "there.mp3").write_bytes(b"x")
    (project.root / "media" / "out.mp3").symlink_to("/etc/hostname")
    lectures(
        project,
        "id: a, title: A, audio: there.mp3",
        "id: b, title: B, audio: gone.mp3",
        "id: c, title: C, audio: out.mp3",
    )
    project.media.clear()

    assert project.found() == [("EL302", "c.yaml:4:28"), ("EL301", "c.yaml:5:28"), ("EL307", "c.yaml:6:28")]


def test_what_is_not_locked_is_said_once_when_the_disk_is_checked_as_well(project: CatalogProject) -> None:
    (project.root / "media").mkdir()
    lectures(project, "id: a, title: A, audio: gone.mp3")
    project.media.clear()
    loaded = project.load()

    on_disk = check_media(MediaFolder(project.root / "media"), loaded.media_references(), project.media)

    assert len(in_reading_order([*loaded.diagnostics, *on_disk])) == 1


def test_a_locked_file_is_found_in_either_spelling(project: CatalogProject) -> None:
    lectures(project, f"id: a, title: A, audio: {unicodedata.normalize('NFD', 'é.mp3')}")
    project.media.clear()
    project.lock("é.mp3")

    assert project.found() == []


def test_type_and_extension_must_agree(project: CatalogProject) -> None:
    lectures(project, "id: a, title: A, audio: a.mp3", "id: b, title: B, audio: b.txt")
    project.lock("a.mp3", media_type="audio/wav")

    assert project.found() == [("EL306", "c.yaml:4:28"), ("EL310", "c.yaml:5:28")]


def test_two_resources_cannot_have_one_key(project: CatalogProject) -> None:
    project.layout = Layout(
        templates={**project.layout.templates, Slot.LECTURE_AUDIO: "{{ lecture.title }}.mp3"}
    )
    composed, decomposed = "Café", unicodedata.normalize("NFD", "Café")
    lectures(project, f"id: a, title: {composed}, audio: a.mp3")
    lectures(project, f"id: a, title: {decomposed}, audio: b.mp3", name="d.yaml", head="tafsir")

    (diagnostic,) = [each for each in project.load().diagnostics if each.code != "EL164"]

    assert (diagnostic.code, str(diagnostic.position)) == (
        "EL150",
        f"catalog/d.yaml:4:{27 + len(decomposed)}",
    )
    names = re.findall("`([^`]*)`", nfc(diagnostic.detail))
    assert names[:3] == ["audio", "rashid/quran/a", "Café.mp3"]


def test_that_a_repeated_title_repeats_its_keys_is_no_news(project: CatalogProject) -> None:
    lectures(project, "id: a, title: A, audio: a.mp3")
    lectures(project, "id: a, title: A, audio: a.mp3", name="d.yaml", head="tafsir")
    project.write("d.yaml", (project.root / "catalog/d.yaml").read_text().replace("Tafsir", "Quran"))

    assert project.found() == [("EL131", "d.yaml:2:8")]


@pytest.mark.parametrize(
    ("template", "title", "code"),
    [
        ("{{ lecture.title }}", "x" * 1025, "EL151"),
        ("{{ lecture.title }}", "ا" * 600, "EL151"),
        ("a/{{ lecture.title }}", "..", "EL151"),
        ("{{ lecture.title }}/x", ".elmify", "EL151"),
        ("{{ lecture.genre }}", "x", "EL152"),
    ],
)
def test_a_key_must_be_usable(project: CatalogProject, template: str, title: str, code: str) -> None:
    project.layout = Layout(templates={**project.layout.templates, Slot.LECTURE_AUDIO: template})
    lectures(project, f"id: a, audio: a.mp3, title: '{title}'")

    assert project.found() == [(code, "c.yaml:4:18")]


def test_the_url_of_an_audio_file_must_fit_its_column(project: CatalogProject) -> None:
    project.lock("a.mp3")
    project.write(
        "c.yaml", f"collection: q\ntitle: Q\nlectures:\n- {{id: a, audio: a.mp3, title: {'ا' * 200}}}\n"
    )
    assert project.found() == []

    project.layout = Layout(base_url="https://cdn.example.org")

    assert project.found() == [("EL151", "c.yaml:4:18")]


def test_gaps_between_numbers_are_one_warning_at_the_first(project: CatalogProject) -> None:
    numbers = [3, 4, 6, 9, 12]
    lectures(project, *(f"id: l{n}, number: {n}, title: L{n}, audio: {n}.mp3" for n in reversed(numbers)))

    loaded = project.load()

    assert loaded.catalog is not None
    (warning,) = loaded.diagnostics
    assert (warning.code, str(warning.position)) == ("EL160", "catalog/c.yaml:6:20")
    assert re.findall(r"\d+", warning.detail) == ["5", "7", "8", "10", "11"]


@pytest.mark.parametrize(
    ("number", "title", "warns"),
    [
        (15, "15 Story of", True),
        (5, "05. Story", True),
        (15, "15", True),
        (1, "15 Story", False),
        (5, "55 Story", False),
        (40, "The 40 Hadith", False),
    ],
)
def test_a_title_that_repeats_its_number_is_a_warning(
    project: CatalogProject, number: int, title: str, warns: bool
) -> None:
    lectures(project, f"id: a, title: '{title}', number: {number}, audio: a.mp3")

    assert project.found() == ([("EL161", "c.yaml:4:18")] if warns else [])


def test_lines_of_the_lockfile_that_nothing_names_are_one_warning(project: CatalogProject) -> None:
    project.lock("d.mp3", "a.mp3", "c.mp3", "b.mp3")

    (warning,) = project.load().diagnostics

    assert (warning.code, str(warning.position)) == ("EL162", "catalog/elmify.lock:1:1")
    assert re.findall(r"\b4\b|\w+\.mp3", warning.detail) == ["4", "a.mp3", "b.mp3", "c.mp3"]


def test_a_default_that_reaches_nothing_is_a_warning(project: CatalogProject) -> None:
    project.write("s.yaml", SPEAKER + "defaults: {genre: Talk, year: 2020}\n")
    lectures(project, "id: a, title: A, genre: Tafsir, audio: a.mp3")

    assert project.found() == [("EL163", "s.yaml:3:19")]


def test_warnings_leave_the_catalog_whole_and_errors_do_not(project: CatalogProject) -> None:
    lectures(project, "id: a, title: 1 A, number: 1, audio: a.mp3")
    assert project.load().catalog is not None

    project.write("d.yaml", "collection: d\n")
    assert project.load().catalog is None
