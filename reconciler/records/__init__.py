"""Records of elmify on PostgreSQL.

They are in the schema `elmify` of the library's database.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

    from reconciler.model.ports import Records


def records_on(connection: "Connection[tuple[Any, ...]]") -> "Records":
    """Return the records on `connection`, as its open transaction sees them.

    Changes are made in that transaction too. The connection must return rows as plain tuples. For
    reading alone, REPEATABLE READ READ ONLY makes all answers those of one moment.
    """
    from reconciler.records.postgres import PostgresRecords

    return PostgresRecords(connection)
