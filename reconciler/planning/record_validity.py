"""Validity of records: recorded rows that still are what was recorded.

Row ids are given out anew when a table is wiped and imported again: row 412 is then another
lecture. A record is trusted only while its row still shows something of what was recorded.
"""

from collections import defaultdict
from collections.abc import Mapping
from enum import IntEnum
from functools import cache

from reconciler.model.actual import Row, Snapshot
from reconciler.model.address import Address, parent_of
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.recorded import Recorded, ResourceRecord
from reconciler.model.values import nfc
from reconciler.planning.references import key_in


def trusted(snapshot: Snapshot, recorded: Recorded) -> Mapping[Address, Row]:
    """Return the row of every record that can still be believed, by address.

    A lecture's row must show the recorded file_path, hash, or title within its parent; a speaker's or a
    collection's the recorded name within its parent, one of its images, or a lecture that is itself certain
    to be the recorded one. The parent must be one that is believed: its id may be another's now as well.
    """
    believed: dict[Address, Row] = {}
    strengths: dict[Address, _Evidence] = {}
    vouched = _vouched_parents(snapshot, recorded)
    for address, record in sorted(recorded.resources.items(), key=lambda item: item[0].count("/")):
        row = snapshot.rows[record.kind].get(record.row)
        if row is None:
            continue
        evidence = _evidence(address, record, row, recorded, believed)
        if evidence is None and (address, row.id) in vouched:
            evidence = _Evidence.WEAK
        if evidence is not None:
            believed[address], strengths[address] = row, evidence
    weaker = _weaker(believed, strengths)
    return {address: row for address, row in believed.items() if address not in weaker}


class _Evidence(IntEnum):
    """Strength of the evidence that a row shows what was recorded."""

    WEAK = 1  # the same bytes, or a lecture below it
    NAME = 2  # the name within its parent
    OBJECT = 3  # the very object


def _evidence(
    address: Address,
    record: ResourceRecord,
    row: Row,
    recorded: Recorded,
    believed: Mapping[Address, Row],
) -> _Evidence | None:
    if _names_object(record, row):
        return _Evidence.OBJECT
    if _same_name(record, row) and _under_its_parent(address, recorded, believed):
        return _Evidence.NAME
    if record.kind is Kind.LECTURE and _same_hash(record, row, recorded):
        return _Evidence.WEAK
    return None


def _weaker(believed: Mapping[Address, Row], strengths: Mapping[Address, _Evidence]) -> frozenset[Address]:
    """Return the addresses whose row another record has by stronger evidence.

    A row is of one address: an apply of a part gave it to the other one, after ids were given out anew.
    """
    claims: defaultdict[tuple[Kind, int], list[Address]] = defaultdict(list)
    for address, row in believed.items():
        claims[row.kind, row.id].append(address)
    weaker: set[Address] = set()
    for addresses in claims.values():
        if len(addresses) > 1:
            strongest = max(strengths[address] for address in addresses)
            weaker |= {address for address in addresses if strengths[address] < strongest}
    return frozenset(weaker)


def _under_its_parent(address: Address, recorded: Recorded, believed: Mapping[Address, Row]) -> bool:
    parent = parent_of(address)
    return parent is None or parent not in recorded.resources or parent in believed


def _same_name(record: ResourceRecord, row: Row) -> bool:
    table = TABLES[record.kind]
    name = row[table.natural_key[-1]]
    parent = row[table.parent_column] if table.parent_column else None
    return parent == record.parent_row and isinstance(name, str) and nfc(name) == nfc(record.name)


def _same_object(record: ResourceRecord, row: Row, recorded: Recorded) -> bool:
    return _names_object(record, row) or (record.kind is Kind.LECTURE and _same_hash(record, row, recorded))


def _names_object(record: ResourceRecord, row: Row) -> bool:
    """Return whether a row names the recorded object of one of its slots."""
    for name, slot in _naming_columns(record.kind):
        key = key_in(row[name])
        if key and key == nfc(record.keys.get(slot, "")):
            return True
    return False


@cache
def _naming_columns(kind: Kind) -> tuple[tuple[str, Slot], ...]:
    """Return the columns that name the object of a slot, with the slot."""
    naming = {Origin.KEY, Origin.REFERENCE}
    return tuple((c.name, Slot(c.source)) for c in TABLES[kind].columns if c.origin in naming)


def _same_hash(record: ResourceRecord, row: Row, recorded: Recorded) -> bool:
    key = recorded.keys.get(nfc(record.keys.get(Slot.LECTURE_AUDIO, "")))
    return key is not None and key.sha256 is not None and key.sha256 == row["file_hash"]


def _vouched_parents(snapshot: Snapshot, recorded: Recorded) -> set[tuple[Address, int]]:
    """Return the parents of lectures whose identity is certain.

    They are (parent address, parent row id) pairs.
    """
    pairs: set[tuple[Address, int]] = set()
    for address, record in recorded.resources.items():
        row = snapshot.rows[Kind.LECTURE].get(record.row) if record.kind is Kind.LECTURE else None
        if row is None or not _same_object(record, row, recorded):
            continue
        collection = parent_of(address)
        speaker = parent_of(collection) if collection else None
        for parent, column in ((collection, "collection_id"), (speaker, "speaker_id")):
            row_id = row[column]
            if parent is not None and isinstance(row_id, int):
                pairs.add((parent, row_id))
    return pairs
