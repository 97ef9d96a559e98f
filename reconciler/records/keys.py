"""Recorded object keys: every one that was ever used, with its state."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from reconciler.model.errors import ElmifyError
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import MakePlan
from reconciler.model.values import nfc, shared, shared_if_any
from reconciler.records.bulk import refuse_unstorable, staged, streamed
from reconciler.records.schema import SchemaRecords

_COLUMNS = "key, spelling, state, sha256, size_bytes, etag, verified, address, run, changed_at"

_DEFINITION = """
key text, spelling text, state text, sha256 text, size_bytes bigint, etag text, verified boolean,
address text, run bigint, changed_at timestamptz
"""

#: What may follow a state, besides itself. A deleted or released key is retired when somebody asks to delete
#: the object under it that is no longer elmify's.
_FOLLOWING = {
    KeyState.INTENDED: {KeyState.LIVE, KeyState.RETIRED, KeyState.CONDEMNED, KeyState.RELEASED},
    KeyState.LIVE: {KeyState.RETIRED, KeyState.CONDEMNED, KeyState.RELEASED},
    KeyState.RETIRED: {KeyState.LIVE, KeyState.CONDEMNED, KeyState.RELEASED},
    KeyState.CONDEMNED: {KeyState.DELETED},
    KeyState.DELETED: {KeyState.INTENDED, KeyState.LIVE, KeyState.RETIRED},
    KeyState.RELEASED: {KeyState.LIVE, KeyState.RETIRED},
}

#: What leaves a key as it is: to put back the bytes of one that rows may name; to let go of one that is given
#: up already.
_IGNORED = {
    KeyState.LIVE: {KeyState.INTENDED},
    KeyState.RETIRED: {KeyState.INTENDED},
    KeyState.RELEASED: {KeyState.INTENDED},
    KeyState.CONDEMNED: {KeyState.RETIRED, KeyState.RELEASED},
    KeyState.DELETED: {KeyState.RELEASED},
}

_REFUSED = """
select staged.spelling, stored.state, staged.state
from pg_temp.elmify_staged staged join elmify.object stored using (key)
where staged.state <> stored.state
  and (stored.state, staged.state) not in (select * from unnest(%s::text[], %s::text[]))
order by staged.spelling limit 20
"""

#: The time is that of the last change of state by this database's clock: retention counts from it, so it is
#: not for a caller to say.
_MERGE = """
insert into elmify.object as stored
    (key, spelling, state, sha256, size_bytes, etag, verified, address, run, changed_at)
select key, spelling, state, sha256, size_bytes, etag, verified, address, run, coalesce(changed_at, clock.now)
from pg_temp.elmify_staged, (select clock_timestamp() as now) as clock
on conflict (key) do update
set spelling = excluded.spelling,
    state = excluded.state,
    sha256 = excluded.sha256,
    size_bytes = excluded.size_bytes,
    etag = excluded.etag,
    verified = excluded.verified,
    address = excluded.address,
    run = excluded.run,
    changed_at = case when excluded.state = stored.state then stored.changed_at else clock_timestamp() end
where (stored.state, excluded.state) not in (select * from unnest(%s::text[], %s::text[]))
"""

#: The spelling is null where it is the key: one text in memory for both.
_READ = """
select key, nullif(spelling, key), state, sha256, size_bytes, etag, verified, address, run, changed_at
from elmify.object
"""


class KeyRecords(SchemaRecords):
    """The object keys in the records."""

    def save_keys(self, keys: Iterable[KeyRecord]) -> None:
        """Insert or replace keys.

        Of two keys that are equal by NFC, the later one is used.

        `changed_at` is used for a key that is new; otherwise it is the time at which the state last
        changed. A key that rows may name stays as it is when it is intended again. A condemned or deleted
        key stays as it is when it is released, and a condemned key also when it is retired. Raises
        `ElmifyError` for any other way back, and the transaction has to be given up: a key that gc has
        condemned is never used again, and a key that was released is never condemned.
        """
        rows = {nfc(key.key): key for key in keys}
        if not rows:
            return
        cells = ((folded, *_cells(key)) for folded, key in rows.items())
        with staged(self._connection, _DEFINITION, _COLUMNS, cells):
            self._refuse_ways_back()
            self._connection.execute(_MERGE, _pairs(_IGNORED))

    def _refuse_ways_back(self) -> None:
        following, ignored = _pairs(_FOLLOWING), _pairs(_IGNORED)
        known = (following[0] + ignored[0], following[1] + ignored[1])
        found = self._connection.execute(_REFUSED, known).fetchall()
        if found:
            raise ElmifyError(
                "a key would go back to what it was before it was given up",
                code="key-given-up",
                details=[f"{key}: it is {old} and cannot become {new}" for key, old, new in found],
                hint="Plan again. If a row of the library names such a key, upload the file under a new key:",
                remedies=[MakePlan(options=("rekey",))],
            )

    def _keys(self) -> Mapping[str, KeyRecord]:
        """Return every key by its NFC spelling, in no order. One statement."""
        states = {state.value: state for state in KeyState}
        times: dict[datetime, datetime] = {}  # a save gives all its keys one time: kept once
        read = streamed(self._connection, _READ)
        return {
            (own := shared(folded)): KeyRecord(
                key=spelling or own,
                state=states[state],
                sha256=shared_if_any(sha256),
                size_bytes=size_bytes,
                etag=shared_if_any(etag),
                verified=verified,
                address=shared_if_any(address),
                run=run,
                changed_at=times.get(changed_at) or times.setdefault(changed_at, changed_at.astimezone(UTC)),
            )
            for folded, spelling, state, sha256, size_bytes, etag, verified, address, run, changed_at in read
        }


def _pairs(table: Mapping[KeyState, AbstractSet[KeyState]]) -> tuple[list[str], list[str]]:
    """Return the pairs of states in a table as two parallel arrays."""
    pairs = [(old.value, new.value) for old, states in table.items() for new in states]
    return [old for old, _ in pairs], [new for _, new in pairs]


def _cells(key: KeyRecord) -> tuple[Any, ...]:
    refuse_unstorable(key.key, "key")
    if key.address is not None:
        refuse_unstorable(key.address, "address")
    return (
        key.key,
        key.state.value,
        key.sha256,
        key.size_bytes,
        key.etag,
        key.verified,
        key.address,
        key.run,
        key.changed_at,
    )
