"""Pending aliases: objects that a commit left to be overwritten."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model.playback import PendingAlias
from reconciler.model.values import nfc
from reconciler.records.bulk import refuse_unstorable, staged
from reconciler.records.schema import SchemaRecords

#: The first version of the schema that has aliases.
_SINCE = 3

_COLUMNS = "key, spelling, source, size_bytes, sha256, replaces, media_type, address, run"

_DEFINITION = """
key text, spelling text, source text, size_bytes bigint, sha256 text, replaces text, media_type text,
address text, run bigint
"""

_MERGE = """
insert into elmify.alias (key, spelling, source, size_bytes, sha256, replaces, media_type, address, run)
select key, spelling, source, size_bytes, sha256, replaces, media_type, address, run
from pg_temp.elmify_staged
on conflict (key) do update
set spelling = excluded.spelling, source = excluded.source, size_bytes = excluded.size_bytes,
    sha256 = excluded.sha256, replaces = excluded.replaces, media_type = excluded.media_type,
    address = excluded.address, run = excluded.run
"""

_READ = """
select key, spelling, source, size_bytes, sha256, replaces, media_type, address, run
from elmify.alias order by key
"""


class AliasRecords(SchemaRecords):
    """The pending aliases in the records."""

    def save_aliases(self, aliases: Iterable[PendingAlias]) -> None:
        """Insert or replace pending aliases."""
        rows = {nfc(alias.key): alias for alias in aliases}
        if not rows:
            return
        cells = ((key, *_cells(alias)) for key, alias in rows.items())
        with staged(self._connection, _DEFINITION, _COLUMNS, cells):
            self._connection.execute(_MERGE)

    def drop_aliases(self, keys: Iterable[str]) -> None:
        """Remove aliases that are made, or that are given up."""
        folded = [nfc(key) for key in keys]
        if folded:
            self._connection.execute("delete from elmify.alias where key = any(%s)", (folded,))

    def aliases(self) -> Mapping[str, PendingAlias]:
        """Return every pending alias by NFC key."""
        if self._readable() < _SINCE:
            return {}
        return {
            key: PendingAlias(
                key=spelling,
                source=source,
                size_bytes=size_bytes,
                sha256=sha256,
                replaces=replaces,
                media_type=media_type,
                address=address,
                run=run,
            )
            for key, spelling, source, size_bytes, sha256, replaces, media_type, address, run in (
                self._connection.execute(_READ)
            )
        }


def _cells(alias: PendingAlias) -> tuple[Any, ...]:
    for text in (alias.key, alias.source, alias.address or ""):
        refuse_unstorable(text, "key")
    return (
        alias.key,
        alias.source,
        alias.size_bytes,
        alias.sha256,
        alias.replaces,
        alias.media_type,
        alias.address,
        alias.run,
    )
