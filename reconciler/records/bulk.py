"""Sets of rows on their way into the database and out of it: one COPY, or one stream, whatever their size."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import ElmifyError
from reconciler.records.text import is_storable

if TYPE_CHECKING:
    from psycopg import Connection

Cells = Sequence[Any]

_CHUNK_ROWS = 1_000  # under a megabyte; libpq before 17 hands out single rows


def copy_into(
    connection: "Connection[tuple[Any, ...]]", target: str, columns: str, rows: Iterable[Cells]
) -> None:
    """Append rows to a table. `target` and `columns` are SQL of ours, never a user's."""
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
    """Hold rows in the temporary table `pg_temp.elmify_staged` while the block runs.

    It goes with the transaction too, so nothing of it is left on a pooled connection.
    """
    connection.execute(f"create temporary table elmify_staged ({definition}) on commit drop")
    copy_into(connection, "pg_temp.elmify_staged", columns, rows)
    yield
    connection.execute("drop table pg_temp.elmify_staged")


def streamed(connection: "Connection[tuple[Any, ...]]", query: str) -> Iterator[Cells]:
    """Yield the rows of one query without holding all of them; the connection is busy until the last."""
    from psycopg import capabilities

    size = _CHUNK_ROWS if capabilities.has_stream_chunked() else 1
    with connection.cursor(binary=True) as cursor:
        yield from cursor.stream(query, size=size)


def refuse_unstorable(name: str, what: str) -> None:
    """Raise for a name that PostgreSQL cannot hold as it is; made readable, two names could become one."""
    if not is_storable(name):
        raise ElmifyError(
            f"the {what} {name!r} holds a character that no database text can hold",
            hint="Give it a name without NUL characters and broken UTF-8.",
        )
