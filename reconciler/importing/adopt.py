"""Adoption of drift: live values written into the catalog."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.importing.declare import (
    Folder,
    FoundResources,
    MergedEntries,
    completed,
    lockfile_lines,
    merge,
)
from reconciler.importing.describe import fields_of, line_of, unfit
from reconciler.importing.library import library_of
from reconciler.loading.atomic_write import write_whole
from reconciler.loading.catalog import Preview
from reconciler.loading.editing import CatalogEditor, amend_lockfile
from reconciler.model.actual import Row, Snapshot
from reconciler.model.address import Address, kind_of, matches_any
from reconciler.model.catalog import Catalog, MediaFile
from reconciler.model.drift import DriftFinding
from reconciler.model.errors import UsageError
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.outcomes import Imported, ImportFinding, Reason
from reconciler.model.plan import Change
from reconciler.model.playback import WayCount
from reconciler.model.policy import Policy
from reconciler.model.recorded import Recorded
from reconciler.model.remedies import ShowDrift
from reconciler.model.values import Value, nfc, same
from reconciler.planning.analysis import analyse, identify_rows
from reconciler.planning.drift import drift_of
from reconciler.planning.identity import Identities
from reconciler.planning.references import key_in
from reconciler.planning.world import World
from reconciler.settings.source import CONFIG_NAME


class Workbench:
    """A catalog that is being edited, and the live state that it describes.

    Nothing is written before `save`.
    """

    def __init__(self, folder: Folder, policy: Policy, snapshot: Snapshot, recorded: Recorded) -> None:
        """Read the catalog and the lockfile.

        Raises `InvalidInput` for mistakes in either of them.
        """
        self.folder, self.policy = folder, policy
        self.snapshot, self.recorded = snapshot, recorded
        self.editor = CatalogEditor.open(folder.root, folder.catalog_dir)
        self.before = lockfile_lines(folder)
        self.lines = dict(self.before)
        self._preview = Preview()
        self._preview.refuse_mistakes(self.editor.texts(), policy.layout)

    def catalog(self) -> Catalog:
        """Return what is declared as things stand."""
        return self._preview.catalog(self.editor.texts(), self.lines)

    def world(self) -> World:
        """Return the world as the planner would see it now."""
        catalog = self.catalog()
        return World(catalog=catalog, snapshot=self.snapshot, recorded=self.recorded, policy=self.policy)

    def identities(self) -> Identities:
        """Return the row of each address, as the planner will decide it."""
        return identify_rows(self.world())

    def known(self) -> Mapping[tuple[Kind, int], Address]:
        """Return the addresses that the catalog has for rows."""
        bound = self.identities().bound
        return {(binding.row.kind, binding.row.id): address for address, binding in bound.items()}

    def differences(self) -> Sequence[Change]:
        """Return what an apply would change, questions left out."""
        return analyse(self.world()).differences.changes

    def add_lines(self, media: Mapping[str, MediaFile]) -> None:
        """Add lockfile lines for the paths that the catalog names now.

        What an existing line says is kept: it is more reliable than what the stores say.
        """
        named = self.catalog().resources.values()
        paths = {path for resource in named for path in resource.media.values() if path is not None}
        self.lines |= completed(self.lines, {path: media[path] for path in sorted(paths & media.keys())})

    def pin(self, merged: MergedEntries) -> None:
        """Write `row:` where the planner would not find the right row.

        That is where it would find another row, or could not decide. Parents come first, since what is
        under them may be clear then. An entry that has its `row:` already keeps it.
        """
        rows = {**merged.matched, **merged.added}
        self.pin_rows({address: found.row for address, found in rows.items() if found.row is not None})

    def pin_rows(self, rows: Mapping[Address, int]) -> None:
        """Write `row:` where the planner would find another row, or none."""
        for kind in Kind:
            mine = {address: row for address, row in rows.items() if kind_of(address) is kind}
            bound = self.identities().bound if mine else {}
            for address, row in mine.items():
                binding = bound.get(address)
                is_found = binding is not None and binding.row.id == row
                if not is_found and "row" not in self.editor.fields(address):
                    self.editor.set(address, {"row": row})

    def save(
        self,
        merged: MergedEntries,
        findings: Iterable[ImportFinding],
        settings: str | None = None,
        playback: tuple[WayCount, ...] = (),
    ) -> Imported:
        """Write the files and the lockfile's lines that changed.

        With `settings`, elmify.yaml gets that text. `playback` is what plays now.
        """
        diagnostics = self._preview.mistakes(self.editor.texts(), self.policy.layout)
        lines = {path: line for path, line in self.lines.items() if line != self.before.get(path)}
        written = self.editor.save()
        amend_lockfile(self.folder.lock_path, self.folder.root, lines.values())
        if settings is not None:
            write_whole(self.folder.root / CONFIG_NAME, settings)
        return Imported(
            added=Counter(kind_of(address) for address in merged.added),
            kept=len(merged.matched),
            filled=len(merged.filled),
            written=(*([CONFIG_NAME] if settings is not None else []), *written),
            playback=playback,
            lines=len(lines),
            findings=(*findings, *merged.findings),
            diagnostics=diagnostics,
        )


def columns_of(change: Change) -> Mapping[str, Value]:
    """Return the columns that a change would correct.

    Each column name maps to the value that the row holds now.
    """
    before = change.before.values if change.before is not None else {}
    wanted = change.after.values if change.after is not None else {}
    pending = change.after.pending if change.after is not None else {}
    return {
        name: value
        for name, value in before.items()
        if name in pending or (name in wanted and not same(value, wanted[name]))
    }


_UNMANAGED = re.compile(r"unmanaged\.(speakers|collections|lectures)\[(\d+)\]")
_FIELDS = frozenset({Origin.FIELD, Origin.CATEGORIES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """Drift that was accepted, and rows that were newly declared.

    `accepted` are the columns and slots that were written, by address; `imported` includes the rows
    newly declared.
    """

    accepted: Mapping[Address, tuple[str, ...]]
    imported: Imported


def adopt(
    folder: Folder, policy: Policy, world: tuple[Snapshot, Recorded], addresses: Sequence[str]
) -> Adopted:
    """Write live values into the catalog, for the addresses the globs name.

    For a recorded address, these are the values that drifted since the last apply; for
    `unmanaged.lectures[412]`, the whole row, with the parents that it needs. What a field cannot
    express is accepted with `as_is`. Raises `UsageError` for a glob that names nothing that can be
    adopted; nothing has been written then.
    """
    bench = Workbench(folder, policy, *world)
    rows = {row for each in addresses if (row := _unmanaged(each)) is not None}
    globs = [each for each in addresses if _unmanaged(each) is None]
    merged = _declare_rows(bench, rows)
    accepted = dict(_accept(bench, globs))
    findings = tuple(_left(bench, accepted))
    return Adopted(accepted=accepted, imported=bench.save(merged, findings))


def _unmanaged(address: str) -> tuple[Kind, int] | None:
    match = _UNMANAGED.fullmatch(address)
    if match is None:
        return None
    return next(kind for kind in Kind if TABLES[kind].name == match[1]), int(match[2])


# Rows that nobody declared.


def _declare_rows(bench: Workbench, rows: set[tuple[Kind, int]]) -> MergedEntries:
    if not rows:
        return MergedEntries(added={})
    known = bench.known()
    library = library_of(bench.snapshot, known={*known, *rows}, ways=bench.policy.playback)
    wanted = tuple(_only(library.speakers, rows))
    missing = rows - set(_rows_in(wanted)) | (rows & known.keys())
    for kind, row in sorted(missing):
        _refuse(kind, row, known, library.findings)
    merged = merge(bench.editor, wanted, known, fill=False)
    for kind, row in sorted(rows - {(each.kind, each.row or 0) for each in merged.added.values()}):
        # It came first for being asked for, and is the recording of an entry that is another row.
        _refuse(
            kind, row, known, library_of(bench.snapshot, known=known, ways=bench.policy.playback).findings
        )
    bench.add_lines(library.media)
    bench.pin(merged)
    return merged


def _refuse(
    kind: Kind, row: int, known: Mapping[tuple[Kind, int], Address], findings: Sequence[ImportFinding]
) -> None:
    subject = f"{TABLES[kind].name}[{row}]"
    why = [f"{each.reason.value}: {each.detail}" for each in findings if each.subject == subject]
    if (kind, row) in known:
        why = [f"it is {known[kind, row]}"]
    remedy = next((each.remedy for each in findings if each.subject == subject and each.remedy), None)
    hint = "Look at the row: an entry of the catalog needs a parent, a title, and an object in the bucket."
    raise UsageError(
        f"unmanaged.{subject} cannot be adopted",
        hint=hint if remedy is None else "Make one row of both:",
        remedies=[] if remedy is None else [remedy],
        details=why or ["there is no such row"],
    )


def _only(found: Sequence[FoundResources], rows: set[tuple[Kind, int]]) -> Iterator[FoundResources]:
    """Yield the resources of the given rows, and the parents above them.

    Everything else is left out.
    """
    for each in found:
        children = tuple(_only(each.children, rows))
        if children or (each.kind, each.row) in rows:
            yield replace(each, children=children)


def _rows_in(found: Sequence[FoundResources]) -> Iterator[tuple[Kind, int]]:
    for each in found:
        if each.row is not None:
            yield each.kind, each.row
        yield from _rows_in(each.children)


# Drift.


def _accept(bench: Workbench, globs: Sequence[str]) -> Iterator[tuple[Address, tuple[str, ...]]]:
    if not globs:
        return
    bound = bench.identities().bound
    recorded = bench.recorded.resources
    for glob in globs:
        if not any(matches_any(address, (glob,)) for address in recorded.keys() & bound.keys()):
            raise UsageError(
                f"{glob} names nothing that is declared and recorded",
                hint="See what changed outside elmify with",
                remedies=[ShowDrift()],
            )
    for address in sorted(recorded.keys() & bound.keys()):
        row, record = bound[address].row, recorded[address]
        if matches_any(address, globs) and record.row == row.id:
            drifted = tuple(drift_of(record, row, bench.recorded, bench.snapshot))
            if drifted:
                _write(bench, address, row, drifted)
                yield address, tuple(each.attribute for each in drifted)


def _write(bench: Workbench, address: Address, row: Row, drifted: Sequence[DriftFinding]) -> None:
    """Write the drifted values that fields can express.

    For a column, that is its own value; for a slot, the object that it has now.
    """
    names = {each.attribute for each in drifted}
    live = fields_of(row)
    managed = bench.catalog().resources[address].fields
    table = TABLES[row.kind]
    for column in table.columns:
        if column.name not in names:
            continue
        if column.origin in _FIELDS and column.source in managed:
            value = live.get(column.source)
            if value is not None or column.clearable:
                bench.editor.set(address, {column.source: value})
    for slot in table.slots:
        columns = {c.name for c in table.columns if c.source == slot.value}
        if slot.value in names or columns & names:
            _write_slot(bench, address, row, slot, is_moved="file_path" in names)


def _write_slot(bench: Workbench, address: Address, row: Row, slot: Slot, *, is_moved: bool) -> None:
    """Name the object that the row names now, with its lockfile line.

    The line says what the bucket lists. The facts that the row gives about a file describe the old
    bytes, unless the row was given another file.
    """
    naming = (c.name for c in TABLES[row.kind].columns if c.source == slot.value and c.origin in _NAMING)
    key = key_in(row[next(naming)])
    stored = bench.snapshot.objects.get(key) if key is not None else None
    if key is None or stored is None or unfit(key, slot):
        return
    said = bench.editor.fields(address).get(slot.value)
    before = bench.lines.get(nfc(str(said)))
    known = bench.lines.get(key)
    is_same = known is not None and stored.etag in {known.etag, known.md5, known.parts_etag}
    line = known if is_same else line_of(key, stored, iter((row,) if is_moved else ()))
    recorded = bench.recorded.keys.get(key)
    if line is None or (before is not None and recorded is not None and recorded.etag == stored.etag):
        return  # nobody has touched the object: it is the row's other columns that changed
    bench.lines[key] = line
    bench.editor.set(address, {slot.value: key})


_NAMING = frozenset({Origin.KEY, Origin.REFERENCE})


def _left(bench: Workbench, accepted: Mapping[Address, tuple[str, ...]]) -> Iterator[ImportFinding]:
    """Accept the drifted columns that are still to be corrected.

    They are accepted with `as_is`. Yields a finding for what cannot be accepted.
    """
    for change in _of(bench, accepted):
        address = Address(change.address)
        columns = {n: v for n, v in columns_of(change).items() if n in accepted[address] and n != "file_path"}
        if columns:
            before = bench.editor.fields(address).get("as_is")
            bench.editor.set(address, {"as_is": {**(before if isinstance(before, dict) else {}), **columns}})
    for change in _of(bench, accepted):
        left = sorted(columns_of(change).keys() & set(accepted[Address(change.address)]))
        if left:
            yield ImportFinding(reason=Reason.NOT_AS_IS, subject=change.address, detail=", ".join(left))
        for slot, key in bench.recorded.resources[Address(change.address)].keys.items():
            if slot.value in accepted[Address(change.address)] and nfc(key) not in bench.snapshot.objects:
                detail = f"{slot}: {key} is not in the bucket; an apply puts it back"
                yield ImportFinding(reason=Reason.NOT_AS_IS, subject=change.address, detail=detail)


def _of(bench: Workbench, accepted: Mapping[Address, tuple[str, ...]]) -> list[Change]:
    return [change for change in bench.differences() if change.address in accepted]
