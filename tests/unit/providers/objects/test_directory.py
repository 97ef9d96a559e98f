"""What is the directory bucket's own: its files, and processes that share it or die in it."""

import os
import signal
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from providers.objects.directory_files import Files
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied, ObjectChanged, ObjectExists, ProviderError
from reconciler.model.ports import Copy
from tests.rights import as_bound_by_rights
from tests.uploads import md5_of, upload

ROOT = Path(__file__).resolve().parents[4]

#: Puts a mebibyte under `a`, and says at which byte it stands, waiting each time to be told to go on.
PUTTER = """
import sys
from pathlib import Path
from providers.objects.directory import DirectoryBucket
from tests.uploads import upload

def on_bytes(count):
    print(count, flush=True)
    sys.stdin.readline()

DirectoryBucket(Path(sys.argv[1])).put(upload("a", bytes(4 * 1024**2), on_bytes=on_bytes))
print("done", flush=True)
"""

#: Puts its own number under each of the same keys, and says which puts were the first.
CONTENDER = """
import sys
from pathlib import Path
from providers.objects.directory import DirectoryBucket
from reconciler.model.errors import ObjectExists
from tests.uploads import upload

bucket = DirectoryBucket(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(40):
    try:
        bucket.put(upload(str(number), sys.argv[2].encode()))
    except ObjectExists:
        continue
    print(number)
"""

#: Puts, replaces or deletes a key, and is killed by the kernel right before the step it is told.
KILLED = """
import os, signal, sys
from pathlib import Path
from providers.objects.directory import DirectoryBucket, Files, Index
from reconciler.model.ports import Copy
from tests.uploads import md5_of, upload

_, root, step, act, key = sys.argv
owner, _, name = step.partition(".")
setattr({"Files": Files, "Index": Index}[owner], name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
bucket = DirectoryBucket(Path(root))
match act:
    case "put":
        bucket.put(upload(key, b"first"))
    case "replace":
        said = {"media_type": "audio/mpeg", "metadata": {"sha256": "new"}, "replaces": md5_of(b"first")}
        bucket.copy(Copy(source="from", key=key, size_bytes=5, **said))
    case "delete":
        bucket.delete(key)
"""


@pytest.fixture
def bucket(tmp_path: Path) -> DirectoryBucket:
    return DirectoryBucket(tmp_path / "bucket")


def start(script: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_listing_makes_no_directory(bucket: DirectoryBucket, tmp_path: Path) -> None:
    assert list(bucket.list()) == []
    assert bucket.head("a") is None
    bucket.delete("a")

    assert list(tmp_path.iterdir()) == []


def test_a_person_finds_the_file_under_its_key(bucket: DirectoryBucket, tmp_path: Path) -> None:
    bucket.put(upload("Speaker/01 - الفاتحة.mp3", b"sound"))

    assert (tmp_path / "bucket/objects/Speaker/01 - الفاتحة.mp3").read_bytes() == b"sound"


def test_a_file_that_a_person_brought_is_an_object(bucket: DirectoryBucket, tmp_path: Path) -> None:
    bucket.put(upload("Speaker/1.mp3"))
    (tmp_path / "bucket/objects/Speaker/2.mp3").write_bytes(b"brought")

    assert list(bucket.list("Speaker/2")) == [StoredObject("Speaker/2.mp3", 7, md5_of(b"brought"))]
    facts = bucket.head("Speaker/2.mp3")
    assert facts is not None
    assert (facts.media_type, facts.metadata) == ("audio/mpeg", {})
    assert bucket.read("Speaker/2.mp3") == b"brought"
    with pytest.raises(ObjectExists):
        bucket.put(upload("Speaker/2.mp3"))
    bucket.delete("Speaker/2.mp3")
    assert bucket.head("Speaker/2.mp3") is None


def test_a_file_that_a_person_brought_is_found_in_either_spelling(
    bucket: DirectoryBucket, tmp_path: Path
) -> None:
    composed, decomposed = (unicodedata.normalize(form, "ü.mp3") for form in ("NFC", "NFD"))
    (tmp_path / "bucket/objects").mkdir(parents=True)
    (tmp_path / "bucket/objects" / decomposed).write_bytes(b"brought")

    assert bucket.read(composed) == b"brought"
    with pytest.raises(ObjectExists):
        bucket.put(upload(composed))


def test_a_file_that_a_person_changed_shows_its_new_bytes_and_lost_its_metadata(
    bucket: DirectoryBucket, tmp_path: Path
) -> None:
    bucket.put(upload("a", b"first", metadata={"sha256": "ab"}))

    (tmp_path / "bucket/objects/a").write_bytes(b"other")

    assert list(bucket.list()) == [StoredObject("a", 5, md5_of(b"other"))]
    facts = bucket.head("a")
    assert facts is not None
    assert (facts.etag, facts.metadata) == (md5_of(b"other"), {})


def test_a_file_that_was_only_touched_is_the_same_object(bucket: DirectoryBucket, tmp_path: Path) -> None:
    stored = bucket.put(upload("a", bytes(1_000), part_bytes=300, metadata={"sha256": "ab"}))

    os.utime(tmp_path / "bucket/objects/a", (1, 1))

    assert list(bucket.list()) == [stored]
    facts = bucket.head("a")
    assert facts is not None
    assert (facts.etag, facts.metadata) == (stored.etag, {"sha256": "ab"})


def test_a_file_that_a_person_removed_is_no_object(bucket: DirectoryBucket, tmp_path: Path) -> None:
    bucket.put(upload("a"))

    (tmp_path / "bucket/objects/a").unlink()

    assert list(bucket.list()) == []
    assert bucket.head("a") is None
    assert bucket.put(upload("a", b"again")).etag == md5_of(b"again")


def test_folders_go_with_their_last_file(bucket: DirectoryBucket, tmp_path: Path) -> None:
    bucket.put(upload("a/b/1"))
    bucket.put(upload("a/2"))

    bucket.delete("a/b/1")
    assert [path.name for path in (tmp_path / "bucket/objects/a").iterdir()] == ["2"]
    bucket.delete("a/2")

    assert list((tmp_path / "bucket/objects").iterdir()) == []


def test_a_link_out_of_the_bucket_is_no_object(bucket: DirectoryBucket, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    bucket.put(upload("a"))
    (tmp_path / "bucket/objects/link").symlink_to(tmp_path / "secret")
    (tmp_path / "bucket/objects/folder").symlink_to(tmp_path)

    assert [stored.key for stored in bucket.list()] == ["a"]
    assert bucket.head("link") is None


def test_a_name_that_a_file_system_takes_for_another_is_kept_apart(
    bucket: DirectoryBucket, tmp_path: Path
) -> None:
    (tmp_path / "bucket/objects/taken").mkdir(parents=True)

    bucket.put(upload("taken", b"beside a folder"))

    assert bucket.read("taken") == b"beside a folder"
    assert (tmp_path / "bucket/objects/taken").is_dir()


def test_a_put_that_fails_leaves_no_file(bucket: DirectoryBucket, tmp_path: Path) -> None:
    bucket.put(upload("a"))
    with pytest.raises(ObjectExists):
        bucket.put(upload("a"))

    assert list((tmp_path / "bucket/incoming").iterdir()) == []


@pytest.mark.parametrize("chunks", range(1, 5))
def test_a_process_killed_in_a_put_leaves_nothing_under_the_key(
    bucket: DirectoryBucket, tmp_path: Path, chunks: int
) -> None:
    with start(PUTTER, str(tmp_path / "bucket")) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(chunks):
            assert process.stdout.readline().strip() == str(1024**2)
            if number < chunks - 1:
                process.stdin.write("\n")
                process.stdin.flush()
        process.kill()

    assert bucket.head("a") is None
    assert list(bucket.list()) == []
    assert bucket.put(upload("a", b"again")).etag == md5_of(b"again")


def killed_before(step: str, act: str, root: Path, key: str) -> None:
    """Let a process do that to the key, and be killed right before it would take that step."""
    with start(KILLED, str(root), step, act, key) as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", ["Index.save", "Files.place"])
def test_a_put_killed_before_its_last_steps_is_absent_and_can_be_done_again(
    bucket: DirectoryBucket, tmp_path: Path, step: str
) -> None:
    killed_before(step, "put", tmp_path / "bucket", "a/b")

    assert bucket.head("a/b") is None
    assert list(bucket.list()) == []
    assert bucket.put(upload("a/b", b"second", metadata={"sha256": "ab"})).etag == md5_of(b"second")
    facts = bucket.head("a/b")
    assert facts is not None
    assert facts.metadata == {"sha256": "ab"}


@pytest.mark.parametrize(
    ("step", "content", "said"),
    [
        ("Index.prepare", b"first", "old"),
        ("Files.place", b"first", "old"),
        ("Index.save", b"other", "new"),
    ],
)
@pytest.mark.parametrize("key", ["a/b", "a//b"])
def test_a_replacement_killed_between_its_steps_is_the_old_object_or_the_new_one(
    bucket: DirectoryBucket, tmp_path: Path, step: str, content: bytes, said: str, key: str
) -> None:
    bucket.put(upload("from", b"other"))
    bucket.put(upload(key, b"first", metadata={"sha256": "old"}))

    killed_before(step, "replace", tmp_path / "bucket", key)

    facts = bucket.head(key)
    assert facts is not None
    assert (bucket.read(key), facts.etag, facts.metadata) == (content, md5_of(content), {"sha256": said})
    assert StoredObject(key, 5, md5_of(content)) in bucket.list()
    bucket.copy(replacing(key, facts.etag))
    assert bucket.read(key) == b"other"
    bucket.delete(key)
    assert bucket.head(key) is None


def replacing(key: str, etag: str) -> Copy:
    return Copy(source="from", key=key, size_bytes=5, media_type="audio/mpeg", replaces=etag)


def test_who_reads_an_object_that_is_replaced_hears_it_to_its_end(bucket: DirectoryBucket) -> None:
    old, new = b"old " * 1024**2, b"other"
    bucket.put(upload("from", new))
    etag = bucket.put(upload("a", old)).etag

    with bucket.stream("a") as blocks:
        heard = [next(blocks)]
        bucket.copy(replacing("a", etag))
        heard.extend(blocks)

    assert b"".join(heard) == old
    assert bucket.read("a") == new


def test_a_file_that_a_person_brought_is_replaced_like_any_other(
    bucket: DirectoryBucket, tmp_path: Path
) -> None:
    bucket.put(upload("from", b"other"))
    (tmp_path / "bucket/objects/a").write_bytes(b"brought")

    bucket.copy(replacing("a", md5_of(b"brought")))

    assert bucket.read("a") == b"other"
    assert [stored.key for stored in bucket.list()] == ["a", "from"]


def test_objects_of_one_size_and_one_tick_of_the_clock_are_told_apart(
    bucket: DirectoryBucket, tmp_path: Path
) -> None:
    """Whatever the clock says, the file that replaces has a time of its own."""
    bucket.put(upload("from", b"other"))
    etag = bucket.put(upload("a", b"first")).etag
    files = Files(tmp_path / "bucket")
    stamp = files.stamp("objects/a")
    assert stamp is not None

    files.distinguish("objects/a", stamp)
    changed = files.stamp("objects/a")
    files.distinguish("objects/a", stamp)

    assert changed != stamp
    assert files.stamp("objects/a") == changed
    assert bucket.copy(replacing("a", etag)).etag == md5_of(b"other")


def test_of_copies_at_once_that_replace_an_object_one_does(bucket: DirectoryBucket, tmp_path: Path) -> None:
    others = [DirectoryBucket(tmp_path / "bucket") for _ in range(8)]
    bucket.put(upload("from", b"other"))
    etag = bucket.put(upload("a", b"first")).etag

    def attempt(store: DirectoryBucket) -> bool:
        try:
            store.copy(replacing("a", etag))
        except ObjectChanged:
            return False
        return True

    with ThreadPoolExecutor(len(others)) as threads:
        assert sum(threads.map(attempt, others)) == 1


def test_a_delete_killed_half_way_has_deleted(bucket: DirectoryBucket, tmp_path: Path) -> None:
    bucket.put(upload("a//b"))
    killed_before("Index.drop", "delete", tmp_path / "bucket", "a//b")

    assert bucket.head("a//b") is None
    assert list(bucket.list()) == []
    bucket.delete("a//b")
    bucket.put(upload("a//b", b"again"))
    assert bucket.read("a//b") == b"again"


def test_what_killed_processes_left_is_swept_after_a_day(bucket: DirectoryBucket, tmp_path: Path) -> None:
    incoming = tmp_path / "bucket/incoming"
    incoming.mkdir(parents=True)
    (incoming / "old").write_bytes(b"left")
    (incoming / "new").write_bytes(b"under way")
    os.utime(incoming / "old", (1, 1))

    bucket.put(upload("a"))

    assert [path.name for path in incoming.iterdir()] == ["new"]


def test_between_processes_too_each_key_is_put_once(bucket: DirectoryBucket, tmp_path: Path) -> None:
    processes = [start(CONTENDER, str(tmp_path / "bucket"), f"process {number}") for number in range(3)]

    with ThreadPoolExecutor(len(processes)) as threads:
        outputs = list(threads.map(lambda process: process.communicate("\n", timeout=60)[0], processes))

    won = {int(key): f"process {number}" for number, out in enumerate(outputs) for key in out.split()}
    assert sum(len(out.split()) for out in outputs) == len(won) == 40
    assert {int(stored.key): bucket.read(stored.key).decode() for stored in bucket.list()} == won


def test_a_place_that_is_no_directory_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ProviderError):
        DirectoryBucket(tmp_path / "file").put(upload("a"))


def test_a_missing_right_is_denied(bucket: DirectoryBucket, tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir(mode=0o500)

    with as_bound_by_rights(), pytest.raises(Denied):
        bucket.put(upload("a"))
