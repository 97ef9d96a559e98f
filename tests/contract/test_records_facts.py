"""Entries of the audit log by their event: the newest first, whatever stands in between."""

from itertools import islice

from reconciler.model.history import AuditFact
from reconciler.records import records_on
from reconciler.records.audit import _CHUNK_ROWS
from tests.records import CI, begun_run, installed, reading


def append(url: str, *facts: AuditFact) -> None:
    with installed(url) as records:
        records.append_audit(None, CI, facts)


def numbers(url: str, event: str) -> list[int]:
    with reading(url) as connection:
        return [entry.seq for entry in records_on(connection).facts(event)]


def test_the_entries_of_one_event_come_newest_first(database_url: str) -> None:
    begun_run(database_url)
    append(
        database_url,
        *(AuditFact(event=event) for event in ("commit", "update", "commit", "update", "commit")),
    )

    assert numbers(database_url, "commit") == [5, 3, 1]
    assert numbers(database_url, "update") == [4, 2]
    assert numbers(database_url, "comm") == []


def test_a_text_that_looks_like_an_event_is_none(database_url: str) -> None:
    begun_run(database_url)
    forged = '"event":"commit"'
    append(database_url, AuditFact(event="update", address=forged, detail={"reason": forged}))

    assert numbers(database_url, "commit") == []


def test_more_entries_than_one_chunk_holds_are_all_there(database_url: str) -> None:
    begun_run(database_url)
    append(database_url, *(AuditFact(event="commit") for _ in range(_CHUNK_ROWS + 2)))

    assert numbers(database_url, "commit") == list(range(_CHUNK_ROWS + 2, 0, -1))


def test_who_wants_one_gets_the_last(database_url: str) -> None:
    begun_run(database_url)
    append(database_url, *(AuditFact(event="commit") for _ in range(3)))

    with reading(database_url) as connection:
        (entry,) = islice(records_on(connection).facts("commit"), 1)

    assert entry.seq == 3


def test_without_the_schema_there_are_none(database_url: str) -> None:
    assert numbers(database_url, "commit") == []
