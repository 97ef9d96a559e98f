from pathlib import Path

import pytest

from reconciler.loading import media_codes as codes
from reconciler.loading.hashing import StatCache
from reconciler.loading.media import MediaFolder, check_media
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Position
from tests.media_files import PNG, FailingDisk, wav

HERE = Position("catalog/a/b.yaml", 4, 7)


def line(path: str, size_bytes: int) -> MediaFile:
    return MediaFile(path=path, size_bytes=size_bytes, media_type="audio/wav", sha256="ab" * 32)


def found(
    root: Path, path: str, locked: MediaFile | None = None, cache: StatCache | None = None
) -> list[str]:
    files = {} if locked is None else {locked.path: locked}
    diagnostics = list(check_media(MediaFolder(root), {path: HERE}, files, cache))
    assert all(diagnostic.position == HERE for diagnostic in diagnostics)
    return [diagnostic.code for diagnostic in diagnostics]


def test_a_sound_file_that_is_locked_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav())

    assert found(tmp_path, "a.wav", line("a.wav", len(wav()))) == []


def test_a_file_neither_here_nor_locked_is_missing(tmp_path: Path) -> None:
    assert found(tmp_path, "a.wav") == [codes.MEDIA_MISSING]
    assert found(tmp_path / "no-root", "a.wav") == [codes.MEDIA_MISSING]


def test_a_locked_file_need_not_be_here(tmp_path: Path) -> None:
    assert found(tmp_path, "a.wav", line("a.wav", 7)) == []


def test_a_file_that_is_not_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav())

    assert found(tmp_path, "a.wav") == [codes.MEDIA_NOT_LOCKED]


def test_a_file_of_another_size_than_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav())

    assert found(tmp_path, "a.wav", line("a.wav", 7)) == [codes.MEDIA_CHANGED]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.wav", b"", codes.MEDIA_EMPTY),
        ("a.wav", b"noise", codes.MEDIA_UNREADABLE),
        ("a.wav", wav(0), codes.MEDIA_WITHOUT_DURATION),
        ("a.jpg", PNG, codes.MEDIA_TYPE_DISAGREES),
        ("a.gif", PNG, codes.MEDIA_TYPE_UNKNOWN),
    ],
)
def test_a_file_that_must_not_go_up_is_told(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(data)

    assert found(tmp_path, name, line(name, len(data))) == [code]


def test_a_link_out_of_the_root_and_a_folder_are_told(tmp_path: Path) -> None:
    (tmp_path / "media" / "folder.wav").mkdir(parents=True)
    (tmp_path / "secret.wav").write_bytes(wav())
    (tmp_path / "media" / "a.wav").symlink_to("../secret.wav")

    assert found(tmp_path / "media", "a.wav") == [codes.MEDIA_OUTSIDE]
    assert found(tmp_path / "media", "folder.wav") == [codes.MEDIA_UNREADABLE]


def test_a_file_the_cache_knows_is_not_opened(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"no audio")
    cache = StatCache()
    cache.put(line("a.wav", 8), target.stat(), hashed_at_ns=target.stat().st_mtime_ns + 10**10)

    assert found(tmp_path, "a.wav", line("a.wav", 8), cache) == []
    assert found(tmp_path, "a.wav", line("a.wav", 8)) == [codes.MEDIA_UNREADABLE]


def test_a_disk_that_fails_is_told_as_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav())

    (diagnostic,) = check_media(FailingDisk(tmp_path), {"a.wav": HERE}, {})

    assert diagnostic.code == codes.MEDIA_UNREADABLE
