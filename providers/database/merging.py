"""Merge of listeners' data from one lecture row into another.

It follows every foreign key that leads to lectures, and moves the rows that refer to the one
lecture to the other. Where a unique constraint allows only one of two rows, they are combined:

- A row with the time of its last change (`last_updated`, `updated_at`) is a state: the newer row
  counts.
- A row of one day, with the date in its key, is a statistic: whole numbers are added, because
  each play was counted in only one of the two rows; of ratios the larger counts.
- Any other row is a mark, such as a favourite: it stays, with the earlier of the two moments.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from providers.database.cascade import NO_USER_DATA, load_cascade
from providers.database.connection import Connection
from providers.database.restoring import UNIQUE
from reconciler.model.errors import ProviderError
from reconciler.model.plan import Merged
from reconciler.model.ports import Edit
from reconciler.model.values import canonical_json

_LECTURES = "public.lectures"
_CASCADES = "c"
_CHANGED_AT = ("last_updated", "updated_at")

#: Every foreign key of the database: what refers to what, how a delete goes, and the type of its column.
_KEYS = """
    select quote_ident(cn.nspname) || '.' || quote_ident(c.relname),
           quote_ident(pn.nspname) || '.' || quote_ident(p.relname),
           array(select a.attname::text from unnest(k.conkey) with ordinality u(num, place)
                 join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = u.num order by u.place),
           array(select a.attname::text from unnest(k.confkey) with ordinality u(num, place)
                 join pg_catalog.pg_attribute a on a.attrelid = p.oid and a.attnum = u.num order by u.place),
           k.confdeltype::text,
           (select format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
            where a.attrelid = c.oid and a.attnum = k.conkey[1])
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid
    join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
    join pg_catalog.pg_class p on p.oid = k.confrelid
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    where k.contype = 'f' and k.conparentid = 0
    order by 1, 2, k.conname
"""

#: The columns of a table, with the letter of their type's category (N: a number) and their type.
_COLUMNS = """
    select a.attname::text, t.typcategory::text, t.typname::text
    from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by a.attnum
"""

_WHOLE = frozenset({"int2", "int4", "int8"})

Pairs = Sequence[tuple[Any, Any]]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Key:
    table: str
    parent: str
    columns: Sequence[str]
    parent_columns: Sequence[str]
    on_delete: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Double:
    """Conflicting pair: a row to move, and the row that already has its place.

    `unique` are the columns whose values they share.
    """

    row: Row
    other: Row
    unique: Sequence[str]


@dataclass
class Merging:
    """One merge of a lecture row into another. `write` false only counts.

    `edits` are the rows that were changed, as they were and as they are; the rows that were combined into
    others are left hanging where they were, and go with the lecture.
    """

    connection: Connection
    write: bool
    moved: dict[str, int] = field(default_factory=dict)
    combined: dict[str, int] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    users: set[str] = field(default_factory=set)

    def run(self, row: int, into: int) -> Merged:
        """Merge the rows, or only count them.

        Raises `ProviderError` for a foreign key that a merge cannot follow.
        """
        self._keys = [_Key(*found) for found in self.connection.execute(_KEYS.encode())]
        self._cascade = load_cascade(self.connection)
        self._follow(_LECTURES, {"id": [(row, into)]})
        return Merged(moved=self.moved, combined=self.combined, users=len(self.users))

    def _follow(self, parent: str, pairs: Mapping[str, Pairs]) -> None:
        """Move the rows that refer to the first value of each pair.

        `pairs` are by the column of `parent` that is referred to.
        """
        for key in self._keys:
            if key.parent != parent or key.table in NO_USER_DATA:
                continue
            if len(key.columns) > 1 or key.parent_columns[0] not in pairs:
                raise ProviderError(
                    f"rows of {key.table} refer to {parent} in a way that a merge cannot follow",
                    code="reference-not-mergeable",
                    hint=f"Move them by hand first: {', '.join(key.columns)} is not a plain row id.",
                )
            self._move(key, pairs[key.parent_columns[0]])

    def _move(self, key: _Key, pairs: Pairs) -> None:
        unique = [
            columns for columns in unique_columns(self.connection, key.table) if key.columns[0] in columns
        ]
        doubles = [double for columns in unique for double in self._doubles(key, columns, pairs)]
        if doubles and key.on_delete != _CASCADES:
            raise ProviderError(
                f"both lectures have rows of {key.table} that cannot stand side by side",
                code="rows-not-mergeable",
                hint="A delete there does not cascade, so decide by hand which of them stays.",
            )
        moved = self._moved(key, unique, pairs)
        _count(self.moved, key.table, len(moved))
        _count(self.combined, key.table, len({canonical_json(double.row) for double in doubles}))
        column = self._cascade.user_column(key.table)
        ours = [*moved, *(double.row for double in doubles)]
        self.users.update(str(one[column]) for one in ours if column and one[column] is not None)
        if doubles:
            self._combine(key, doubles)
            self._follow(key.table, _pairs_of(doubles))

    def _doubles(self, key: _Key, unique: Sequence[str], pairs: Pairs) -> Iterator[_Double]:
        """Yield the rows whose place is taken.

        The order is that of the columns they share.
        """
        query = sql.SQL(
            "select to_jsonb(r), to_jsonb(s) from {pairs} join {table} as r on r.{column} = p.old"
            " join {table} as s on {same} order by {order}"
        ).format(
            pairs=_pairs(key),
            table=sql.SQL(key.table),
            column=sql.Identifier(key.columns[0]),
            same=_same(key, unique),
            order=sql.SQL(", ").join(sql.Identifier("s", name) for name in unique),
        )
        for row, other in self.connection.execute(query, _parameters(pairs)):
            yield _Double(row=row, other=other, unique=unique)

    def _moved(self, key: _Key, unique: Sequence[Sequence[str]], pairs: Pairs) -> list[Row]:
        """Point rows without a conflict to the second value of each pair.

        These are the rows whose place is free. Returns them as they are then or, if the merge only
        counts, the rows that would be moved.
        """
        free = [
            sql.SQL("not exists (select 1 from {} as s where {})").format(
                sql.SQL(key.table), _same(key, columns)
            )
            for columns in unique
        ]
        where = sql.SQL(" and ").join([sql.SQL("r.{} = p.old").format(sql.Identifier(key.columns[0])), *free])
        if not self.write:
            query = sql.SQL("select to_jsonb(r) from {} join {} as r on {}").format(
                _pairs(key), sql.SQL(key.table), where
            )
            return [row for (row,) in self.connection.execute(query, _parameters(pairs))]
        query = sql.SQL(
            "update {} as r set {} = p.new from {} where {} returning to_jsonb(r), to_jsonb(p.old)"
        ).format(sql.SQL(key.table), sql.Identifier(key.columns[0]), _pairs(key), where)
        moved = []
        for row, old in self.connection.execute(query, _parameters(pairs)):
            moved.append(row)
            self.edits.append(Edit(table=key.table, before={**row, key.columns[0]: old}, after=row))
        return moved

    def _combine(self, key: _Key, doubles: Sequence[_Double]) -> None:
        columns = self.connection.execute(_COLUMNS.encode(), (key.table,)).fetchall()
        edits = [
            Edit(
                table=key.table, before=double.other, after={**double.other, **_combination(double, columns)}
            )
            for double in doubles
        ]
        if self.write:
            self.edits += carry_out(self.connection, edits)


def _count(counts: dict[str, int], table: str, count: int) -> None:
    if count:
        counts[table] = counts.get(table, 0) + count


def _combination(double: _Double, columns: Sequence[tuple[str, str, str]]) -> Row:
    """Return what the row that stays holds afterwards, but for its keys."""
    row, other = double.row, double.other
    own = [each for each in columns if each[0] not in double.unique and each[0] != "id"]
    stamp = next((name for name in _CHANGED_AT if any(name == each[0] for each in own)), None)
    if stamp is not None:
        newer = row if (row[stamp] or "") > (other[stamp] or "") else other
        return {name: newer[name] for name, _, _ in own}
    daily = any(name in double.unique and type_ == "date" for name, _, type_ in columns)
    combined: Row = {}
    for name, category, type_ in own:
        values = [value for value in (row[name], other[name]) if value is not None]
        if category == "D" and values:
            combined[name] = min(values)
        elif category == "N" and daily and values:
            combined[name] = sum(values) if type_ in _WHOLE else max(values)
    return combined


def _pairs_of(doubles: Sequence[_Double]) -> Mapping[str, Pairs]:
    """Return, by column, the old and new values of combined rows.

    In each pair the first value is what the row to be deleted holds in that column, the second is
    what the row that stays in its place holds.
    """
    names = doubles[0].row.keys()
    return {name: [(double.row[name], double.other[name]) for double in doubles] for name in names}


def _pairs(key: _Key) -> sql.Composable:
    return sql.SQL(
        "(select o::{type} as old, n::{type} as new"
        " from unnest(%(old)s::text[], %(new)s::text[]) as u(o, n)) as p"
    ).format(type=sql.SQL(key.type))


def _parameters(pairs: Pairs) -> dict[str, list[str]]:
    return {"old": [str(old) for old, _ in pairs], "new": [str(new) for _, new in pairs]}


def _same(key: _Key, unique: Sequence[str]) -> sql.Composable:
    """Return the condition that `s` has the place which `r` would take."""
    return sql.SQL(" and ").join(
        sql.SQL("s.{} = p.new").format(sql.Identifier(name))
        if name == key.columns[0]
        else sql.SQL("s.{name} = r.{name}").format(name=sql.Identifier(name))
        for name in unique
    )


def unique_columns(connection: Connection, table: str) -> list[Sequence[str]]:
    """Return what must be unique in a table, the primary key first."""
    return [columns for _, columns in connection.execute(UNIQUE.encode(), ([table],))]


def carry_out(connection: Connection, edits: Sequence[Edit]) -> list[Edit]:
    """Apply edits to rows that are still unchanged; return the edits applied.

    A row must still be what the edit found. It is identified by its primary key, or by all the values
    it held; only the columns that the edit changes must still have the values found there, and only
    those columns are written. One statement for all edits that are alike.
    """
    done: list[Edit] = []
    alike: dict[tuple[str, tuple[str, ...]], list[Edit]] = defaultdict(list)
    for edit in edits:
        changed = tuple(name for name, value in edit.after.items() if edit.before.get(name) != value)
        if changed:
            alike[edit.table, changed].append(edit)
    for (table, changed), some in alike.items():
        key = next(iter(unique_columns(connection, table)), list(some[0].before))
        found = connection.execute(_edit_query(table, changed, key), _as_json(some))
        done += [some[place - 1] for (place,) in found]
    return done


def _edit_query(table: str, changed: Sequence[str], key: Sequence[str]) -> sql.Composed:
    rows = sql.SQL("jsonb_populate_recordset(null::{}, {}::jsonb) with ordinality")
    same = sql.SQL("t.{name} = b.{name}")
    still = sql.SQL("t.{name} is not distinct from b.{name}")
    return sql.SQL(
        "update {} as t set {} from {} as b join {} as a on a.ordinality = b.ordinality where {}"
        " returning b.ordinality"
    ).format(
        sql.SQL(table),
        sql.SQL(", ").join(
            sql.SQL("{name} = a.{name}").format(name=sql.Identifier(name)) for name in changed
        ),
        rows.format(sql.SQL(table), sql.Placeholder("before")),
        rows.format(sql.SQL(table), sql.Placeholder("after")),
        sql.SQL(" and ").join(
            [
                *(same.format(name=sql.Identifier(name)) for name in key),
                *(still.format(name=sql.Identifier(name)) for name in changed),
            ]
        ),
    )


def _as_json(edits: Sequence[Edit]) -> dict[str, str]:
    return {
        "before": json.dumps([dict(edit.before) for edit in edits]),
        "after": json.dumps([dict(edit.after) for edit in edits]),
    }
