import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.loading import lockfile as module
from reconciler.loading import media_codes as codes
from reconciler.loading.lockfile import HEADER, format_line, parse_line, read_lockfile, write_lockfile
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Position

SHA = "ab" * 32
MD5 = "cd" * 16
LINE = f'"a.mp3": {{"size": 1, "type": "audio/mpeg", "sha256": "{SHA}", "md5": "{MD5}"}}'


def media(path: str = "a.mp3") -> MediaFile:
    return MediaFile(path=path, size_bytes=1, media_type="audio/mpeg", sha256=SHA, md5=MD5)


def found(tmp_path: Path, text: str | bytes) -> list[tuple[str, int]]:
    """Return the code and the line of every diagnostic that a lockfile yields."""
    path = tmp_path / "elmify.lock"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(diagnostic.code, diagnostic.position.line) for diagnostic in read_lockfile(path, tmp_path)[1]]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "elmify.lock"
    files = [
        replace(media("b.mp3"), duration_seconds=12.5, bitrate=64000, sample_rate=44100),
        replace(media("big.mp3"), size_bytes=10**9, part_bytes=16777216, parts_etag=f"{MD5}-60"),
        replace(media("live.mp3"), sha256=None, md5=None, etag=f"{MD5}-3"),
        media('سورة/it\'s "A" \\ ﷺ.mp3'),
    ]

    write_lockfile(path, files)

    assert read_lockfile(path, tmp_path) == ({file.path: file for file in files}, ())


def test_the_order_of_the_input_does_not_show(tmp_path: Path) -> None:
    files = [media(f"{number}.mp3") for number in range(30)]
    write_lockfile(tmp_path / "one", files)
    random.Random(1).shuffle(files)
    write_lockfile(tmp_path / "two", files)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_each_file_is_one_line_that_begins_with_its_path(tmp_path: Path) -> None:
    write_lockfile(tmp_path / "elmify.lock", [media("b.mp3"), media()])

    text = (tmp_path / "elmify.lock").read_text("utf-8")
    assert text == f"{HEADER}\n{LINE}\n{LINE.replace('a.mp3', 'b.mp3')}\n"


def test_content_that_was_never_hashed_says_so() -> None:
    line = format_line(replace(media(), sha256=None, md5=None, etag="e-2"))

    assert '"sha256": "unknown", "etag": "e-2"' in line


def test_a_duration_of_whole_seconds_is_written_as_any_other() -> None:
    assert '"duration": 12.0}' in format_line(replace(media(), duration_seconds=12))


def test_no_lockfile_and_an_empty_one_lock_nothing(tmp_path: Path) -> None:
    assert read_lockfile(tmp_path / "elmify.lock", tmp_path) == ({}, ())
    assert found(tmp_path, "") == []


def test_lines_are_found_by_nfc_and_keep_their_spelling(tmp_path: Path) -> None:
    write_lockfile(tmp_path / "elmify.lock", [media("cafe\u0301.mp3")])

    files, _ = read_lockfile(tmp_path / "elmify.lock", tmp_path)

    assert files["caf\u00e9.mp3"].path == "cafe\u0301.mp3"


def test_all_mistakes_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    other = LINE.replace('"size": 1', '"size": 2')
    text = "\n".join([HEADER, LINE.replace("a.mp3", "b.mp3"), LINE, other, "<<<<<<< HEAD", "rubbish", ""])

    assert found(tmp_path, text) == [
        (codes.LOCKFILE_UNSORTED, 3),
        (codes.LOCKFILE_DUPLICATE, 4),
        (codes.LOCKFILE_CONFLICT, 5),
        (codes.LOCKFILE_LINE, 6),
    ]


def test_a_repeated_line_with_equal_facts_is_only_a_matter_of_order(tmp_path: Path) -> None:
    assert found(tmp_path, f"{HEADER}\n{LINE}\n{LINE}\n") == [(codes.LOCKFILE_UNSORTED, 3)]


def test_two_spellings_of_one_path_are_a_duplicate(tmp_path: Path) -> None:
    lines = sorted(LINE.replace("a.mp3", name) for name in ("e\u0301.mp3", "\u00e9.mp3"))

    assert found(tmp_path, "\n".join([HEADER, *lines, ""])) == [(codes.LOCKFILE_DUPLICATE, 3)]


@pytest.mark.parametrize("marker", ["<<<<<<< ours", "=======", ">>>>>>> theirs", "||||||| base"])
def test_conflict_markers_are_named_for_what_they_are(tmp_path: Path, marker: str) -> None:
    assert found(tmp_path, f"{HEADER}\n{marker}\n{LINE}\n") == [(codes.LOCKFILE_CONFLICT, 2)]
    assert found(tmp_path, f"{marker}\n{HEADER}\n") == [(codes.LOCKFILE_CONFLICT, 1)]


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (f'"md5": "{MD5}"', '"md5": "abc"', ["'md5'", '"abc"']),
        (SHA, SHA.upper(), ["'sha256'"]),
        ('"size": 1', '"size": -1', ["'size'", "-1"]),
        ('"size": 1, ', "", ["'size'"]),
        ("audio/mpeg", "text/html", ["'text/html'"]),
        (SHA, "unknown", ["`etag`"]),
        ('"size": 1', '"size": 1, "colour": 2', ["'colour'"]),
        (f'"md5": "{MD5}"', f'"md5": "{MD5}", "part_size": 5', ["`part_size`"]),
        ('"size": 1, ', '"size":1,', []),
        ('"a.mp3": {', '"a.mp3": [', []),
        ('"a.mp3": ', '"b.mp3": {}, "a.mp3": ', []),
    ],
)
def test_a_malformed_line_names_what_is_wrong_with_it(
    tmp_path: Path, old: str, new: str, names: list[str]
) -> None:
    path = tmp_path / "elmify.lock"
    path.write_text(f"{HEADER}\n{LINE.replace(old, new)}\n", "utf-8")

    files, (diagnostic,) = read_lockfile(path, tmp_path)

    assert not files
    assert diagnostic.code == codes.LOCKFILE_LINE
    assert [name for name in names if name not in diagnostic.detail] == []
    assert diagnostic.position.file == "elmify.lock"
    assert diagnostic.position.line == 2


def test_a_json_mistake_is_pointed_at_by_its_column(tmp_path: Path) -> None:
    path = tmp_path / "elmify.lock"
    path.write_text(f'{HEADER}\n"a.mp3": {{"size": oops}}\n', "utf-8")

    assert read_lockfile(path, tmp_path)[1][0].position == Position("elmify.lock", 2, 19)


def test_another_format_is_refused_whole(tmp_path: Path) -> None:
    assert found(tmp_path, f"# elmify.lock, format 2: x\n{LINE}\n") == [(codes.LOCKFILE_FORMAT, 1)]
    assert found(tmp_path, f"{LINE}\n") == [(codes.LOCKFILE_FORMAT, 1)]


def test_bytes_that_are_no_text_are_a_mistake_of_their_line(tmp_path: Path) -> None:
    assert found(tmp_path, HEADER.encode() + b"\n\xff\xfe\n" + LINE.encode()) == [(codes.LOCKFILE_LINE, 2)]


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    text = f"{HEADER}\n{'x' * (module.LINE_MAX_BYTES + 10)}\nrubbish\n"

    assert found(tmp_path, text) == [(codes.LOCKFILE_LINE, 2)]


def test_reading_gives_up_after_enough_mistakes(tmp_path: Path) -> None:
    assert len(found(tmp_path, f"{HEADER}\n" + "rubbish\n" * 5000)) == module.DIAGNOSTICS_MAX


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_MAX_BYTES", 10)

    assert found(tmp_path, f"{HEADER}\nrubbish\n") == [(codes.LOCKFILE_TOO_LARGE, 1)]


def test_a_folder_in_its_place_is_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "elmify.lock").mkdir()

    assert read_lockfile(tmp_path / "elmify.lock", tmp_path)[1][0].code == codes.LOCKFILE_FORMAT


@pytest.mark.parametrize("path", ["a\nb.mp3", "a\0.mp3", ""])
def test_a_path_that_no_line_can_hold_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match=MD5):  # the whole line
        write_lockfile(tmp_path / "elmify.lock", [media(path)])

    assert not list(tmp_path.iterdir())


def test_writing_leaves_no_other_file_and_keeps_the_permissions(tmp_path: Path) -> None:
    path = tmp_path / "elmify.lock"
    path.write_text("old")
    path.chmod(0o640)

    write_lockfile(path, [media()])

    assert [entry.name for entry in tmp_path.iterdir()] == ["elmify.lock"]
    assert path.stat().st_mode & 0o777 == 0o640


_files = st.builds(
    MediaFile,
    path=st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\x7f"), min_size=1),
    size_bytes=st.integers(0, 10**12),
    media_type=st.sampled_from(["audio/mpeg", "image/png"]),
    sha256=st.just(SHA),
    md5=st.none() | st.just(MD5),
    duration_seconds=st.none() | st.integers(1, 10**8).map(lambda ms: ms / 1000),
    bitrate=st.none() | st.integers(0, 10**9),
    sample_rate=st.none() | st.integers(0, 10**6),
)


@settings(max_examples=300)
@given(_files)
def test_every_line_reads_back_as_what_it_was_made_of(file: MediaFile) -> None:
    line = format_line(file)

    assert parse_line(line) == file
    assert "\n" not in line
    assert json.loads("{" + line + "}").keys() == {file.path}
