"""Category junction tables, and the columns a content table itself holds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from providers.database.connection import Connection
from reconciler.model.errors import ProviderError
from reconciler.model.kinds import Column, Kind, Origin, Table, Type


def stored(table: Table) -> tuple[Column, ...]:
    """Return the columns that PostgreSQL keeps in the row, in their order."""
    return tuple(column for column in table.columns if column.type is not Type.SLUGS)


def sorted_by(table: Table) -> Column | None:
    """Return the column of category slugs; None if the kind has none.

    The table itself does not store this column.
    """
    return next((column for column in table.columns if column.type is Type.SLUGS), None)


def held_elsewhere(table: Table) -> tuple[int, ...]:
    """Return the positions of key and hash columns among the stored columns.

    The values of these columns occur elsewhere too, outside this table.
    """
    return tuple(
        place
        for place, column in enumerate(stored(table))
        if column.origin is Origin.KEY or column.source == "sha256"
    )


def qualified(table: Table) -> sql.Identifier:
    """Return the table's name for a statement."""
    return sql.Identifier("public", table.name)


Slugs = tuple[str, ...]

_EXIST = """
    select to_regclass('public.categories') is not null
       and to_regclass('public.collection_categories') is not null
       and to_regclass('public.lecture_categories') is not null
"""

_SLUGS = """
    select j.{owner}, c.slug from {junction} as j join public.categories as c on c.id = j.category_id
    {only} order by j.{owner}, j.is_primary desc nulls last, c.slug collate "C"
"""

_WANTED = """
    with wanted as (
        select * from unnest(%(rows)s::bigint[], %(categories)s::bigint[], %(primary)s::boolean[])
            as w (owner, category_id, is_primary))
"""

#: In this order: a row never has two primary categories on the way. What is right already is left alone, so
#: it keeps its `created_at`, and the triggers that count see only what changes.
_REPLACE = (
    """
    delete from {junction} as j where j.{owner} = any(%(owners)s) and not exists (
        select 1 from wanted as w where w.owner = j.{owner} and w.category_id = j.category_id)
    """,
    """
    update {junction} as j set is_primary = false from wanted as w
    where w.owner = j.{owner} and w.category_id = j.category_id
        and not w.is_primary and j.is_primary is distinct from false
    """,
    """
    update {junction} as j set is_primary = true from wanted as w
    where w.owner = j.{owner} and w.category_id = j.category_id
        and w.is_primary and j.is_primary is distinct from true
    """,
    """
    insert into {junction} ({owner}, category_id, is_primary)
    select owner, category_id, is_primary from wanted order by category_id, owner
    on conflict do nothing
    """,
)

_CAPTURE = (
    "select to_jsonb(j) from {junction} as j where j.{owner} = any(%s) order by j.{owner}, j.category_id"
)

_PUT_BACK = """
    update {junction} as j set is_primary = r.is_primary, created_at = r.created_at
    from jsonb_populate_recordset(null::{junction}, %s::jsonb) as r
    where r.{owner} = j.{owner} and r.category_id = j.category_id
"""


def exist(connection: Connection) -> bool:
    """Return whether this deployment has category tables.

    One statement.
    """
    return connection.execute(_EXIST.encode()).fetchone() == (True,)


def categories(connection: Connection) -> Mapping[str, int]:
    """Return category row ids by slug. One statement."""
    return dict(connection.execute("select slug, id from public.categories order by slug").fetchall())


def slugs(connection: Connection, kind: Kind, ids: Sequence[int] | None) -> Mapping[int, Slugs]:
    """Return the category slugs of each row.

    The primary slug is first, the others are sorted by name. Rows without a category are absent.
    Covers all rows of the kind, or only `ids`. One statement.
    """
    only = sql.SQL("" if ids is None else "where j.{owner} = any(%s)").format(owner=_owner(kind))
    query = sql.SQL(_SLUGS).format(owner=_owner(kind), junction=_junction(kind), only=only)
    found: dict[int, Slugs] = {}
    for row, slug in connection.execute(query, None if ids is None else (ids,)):
        found[row] = (*found.get(row, ()), slug)
    return found


def replace(connection: Connection, kind: Kind, wanted: Mapping[int, Slugs]) -> None:
    """Replace the categories of each row with exactly these.

    The first slug of a row is its primary category. Five statements. Raises `ProviderError` for a
    slug that no category has.
    """
    parameters = _parameters(wanted, categories(connection))
    for statement in _REPLACE:
        query = sql.SQL(_WANTED + statement).format(owner=_owner(kind), junction=_junction(kind))
        connection.execute(query, parameters)


def capture(connection: Connection, kind: Kind, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return the complete junction rows of those rows, as JSON. One statement."""
    query = sql.SQL(_CAPTURE).format(owner=_owner(kind), junction=_junction(kind))
    return [row for (row,) in connection.execute(query, (list(ids),))]


def put_back(connection: Connection, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> None:
    """Restore junction rows to their captured values.

    Pairs that are gone stay gone. One statement.
    """
    query = sql.SQL(_PUT_BACK).format(owner=_owner(kind), junction=_junction(kind))
    connection.execute(query, (json.dumps(rows),))


def _parameters(wanted: Mapping[int, Slugs], known: Mapping[str, int]) -> dict[str, list[int] | list[bool]]:
    unknown = sorted({slug for row_slugs in wanted.values() for slug in row_slugs} - known.keys())
    if unknown:
        raise ProviderError(
            f"there is no category {', '.join(unknown)}",
            code="no-category",
            hint=f"The categories are {', '.join(known) or 'none at all'}.",
        )
    pairs = [
        (row, known[slug], slug == row_slugs[0])
        for row, row_slugs in sorted(wanted.items())
        for slug in dict.fromkeys(row_slugs)
    ]
    return {
        "owners": sorted(wanted),
        "rows": [row for row, _, _ in pairs],
        "categories": [category for _, category, _ in pairs],
        "primary": [primary for _, _, primary in pairs],
    }


def _owner(kind: Kind) -> sql.Identifier:
    return sql.Identifier(f"{kind}_id")


def _junction(kind: Kind) -> sql.Identifier:
    return sql.Identifier("public", f"{kind}_categories")
