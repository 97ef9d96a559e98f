import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.importing.live import Learning, Learnt
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import ObjectMissing
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import Meter, Upload
from reconciler.model.values import nfc
from tests.media_files import JPEG, wav
from tests.stand import Quiet
from tests.uploads import md5_of

NO_LIMITS = TransferLimits()


class Bench:
    """A bucket, the lines of what nobody hashed, and a cache of what was learnt."""

    def __init__(self, root: Path) -> None:
        self.bucket = DirectoryBucket(root / "bucket")
        self.cache = root / "state" / "objects.ndjson"
        self.lines: dict[str, MediaFile] = {}
        self.meters: list[tuple[int, int]] = []

    def put(self, key: str, content: bytes, *, part_bytes: int | None = None) -> None:
        upload = Upload(
            key=key, body=io.BytesIO(content), size_bytes=len(content), md5=md5_of(content),
            media_type="audio/wav", part_bytes=part_bytes,
        )  # fmt: skip
        stored = self.bucket.put(upload)
        media_type = "audio/wav" if key.endswith(".wav") else "image/jpeg"
        line = MediaFile(path=key, size_bytes=len(content), media_type=media_type, etag=stored.etag)
        self.lines[nfc(key)] = line

    @property
    def listed(self) -> dict[str, StoredObject]:
        return {nfc(stored.key): stored for stored in self.bucket.list()}

    def learn(self, limits: TransferLimits = NO_LIMITS) -> dict[str, MediaFile]:
        learning = Learning(
            objects=self.bucket,
            learnt=Learnt(self.cache),
            limits=limits,
            meter=self._meter,
        )
        return dict(learning(self.lines, self.listed))

    @contextmanager
    def _meter(self, files: int, size_bytes: int) -> Iterator[Meter]:
        self.meters.append((files, size_bytes))
        yield Quiet()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_stream_tells_the_hashes_and_what_the_audio_is(bench: Bench) -> None:
    content = wav(2)
    bench.put("a.wav", content)

    [line] = bench.learn().values()

    assert line.sha256 == hashlib.sha256(content).hexdigest()
    assert (line.md5, line.etag) == (md5_of(content), None)
    assert (line.duration_seconds, line.sample_rate) == (2.0, 8000)
    assert bench.meters == [(1, len(content))]


def test_an_object_in_parts_of_unknown_size_keeps_the_etag_it_is_known_by(bench: Bench) -> None:
    bench.put("a.wav", wav(2), part_bytes=10_000)

    [line] = bench.learn().values()

    assert line.etag is not None
    assert line.etag.endswith("-4")
    assert line.sha256 is not None


def test_an_object_in_parts_of_our_own_size_is_known_by_its_parts(bench: Bench) -> None:
    bench.put("a.wav", wav(2), part_bytes=10_000)

    [line] = bench.learn(TransferLimits(single_put_bytes=20_000, part_bytes=10_000)).values()

    assert line.etag is None
    assert (line.part_bytes, line.parts_etag) == (10_000, bench.listed["a.wav"].etag)


def test_bytes_that_are_not_what_their_name_promises_still_have_a_hash(bench: Bench) -> None:
    bench.put("a.wav", JPEG)

    [line] = bench.learn().values()

    assert line.sha256 == hashlib.sha256(JPEG).hexdigest()
    assert line.duration_seconds is None


def test_what_was_learnt_is_not_read_again(bench: Bench) -> None:
    bench.put("é.wav", wav(1))
    bench.put("b.jpg", JPEG)
    first = bench.learn()
    for key in list(bench.listed):
        bench.bucket.delete(key)  # reading it would fail
    listed = {
        key: StoredObject(key, line.size_bytes, bench.lines[key].etag or "") for key, line in first.items()
    }

    learning = Learning(
        objects=bench.bucket, learnt=Learnt(bench.cache), limits=TransferLimits(), meter=bench._meter
    )

    assert learning(bench.lines, listed) == first
    assert bench.meters == [(2, sum(line.size_bytes for line in first.values()))]


def test_an_object_that_was_replaced_is_read_again(bench: Bench) -> None:
    bench.put("a.wav", wav(1))
    [before] = bench.learn().values()
    bench.bucket.delete("a.wav")
    bench.put("a.wav", wav(2))

    [after] = bench.learn().values()

    assert after.sha256 != before.sha256


def test_what_is_not_the_object_that_the_line_speaks_of_is_left_alone(bench: Bench) -> None:
    bench.put("a.wav", wav(1))
    bench.put("gone.wav", wav(1))
    bench.put("other.wav", wav(1))
    bench.bucket.delete("gone.wav")
    bench.lines["other.wav"] = MediaFile(
        path="other.wav", size_bytes=1, media_type="audio/wav", etag="another"
    )

    assert set(bench.learn()) == {"a.wav"}


def test_a_failure_keeps_what_was_learnt_until_then(bench: Bench) -> None:
    bench.put("a.wav", wav(1))
    bench.learn()
    bench.put("b.wav", wav(1))
    listed = bench.listed
    bench.bucket.delete("b.wav")
    learning = Learning(
        objects=bench.bucket, learnt=Learnt(bench.cache), limits=TransferLimits(), meter=bench._meter
    )

    with pytest.raises(ObjectMissing):
        learning(bench.lines, listed)

    assert Learnt(bench.cache).get("a.wav", listed["a.wav"]) is not None


@pytest.mark.parametrize("damage", ['{"etag": "x", "line', "[]", '{"etag": 1, "line": "x"}', "\udcff", "{}"])
def test_a_damaged_line_of_the_cache_is_passed_over(bench: Bench, damage: str) -> None:
    bench.put("a.wav", wav(1))
    bench.learn()
    good = bench.cache.read_text()
    bench.cache.write_bytes(damage.encode("utf-8", "surrogateescape") + b"\n" + good.encode())

    assert Learnt(bench.cache).get("a.wav", bench.listed["a.wav"]) is not None
    assert json.loads(good)["etag"] == bench.listed["a.wav"].etag
