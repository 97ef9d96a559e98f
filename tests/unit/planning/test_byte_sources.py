from dataclasses import replace

import pytest

from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.plan import PutOrigin
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.planning.byte_sources import Match, compare, origins_in
from reconciler.planning.world import REKEY, World
from tests.unit.planning.worlds import (
    catalog,
    change_at,
    declaring,
    key,
    lecture,
    live,
    md5,
    media,
    planned,
    put_in,
    sha256,
    stored,
    without_rows,
    world,
)

LINE = media("a.mp3", "the recording")


def staging(of: World, copy: StoredObject, under: str = LINE.sha256 or "") -> World:
    """Return the world with a copy staged under a hash."""
    return replace(of, snapshot=replace(of.snapshot, staged={under: copy}))


def sources(of: World, line: MediaFile = LINE) -> list[tuple[PutOrigin, str]]:
    return [(source.origin, source.stored.key) for source in origins_in(of).all(line)]


def test_bytes_that_no_bucket_holds_are_on_disk_alone() -> None:
    assert sources(world(objects=[stored("b.mp3", "another recording")])) == []


def test_a_staged_copy_comes_before_other_keys_and_those_by_name() -> None:
    names = [f"{letter}.mp3" for letter in "hgfedcba"]
    several = world(objects=[stored(name, "the recording") for name in names])

    assert sources(staging(several, stored("staged/x", "the recording"))) == [
        (PutOrigin.STAGED, "staged/x"),
        *((PutOrigin.COPY, name) for name in sorted(names)),
    ]


@pytest.mark.parametrize(
    "copy",
    [
        stored("staged/x", "the RECORDING"),
        stored("staged/x", "the recording", size=12),
        stored("staged/x", "the recording", etag="f" * 32 + "-2"),
    ],
    ids=["other bytes", "another size", "parts of unknown size"],
)
def test_the_hash_in_a_staged_name_is_no_proof(copy: StoredObject) -> None:
    assert sources(staging(world(), copy)) == []


def test_parts_that_the_lockfile_foretells_are_proof() -> None:
    etag = "f" * 32 + "-2"
    copy = stored("staged/x", "the recording", etag=etag)

    assert sources(staging(world(), copy), replace(LINE, parts_etag=etag)) == [(PutOrigin.STAGED, "staged/x")]


def test_parts_of_unknown_size_are_known_by_what_was_recorded_of_them() -> None:
    etag = "f" * 32 + "-2"
    objects = [stored("b.mp3", "the recording", etag=etag)]
    record = key("b.mp3", KeyState.RETIRED, "the recording", etag=etag)

    assert sources(world(objects=objects)) == []
    assert sources(world(objects=objects, keys=[record])) == [(PutOrigin.COPY, "b.mp3")]
    assert sources(world(objects=objects, keys=[replace(record, verified=False)])) == []


@pytest.mark.parametrize("state", [KeyState.CONDEMNED, KeyState.DELETED])
def test_what_gc_deletes_is_no_source(state: KeyState) -> None:
    record = key("b.mp3", state, "the recording")

    assert sources(world(objects=[stored("b.mp3", "the recording")], keys=[record])) == []


def test_a_record_of_bytes_that_are_gone_is_no_source() -> None:
    assert sources(world(keys=[key("b.mp3", KeyState.RETIRED, "the recording")])) == []


def test_a_line_of_unknown_hash_has_no_source() -> None:
    line = replace(LINE, sha256=None, md5=None, etag=md5("the recording"))

    assert sources(world(objects=[stored("b.mp3", "the recording")]), line) == []


def test_a_plan_says_of_each_put_where_its_bytes_can_be_had() -> None:
    declared = catalog(*(lecture(f"ali/quran/{name}") for name in ("one", "two", "three")))
    one, two = "ali/quran/one.mp3", "ali/quran/two.mp3"
    start = world(declared, objects=[stored("elsewhere.mp3", two)])

    plan = planned(staging(start, stored("staged/x", one), under=sha256(one)))

    origins = {name: put_in(plan, f"ali/quran/{name}") for name in ("one", "two", "three")}
    assert {name: (put.origin, put.copied_from) for name, put in origins.items()} == {
        "one": (PutOrigin.STAGED, None),
        "two": (PutOrigin.COPY, "elsewhere.mp3"),
        "three": (PutOrigin.DISK, None),
    }


def test_where_bytes_can_be_had_is_no_part_of_what_was_reviewed() -> None:
    declared = catalog(lecture("ali/quran/one"))
    content = "ali/quran/one.mp3"

    without = planned(world(declared))
    staged = planned(staging(world(declared), stored("staged/x", content), under=sha256(content)))

    assert put_in(staged, "ali/quran/one") != put_in(without, "ali/quran/one")
    assert staged.fingerprint == without.fingerprint


def test_a_rekey_copies_from_the_key_it_leaves() -> None:
    start = live(catalog(lecture("ali/quran/one", title="One")))
    renamed = declaring(start, lecture("ali/quran/one", title="Uno"))

    put = put_in(planned(renamed, options={REKEY}), "ali/quran/one")

    assert (put.origin, put.copied_from) == (PutOrigin.COPY, "Ali/Quran/One.mp3")
    assert change_at(planned(renamed, options={REKEY}), "ali/quran/one").retired == ("Ali/Quran/One.mp3",)


def test_only_what_is_put_is_told_of() -> None:
    start = live(catalog(lecture("ali/quran/one")))

    assert [change.puts for change in planned(without_rows(start)).changes] == []


@pytest.mark.parametrize(
    ("name", "recorded", "match"),
    [
        ("a~0123abcd.mp3", "of the copy", Match.UNVERIFIED),
        ("a~0123abcd.mp3", "of what stood there before", Match.OTHER),
        ("a~99999999.mp3", "of the copy", Match.OTHER),
        ("a.mp3", "of the copy", Match.OTHER),
    ],
)
def test_a_copy_of_an_object_in_parts_is_known_by_its_key_and_its_record(
    name: str, recorded: str, match: Match
) -> None:
    line = replace(LINE, sha256=None, md5=None, etag="0123abcd4567-5")
    record = KeyRecord(
        key=name, state=KeyState.LIVE, size_bytes=line.size_bytes, etag=recorded, verified=False
    )

    assert compare(StoredObject(name, line.size_bytes, "of the copy"), line, record) is match
