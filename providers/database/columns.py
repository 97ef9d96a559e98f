"""Which managed columns are columns of the table itself, and which one is kept in a junction table."""

from psycopg import sql

from reconciler.model.kinds import Column, Origin, Table, Type


def stored(table: Table) -> tuple[Column, ...]:
    """Return the columns that PostgreSQL keeps in the row, in their order."""
    return tuple(column for column in table.columns if column.type is not Type.SLUGS)


def sorted_by(table: Table) -> Column | None:
    """Return the column that holds category slugs, which is none of the table's own."""
    return next((column for column in table.columns if column.type is Type.SLUGS), None)


def held_elsewhere(table: Table) -> tuple[int, ...]:
    """Return the places, among the stored columns, of keys and hashes, which others hold too."""
    return tuple(
        place
        for place, column in enumerate(stored(table))
        if column.origin is Origin.KEY or column.source == "sha256"
    )


def qualified(table: Table) -> sql.Identifier:
    """Return the table's name for a statement."""
    return sql.Identifier("public", table.name)
