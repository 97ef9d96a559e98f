import hashlib
import os
import unicodedata
from pathlib import Path

import pytest

from reconciler.loading import media as module
from reconciler.loading import media_codes as codes
from reconciler.loading.media import MediaFolder, MediaRefused
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import ObjectMissing, WrongBytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "media" / "A").mkdir(parents=True)
    (tmp_path / "media" / "A" / "one.mp3").write_bytes(b"inside")
    (tmp_path / "outside.mp3").write_bytes(b"secret")
    return tmp_path / "media"


def locked(path: str, data: bytes) -> MediaFile:
    sha256 = hashlib.sha256(data).hexdigest()
    return MediaFile(path=path, size_bytes=len(data), media_type="audio/mpeg", sha256=sha256)


def refusal(root: Path, path: str) -> str:
    with pytest.raises(MediaRefused) as refused:
        MediaFolder(root).open_path(path)
    return refused.value.diagnosis


def test_the_handle_stands_at_the_start_of_the_locked_bytes(root: Path) -> None:
    with MediaFolder(root).open(locked("A/one.mp3", b"inside")) as handle:
        assert handle.read() == b"inside"


@pytest.mark.parametrize("data", [b"inside!", b"INSIDE"])
def test_a_file_that_changed_since_it_was_locked_is_refused(root: Path, data: bytes) -> None:
    with pytest.raises(WrongBytes) as refused:
        MediaFolder(root).open(locked("A/one.mp3", data))

    assert "elmify lock" in refused.value.hint


def test_a_file_that_is_replaced_after_it_was_opened_does_not_change_the_handle(root: Path) -> None:
    with MediaFolder(root).open(locked("A/one.mp3", b"inside")) as handle:
        (root / "new").write_bytes(b"other!")
        (root / "new").replace(root / "A" / "one.mp3")

        assert handle.read() == b"inside"


def test_content_whose_bytes_are_unknown_cannot_be_opened(root: Path) -> None:
    with pytest.raises(WrongBytes):
        MediaFolder(root).open(MediaFile(path="A/one.mp3", size_bytes=6, media_type="audio/mpeg", etag="e"))


def test_an_absent_file_is_missing(root: Path) -> None:
    for path in ("A/two.mp3", "B/one.mp3", "A/one.mp3/x", "x" * 300):
        with pytest.raises(ObjectMissing):
            MediaFolder(root).open(locked(path, b""))


def test_an_absent_media_root_has_no_files(tmp_path: Path) -> None:
    assert MediaFolder(tmp_path / "nowhere").stat("a.mp3") is None


@pytest.mark.parametrize(
    "path", ["../outside.mp3", "A/../../outside.mp3", "/etc/passwd", "A//one.mp3", "./A", "", "a\0b"]
)
def test_a_path_that_is_not_plain_is_refused(root: Path, path: str) -> None:
    assert refusal(root, path) == codes.MEDIA_OUTSIDE


def test_a_link_that_leaves_the_root_is_refused(root: Path) -> None:
    (root / "link.mp3").symlink_to("../outside.mp3")
    (root / "folder").symlink_to("..")

    assert refusal(root, "link.mp3") == codes.MEDIA_OUTSIDE
    assert refusal(root, "folder/outside.mp3") == codes.MEDIA_OUTSIDE


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "B").symlink_to("A")
    (root / "link.mp3").symlink_to("B/one.mp3")

    for path in ("B/one.mp3", "link.mp3"):
        with MediaFolder(root).open_path(path) as handle:
            assert handle.read() == b"inside"


def test_a_media_root_that_is_a_link_itself_is_fine(root: Path) -> None:
    (root.parent / "elsewhere").symlink_to(root)

    with MediaFolder(root.parent / "elsewhere").open_path("A/one.mp3") as handle:
        assert handle.read() == b"inside"


def test_a_folder_swapped_for_a_link_after_the_check_is_not_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = MediaFolder(root)
    (root.parent / "one.mp3").write_bytes(b"secret")
    find = folder.find

    def find_then_swap(path: str) -> object:
        parts = find(path)
        (root / "A").rename(root / "A-was")
        (root / "A").symlink_to("..")
        return parts

    monkeypatch.setattr(folder, "find", find_then_swap)

    with pytest.raises(MediaRefused):
        folder.open_path("A/one.mp3")


def test_only_regular_files_are_opened(root: Path) -> None:
    os.mkfifo(root / "pipe.mp3")
    (root / "null.mp3").symlink_to("A")
    (root / "self").symlink_to(".")
    (root / "circle.mp3").symlink_to("circle.mp3")

    for path in ("pipe.mp3", "A", "null.mp3", "self", "circle.mp3"):
        assert refusal(root, path) == codes.MEDIA_UNREADABLE


@pytest.mark.parametrize(("on_disk", "asked"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_name_is_found_in_the_other_spelling(root: Path, on_disk: str, asked: str) -> None:
    def spelled(form: str) -> str:
        return unicodedata.normalize(form, "Café/é.mp3")  # type: ignore[arg-type]

    target = root / spelled(on_disk)
    target.parent.mkdir()
    target.write_bytes(b"accented")

    with MediaFolder(root).open(locked(spelled(asked), b"accented")) as handle:
        assert handle.read() == b"accented"


def test_the_exact_spelling_wins_where_both_are_there(root: Path) -> None:
    for form in ("NFC", "NFD"):
        (root / unicodedata.normalize(form, "é.mp3")).write_bytes(form.encode())

    with MediaFolder(root).open_path(unicodedata.normalize("NFD", "é.mp3")) as handle:
        assert handle.read() == b"NFD"


def test_refusing_a_file_leaves_no_descriptor_open(root: Path) -> None:
    folder = MediaFolder(root)
    unused = os.dup(0)
    os.close(unused)
    for _ in range(20):
        with pytest.raises(WrongBytes):
            folder.open(locked("A/one.mp3", b"other"))
        with pytest.raises(WrongBytes):
            folder.open_path("A")

    lowest = os.dup(0)
    os.close(lowest)
    assert lowest == unused


def test_every_refusal_has_an_entry_in_the_table_of_codes() -> None:
    for code, (summary, hint) in codes.MEDIA_CODES.items():
        refused = module.MediaRefused(code, "detail")
        assert (refused.message, refused.hint) == (summary, hint)
