"""Resources and keys: what is recorded comes back, in a fixed number of statements."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

import psycopg
import pytest

from reconciler.model.address import Address
from reconciler.model.errors import ElmifyError
from reconciler.model.history import AuditFact, StepRecord
from reconciler.model.kinds import Kind, Slot
from reconciler.model.ports import Records
from reconciler.model.recorded import KeyRecord, KeyState, Recorded, ResourceRecord
from reconciler.records import records_on
from tests.failures import failing, named_in
from tests.records import CI, begun_run, installed, key_record, reading, resource_record


def _load(url: str) -> Recorded:
    with reading(url) as connection:
        return records_on(connection).load()


def _key(url: str, key: str) -> KeyRecord:
    return _load(url).keys[key]


# Resources


def test_a_resource_comes_back_as_it_was_saved(database_url: str) -> None:
    run = begun_run(database_url)
    speaker = ResourceRecord(
        address=Address("speaker"),
        kind=Kind.SPEAKER,
        row=2**40,
        name="Name with ’ and ﷺ\tand a tab\nand \\N",
        parent_row=None,
        keys={Slot.SPEAKER_IMAGE: "S/speaker.jpg", Slot.SPEAKER_IMAGE_SMALL: 'S/"small".jpg'},
        applied='{"bio":null,"is_premium":true,"name":"\\u2028 ﷺ  "}',
        protect=True,
        unmanaged='{"visibility_type":"\\n ﷺ"}',
    )
    lecture = replace(resource_record(4), keys={})
    with installed(database_url) as records:
        records.save_resources([speaker, lecture], run)

    assert _load(database_url).resources == {speaker.address: speaker, lecture.address: lecture}


def test_a_resource_saved_again_is_replaced_in_every_field(database_url: str) -> None:
    run = begun_run(database_url)
    before = resource_record(4)
    after = ResourceRecord(
        address=before.address,
        kind=Kind.COLLECTION,
        row=5,
        name="Other",
        parent_row=8,
        keys={Slot.COLLECTION_COVER: "c.jpg"},
        applied="{}",
        protect=True,
    )
    with installed(database_url) as records:
        records.save_resources([before], run)
        records.save_resources([before, after], run)

    assert _load(database_url).resources == {after.address: after}


def test_dropped_resources_are_forgotten_and_unknown_ones_are_no_error(database_url: str) -> None:
    run = begun_run(database_url)
    with installed(database_url) as records:
        records.save_resources([resource_record(1), resource_record(2)], run)
        records.drop_resources(["speaker/collection/lecture-1", "never/was"])
        records.drop_resources([])

    assert list(_load(database_url).resources) == ["speaker/collection/lecture-2"]


# Keys


def test_a_key_comes_back_as_it_was_saved(database_url: str) -> None:
    run = begun_run(database_url)
    when = datetime(2025, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    full = replace(key_record(1, KeyState.RETIRED, run), changed_at=when)
    full = replace(full, address="speaker/collection/lecture")
    bare = KeyRecord(
        key="live/\tnever hashed.mp3", state=KeyState.LIVE, size_bytes=2**40, verified=False, changed_at=when
    )
    with installed(database_url) as records:
        records.save_keys([full, bare])

    assert _load(database_url).keys == {full.key: full, bare.key: bare}


@pytest.mark.parametrize("state", KeyState)
def test_every_state_of_a_key_can_be_recorded(database_url: str, state: KeyState) -> None:
    with installed(database_url) as records:
        records.save_keys([key_record(1, state)])

    assert [key.state for key in _load(database_url).keys.values()] == [state]


def test_spellings_that_are_equal_by_nfc_are_one_key_under_the_last_spelling(database_url: str) -> None:
    composed = "Khaléd/é.mp3"
    decomposed = unicodedata.normalize("NFD", composed)
    with installed(database_url) as records:
        records.save_keys([replace(key_record(1), key=decomposed), replace(key_record(2), key=composed)])
        records.save_keys([replace(key_record(3), key=decomposed)])

    keys = _load(database_url).keys

    assert {folded: (key.key, key.size_bytes) for folded, key in keys.items()} == {
        composed: (decomposed, 1_003)
    }


def test_a_key_saved_again_is_replaced_but_keeps_the_time_of_its_state(database_url: str) -> None:
    with installed(database_url) as records:
        records.save_keys([key_record(1)])
    before = _key(database_url, key_record(1).key)
    other = KeyRecord(
        key=before.key,
        state=before.state,
        size_bytes=5,
        sha256="a" * 64,
        etag="b",
        verified=not before.verified,
        address="another",
        run=begun_run(database_url),
        changed_at=datetime(1999, 1, 1, tzinfo=UTC),
    )
    with installed(database_url) as records:
        records.save_keys([other])

    assert _key(database_url, before.key) == replace(other, changed_at=before.changed_at)


def test_a_change_of_state_takes_the_time_of_the_database_whatever_the_caller_says(database_url: str) -> None:
    long_ago = datetime(1999, 1, 1, tzinfo=UTC)
    with installed(database_url) as records:
        records.save_keys([replace(key_record(1), changed_at=long_ago)])
        records.save_keys([replace(key_record(1, KeyState.RETIRED), changed_at=long_ago)])

    retired = _key(database_url, key_record(1).key)

    assert retired.changed_at is not None
    assert retired.changed_at > long_ago


#: For each state, what a save in each other state leaves: "refused", or the state afterwards.
_LIFE = {
    KeyState.INTENDED: {
        "live": "live",
        "retired": "retired",
        "condemned": "condemned",
        "released": "released",
    },
    KeyState.LIVE: {
        "intended": "live",
        "retired": "retired",
        "condemned": "condemned",
        "released": "released",
    },
    KeyState.RETIRED: {
        "intended": "retired",
        "live": "live",
        "condemned": "condemned",
        "released": "released",
    },
    KeyState.CONDEMNED: {"retired": "condemned", "deleted": "deleted", "released": "condemned"},
    KeyState.DELETED: {"intended": "intended", "live": "live", "retired": "retired", "released": "deleted"},
    KeyState.RELEASED: {"intended": "released", "live": "live", "retired": "retired"},
}


@pytest.mark.parametrize(
    ("first", "then", "after"),
    [
        (first, then, KeyState(_LIFE[first][then]))
        for first in KeyState
        for then in KeyState
        if then in _LIFE[first]
    ],
)
def test_a_key_goes_through_its_life(
    database_url: str, first: KeyState, then: KeyState, after: KeyState
) -> None:
    with installed(database_url) as records:
        records.save_keys([key_record(1, first)])
    before = _key(database_url, key_record(1).key)
    with installed(database_url) as records:
        records.save_keys([replace(key_record(1, then), etag=None, size_bytes=9)])

    now = _key(database_url, before.key)

    assert now.state is after
    assert (now == before) == (after is first)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (first, then)
        for first in KeyState
        for then in KeyState
        if then is not first and then not in _LIFE[first]
    ],
)
def test_a_key_never_goes_back(database_url: str, first: KeyState, then: KeyState) -> None:
    with installed(database_url) as records:
        records.save_keys([key_record(1, first)])

    with installed(database_url) as records, failing(ElmifyError, "key-given-up") as refusal:
        records.save_keys([key_record(2), key_record(1, then)])

    [detail] = refusal.value.details
    assert named_in(detail, key_record(1).key, first, then)
    assert [key.state for key in _load(database_url).keys.values()] == [first]


@pytest.mark.parametrize("named", [KeyState.LIVE, KeyState.INTENDED])
def test_no_row_may_name_a_key_that_gc_is_deleting(database_url: str, named: KeyState) -> None:
    with installed(database_url) as records:
        records.save_keys([key_record(1, KeyState.CONDEMNED)])
        with failing(ElmifyError, "key-given-up", key_record(1).key):
            records.save_keys([key_record(1, named)])


@pytest.mark.parametrize("text", ["a\0b", "a\udc80b"])
def test_a_name_that_cannot_be_held_is_refused_never_altered(database_url: str, text: str) -> None:
    run = begun_run(database_url)
    with installed(database_url) as records, failing(ElmifyError, "unstorable-name"):
        records.save_keys([replace(key_record(1), key=text)])
    with installed(database_url) as records, failing(ElmifyError, "unstorable-name"):
        records.save_resources([replace(resource_record(1), name=text)], run)

    assert (_load(database_url).keys, _load(database_url).resources) == ({}, {})


# Statements


class _Counting(psycopg.Cursor[Any]):
    """A cursor that notes each statement it sends."""

    statements: list[Any]

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Self:
        self.statements.append(query)
        return super().execute(query, *args, **kwargs)

    def stream(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self.statements.append(query)
        return super().stream(query, *args, **kwargs)

    @contextmanager
    def copy(self, statement: Any, *args: Any, **kwargs: Any) -> Iterator[psycopg.Copy]:
        self.statements.append(statement)
        with super().copy(statement, *args, **kwargs) as copy:
            yield copy


@contextmanager
def _counted(url: str) -> Iterator[tuple[Records, list[Any]]]:
    statements: list[Any] = []
    cursor = type("_Counted", (_Counting,), {"statements": statements})
    with psycopg.connect(url, prepare_threshold=None, cursor_factory=cursor) as connection:
        yield records_on(connection), statements


def _save(records: Records, run: int, size: int) -> None:
    records.save_keys(key_record(number) for number in range(size))
    records.save_resources((resource_record(number) for number in range(size)), run)
    records.add_steps(run, [StepRecord(address="a", action="update", before={}, after={})] * size)
    records.append_audit(run, CI, [AuditFact(event="update")] * size)


def test_everything_is_loaded_in_five_statements_whatever_the_size(database_url: str) -> None:
    run = begun_run(database_url)
    for size in (1, 2_500):
        with installed(database_url) as records:
            _save(records, run, size)

        with _counted(database_url) as (records, statements):
            recorded = records.load()

        assert (len(recorded.keys), len(recorded.resources)) == (size, size)
        assert len(statements) == 5


def test_nothing_is_found_in_one_statement(database_url: str) -> None:
    with _counted(database_url) as (records, statements):
        records.load()

    assert len(statements) == 1


def test_saving_takes_as_many_statements_for_many_as_for_one(database_url: str) -> None:
    run = begun_run(database_url)
    counts = []
    for size in (1, 1_000):
        with _counted(database_url) as (records, statements):
            _save(records, run, size)
        counts.append(len(statements))

    assert counts[0] == counts[1]


def test_saving_nothing_sends_nothing(database_url: str) -> None:
    run = begun_run(database_url)
    with _counted(database_url) as (records, statements):
        records.save_keys([])
        records.save_resources([], run)
        records.drop_resources([])

    assert statements == []


def test_the_audit_log_is_read_in_chunks_as_it_is_asked_for(database_url: str) -> None:
    run = begun_run(database_url)
    with installed(database_url) as records:
        records.append_audit(run, CI, [AuditFact(event="update")] * 2_100)

    with _counted(database_url) as (records, statements):
        log = records.audit()
        next(log)
        asked_at_first = len(statements)
        list(log)

    assert asked_at_first < len(statements)
