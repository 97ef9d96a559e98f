"""The commands that touch no store, as a person meets them."""

import json
import os
import re
import shutil
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

from reconciler.cli import run
from reconciler.model.errors import Exit

SAMPLE = Path(__file__).parents[3]


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the sample project, which is the working directory."""
    monkeypatch.setenv("ELMIFY_CACHE", "off")
    for name in ("CI", "DATABASE_URL", "R2_ENDPOINT", "R2_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(SAMPLE / "catalog", tmp_path / "catalog")
    shutil.copy(SAMPLE / "elmify.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_sample_is_valid_formatted_and_locked(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate"]) == Exit.OK
    out, err = capsys.readouterr()
    assert (re.findall(r"\d+", out), err) == (["3", "4", "12"], "")
    assert run(["fmt", "--check"]) == Exit.OK
    assert run(["lock", "--check", "--rehash"]) == Exit.OK


def test_validate_tells_every_mistake_at_once(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(sample / "catalog/studio-voice/speaker.yaml", "premium:", "premum:")
    (sample / "catalog/media/Studio Voice/speaker.jpg").write_bytes(b"")
    edit(sample / "catalog/elmify.lock", '"size"', '"sise"')

    assert run(["validate"]) == Exit.ERROR

    out, err = capsys.readouterr()
    assert out == ""
    assert "catalog/studio-voice/speaker.yaml:3:1: error[EL103]" in err
    assert "catalog/elmify.lock:2:1: error[EL322]" in err


@pytest.mark.parametrize("command", ["validate", "lock"])
def test_a_lockfile_that_is_gone_is_told_once_with_two_ways_to_have_it_back(
    sample: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    shutil.rmtree(sample / "catalog/media")
    (sample / "catalog/elmify.lock").unlink()

    assert run([command]) == Exit.ERROR

    err = capsys.readouterr().err
    assert err.count("EL301") == 1
    assert "git checkout -- catalog/elmify.lock" in " ".join(err.split())
    assert "elmify import live" in err


@pytest.mark.parametrize("first", ["garbage", "<<<<<<< ours"])
def test_of_a_broken_lockfile_nothing_is_said_about_each_file(
    sample: Path, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    (sample / "catalog/elmify.lock").write_text(f"{first}\n", "utf-8")

    assert run(["validate"]) == Exit.ERROR

    err = capsys.readouterr().err
    assert "EL301" not in err
    assert "EL302" not in err
    assert "catalog/elmify.lock:1:1: error[EL32" in err


def test_validate_looks_at_the_media_that_are_here(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sample / "catalog/media/Studio Voice/speaker.jpg").write_bytes(b"")
    shutil.rmtree(sample / "catalog/media/Abdul Rashid Sufi")

    assert run(["validate"]) == Exit.ERROR

    err = capsys.readouterr().err
    assert "error[EL304]" in err
    assert err.count("error[EL") == 1


def test_validate_in_json_has_one_shape_for_good_and_bad(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["validate", "--format", "json"])
    good = json.loads(capsys.readouterr().out)
    edit(sample / "elmify.yaml", "environment: demo", "environment: Demo!")
    status = run(["validate", "--format", "json"])
    bad = json.loads(capsys.readouterr().out)

    assert good == {"valid": True, "error_count": 0, "warning_count": 0, "diagnostics": []}
    assert status == Exit.ERROR
    assert (bad["valid"], bad["error_count"]) == (False, 1)
    assert bad["diagnostics"][0]["position"] == {"file": "elmify.yaml", "line": 3, "column": 14}


def test_lock_says_what_changed_and_writes_it(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (sample / "catalog/elmify.lock").read_text("utf-8")
    media = sample / "catalog/media/Studio Voice"
    shutil.copy(
        media / "Introduction to Tafsir/02 - Its Sources.m4a",
        media / "Introduction to Tafsir/01 - What Tafsir Is.m4a",
    )
    edit(sample / "catalog/studio-voice/speaker.yaml", "image: Studio Voice/speaker.jpg\n", "")

    assert run(["lock", "--check"]) == Exit.ERROR
    assert (sample / "catalog/elmify.lock").read_text("utf-8") == before
    capsys.readouterr()
    assert run(["lock"]) == Exit.OK

    *changed, total = capsys.readouterr().out.splitlines()
    assert changed == [
        "  ~ Studio Voice/Introduction to Tafsir/01 - What Tafsir Is.m4a",
        "  - Studio Voice/speaker.jpg",
    ]
    assert re.findall(r"\d+", total) == ["0", "1", "1", "20"]
    assert run(["validate"]) == Exit.OK


def test_a_second_lock_reads_nothing(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = time.time() - 60
    for path in (sample / "catalog/media").rglob("*.*"):
        os.utime(path, (then, then))
    run(["lock"])
    assert "21" in capsys.readouterr().err

    run(["lock"])

    assert capsys.readouterr().err == ""


def test_lock_sorts_what_a_merge_left_unsorted(sample: Path) -> None:
    path = sample / "catalog/elmify.lock"
    before = path.read_text("utf-8")
    header, *lines = before.splitlines(keepends=True)
    path.write_text("".join([header, *reversed(lines)]), "utf-8")
    assert run(["validate"]) == Exit.ERROR

    assert run(["lock", "--check"]) == Exit.ERROR
    assert run(["lock"]) == Exit.OK

    assert path.read_text("utf-8") == before


def test_lock_refuses_a_merge_conflict(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sample / "catalog/elmify.lock"
    path.write_text(path.read_text("utf-8") + "<<<<<<< ours\n", "utf-8")

    assert run(["lock"]) == Exit.ERROR
    assert "EL325" in capsys.readouterr().err


def test_lock_refuses_a_catalog_it_cannot_read_whole(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (sample / "catalog/elmify.lock").read_text("utf-8")
    edit(sample / "catalog/studio-voice/speaker.yaml", "name:", "nam:")

    assert run(["lock"]) == Exit.ERROR

    assert "EL103" in capsys.readouterr().err
    assert (sample / "catalog/elmify.lock").read_text("utf-8") == before


def test_lock_writes_nothing_when_a_file_cannot_be_locked(sample: Path) -> None:
    before = (sample / "catalog/elmify.lock").read_text("utf-8")
    (sample / "catalog/media/Studio Voice/speaker.jpg").write_bytes(b"no image")

    assert run(["lock"]) == Exit.ERROR

    assert (sample / "catalog/elmify.lock").read_text("utf-8") == before


def test_the_first_lock_of_a_catalog_makes_the_file(sample: Path) -> None:
    path = sample / "catalog/elmify.lock"
    before = path.read_text("utf-8")
    path.unlink()

    assert run(["lock"]) == Exit.OK

    assert path.read_text("utf-8") == before


def test_fmt_writes_missing_ids_and_names_the_files(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sample / "catalog/the-reading-circle/seerah.yaml"
    before = path.read_text("utf-8")
    edit(path, "id: the-cave-of-hira\n    ", "")

    assert run(["fmt", "--check", "--diff"]) == Exit.ERROR
    assert "+  - id: the-cave-of-hira\n" in capsys.readouterr().out
    assert path.read_text("utf-8") != before
    assert run(["fmt"]) == Exit.OK

    assert capsys.readouterr().out == "catalog/the-reading-circle/seerah.yaml\n"
    assert path.read_text("utf-8") == before


def test_fmt_gives_new_collections_ids_that_differ(sample: Path) -> None:
    for name in ("a", "b"):
        (sample / f"catalog/studio-voice/{name}.yaml").write_text("title: Seerah\n")
    (sample / "catalog/the-reading-circle/c.yaml").write_text("title: Daily Duas\n")

    assert run(["fmt"]) == Exit.OK

    ids = [
        yaml.safe_load((sample / "catalog" / name).read_text())["collection"]
        for name in ("studio-voice/a.yaml", "studio-voice/b.yaml", "the-reading-circle/c.yaml")
    ]
    assert ids == ["seerah", "seerah-2", "daily-duas-2"]


def test_fmt_formats_the_others_when_one_file_is_broken(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample / "catalog/studio-voice/broken.yaml").write_text("title: [")
    path = sample / "catalog/studio-voice/speaker.yaml"
    before = path.read_text("utf-8")
    path.write_text(before.replace("premium: false", "premium:  false"), "utf-8")

    assert run(["fmt"]) == Exit.ERROR

    assert "catalog/studio-voice/broken.yaml" in capsys.readouterr().err
    assert path.read_text("utf-8") == before
    assert (sample / "catalog/studio-voice/broken.yaml").read_text() == "title: ["


def test_schema_prints_a_schema_that_the_sample_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == Exit.OK

    schema = json.loads(capsys.readouterr().out)
    for path in (SAMPLE / "catalog").rglob("*.yaml"):
        jsonschema.validate(yaml.safe_load(path.read_text("utf-8")), schema)


def test_init_makes_a_project_that_is_valid_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELMIFY_CACHE", "off")
    folder = tmp_path / "our-library"

    assert run(["init", str(folder)]) == Exit.OK
    out, err = capsys.readouterr()
    [written] = {line.split()[0] for line in out.splitlines()}
    assert f"{folder}/elmify.yaml\n" in out
    assert "elmify plan" in err
    for command in (["validate"], ["fmt", "--check"], ["lock", "--check"]):
        assert run(["-C", str(folder), *command]) == Exit.OK

    capsys.readouterr()
    assert run(["init", str(folder)]) == Exit.OK
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [path for _, path in words] == [f"{folder}/elmify.yaml", f"{folder}/catalog"]
    assert written not in {done for done, _ in words}


@pytest.mark.parametrize("command", ["validate", "plan"])
@pytest.mark.parametrize("known", [0, 1])
def test_after_a_manifest_alone_the_next_step_is_told_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    known: int,
) -> None:
    lectures = [
        {
            "title": f"Talk {n}",
            "lectureNumber": n,
            "filePath": f"Noor/Fiqh/{n:02} - Talk {n}.mp3",
            **({"fileSize": 7, "fileHash": "a" * 64} if n <= known else {}),
        }
        for n in range(1, 468)
    ]
    manifest = {"speakers": [{"name": "Noor", "collections": [{"title": "Fiqh", "lectures": lectures}]}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "elmify.yaml").write_text("environment: test\n")
    monkeypatch.chdir(tmp_path)

    assert run(["import", "manifest", "manifest.json", "--format", "json"]) == Exit.OK
    imported = json.loads(capsys.readouterr().out)
    assert len(imported["unlocked"]) == 467 - known
    assert imported["findings"] == []
    assert run(["import", "manifest", "manifest.json"]) == Exit.OK
    out, err = capsys.readouterr()
    assert (out + err).count("elmify import live") == 1
    assert run([command]) == Exit.ERROR
    err = capsys.readouterr().err
    assert err.count("EL301") == 1
    assert err.count("elmify lock") == 1
