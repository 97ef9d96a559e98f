"""Playback ways of a live library: measured, and written down.

They are written into elmify.yaml where it leaves them open.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.importing.describe import label, name_of, title_of
from reconciler.importing.layout import place_of
from reconciler.importing.numbers import with_values
from reconciler.model.actual import Row, Snapshot
from reconciler.model.kinds import Kind
from reconciler.model.outcomes import ImportFinding, Reason
from reconciler.model.playback import STREAM_KEY, Way, WayCount
from reconciler.model.recorded import Recorded
from reconciler.model.values import nfc
from reconciler.planning.object_keys import TEMPLATE_MAX_CHARS
from reconciler.planning.playback import Content, Library, Rows, arrives, canonical_key, content_of, raw_key
from reconciler.settings.ignore_entries import NotWritable
from reconciler.settings.playback import with_ways
from reconciler.settings.section_entries import section_in
from reconciler.settings.source import CONFIG_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledWays:
    """Ways settled for an import, and what plays by them now.

    `text` is that of elmify.yaml with the ways, None when nothing is to be written. `findings` are questions
    for a person.
    """

    ways: tuple[Way, ...]
    counts: tuple[WayCount, ...]
    text: str | None = None
    findings: tuple[ImportFinding, ...] = ()


def settle_ways(
    root: Path, text: str | None, world: tuple[Snapshot, Recorded], ways: tuple[Way, ...]
) -> SettledWays:
    """Measure the ways, and settle them where elmify.yaml leaves them open.

    Collections that lie under another folder are exceptions of the settled ways. `text` is that of
    elmify.yaml as it will be written, None for the file as it is.
    """
    snapshot, recorded = world
    contents = {key: content_of(stored, recorded.keys.get(key)) for key, stored in snapshot.objects.items()}
    library = Library(ways, snapshot.rows, contents)
    found = tuple(folder_exceptions(snapshot, library))
    written = None
    if (
        snapshot.rows[Kind.LECTURE]
        and (root / CONFIG_NAME).is_file()
        and section_in(root, "playback") is None
    ):
        settled = with_exceptions(ways, found, snapshot.rows)
        with suppress(NotWritable):
            written = with_ways(text or (root / CONFIG_NAME).read_bytes().decode(), settled)
            library = Library(settled, snapshot.rows, contents)
    return SettledWays(
        ways=tuple(library.ways),
        counts=library.count(),
        text=written or text,
        findings=(*exception_findings(found), *differing_ways(library)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderException:
    """Collection whose recordings apps find under a folder of another name.

    `plays` of its `lectures` would play there, and none does under its title.
    """

    speaker: str
    collection: Row
    folder: str
    plays: int
    lectures: int

    @property
    def title(self) -> str:
        """The collection's title, as its row has it."""
        return name_of(self.collection)


def with_exceptions(ways: Sequence[Way], found: Sequence[FolderException], rows: Rows) -> tuple[Way, ...]:
    """Return the ways with the folders of collections under other names."""
    titles = [name_of(row) for row in rows[Kind.COLLECTION].values()]
    key = STREAM_KEY
    for each in found:
        condition = f"collection.title == {_literal(each.title)}"
        if titles.count(each.title) > 1:
            condition += f" and speaker.name == {_literal(each.speaker)}"
        key = key.replace("{{ '", f"{{{{ {_literal(each.folder)} if {condition} else '", 1)
    fits = len(key) <= TEMPLATE_MAX_CHARS
    return tuple(replace(way, key=key) if fits and way.key == STREAM_KEY else way for way in ways)


def _literal(text: str) -> str:
    """Return a text as a template's literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def folder_exceptions(snapshot: Snapshot, library: Library) -> Iterator[FolderException]:
    """Yield the collections that apps would find under another folder.

    It is one of their speaker, and none of their lectures plays by the collection's title. A title that is
    only not tidy is no exception: no app tidies it.
    """
    places = [place for place, way in enumerate(library.ways) if way.key == STREAM_KEY]
    folders, lectures_by = _folders(snapshot.objects), _by_collection(snapshot)
    for collection in snapshot.rows[Kind.COLLECTION].values():
        speaker = snapshot.rows[Kind.SPEAKER].get(_id(collection["speaker_id"]))
        lectures = lectures_by.get(collection.id, ())
        if speaker is None or not lectures or not places:
            continue
        trial = _Trial(library, places[0], collection, lectures)
        if trial.plays(name_of(collection)):
            continue
        others = [name for name in folders.get(nfc(name_of(speaker)), ()) if name != title_of(collection)]
        plays = {name: trial.plays(name) for name in others}
        best = max(plays, key=lambda name: plays[name], default=None)
        if best is not None and plays[best] and list(plays.values()).count(plays[best]) == 1:
            yield FolderException(
                speaker=name_of(speaker),
                collection=collection,
                folder=best,
                plays=plays[best],
                lectures=len(lectures),
            )


def _folders(keys: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the names of the folders below each top folder."""
    found: dict[str, set[str]] = {}
    for key in keys:
        parts = key.split("/")
        if len(parts) > 2:  # noqa: PLR2004 - speaker, collection and file
            found.setdefault(parts[0], set()).add(parts[1])
    return {name: sorted(below) for name, below in found.items()}


def _by_collection(snapshot: Snapshot) -> Mapping[object, Sequence[Row]]:
    found: dict[object, list[Row]] = {}
    for row in snapshot.rows[Kind.LECTURE].values():
        found.setdefault(row["collection_id"], []).append(row)
    return found


@dataclass(frozen=True)
class _Trial:
    """Trial of a collection's lectures under other folders."""

    library: Library
    place: int
    collection: Row
    lectures: Sequence[Row]

    def plays(self, folder: str) -> int:
        """Return how many lectures would play if the collection had that title."""
        collections = {self.collection.id: with_values(self.collection, title=folder)}
        rows = {**self.library.rows, Kind.COLLECTION: collections}
        return sum(self._plays(row, rows) for row in self.lectures)

    def _plays(self, row: Row, rows: Rows) -> bool:
        """Return whether a lecture plays.

        It does by its number, or by that in the name of its recording.
        """
        told = place_of(canonical_key(row)).number
        forms = [row] if told is None else [row, with_values(row, lecture_number=told)]
        return any(self.library.plays(form, self._key(form, rows)) for form in forms)

    def _key(self, row: Row, rows: Rows) -> str | None:
        raw = raw_key(self.library.ways, self.place, row, rows)
        return None if raw is None else arrives(self.library.ways[self.place].request, raw)


def exception_findings(found: Iterable[FolderException]) -> Iterator[ImportFinding]:
    """Yield a question for each folder of another name."""
    for each in found:
        detail = (
            f"{each.title!r} of {each.speaker!r}: none of its lectures plays under its title, "
            f"and {each.plays:,} of {each.lectures:,} would under {each.folder!r}"
        )
        yield ImportFinding(reason=Reason.OTHER_FOLDER, subject=label(each.collection), detail=detail)


def differing_ways(library: Library) -> Iterator[ImportFinding]:
    """Yield a question for each lecture whose ways lead to different bytes."""
    for row in library.rows[Kind.LECTURE].values():
        led = {
            way.name: (key, content)
            for way, key in zip(library.ways, library.keys(row), strict=True)
            if not way.report and key is not None and (content := library.contents.get(key)) is not None
        }
        (first, *others) = led.values() or [None]
        if first is not None and any(_differ(first[1], other[1]) for other in others if other is not None):
            detail = ", ".join(
                f"{name} leads to {key} ({content.size_bytes:,} bytes)"
                for name, (key, content) in led.items()
            )
            yield ImportFinding(reason=Reason.WAYS_DIFFER, subject=label(row), detail=detail)


def _differ(one: Content, other: Content) -> bool:
    """Return whether two objects are known to be other bytes.

    An ETag of parts says nothing about the bytes.
    """
    if one.size_bytes != other.size_bytes:
        return True
    if one.sha256 and other.sha256:
        return one.sha256 != other.sha256
    etags = {one.etag, other.etag}
    return None not in etags and len(etags) > 1 and not any("-" in str(etag) for etag in etags)


def _id(value: object) -> int:
    return value if isinstance(value, int) else 0
