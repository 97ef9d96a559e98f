"""The audit chain: whole, or broken at a place that can be named."""

from dataclasses import replace

import pytest

from reconciler.model.history import GENESIS, AuditEntry, AuditHead, BreakKind, chained, first_break

THREE = chained(AuditHead(), [{"event": "a"}, {"event": "b", "to": "é"}, {"event": "c"}])


def test_a_chain_begins_at_genesis_and_each_entry_holds_the_hash_before_it() -> None:
    assert [entry.seq for entry in THREE] == [1, 2, 3]
    assert [entry.previous for entry in THREE] == [GENESIS, THREE[0].hash, THREE[1].hash]
    assert first_break(THREE) is None
    assert first_break([]) is None


def test_a_chain_goes_on_from_a_head() -> None:
    more = chained(AuditHead(3, THREE[2].hash), [{"event": "d"}])

    assert first_break([*THREE, *more]) is None


def test_a_chain_cut_off_at_its_end_is_whole() -> None:
    assert first_break(THREE[:2]) is None


@pytest.mark.parametrize(
    ("entries", "kind", "entry"),
    [
        ([THREE[0], replace(THREE[1], payload='{"event":"x"}'), THREE[2]], BreakKind.ALTERED, 2),
        ([THREE[0], THREE[2]], BreakKind.MISSING, 2),
        (THREE[1:], BreakKind.MISSING, 1),
        ([THREE[1], THREE[0], THREE[2]], BreakKind.MISSING, 1),
        ([THREE[0], replace(THREE[1], previous="0" * 64), THREE[2]], BreakKind.REORDERED, 2),
        ([THREE[0], replace(THREE[1], hash="1" * 64), THREE[2]], BreakKind.ALTERED, 2),
    ],
)
def test_what_was_altered_dropped_or_reordered_is_named(
    entries: list[AuditEntry], kind: BreakKind, entry: int
) -> None:
    found = first_break(entries)

    assert found is not None
    assert (found.kind, found.entry) == (kind, entry)
