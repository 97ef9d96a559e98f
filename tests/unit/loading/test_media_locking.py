import errno
import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.loading import locking
from reconciler.loading import media_codes as codes
from reconciler.loading.hashing import BUFFER_BYTES, Digests, StatCache, digest_file
from reconciler.loading.locking import Locked, lock, survey
from reconciler.loading.media import MediaFolder
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Position
from reconciler.model.policy import TransferLimits
from tests.media_files import PNG, FailingDisk, wav

LIMITS = TransferLimits()
HERE = Position("catalog/a/b.yaml", 4, 7)


class Project:
    """A media folder, the paths that a catalog names, and what was locked and cached before."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "media"
        self.cache_file = folder / ".elmify" / "cache" / "media.json"
        self.previous: dict[str, MediaFile] = {}
        self.paths: list[str] = []
        self.root.mkdir()

    def add(self, path: str, data: bytes, *, age_seconds: float = 60) -> Path:
        """Write a file that the catalog names, last changed that long ago."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        then = time.time() - age_seconds
        os.utime(target, (then, then))
        if path not in self.paths:
            self.paths.append(path)
        return target

    def lock(self, **options: Any) -> Locked:
        """Lock, and remember the outcome as the next previous one."""
        cache = StatCache.read(self.cache_file)
        limits = options.pop("limits", LIMITS)
        references = dict.fromkeys(self.paths, HERE)
        found = survey(MediaFolder(self.root), references, self.previous, cache, limits, **options)
        locked = lock(found)
        cache.write(self.cache_file)
        self.previous = dict(locked.files)
        return locked


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_new_file_gets_a_line_with_all_its_facts(project: Project) -> None:
    data = wav(1.5)
    project.add("A/one.wav", data)

    locked = project.lock()

    assert locked.files == {
        "A/one.wav": MediaFile(
            path="A/one.wav",
            size_bytes=len(data),
            media_type="audio/wav",
            sha256=hashlib.sha256(data).hexdigest(),
            md5=hashlib.md5(data).hexdigest(),
            duration_seconds=1.5,
            bitrate=128000,
            sample_rate=8000,
        )
    }
    assert (locked.added, locked.changed, locked.removed) == (("A/one.wav",), (), ())
    assert (locked.hashed, locked.hashed_bytes, locked.differs) == (1, len(data), True)


def test_a_file_that_was_not_touched_is_not_read_again(project: Project) -> None:
    project.add("a.wav", wav())
    first = project.lock()

    second = project.lock()

    assert (second.hashed, second.differs) == (0, False)
    assert second.files == first.files


def test_size_or_time_make_a_file_be_read_again(project: Project) -> None:
    project.add("a.wav", wav())
    project.lock()
    project.add("a.wav", wav(), age_seconds=30)

    touched = project.lock()
    assert (touched.hashed, touched.differs) == (1, False)

    project.add("a.wav", wav(2), age_seconds=30)
    grown = project.lock()
    assert grown.changed == ("a.wav",)


def test_a_rehash_reads_what_size_and_time_hide(project: Project) -> None:
    target = project.add("a.wav", wav())
    project.lock()
    status = target.stat()
    target.write_bytes(wav()[:-1] + b"\1")
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert not project.lock().differs
    assert project.lock(rehash=True).changed == ("a.wav",)


def test_a_file_written_a_moment_ago_is_read_again_next_time(project: Project) -> None:
    project.add("a.wav", wav(), age_seconds=0)
    project.lock()

    assert project.lock().hashed == 1


def test_a_damaged_cache_costs_a_reading_and_nothing_else(project: Project) -> None:
    project.add("a.wav", wav())
    first = project.lock()
    for damage in ("", "[]", "{", '{"format": 1, "files": [[1]]}', '{"format": 1, "files": [[1,2,3,"x"]]}'):
        project.cache_file.write_text(damage)

        again = project.lock()

        assert (again.files, again.hashed) == (first.files, 1)


def test_a_path_that_the_catalog_no_longer_names_leaves(project: Project) -> None:
    project.add("a.wav", wav())
    project.add("b.wav", wav())
    project.lock()
    project.paths.remove("a.wav")

    locked = project.lock()

    assert locked.removed == ("a.wav",)
    assert locked.files.keys() == {"b.wav"}


def test_a_line_stays_while_its_file_is_not_on_this_machine(project: Project) -> None:
    project.add("a.wav", wav())
    first = project.lock()
    (project.root / "a.wav").unlink()

    locked = project.lock()

    assert locked.files == first.files
    assert locked.absent == ("a.wav",)
    assert not locked.diagnostics


def test_a_line_that_stays_takes_the_spelling_of_the_catalog_too(project: Project) -> None:
    project.add("é.wav", wav()).unlink()
    project.previous = {
        "é.wav": MediaFile(path="e\u0301.wav", size_bytes=5, media_type="audio/wav", sha256=None, etag="e")
    }

    assert [file.path for file in project.lock().files.values()] == ["é.wav"]


def test_content_that_was_unknown_is_hashed_once_it_is_there(project: Project) -> None:
    project.previous = {"a.wav": MediaFile(path="a.wav", size_bytes=5, media_type="audio/wav", etag="e-1")}
    project.add("a.wav", wav())

    locked = project.lock()

    assert locked.changed == ("a.wav",)
    assert locked.files["a.wav"].sha256


def test_a_line_takes_the_spelling_of_the_catalog(project: Project) -> None:
    project.add("é.wav", wav())
    project.lock()
    project.paths = ["e\u0301.wav"]

    locked = project.lock()

    assert [file.path for file in locked.files.values()] == ["e\u0301.wav"]
    assert (locked.added, locked.removed) == ((), ())


def test_two_spellings_of_one_path_get_one_line(project: Project) -> None:
    project.add("é.wav", wav())
    project.paths.append("e\u0301.wav")

    assert len(project.lock().files) == 1


def test_a_large_file_also_gets_the_etag_of_its_parts(project: Project) -> None:
    data = wav(4)
    project.add("a.wav", data)
    limits = replace(LIMITS, single_put_bytes=1000, part_bytes=30000)

    locked = project.lock(limits=limits)

    first, second, third = (hashlib.md5(data[at : at + 30000]).digest() for at in (0, 30000, 60000))
    whole = hashlib.md5(first + second + third).hexdigest()
    assert locked.files["a.wav"].parts_etag == f"{whole}-3"
    assert locked.files["a.wav"].part_bytes == 30000


def test_another_part_size_has_the_file_read_again(project: Project) -> None:
    project.add("a.wav", wav(4))
    project.lock(limits=replace(LIMITS, single_put_bytes=1000, part_bytes=30000))

    locked = project.lock(limits=replace(LIMITS, single_put_bytes=1000, part_bytes=40000))

    assert locked.changed == ("a.wav",)
    assert locked.files["a.wav"].part_bytes == 40000


def test_every_file_that_cannot_be_locked_is_named_with_its_place(project: Project) -> None:
    project.add("good.wav", wav())
    project.add("empty.wav", b"")
    project.add("wrong.mp3", wav())
    project.add("torn.png", b"nothing of the sort")
    project.add("gif.gif", b"GIF89a")
    project.paths += ["missing.mp3", "../outside.mp3"]
    (project.root / "folder.mp3").mkdir()
    project.paths.append("folder.mp3")

    locked = project.lock()

    assert locked.files.keys() == {"good.wav"}
    assert {diagnostic.position for diagnostic in locked.diagnostics} == {HERE}
    assert sorted(diagnostic.code for diagnostic in locked.diagnostics) == sorted(
        [
            codes.MEDIA_EMPTY,
            codes.MEDIA_TYPE_DISAGREES,
            codes.MEDIA_UNREADABLE,
            codes.MEDIA_TYPE_UNKNOWN,
            codes.MEDIA_MISSING,
            codes.MEDIA_OUTSIDE,
            codes.MEDIA_UNREADABLE,
        ]
    )


def test_a_file_that_grows_while_it_is_read_is_refused(project: Project) -> None:
    target = project.add("a.wav", wav(100))
    found = survey(MediaFolder(project.root), {"a.wav": HERE}, {}, StatCache(), LIMITS)

    def grow(_count: int) -> None:
        with target.open("ab") as handle:
            handle.write(b"more")

    (diagnostic,) = lock(found, on_bytes=grow).diagnostics

    assert diagnostic.code == codes.MEDIA_UNSTABLE


def test_a_file_that_vanishes_before_it_is_read_is_refused(project: Project) -> None:
    target = project.add("a.wav", wav())
    found = survey(MediaFolder(project.root), {"a.wav": HERE}, {}, StatCache(), LIMITS)
    target.unlink()

    assert [diagnostic.code for diagnostic in lock(found).diagnostics] == [codes.MEDIA_UNSTABLE]


def test_the_survey_knows_what_there_is_to_read_and_progress_adds_up_to_it(project: Project) -> None:
    for number in range(5):
        project.add(f"{number}.wav", wav(number + 1))
    found = survey(MediaFolder(project.root), dict.fromkeys(project.paths, HERE), {}, StatCache(), LIMITS)
    counts: list[int] = []
    names: list[str] = []

    lock(found, on_bytes=counts.append, on_file=names.append)

    assert sum(counts) == found.pending_bytes
    assert sorted(names) == sorted(project.paths)


def test_one_file_larger_than_a_share_is_split_and_comes_out_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "SPLIT_FROM_BYTES", 1000)
    monkeypatch.setattr(locking, "processors", lambda: 4)
    project.add("a.wav", wav(10))
    asked_to_split: list[object] = []

    def noted(*arguments: Any, **options: Any) -> Digests:
        asked_to_split.append(options["split"])
        return digest_file(*arguments, **options)

    monkeypatch.setattr(locking, "digest_file", noted)
    found = survey(MediaFolder(project.root), {"a.wav": HERE}, {}, StatCache(), LIMITS)

    locked = lock(found)

    assert asked_to_split == [True]
    assert locked.files["a.wav"].sha256 == hashlib.sha256(wav(10)).hexdigest()


@pytest.mark.parametrize("failure", [RuntimeError("no terminal"), BrokenPipeError("no terminal")])
def test_a_failure_in_the_progress_report_stops_the_reading_of_the_others(
    project: Project, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(locking, "processors", lambda: 2)
    buffers = 2 * 800
    for name in ("a.wav", "b.wav"):
        os.truncate(project.add(name, wav()), buffers // 2 * BUFFER_BYTES)
    found = survey(MediaFolder(project.root), dict.fromkeys(project.paths, HERE), {}, StatCache(), LIMITS)
    calls: list[int] = []

    def fail_first(count: int) -> None:
        calls.append(count)
        if len(calls) == 1:
            raise failure

    with pytest.raises(type(failure), match="no terminal"):
        lock(found, on_bytes=fail_first)

    assert len(calls) < buffers // 2


def test_a_disk_that_fails_is_told_as_a_file_that_cannot_be_read(project: Project) -> None:
    project.add("a.wav", wav())
    found = survey(FailingDisk(project.root), {"a.wav": HERE}, {}, StatCache(), LIMITS)

    (diagnostic,) = lock(found).diagnostics

    assert diagnostic.code == codes.MEDIA_UNREADABLE
    assert os.strerror(errno.EIO) in diagnostic.detail


def test_images_are_locked_without_audio_facts(project: Project) -> None:
    project.add("a.png", PNG)

    file = project.lock().files["a.png"]

    assert (file.media_type, file.duration_seconds, file.bitrate, file.sample_rate) == (
        "image/png",
        None,
        None,
        None,
    )
