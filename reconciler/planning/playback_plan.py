"""Playback of a plan: copies that keep every way playing, and refusals.

It works on the rows as they will be after the commit. A key that leads to nothing yet is filled
before the commit; a key that holds other bytes is an alias, overwritten after it. Bytes that an
alias replaces are kept under a key of their own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.plan import Action, Blocked, Change
from reconciler.model.playback import CopyStep, PlaybackCopy, Way, WayCount
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import Sentence
from reconciler.model.values import Value, counted, nfc
from reconciler.planning.ambiguities import Ambiguity
from reconciler.planning.fingerprint import change_id
from reconciler.planning.lost_rows import rows_made_again, with_lost_rows
from reconciler.planning.object_keys import key_problem, with_hash
from reconciler.planning.playback import Content, Keys, Library, Rows, canonical_key
from reconciler.planning.playback_claims import is_broken
from reconciler.planning.world import World

PLAYBACK = "playback"

#: Bytes under such a key may go, or were put there by a run that did not commit.
_UNSURE = frozenset({KeyState.CONDEMNED, KeyState.DELETED, KeyState.INTENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackPlan:
    """Result: the changes with their copies, the counts and the refusals.

    `after` is the library as it will be.
    `left` are the recorded keys that lead to a lecture before the changes and not after them, by the
    address of the change: candidates to be retired.
    """

    changes: tuple[Change, ...]
    after: Library
    counts: tuple[WayCount, ...]
    blocked: tuple[Blocked, ...] = ()
    problems: tuple[tuple[Address, Diagnostic], ...] = ()
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan_playback(world: World, changes: Sequence[Change]) -> PlaybackPlan:
    """Return the changes with the copies that they need.

    Every lecture row is looked at, managed or not. Nothing is copied for a way that was broken
    before and that no change concerns.
    """
    return _Planner(world, changes).run()


def rows_after(rows: Rows, changes: Sequence[Change]) -> tuple[Rows, Mapping[str, int]]:
    """Return every row as it will be, and the row of each changed address.

    A row that the changes create has a negative id until the commit.
    """
    ids = _ids(changes)
    after = {kind: dict(found) for kind, found in rows.items()}
    for change in changes:
        if change.kind is None or change.address not in ids:
            continue
        row = ids[change.address]
        if change.action is Action.DELETE:
            after[change.kind].pop(row, None)
        elif change.after is not None:
            values = {**change.after.values, **{n: ids.get(a) for n, a in change.after.pending.items()}}
            after[change.kind][row] = _with(change.kind, row, after[change.kind].get(row), values)
    return after, ids


def _ids(changes: Sequence[Change]) -> Mapping[str, int]:
    ids: dict[str, int] = {}
    for change in changes:
        if change.kind is None:
            continue
        if change.row is not None:
            ids[change.address] = change.row
        elif change.action is Action.CREATE:
            ids[change.address] = -1 - len(ids)
    return ids


def _with(kind: Kind, row: int, before: Row | None, values: Mapping[str, Value]) -> Row:
    held = before.values if before is not None else (None,) * len(TABLES[kind].columns)
    names = TABLES[kind].index
    return Row(kind, row, tuple(values.get(name, now) for name, now in zip(names, held, strict=True)))


@dataclass(slots=True)
class _Lecture:
    """One lecture row on both sides of the plan, where it exists."""

    row: int
    before: Row | None
    after: Row | None
    keys_before: Keys
    keys_after: Keys
    played: tuple[bool, ...]
    change: Change | None  # its own
    cause: Change | None  # its own, or that of the nearest parent that changes
    new_bytes: bool
    address: Address | None


class _Planner:
    def __init__(self, world: World, changes: Sequence[Change]) -> None:
        self.world, self.changes = world, changes
        self.ways: Sequence[Way] = world.policy.playback
        self.before = world.library
        rows, self.ids = rows_after(world.snapshot.rows, changes)
        contents = {**self.before.contents, **dict(_stored_by(world, changes))}
        self.after = Library(ways=self.ways, rows=rows, contents=contents)
        self.contents = contents
        self.made_again = rows_made_again(world, changes)
        lost = with_lost_rows(world) if self.made_again else world.snapshot.rows
        self.applied = Library(ways=self.ways, rows=lost, contents=self.before.contents)
        self.copies: defaultdict[str, list[PlaybackCopy]] = defaultdict(list)
        self.left: defaultdict[str, list[str]] = defaultdict(list)
        self.lost: list[tuple[_Lecture, Way, str]] = []
        self.problems: list[tuple[Address, Diagnostic]] = []
        self.heard: defaultdict[str, list[_Lecture]] = defaultdict(list)  # by key, after the plan
        aside = {nfc(copy.key): nfc(copy.source) for change in changes for copy in change.copies}
        self.aside = aside  # recordings that leave their key: where they stand until the commit
        self.kept = {key: kept for kept, key in aside.items()}  # a second key of what an alias replaces
        self.chosen = set(aside)
        in_turn = sorted(changes, key=lambda change: change.action is not Action.FORGET)
        self.by_row = {  # a row may change hands: what takes it counts
            (change.kind, self.ids[change.address]): change
            for change in in_turn
            if change.address in self.ids
        }
        self.address_of = {
            (record.kind, record.row): address for address, record in world.recorded.resources.items()
        }

    def run(self) -> PlaybackPlan:
        lectures = list(self._lectures())
        for lecture in lectures:
            for key in self._found_by(lecture):
                self.heard[key].append(lecture)
        for lecture in lectures:
            if lecture.cause is not None:
                self._serve(lecture)
                self._leave(lecture)
        return PlaybackPlan(
            changes=tuple(self._with_copies(change) for change in self.changes),
            after=self.after,
            counts=self._counts(lectures),
            blocked=tuple(self._blocked(lectures)),
            problems=tuple(self.problems),
            left={address: tuple(dict.fromkeys(keys)) for address, keys in self.left.items()},
        )

    # Both sides.

    def _lectures(self) -> Iterator[_Lecture]:
        rows, after = self.before.rows[Kind.LECTURE], self.after.rows[Kind.LECTURE]
        for row in sorted({*rows, *after}, key=lambda row: (row < 0, abs(row))):
            yield self._lecture(row, rows.get(row), after.get(row))

    def _lecture(self, row: int, before: Row | None, after: Row | None) -> _Lecture:
        change = self.by_row.get((Kind.LECTURE, row))
        lost = self.made_again.get(change.address) if change is not None and before is None else None
        keys_before: Keys = self.before.keys(before) if before is not None else ()
        if lost is not None:
            keys_before = self.applied.keys(lost)
        cause = change or (self._parents_change(after) if after is not None else None)
        if after is None:
            keys_after: Keys = ()
        elif after is before and cause is None:
            keys_after = keys_before
            self.after.lead_alike(after, self.before.routes(after))
        else:
            keys_after = self.after.keys(after)
        played = tuple(self.before.plays(before, key) for key in keys_before) if before is not None else ()
        address = Address(change.address) if change is not None else self.address_of.get((Kind.LECTURE, row))
        return _Lecture(
            row=row,
            before=before,
            after=after,
            keys_before=keys_before,
            keys_after=keys_after,
            played=played,
            change=change,
            cause=cause,
            new_bytes=change is not None and self._has_new_bytes(change),
            address=address,
        )

    def _has_new_bytes(self, change: Change) -> bool:
        """Return whether a lecture gets another recording; a lost row had its own."""
        lost = self.made_again.get(change.address)
        if lost is None or change.after is None:
            return _has_new_bytes(change)
        after = change.after.objects.get(Slot.LECTURE_AUDIO)
        return after is not None and nfc(after.key) != canonical_key(lost)

    def _parents_change(self, row: Row) -> Change | None:
        """Return the change of the nearest parent that changes."""
        for kind in (Kind.COLLECTION, Kind.SPEAKER):
            parent = row[f"{kind}_id"]
            change = self.by_row.get((kind, parent)) if isinstance(parent, int) else None
            if change is not None:
                return change
        return None

    def _found_by(self, lecture: _Lecture) -> set[str]:
        """Return the keys by which apps will find a lecture."""
        if lecture.after is None:
            return set()
        keys = {key for way, key in zip(self.ways, lecture.keys_after, strict=True) if key and not way.report}
        return {*keys, canonical_key(lecture.after)}

    # Copies.

    def _serve(self, lecture: _Lecture) -> None:
        """Decide for each way of a lecture what has to be copied."""
        if lecture.after is None:
            return
        canonical = canonical_key(lecture.after)
        for place, way in enumerate(self.ways):
            key = lecture.keys_after[place]
            if way.report or key is None or key == canonical:
                continue
            source = self._source(lecture, place, canonical)
            if source is not None and self._wanted(lecture, place, key):
                self._lead(lecture, way, key, source)

    def _wanted(self, lecture: _Lecture, place: int, key: str) -> bool:
        """Return whether the plan is to make a way lead to its recording.

        That is so for a key that the plan makes, for new bytes, and for a copy that elmify made and
        somebody took away. A way that was broken before is a finding, not a copy; and so is one of a row
        that nobody declares and that did not play.
        """
        before = lecture.keys_before[place] if lecture.keys_before else None
        if lecture.address is None and not (lecture.played and lecture.played[place]):
            return False
        return key != before or lecture.new_bytes or is_broken(self.world, key)

    def _source(self, lecture: _Lecture, place: int, canonical: str) -> str | None:
        """Return the key of the bytes that a way is to lead to.

        The same as before where the lecture keeps its recording, else the new recording.
        """
        before = lecture.keys_before[place] if lecture.keys_before else None
        played = bool(lecture.played) and lecture.played[place] and not lecture.new_bytes
        if before is not None and played and not is_broken(self.world, before):
            own = self.contents.get(canonical)
            if own is None or not own.same(self.before.contents[before]):
                return before
        return canonical if canonical in self.contents else None

    def _lead(self, lecture: _Lecture, way: Way, key: str, source: str) -> None:
        content, there = self.contents[source], self.contents.get(key)
        made = self._is_intended(key, content) and (there is None or there.may_be(content))
        if made or self._is_retired(key, content):
            there = None  # this very copy was made before; the apply looks at it again
        if there is not None and there.same(content):
            return
        refused = self._refusal(key)
        if refused is not None:
            self.lost.append((lecture, way, refused))
            return
        if self._refuse_shared(lecture, way, key, content):
            return
        if there is None:
            self._copy(lecture, CopyStep.FILL, key, source, way)
        elif lecture.cause is not None and lecture.cause.action is Action.ADOPT and there.size_bytes:
            return  # what stood there before elmify is a question at import, never an action
        else:
            self._keep(lecture, key, there)
            self._copy(lecture, CopyStep.ALIAS, key, source, way, replaces=there.etag)
        self.contents[key] = content

    def _refusal(self, key: str) -> str | None:
        """Return why nothing may be stored under a key; None when it may."""
        record = self.world.recorded.keys.get(key)
        if record is not None and record.state is KeyState.CONDEMNED:
            return f"gc is deleting {key!r}, and has to end first"
        problem = key_problem(key)
        return f"{key!r}: {problem}" if problem is not None else None

    def _refuse_shared(self, lecture: _Lecture, way: Way, key: str, content: Content) -> bool:
        """Return whether other lectures are found by a key.

        Two declared lectures are a question for a person; a row that nobody declares is not touched.
        """
        others = [
            other
            for other in self.heard[key]
            if other.row != lecture.row and other.after is not None and not self._is_own(other, content)
        ]
        if not others:
            return False
        other = others[0]
        change = lecture.change or lecture.cause
        position = change.position if change is not None else None
        if lecture.address is not None and other.address is not None and position is not None:
            self._ask(lecture, other, key, position)
        else:
            self.lost.append((lecture, way, f"row {other.row} of lectures is found by {key!r} too"))
        return True

    def _played_by(self, other: _Lecture, key: str) -> bool:
        """Return whether a lecture played by a way that will lead to a key."""
        named = other.after is not None and canonical_key(other.after) == key
        ways = zip(other.played, other.keys_after, strict=False)
        return named or any(played and found == key for played, found in ways)

    def _is_own(self, other: _Lecture, content: Content) -> bool:
        own = self.after.own(other.after) if other.after is not None else None
        return own is not None and own.same(content)

    def _ask(self, lecture: _Lecture, other: _Lecture, key: str, position: Position) -> None:
        detail = f"{lecture.address} and {other.address} would both be found by {key!r}."
        hint = "Give one of them another number or title."
        found = Ambiguity.SHARED_PLAYBACK_KEY.at(position, detail, hint)
        self.problems.append((Address(lecture.address or ""), found))

    def _keep(self, lecture: _Lecture, key: str, there: Content) -> None:
        """Keep the bytes that an alias replaces, where nothing else does."""
        if key in self.kept:
            return
        second = self._second_key(key, there)
        if second is not None or there.size_bytes == 0:
            self.kept[key] = second or key
            return
        name = there.sha256 or (there.etag or "").replace("-", "")
        kept = with_hash(
            key, name, lambda wished: self._is_taken(wished) and not self._is_intended(wished, there)
        )
        self._copy(lecture, CopyStep.KEEP, kept, key, None)
        self.kept[key] = kept
        self.contents[nfc(kept)] = there

    def _second_key(self, key: str, there: Content) -> str | None:
        """Return another recorded key with the same recorded bytes."""
        records = self.world.recorded.keys
        if key not in records or records[key].etag != there.etag:
            return None
        for other in self._by_size[there.size_bytes]:
            record = records.get(other)
            stays = record is not None and record.state not in _UNSURE and other not in self.kept
            if other != key and stays and self.before.contents[other].same(there):
                return other
        return None

    @cached_property
    def _by_size(self) -> Mapping[int, Sequence[str]]:
        keys: defaultdict[int, list[str]] = defaultdict(list)
        for key, found in self.before.contents.items():
            keys[found.size_bytes].append(key)
        return keys

    def _is_intended(self, key: str, content: Content) -> bool:
        """Return whether an uncommitted run meant these bytes for the key."""
        record = self.world.recorded.keys.get(nfc(key))
        return (
            record is not None
            and record.state is KeyState.INTENDED
            and (record.size_bytes, record.sha256) == (content.size_bytes, content.sha256)
        )

    def _is_retired(self, key: str, content: Content) -> bool:
        """Return whether a retired copy of these bytes is heard again."""
        record, there = self.world.recorded.keys.get(key), self.contents.get(key)
        retired = record is not None and record.state is KeyState.RETIRED
        return retired and there is not None and there.same(content)

    def _is_taken(self, key: str) -> bool:
        folded = nfc(key)
        return folded in self.contents or folded in self.world.recorded.keys or folded in self.chosen

    def _copy(
        self,
        lecture: _Lecture,
        step: CopyStep,
        key: str,
        source: str,
        way: Way | None,
        *,
        replaces: str | None = None,
    ) -> None:
        assert lecture.cause is not None
        content = self.contents[source]
        if step is not CopyStep.ALIAS:
            source = self.aside.get(source, source)
        stored = self.world.snapshot.objects.get(source)
        self.chosen.add(nfc(key))
        self.copies[lecture.cause.address].append(
            PlaybackCopy(
                step=step,
                key=key,
                source=stored.key if stored is not None else source,
                size_bytes=content.size_bytes,
                way=way.name if way is not None else None,
                sha256=content.sha256,
                source_etag=stored.etag if stored is not None else None,
                replaces=replaces,
                media_type=self._media_type(lecture) if step is not CopyStep.KEEP else None,
                address=lecture.address,
                row=lecture.row if lecture.row > 0 else None,
            )
        )

    def _media_type(self, lecture: _Lecture) -> str | None:
        """Return the type of a declared recording; None means the source's own."""
        resource = self.world.catalog.resources.get(lecture.address) if lecture.address else None
        path = resource.media.get(Slot.LECTURE_AUDIO) if resource is not None else None
        media = self.world.media.get(nfc(path)) if path is not None else None
        return media.media_type if media is not None else None

    # What is left behind.

    def _leave(self, lecture: _Lecture) -> None:
        """Note the recorded keys that do not lead to the lecture any more."""
        assert lecture.cause is not None
        if lecture.cause.action is Action.FORGET:
            return  # what is let go keeps its objects
        stays = set(lecture.keys_after)
        for way, key in zip(self.ways, lecture.keys_before, strict=False):
            record = self.world.recorded.keys.get(key) if key is not None and key not in stays else None
            live = record is not None and record.state is KeyState.LIVE and key in self.before.contents
            if record is not None and live and not way.report:
                self.left[lecture.cause.address].append(record.key)

    # Result.

    def _with_copies(self, change: Change) -> Change:
        planned = (self._from_what_stays(copy) for copy in self.copies.get(change.address, ()))
        copies = (*change.copies, *planned)
        if not copies:
            return change
        own = change_id(
            self.world.policy.environment,
            change.address,
            change.action,
            change.previous_address,
            change.before,
            change.after,
            copies,
        )
        return replace(change, copies=copies, change_id=own)

    def _from_what_stays(self, copy: PlaybackCopy) -> PlaybackCopy:
        """Return an alias whose source no other alias replaces first."""
        stays = self.kept.get(nfc(copy.source)) if copy.step is CopyStep.ALIAS else None
        return copy if stays is None else replace(copy, source=stays, source_etag=None)

    def _counts(self, lectures: Sequence[_Lecture]) -> tuple[WayCount, ...]:
        return tuple(
            WayCount(
                way=way.name,
                lectures=sum(lecture.before is not None for lecture in lectures),
                plays=sum(lecture.played[place] for lecture in lectures if lecture.played),
                lectures_after=sum(lecture.after is not None for lecture in lectures),
                plays_after=sum(self._plays_after(lecture, place) for lecture in lectures),
                report=way.report,
            )
            for place, way in enumerate(self.ways)
        )

    def _plays_after(self, lecture: _Lecture, place: int) -> bool:
        row, key = lecture.after, lecture.keys_after[place] if lecture.keys_after else None
        if row is None:
            return False
        unchanged = row is lecture.before and key not in self.touched and key == lecture.keys_before[place]
        if unchanged and canonical_key(row) not in self.touched:
            return lecture.played[place]
        return self.after.plays(row, key)

    @cached_property
    def touched(self) -> frozenset[str]:
        """NFC keys whose bytes, or whose rows, are others after the plan."""
        before, now = self.before.contents, self.contents
        keys = {key for key, found in now.items() if before.get(key) is not found}
        old, new = self.before.rows[Kind.LECTURE], self.after.rows[Kind.LECTURE]
        for row, changed in new.items():
            if old.get(row) is not changed:
                keys.add(canonical_key(changed))
        for row, changed in old.items():
            if new.get(row) is not changed:
                keys.add(canonical_key(changed))
        return frozenset(keys)

    def _blocked(self, lectures: Sequence[_Lecture]) -> Iterator[Blocked]:
        lost = list(self.lost)
        told = {(lecture.row, way.name) for lecture, way, _ in lost}
        for lecture in lectures:
            for place, way in enumerate(self.ways if lecture.played and lecture.after is not None else ()):
                if way.report or (lecture.row, way.name) in told:
                    continue
                if lecture.played[place] and not self._plays_after(lecture, place):
                    lost.append((lecture, way, _why_lost(lecture.keys_after[place])))
        if lost:
            rows = {lecture.row for lecture, _, _ in lost}
            _, way, why = lost[0]
            yield Blocked(
                guard=PLAYBACK,
                summary=f"{counted(len(rows), 'lecture')} would not play any more, or another one's "
                f"recording; the first by way {way.name}: {why}",
                addresses=tuple(dict.fromkeys(_name_of(lecture) for lecture, _, _ in lost)),
                remedies=(
                    Sentence(text="Change the title, the number or the name, so that the key is free."),
                ),
            )


def _why_lost(key: str | None) -> str:
    if key is None:
        return "it leads to no key"
    problem = key_problem(key)
    return f"{key!r}: {problem}" if problem is not None else f"nothing would stand under {key!r}"


def _name_of(lecture: _Lecture) -> str:
    return lecture.address or f"unmanaged.lectures[{lecture.row}]"


def _has_new_bytes(change: Change) -> bool:
    """Return whether a lecture gets another recording than it has."""
    if change.after is None:
        return False
    before = change.before.objects.get(Slot.LECTURE_AUDIO) if change.before is not None else None
    after = change.after.objects.get(Slot.LECTURE_AUDIO)
    if any(put.slot is Slot.LECTURE_AUDIO for put in change.puts):
        return True
    if after is None or before is None:
        return after is not None
    moved = nfc(before.key) != nfc(after.key)
    return moved and (before.sha256 is None or before.sha256 != after.sha256) and not _is_aside(change)


def _is_aside(change: Change) -> bool:
    return any(copy.step is CopyStep.KEEP for copy in change.copies)


def _stored_by(world: World, changes: Sequence[Change]) -> Iterator[tuple[str, Content]]:
    """Yield what puts and first copies store, by NFC key."""
    for change in changes:
        for put in change.puts:
            line = world.media.get(nfc(put.path))
            etag = None if line is None else line.parts_etag if put.multipart else line.md5
            yield nfc(put.key), Content(size_bytes=put.size_bytes, sha256=put.sha256, etag=etag)
        for copy in change.copies:
            found = world.snapshot.objects.get(nfc(copy.source))
            etag = found.etag if found is not None else None
            yield nfc(copy.key), Content(size_bytes=copy.size_bytes, sha256=copy.sha256, etag=etag)
        for there in change.after.objects.values() if change.after is not None else ():
            stored = world.snapshot.objects.get(nfc(there.key))
            if stored is not None and there.verified and there.sha256 is not None:
                yield (
                    nfc(there.key),
                    Content(size_bytes=stored.size_bytes, sha256=there.sha256, etag=stored.etag),
                )
