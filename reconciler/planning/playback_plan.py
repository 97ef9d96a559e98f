"""Playback of a plan: copies that keep every way playing, and refusals.

It works on the rows as they will be after the commit. A key that leads to nothing yet is filled
before the commit; a key that holds other bytes is an alias, overwritten after it. Bytes that an
alias replaces are kept under a key of their own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from reconciler.model.address import Address
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.kinds import Slot
from reconciler.model.plan import Action, Blocked, Change
from reconciler.model.playback import CopyStep, PlaybackCopy, Way, WayCount
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import Sentence
from reconciler.model.values import counted, nfc
from reconciler.planning.ambiguities import Ambiguity
from reconciler.planning.fingerprint import change_id
from reconciler.planning.object_keys import key_problem, with_hash
from reconciler.planning.playback import Content, Library, canonical_key
from reconciler.planning.playback_claims import is_broken
from reconciler.planning.playback_sides import LectureSides, Sides
from reconciler.planning.world import World

PLAYBACK = "playback"

#: Bytes under such a key may go, or were put there by a run that did not commit.
_UNSURE = frozenset({KeyState.CONDEMNED, KeyState.DELETED, KeyState.INTENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackPlan:
    """Result: the changes with their copies, the counts and the refusals.

    `after` is the library as it will be. `left` are the recorded keys that lead to a lecture before the
    changes and not after them, by the address of the change: candidates to be retired.
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
    if not changes:
        return PlaybackPlan(changes=(), after=world.library, counts=world.library.count())
    return _Planner(world, changes).run()


class _Planner:
    def __init__(self, world: World, changes: Sequence[Change]) -> None:
        self.world, self.changes = world, changes
        self.ways: Sequence[Way] = world.policy.playback
        self.sides = Sides(world, changes)
        self.before, self.after = self.sides.before, self.sides.after
        self.contents = self.sides.contents
        self.copies: defaultdict[str, list[PlaybackCopy]] = defaultdict(list)
        self.left: defaultdict[str, list[str]] = defaultdict(list)
        self.lost: list[tuple[LectureSides, Way, str]] = []
        self.problems: list[tuple[Address, Diagnostic]] = []
        self.heard: defaultdict[str, list[LectureSides]] = defaultdict(list)  # by key, after the plan
        aside = {nfc(copy.key): nfc(copy.source) for change in changes for copy in change.copies}
        self.aside = aside  # recordings that leave their key: where they stand until the commit
        self.kept = {key: kept for kept, key in aside.items()}  # a second key of what an alias replaces
        self.chosen = set(aside)

    def run(self) -> PlaybackPlan:
        lectures = list(self.sides.lectures())
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

    def _found_by(self, lecture: LectureSides) -> set[str]:
        """Return the keys by which apps will find a lecture."""
        if lecture.after is None:
            return set()
        keys = {key for way, key in zip(self.ways, lecture.keys_after, strict=True) if key and not way.report}
        return {*keys, canonical_key(lecture.after)}

    # Copies.

    def _serve(self, lecture: LectureSides) -> None:
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

    def _wanted(self, lecture: LectureSides, place: int, key: str) -> bool:
        """Return whether the plan is to make a way lead to its recording.

        That is so for a key that the plan makes, for new bytes, and for a copy that elmify made and
        somebody took away. A way that was broken before is a finding, not a copy; and so is one of a row
        that nobody declares and that did not play.
        """
        before = lecture.keys_before[place] if lecture.keys_before else None
        if lecture.address is None and not (lecture.played and lecture.played[place]):
            return False
        return key != before or lecture.new_bytes or is_broken(self.world, key)

    def _source(self, lecture: LectureSides, place: int, canonical: str) -> str | None:
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

    def _lead(self, lecture: LectureSides, way: Way, key: str, source: str) -> None:
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
        elif self._was_there_before(lecture, key, there):
            return  # a question at import, never an action
        else:
            self._keep(lecture, key, there)
            self._copy(lecture, CopyStep.ALIAS, key, source, way, replaces=there.etag)
        self.contents[key] = content

    def _was_there_before(self, lecture: LectureSides, key: str, there: Content) -> bool:
        """Return whether other bytes stood there before elmify came."""
        adopted = lecture.cause is not None and lecture.cause.action is Action.ADOPT
        return adopted and there.size_bytes > 0 and not is_broken(self.world, key)

    def _refusal(self, key: str) -> str | None:
        """Return why nothing may be stored under a key; None when it may."""
        record = self.world.recorded.keys.get(key)
        if record is not None and record.state is KeyState.CONDEMNED:
            return f"gc is deleting {key!r}, and has to end first"
        problem = key_problem(key)
        return f"{key!r}: {problem}" if problem is not None else None

    def _refuse_shared(self, lecture: LectureSides, way: Way, key: str, content: Content) -> bool:
        """Return whether other lectures are found by a key.

        Two declared lectures are a question for a person; a row that nobody declares is not touched.
        """
        others = [
            other
            for other in self.heard[key]
            if other.row != lecture.row
            and (other.address is not None or self._played_by(other, key))
            and not self._is_own(other, content)
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

    def _played_by(self, other: LectureSides, key: str) -> bool:
        """Return whether a lecture played by a way that will lead to a key."""
        named = other.after is not None and canonical_key(other.after) == key
        ways = zip(other.played, other.keys_after, strict=False)
        return named or any(played and found == key for played, found in ways)

    def _is_own(self, other: LectureSides, content: Content) -> bool:
        own = self.after.own(other.after) if other.after is not None else None
        return own is not None and own.same(content)

    def _ask(self, lecture: LectureSides, other: LectureSides, key: str, position: Position) -> None:
        detail = f"{lecture.address} and {other.address} would both be found by {key!r}."
        hint = "Give one of them another number or title."
        found = Ambiguity.SHARED_PLAYBACK_KEY.at(position, detail, hint)
        self.problems.append((Address(lecture.address or ""), found))

    def _keep(self, lecture: LectureSides, key: str, there: Content) -> None:
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
        lecture: LectureSides,
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

    def _media_type(self, lecture: LectureSides) -> str | None:
        """Return the type of a declared recording; None means the source's own."""
        resource = self.world.catalog.resources.get(lecture.address) if lecture.address else None
        path = resource.media.get(Slot.LECTURE_AUDIO) if resource is not None else None
        media = self.world.media.get(nfc(path)) if path is not None else None
        return media.media_type if media is not None else None

    # What is left behind.

    def _leave(self, lecture: LectureSides) -> None:
        """Note the recorded keys that do not lead to the lecture any more."""
        assert lecture.cause is not None
        stays = set(lecture.keys_after)
        if lecture.cause.action is Action.FORGET and lecture.before is not None:
            stays.add(canonical_key(lecture.before))  # what is let go keeps its own object
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

    def _counts(self, lectures: Sequence[LectureSides]) -> tuple[WayCount, ...]:
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

    def _plays_after(self, lecture: LectureSides, place: int) -> bool:
        row, key = lecture.after, lecture.keys_after[place] if lecture.keys_after else None
        if row is None:
            return False
        touched = self.sides.touched
        unchanged = row is lecture.before and key not in touched and key == lecture.keys_before[place]
        if unchanged and canonical_key(row) not in touched:
            return lecture.played[place]
        return self.after.plays(row, key)

    def _blocked(self, lectures: Sequence[LectureSides]) -> Iterator[Blocked]:
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
                    Sentence(
                        text="Give the lecture another title or number. Where another row has the key, "
                        "declare, merge or delete that row first."
                    ),
                ),
            )


def _why_lost(key: str | None) -> str:
    if key is None:
        return "it leads to no key"
    problem = key_problem(key)
    return f"{key!r}: {problem}" if problem is not None else f"nothing would stand under {key!r}"


def _name_of(lecture: LectureSides) -> str:
    return lecture.address or f"unmanaged.lectures[{lecture.row}]"
