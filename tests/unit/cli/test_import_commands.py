"""The commands that declare what exists, where no store is needed."""

import json
import re
from pathlib import Path

import pytest

from reconciler.cli import run
from reconciler.cli.new import command as new
from reconciler.model.errors import Exit
from tests.importing import ImportProject


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImportProject:
    """A project that is the working directory."""
    monkeypatch.setenv("ELMIFY_CACHE", "off")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elmify.yaml").write_text("environment: test\n")
    (tmp_path / "media").mkdir()
    return ImportProject(tmp_path)


def test_a_folder_is_imported_and_is_valid_then(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.audio("Noor/Fiqh/01 - Patience.wav")
    project.audio("loose.wav")

    assert run(["import", "files", "media"]) == Exit.OK
    out = capsys.readouterr().out
    assert run(["validate"]) == Exit.OK
    assert run(["fmt", "--check"]) == Exit.OK
    assert run(["lock", "--check"]) == Exit.OK

    assert "loose.wav" in out
    assert re.findall(r"\d+", out.splitlines()[-1]) == ["1", "1", "1", "2", "1"]


def test_json_holds_every_finding_and_nothing_else_is_printed(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.audio("Noor/Fiqh/01 - Patience.wav")
    for number in range(30):
        project.audio(f"loose {number}.wav")

    assert run(["import", "files", "media", "--format", "json"]) == Exit.OK

    said = json.loads(capsys.readouterr().out)
    assert said["added"] == {"speaker": 1, "collection": 1, "lecture": 1}
    assert said["written"] == ["catalog/noor/fiqh.yaml", "catalog/noor/speaker.yaml"]
    assert len(said["findings"]) == 30
    assert said["findings"][0]["reason"] == "row-without-parent"


def test_a_table_shows_the_first_of_many_and_says_how_many_more(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        project.audio(f"loose \x1b[31m{number}.wav")

    run(["import", "files", "media"])

    out = capsys.readouterr().out
    assert "(30)" in out
    assert "10" in out.split("(30)")[1].split()
    assert "\x1b" not in out


def test_a_folder_elsewhere_is_refused_with_the_command_that_copies_it(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.audio("Noor/Fiqh/01 - A.wav", under="elsewhere")

    assert run(["import", "files", "elsewhere"]) != Exit.OK

    err = capsys.readouterr().err
    assert "cp -R elsewhere/. " in err
    assert not (project.root / "catalog").exists()


def test_a_catalog_with_mistakes_is_left_as_it_is(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write("n/speaker.yaml", "speaker: n\nname: Noor\nnmae: N\n")
    project.audio("Noor/Fiqh/01 - A.wav")

    assert run(["import", "files", "media"]) == Exit.ERROR

    assert "EL103" in capsys.readouterr().err
    assert not (project.root / "catalog/n/fiqh.yaml").exists()


def test_an_import_that_leaves_mistakes_says_so(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("A-B", "A_B"):
        project.audio(f"{name}/Fiqh/01 - A.wav")
    (project.root / "elmify.yaml").write_text(
        "environment: test\nkeys:\n  lecture_audio: '{{ lecture.id }}.{{ ext }}'\n"
    )

    assert run(["import", "files", "media"]) == Exit.ERROR

    assert "EL150" in capsys.readouterr().err


def test_a_manifest_goes_out_and_comes_in(project: ImportProject, capsys: pytest.CaptureFixture[str]) -> None:
    project.audio("Noor/Fiqh/01 - Patience.wav")
    run(["import", "files", "media"])

    assert run(["export", "manifest", "--out", "out/manifest.json"]) == Exit.OK
    assert run(["import", "manifest", "out/manifest.json", "--format", "json"]) == Exit.OK
    capsys.readouterr()
    assert run(["export", "manifest"]) == Exit.OK

    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((project.root / "out/manifest.json").read_text())
    assert printed["speakers"][0]["collections"][0]["lectures"][0]["duration"] == 1


def test_what_is_no_manifest_is_told_with_its_places(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "m.json").write_text('{"speakers": [{}]}')

    assert run(["import", "manifest", "m.json"]) == Exit.ERROR

    assert "speakers[0].name: Field required" in capsys.readouterr().err


def test_a_library_grows_by_speaker_collection_and_lecture(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project.audio("07 - Patience.wav", under="downloads")

    assert run(["new", "speaker", "Noor the Baker"]) == Exit.OK
    assert run(["new", "collection", "noor-the-baker", "Fiqh", "--id", "made-easy"]) == Exit.OK
    assert run(["new", "lecture", "--collection", "noor-the-baker/made-easy", str(file)]) == Exit.OK

    assert capsys.readouterr().out.splitlines()[:2] == ["noor-the-baker", "noor-the-baker/made-easy"]
    assert project.lectures("noor-the-baker/made-easy.yaml")[0]["id"] == "patience"
    assert run(["validate"]) == Exit.OK


def test_an_id_of_another_form_is_refused(project: ImportProject, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "speaker", "Noor", "--id", "No Good"]) == Exit.USAGE

    assert "'No Good'" in capsys.readouterr().err
    assert not (project.root / "catalog").exists()


def test_the_options_of_a_part_of_a_command_have_variables_too(
    project: ImportProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELMIFY_IMPORT_FILES_FORMAT", "json")

    run(["import", "files", "media"])

    assert json.loads(capsys.readouterr().out)["kept"] == 0
    assert set(new.commands) == {"speaker", "collection", "lecture"}


def test_a_manifest_says_what_a_plan_needs_first_and_leaves_out_images_that_are_nowhere(
    project: ImportProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.image("N/C/collection.jpg")
    collection = {
        "title": "C",
        "coverImageUrl": "N/C/collection.jpg",
        "lectures": [{"title": "A", "filePath": "N/C/01 - A.mp3"}],
    }
    said = {"speakers": [{"name": "N", "imageUrl": "N/speaker.jpg", "collections": [collection]}]}
    (project.root / "m.json").write_text(json.dumps(said))

    assert run(["import", "manifest", "m.json"]) == Exit.OK

    captured = capsys.readouterr()
    assert "elmify lock" in captured.err
    assert "2" in captured.err.split()
    assert "image" not in project.entry("n/speaker.yaml")
    assert project.entry("n/c.yaml")["cover"] == "N/C/collection.jpg"
    assert "N/speaker.jpg" in captured.out
