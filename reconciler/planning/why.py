"""Account of one lecture or key: why it plays, or does not.

It holds what each way leads to against what the catalog, the row, the bucket and the records say.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.explanation import (
    Bytes,
    DeclaredEntry,
    Explanation,
    Fault,
    KeyAccount,
    LastChange,
    LectureAccount,
    LectureName,
    Naming,
    Online,
    Problem,
    PublicAnswer,
    Standing,
    Subject,
    WayAccount,
)
from reconciler.model.history import Run
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.plan import NamedBy
from reconciler.model.playback import RequestForm, Way
from reconciler.model.ports import ObjectFacts
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import Apply, CollectGarbage, Remedy, Sentence
from reconciler.model.values import nfc
from reconciler.planning.playback import Content, Library, Route, canonical_key
from reconciler.planning.playback_claims import is_broken
from reconciler.planning.references import LEFT_BY_ENCODE_URI, KeySearch, naming_columns, url_of
from reconciler.planning.subjects import owners_of
from reconciler.planning.verification.context import VerifyContext
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    VerifyFinding,
    object_address,
    row_address,
)

_HTTP = re.compile("https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Facts read beside the world, for one explanation.

    `facts` are the answers of the store by NFC key, `answers` those of the public domain by URL, `changes`
    the last change by address, `runs` the runs by number. `elsewhere` is what names the key outside the
    content rows.
    """

    online: Online = Online.NOT_WANTED
    facts: Mapping[str, ObjectFacts] = field(default_factory=dict)
    answers: Mapping[str, PublicAnswer] = field(default_factory=dict)
    changes: Sequence[LastChange] = ()
    runs: Mapping[int, Run] = field(default_factory=dict)
    elsewhere: NamedBy | None = None


# What is asked of the stores beside the world.


def keys_asked(library: Library, subject: Subject) -> tuple[str, ...]:
    """Return the NFC keys of the objects that an explanation shows."""
    keys = [subject.key] if subject.key is not None else []
    for lecture in subject.lectures:
        keys += [key for key in library.keys(lecture.row) if key] if lecture.row is not None else []
    return tuple(key for key in dict.fromkeys(keys) if key in library.contents)


def urls_asked(context: VerifyContext, subject: Subject) -> tuple[str, ...]:
    """Return the URLs that apps ask for, each once."""
    library, base = context.world.library, context.world.policy.layout.base_url
    urls = (
        url_of_way(way, route, base)
        for lecture in subject.lectures
        if lecture.row is not None
        for way, route in zip(library.ways, library.routes(lecture.row), strict=True)
    )
    return tuple(dict.fromkeys(url for url in urls if url is not None))


def url_of_way(way: Way, route: Route, base_url: str | None) -> str | None:
    """Return the URL that an app asks for; None without a key or a base URL."""
    base = way.base_url or base_url
    if route.raw is None:
        return None
    if _HTTP.match(route.raw):
        return route.raw
    if base is None:
        return None
    match way.request:
        case RequestForm.RAW:
            return f"{base}/{route.raw}"
        case RequestForm.ENCODE_URI:
            return f"{base}/{quote(route.raw, safe=LEFT_BY_ENCODE_URI)}"
        case RequestForm.ENCODED:
            return url_of(base, route.raw)


# The explanation.


def explain(
    context: VerifyContext, findings: Sequence[VerifyFinding], subject: Subject, beside: Beside
) -> Explanation:
    """Return the explanation of a subject.

    `findings` are those of a verification of the same world.
    """
    explaining = _Explaining(context, findings, beside)
    return Explanation(
        asked=subject.asked,
        online=beside.online,
        lectures=tuple(map(explaining.lecture, subject.lectures)),
        key=explaining.key(subject.key) if subject.key is not None else None,
    )


class _Explaining:
    def __init__(self, context: VerifyContext, findings: Sequence[VerifyFinding], beside: Beside) -> None:
        self._context, self._findings, self._beside = context, findings, beside
        self._world, self._library = context.world, context.world.library
        self._owners = owners_of(context)

    def lecture(self, lecture: LectureName) -> LectureAccount:
        """Return the account of one lecture."""
        row = lecture.row
        ways = tuple(self._ways(row)) if row is not None else ()
        found = [finding for finding in self._findings if finding.what == lecture.name]
        above = _with_parents(lecture.address)
        return LectureAccount(
            name=lecture.name,
            row=row,
            names=self._names(row) if row is not None else {},
            declared=self._declared(lecture.address),
            ways=ways,
            problems=_problems(found),
            remedies=self._remedies(lecture, ways, found),
            changes=tuple(
                change for change in self._beside.changes if change.address in {lecture.name, *above}
            ),
        )

    def _names(self, row: Row) -> Mapping[str, str | None]:
        names: dict[str, str | None] = {}
        for kind, column in ((Kind.SPEAKER, "name"), (Kind.COLLECTION, "title")):
            parent = row[f"{kind}_id"]
            above = self._world.snapshot.rows[kind].get(parent) if isinstance(parent, int) else None
            names[f"{TABLES[kind].name}.{column}"] = str(above[column]) if above is not None else None
        return names

    def _declared(self, address: Address | None) -> DeclaredEntry | None:
        resources = self._world.catalog.resources
        resource = resources.get(address) if address is not None else None
        if resource is None or address is None:
            return None
        fields: dict[str, str | int | None] = {
            resources[parent].kind.value: resources[parent].name for parent in _with_parents(address)[:-1]
        }
        for name in ("title", "number"):
            value = resource.fields.get(name)
            if name in resource.fields and (value is None or isinstance(value, str | int)):
                fields[name] = value
        path = resource.media.get(Slot.LECTURE_AUDIO)
        media = self._world.media.get(nfc(path)) if path is not None else None
        return DeclaredEntry(
            position=resource.position,
            fields=fields,
            audio=path,
            sha256=media.sha256 if media is not None else None,
        )

    # Ways.

    def _ways(self, row: Row) -> Iterator[WayAccount]:
        for way, route in zip(self._library.ways, self._library.routes(row), strict=True):
            content = self._library.contents.get(route.key or "")
            pending = self._world.recorded.aliases.get(route.key or "")
            url = url_of_way(way, route, self._world.policy.layout.base_url)
            others = tuple(other for other in self._named_by(route.key) if other.id != row.id)
            bytes_ = self._bytes(row, route.key or "", content, others) if content is not None else None
            fault = self._fault(way, route, row, content, bytes_)
            if pending is not None and fault is Fault.ANOTHERS:
                fault = None  # until the alias is made, it plays what it played before
            yield WayAccount(
                way=way.name,
                report=way.report,
                raw=route.raw,
                url=url,
                key=route.key,
                found=self._standing(route.key),
                bytes=bytes_,
                of=tuple(map(self._name_of, self._named_by(route.key))),
                fault=fault,
                pending=pending,
                answer=self._beside.answers.get(url) if url is not None else None,
            )

    def _bytes(self, row: Row, key: str, content: Content, others: Sequence[Row]) -> Bytes:
        own = self._library.own(row)
        if content.size_bytes == 0 or (key == canonical_key(row) and is_broken(self._world, key)):
            return Bytes.OTHER  # and not what was put there
        is_hash = content.sha256 is not None and content.sha256 == str(row["file_hash"] or "").lower()
        if is_hash or (own is not None and own.same(content)):
            return Bytes.OWN
        if others:
            return Bytes.ANOTHERS
        if own is None:
            return Bytes.UNKNOWN
        both_hashed = own.sha256 is not None and content.sha256 is not None
        if not both_hashed and own.size_bytes == content.size_bytes:
            return Bytes.UNKNOWN
        elsewhere = (self._library.own(other) for other in self._library.rows[Kind.LECTURE].values())
        is_anothers = content.size_bytes > 0 and any(
            found is not None and found.same(content) for found in elsewhere
        )
        return Bytes.ANOTHERS if is_anothers else Bytes.OTHER

    def _fault(
        self, way: Way, route: Route, row: Row, content: Content | None, bytes_: Bytes | None
    ) -> Fault | None:
        if route.key is None:
            return Fault.NO_KEY
        if self._library.plays(row, route.key) and bytes_ not in {Bytes.OTHER, Bytes.ANOTHERS}:
            return None
        is_cut = way.request is not RequestForm.ENCODED and re.search("[?#]", route.raw or "") is not None
        if is_cut and (content is None or bytes_ is not Bytes.OWN):
            return Fault.CUT
        if content is None:
            return Fault.MISSING
        return Fault.EMPTY if content.size_bytes == 0 else Fault.ANOTHERS

    def _named_by(self, key: str | None) -> Sequence[Row]:
        if key is None:
            return ()
        rows = self._library.rows[Kind.LECTURE].values()
        return [row for row in rows if canonical_key(row) == key]

    def _standing(self, key: str | None) -> Standing | None:
        stored = self._world.snapshot.objects.get(key) if key is not None else None
        if stored is None or key is None:
            return None
        facts = self._beside.facts.get(key)
        return Standing(
            key=stored.key,
            size_bytes=stored.size_bytes,
            etag=stored.etag,
            sha256=self._library.contents[key].sha256,
            cache_control=facts.cache_control if facts is not None else None,
            media_type=facts.media_type if facts is not None else None,
        )

    def _name_of(self, row: Row) -> str:
        return self._owners.get((row.kind, row.id)) or row_address(row.kind, row.id)

    # What to do.

    def _remedies(
        self, lecture: LectureName, ways: Sequence[WayAccount], found: Sequence[VerifyFinding]
    ) -> tuple[Remedy, ...]:
        """Return the one thing to do: what repairs the worst that is found."""
        if any(way.pending is not None for way in ways):
            return (Apply(),)
        broken = [way for way in ways if way.fault is not None and not way.report]
        helped = [each for each in found if each.remedies]
        if errors := [each for each in helped if each.severity is ConditionSeverity.ERROR]:
            return errors[0].remedies
        if broken:
            keys = {way.key for way in broken}
            of_way = [each for each in helped if each.key is not None and nfc(each.key) in keys]
            of_row = [each for each in helped if each.condition is Condition.OTHER_VALUES and each.repairs]
            found = [*of_way, *of_row]
            return found[0].remedies if found else (self._correct(lecture, broken[0]),)
        if lecture.row is None:
            return helped[0].remedies if helped else (Apply(),)
        if behind := [way for way in ways if not way.report and way.fault is None and _is_behind(way)]:
            return (_ask_again(behind[0]),)
        warnings = [each for each in helped if each.severity is ConditionSeverity.WARNING]
        return warnings[0].remedies if warnings else ()

    def _correct(self, lecture: LectureName, way: WayAccount) -> Remedy:
        entry = self._declared(lecture.address)
        where = f"in {entry.position}" if entry is not None else "in the row"
        if way.key is None:
            return Sentence(text=f"Correct what way {way.way} finds it by, {where}.")
        return Sentence(
            text=f"Correct the title, the number or the names {where}, so that way {way.way} leads to the "
            f"recording; or, with the bucket's own tools, copy the recording to {way.key}."
        )

    # Keys.

    def key(self, key: str) -> KeyAccount:
        """Return the account of one key."""
        record, found = self._world.recorded.keys.get(key), self._standing(key)
        pending = self._world.recorded.aliases.get(key)
        findings = [
            each for each in self._findings if each.what == object_address(found.key if found else key)
        ]
        expires_at = None
        if record is not None and record.state is KeyState.RETIRED and record.changed_at is not None:
            expires_at = record.changed_at + self._world.policy.retention
        remedies: tuple[Remedy, ...] = ()
        if pending is not None or (record is not None and record.state is KeyState.INTENDED):
            remedies = (Apply(),)
        elif self._is_for_gc(record, expires_at):
            remedies = (CollectGarbage(),)
        elif findings:
            remedies = findings[0].remedies
        return KeyAccount(
            key=key,
            found=found,
            record=record,
            named_by=tuple(self._namings(key)),
            expires_at=expires_at,
            pending=pending,
            run=self._beside.runs.get(record.run) if record is not None and record.run is not None else None,
            problems=_problems(findings),
            remedies=remedies,
        )

    def _is_for_gc(self, record: KeyRecord | None, expires_at: datetime | None) -> bool:
        is_condemned = record is not None and record.state is KeyState.CONDEMNED
        return is_condemned or (expires_at is not None and expires_at <= self._world.snapshot.taken_at)

    def _namings(self, key: str) -> Iterator[Naming]:
        search = KeySearch([key])
        for kind, rows in self._library.rows.items():
            columns = [column.name for column in naming_columns(TABLES[kind])]
            for row in rows.values():
                by = [f"way {way}" for way in self._ways_to(key, row)] if kind is Kind.LECTURE else []
                by += [f"column {name}" for name in columns if _names(search, row[name])]
                if by:
                    yield Naming(name=self._name_of(row), by=tuple(by))
        if (elsewhere := self._beside.elsewhere) is not None:
            yield Naming(name=elsewhere.column, by=())

    def _ways_to(self, key: str, row: Row) -> Iterator[str]:
        for way, found in zip(self._library.ways, self._library.keys(row), strict=True):
            if found == key:
                yield way.name


def _is_behind(way: WayAccount) -> bool:
    """Return whether the public domain does not give what the bucket has."""
    return way.answer is not None and (not way.answer.plays or way.answer.is_stale(way.found))


def _ask_again(way: WayAccount) -> Sentence:
    if way.answer is not None and way.answer.status is None:
        return Sentence(
            text=f"No server answers at {way.url}: check the public domain and `public_base_url`."
        )
    return Sentence(
        text=f"The bucket has it: purge {way.url} from the CDN's cache, or wait until it asks again. If that "
        "does not help, check that the domain serves this bucket."
    )


def _names(search: KeySearch, value: object) -> bool:
    return isinstance(value, str) and bool(value) and bool(search.in_reference(value))


def _problems(found: Sequence[VerifyFinding]) -> tuple[Problem, ...]:
    return tuple(Problem(code=each.condition.code, detail=each.detail) for each in found)


def _with_parents(address: Address | None) -> tuple[Address, ...]:
    """Return an address and its parents, the speaker first."""
    parts = address.split("/") if address is not None else []
    return tuple(Address("/".join(parts[:depth])) for depth in range(1, len(parts) + 1))
