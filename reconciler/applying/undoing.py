"""What a rollback's commit takes from the records of the run that it takes back."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.errors import Stale
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Change, Restored
from reconciler.model.ports import Captured, Edit, Library, RecordsReader
from reconciler.model.recorded import ResourceRecord
from reconciler.planning.steps import (
    captured_in,
    edits_in,
    merge_in,
    records_before,
    sorted_in,
    with_edits,
)


@dataclass
class Undoing:
    """The complete rows that a run took along, and what elmify remembered before it.

    `restored` says, once `restore_the_rest` has run, which user rows came back and which were left out.
    """

    records: dict[str, ResourceRecord]
    captured: Captured
    junctions: Captured
    edits: Sequence[Edit]
    merge: tuple[int, int] | None
    restored: Restored = field(default_factory=Restored)

    @classmethod
    def read(cls, records: RecordsReader, run: int) -> "Undoing":
        """Read both from the steps of a run."""
        steps = records.steps(run)
        return cls(
            records=dict(records_before(steps)),
            captured=captured_in(steps),
            junctions=sorted_in(steps),
            edits=edits_in(steps),
            merge=merge_in(steps),
        )

    def remembered(self, changes: Iterable[Change]) -> Sequence[ResourceRecord]:
        """Return the records as they were before the run, of the changes that leave one."""
        return [self.records[change.address] for change in changes if change.address in self.records]

    def restore(self, library: Library, kind: Kind, changes: Sequence[Change]) -> None:
        """Insert the deleted rows of one kind again, as they were; `Stale` when one was not captured."""
        wanted = {
            change.row: change.address
            for change in changes
            if change.action is Action.CREATE and change.kind is kind
        }
        if not wanted:
            return
        table = _table(kind)
        rows: list[Any] = [row for row in self.captured.get(table, ()) if row["id"] in wanted]
        lost = wanted.keys() - {row["id"] for row in rows}
        if lost:
            raise Stale(
                "the records no longer hold every row that is to come back",
                details=sorted(wanted[row] for row in lost),
                hint="Nothing was applied. Restore the records from a backup.",
            )
        library.restore({table: rows})

    def sort_again(self, library: Library, kind: Kind, rows: Collection[int]) -> None:
        """Give the junction rows of content that is sorted as before what else they held before."""
        ours = self.junctions.get(f"public.{kind}_categories", ())
        library.restore_categories(kind, [row for row in ours if row[f"{kind}_id"] in rows])

    def restore_the_rest(self, library: Library) -> None:
        """Insert what hung off those rows, as far as it still has somebody to belong to.

        What a merge took from them goes back too, unless others have changed or deleted it since.
        """
        content = {_table(kind) for kind in Kind}
        restored = library.restore({t: rows for t, rows in self.captured.items() if t not in content})
        edits = library.edit([edit.inverse for edit in self.edits])
        self.restored = with_edits(restored, edits)


def _table(kind: Kind) -> str:
    return f"public.{TABLES[kind].name}"
