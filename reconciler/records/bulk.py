"""Bulk transfer of rows to and from PostgreSQL, with text it can store."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import ElmifyError

if TYPE_CHECKING:
    from psycopg import Connection


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UNSTORABLE_JSON = re.compile(r"[\ud800-\udfff]|\\u0000")

_SYMBOL_FOR_NULL = "\u2400"
_REPLACEMENT_CHARACTER = "\ufffd"


def _visible(match: re.Match[str]) -> str:
    return _SYMBOL_FOR_NULL if match[0] == "\0" else _REPLACEMENT_CHARACTER


def is_storable(text: str) -> bool:
    """Return True for a text that PostgreSQL can hold as it is."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return the text with characters replaced that PostgreSQL cannot hold.

    They are made visible: NUL as U+2400, a surrogate as U+FFFD. Only for text that people read. A key
    or an address is refused instead, because two of them must stay different.
    """
    return _UNSTORABLE.sub(_visible, text)


def storable_or_none(text: str | None) -> str | None:
    """Return `storable` of a text that may be absent."""
    return None if text is None else storable(text)


def storable_json(value: Any) -> Any:
    """Return a JSON value with all its text `storable`.

    Mappings become objects, tuples become lists.
    """
    match value:
        case str():
            return storable(value)
        case Mapping():
            return {storable(str(name)): storable_json(item) for name, item in value.items()}
        case list() | tuple():
            return [storable_json(item) for item in value]
        case _:
            return value


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_object).encode


def json_text(value: Any) -> str | None:
    """Return the text of a JSON value for a `jsonb` column.

    For None it returns None, not `null`.
    """
    if value is None:
        return None
    text = _encode(value)
    return text if _UNSTORABLE_JSON.search(text) is None else _encode(storable_json(value))


Cells = Sequence[Any]

_CHUNK_ROWS = 1_000  # under a megabyte; libpq before 17 hands out single rows


def copy_into(
    connection: "Connection[tuple[Any, ...]]", target: str, columns: str, rows: Iterable[Cells]
) -> None:
    """Append rows to a table by COPY.

    `target` and `columns` are elmify's own SQL, never a user's.
    """
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy {target} ({columns}) from stdin") as copy,
    ):
        for row in rows:
            copy.write_row(row)


@contextmanager
def staged(
    connection: "Connection[tuple[Any, ...]]", definition: str, columns: str, rows: Iterable[Cells]
) -> Iterator[None]:
    """Hold rows in a temporary table while the block runs.

    The table is `pg_temp.elmify_staged`. It also ends with the transaction, so nothing of it is left
    on a pooled connection.
    """
    connection.execute(f"create temporary table elmify_staged ({definition}) on commit drop")
    copy_into(connection, "pg_temp.elmify_staged", columns, rows)
    yield
    connection.execute("drop table pg_temp.elmify_staged")


def streamed(connection: "Connection[tuple[Any, ...]]", query: str) -> Iterator[Cells]:
    """Yield the rows of one query without holding all of them.

    The connection is busy until the last row.
    """
    from psycopg import capabilities

    size = _CHUNK_ROWS if capabilities.has_stream_chunked() else 1
    with connection.cursor(binary=True) as cursor:
        yield from cursor.stream(query, size=size)


def refuse_unstorable(name: str, what: str) -> None:
    """Raise for a name that PostgreSQL cannot hold as it is.

    It is not made readable instead, because then two names could become the same one.
    """
    if not is_storable(name):
        raise ElmifyError(
            f"the {what} {name!r} holds a character that no database text can hold",
            code="unstorable-name",
            hint="Give it a name without NUL characters and broken UTF-8.",
        )
