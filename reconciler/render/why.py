"""Explanation of a lecture or a key, as text and JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.actual import Row
from reconciler.model.explanation import (
    Bytes,
    DeclaredEntry,
    Explanation,
    Fault,
    KeyAccount,
    LectureAccount,
    Online,
    Problem,
    PublicAnswer,
    Standing,
    WayAccount,
)
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.playback import PendingAlias
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import Remedy
from reconciler.model.values import Value, readable_size
from reconciler.render.escape import harmless, harmless_json, quoted, value_text
from reconciler.render.history import moment_json, run_document, time_text
from reconciler.render.remedies import commands_of, remedy_json, remedy_lines

_SHORT_HASH = 12

#: The columns of a row by which apps find it, and what it says of its recording.
_COLUMNS = (
    "speaker_id",
    "collection_id",
    "lecture_number",
    "title",
    "file_path",
    "file_size",
    "file_hash",
    "audio_url",
)

_FAULTS = {
    Fault.NO_KEY: "it leads to no key: what it is found by is empty",
    Fault.CUT: "the request is cut off at `?` or `#`, and what arrives is not the recording's key",
    Fault.MISSING: "nothing stands under the key",
    Fault.EMPTY: "the object has 0 bytes",
    Fault.ANOTHERS: "another recording stands there",
}
_BYTES = {
    Bytes.OWN: "this lecture's recording",
    Bytes.ANOTHERS: "the recording of another lecture",
    Bytes.OTHER: "other bytes than this lecture's recording",
    Bytes.UNKNOWN: "not hashed: nobody knows whether it is this lecture's recording",
}
_OFFLINE = {
    Online.NO_BASE_URL: "The CDN was not asked: elmify.yaml has no `public_base_url`.",
    Online.NOT_PUBLIC: "The CDN was not asked: the bucket is a directory, and nothing serves it.",
}
_STATES = {
    KeyState.INTENDED: "a run means to put it, and has not committed",
    KeyState.LIVE: "live",
    KeyState.RETIRED: "retired: its bytes stay until gc",
    KeyState.CONDEMNED: "condemned: gc is deleting it",
    KeyState.DELETED: "deleted by gc",
    KeyState.RELEASED: "released: it is not elmify's any more",
}


def why_text(found: Explanation) -> str:
    """Return an explanation as text; a command is alone on its line."""
    parts = ["\n".join(_key(found.key))] if found.key is not None else []
    parts += ["\n".join(_lecture(lecture)) for lecture in found.lectures]
    if found.online in _OFFLINE:
        parts.append(_OFFLINE[found.online])
    return "\n\n".join(parts)


# A lecture.


def _lecture(lecture: LectureAccount) -> Iterator[str]:
    yield f"{harmless(lecture.name)}: {_verdict(lecture)}"
    for way in lecture.ways:
        yield ""
        yield from _way(way)
    yield ""
    yield from _catalog(lecture.declared)
    yield from _row(lecture)
    for change in lecture.changes:
        run = change.run
        told = f"{change.action} in run {run.id} of {run.actor.name}, {time_text(run.committed_at)}"
        yield f"  changed     {harmless(change.address)}: {harmless(told)}"
    if not lecture.changes:
        yield "  changed     never by elmify"
    yield from _to_do(lecture.problems, lecture.remedies)


def _verdict(lecture: LectureAccount) -> str:
    if lecture.row is None:
        return "it has no row, so no app finds it"
    silent = [harmless(way.way) for way in lecture.ways if not way.plays and not way.report]
    return f"does not play by way {' and '.join(silent)}" if silent else "plays by every way"


def _way(way: WayAccount) -> Iterator[str]:
    report = " (only reported)" if way.report else ""
    yield f"  way {harmless(way.way)}{report}: {'plays' if way.plays else 'does not play'}{_reason(way)}"
    yield f"    asks for  {harmless(way.url) if way.url is not None else '-'}"
    yield f"    key       {quoted(way.key) if way.key is not None else '-'}"
    yield f"    object    {_object(way.found)}"
    if way.bytes is not None:
        of = f" ({', '.join(map(harmless, way.of))})" if way.of and way.bytes is Bytes.ANOTHERS else ""
        yield f"    bytes     {_BYTES[way.bytes]}{of}"
    if way.pending is not None:
        yield f"    pending   {_pending(way.pending)}"
    if way.answer is not None:
        yield f"    CDN       {_answer(way.answer, way.found)}"


def _reason(way: WayAccount) -> str:
    if way.fault is not None:
        return f": {_FAULTS[way.fault]}"
    if way.answer is not None and not way.answer.plays:
        return ": the object is there, and the CDN does not give it"
    return ""


def _object(found: Standing | None) -> str:
    if found is None:
        return "none"
    digest = f"sha256 {found.sha256[:_SHORT_HASH]}" if found.sha256 is not None else "not hashed"
    told = [
        readable_size(found.size_bytes),
        f"ETag {found.etag}",
        digest,
        found.media_type,
        found.cache_control,
    ]
    return harmless(", ".join(filter(None, told)))


def _pending(alias: PendingAlias) -> str:
    run = f", by run {alias.run}" if alias.run is not None else ""
    return f"the recording in {quoted(alias.source)} is to come here{run}; until then the old one plays"


def _answer(answer: PublicAnswer, found: Standing | None) -> str:
    if answer.status is None:
        return "no server answers"
    told = [f"status {answer.status}"]
    if answer.size_bytes is not None:
        told.append(readable_size(answer.size_bytes))
    if answer.age_seconds is not None:
        told.append(f"{answer.age_seconds:,} seconds old")
    if answer.cache is not None:
        told.append(f"cache {answer.cache}")
    if answer.is_stale(found):
        told.append("another size than the object's: the CDN keeps an older one")
    return harmless(", ".join(told))


def _catalog(declared: DeclaredEntry | None) -> Iterator[str]:
    if declared is None:
        yield "  catalog     not declared"
        return
    yield f"  catalog     {harmless(str(declared.position))}"
    yield from _values({**declared.fields, "audio": declared.audio, "sha256": declared.sha256})


def _row(lecture: LectureAccount) -> Iterator[str]:
    if lecture.row is None:
        yield "  row         none"
        return
    yield f"  row         {lecture.row.id} of {TABLES[Kind.LECTURE].name}"
    yield from _values({**{name: lecture.row[name] for name in _COLUMNS}, **lecture.names})


def _values(values: Mapping[str, Value]) -> Iterator[str]:
    width = max(map(len, values))
    return (f"    {name.ljust(width)}  {value_text(value)}" for name, value in values.items())


def _to_do(problems: Sequence[Problem], remedies: Sequence[Remedy]) -> Iterator[str]:
    for problem in problems:
        yield f"  found       {problem.code}: {harmless(problem.detail)}"
    if remedies:
        yield ""
        yield "What to do:"
        yield from (harmless(line) for line in remedy_lines(remedies))


# A key.


def _key(key: KeyAccount) -> Iterator[str]:
    yield f"key {quoted(key.key)}"
    yield f"  object    {_object(key.found)}"
    yield f"  record    {_record(key)}"
    if key.pending is not None:
        yield f"  pending   {_pending(key.pending)}"
    for naming in key.named_by:
        by = f": {', '.join(naming.by)}" if naming.by else ""
        yield f"  found by  {harmless(naming.name + by)}"
    if not key.named_by:
        yield "  found by  nothing"
    yield from _to_do(key.problems, key.remedies)


def _record(key: KeyAccount) -> str:
    record = key.record
    if record is None:
        return "elmify never used this key"
    run = f", run {record.run}" if record.run is not None else ""
    who = f" of {key.run.actor.name}" if key.run is not None else ""
    at = f", {time_text(record.changed_at)}" if record.changed_at is not None else ""
    of = f", of {record.address}" if record.address is not None else ""
    ends = f", at the earliest {time_text(key.expires_at)}" if key.expires_at is not None else ""
    return harmless(f"{_STATES[record.state]}{ends}{run}{who}{at}{of}")


# JSON.


def why_json(found: Explanation) -> str:
    """Return the whole explanation as JSON, with stable codes."""
    document = {
        "asked": found.asked,
        "plays": found.plays,
        "online": found.online.value,
        "lectures": [_lecture_json(lecture) for lecture in found.lectures],
        "key": _key_json(found.key) if found.key is not None else None,
    }
    return harmless_json(json.dumps(document, ensure_ascii=False, indent=2))


def _lecture_json(lecture: LectureAccount) -> dict[str, Any]:
    return {
        "name": lecture.name,
        "plays": lecture.plays,
        "ways": [_way_json(way) for way in lecture.ways],
        "catalog": _catalog_json(lecture.declared),
        "row": _row_json(lecture.row, lecture) if lecture.row is not None else None,
        "changes": [
            {"address": change.address, "action": change.action, "run": run_document(change.run)}
            for change in lecture.changes
        ],
        **_to_do_json(lecture.problems, lecture.remedies),
    }


def _way_json(way: WayAccount) -> dict[str, Any]:
    return {
        "way": way.way,
        "report": way.report,
        "plays": way.plays,
        "fault": way.fault.value if way.fault is not None else None,
        "raw": way.raw,
        "url": way.url,
        "key": way.key,
        "object": _object_json(way.found),
        "bytes": way.bytes.value if way.bytes is not None else None,
        "named_by": list(way.of),
        "pending": _pending_json(way.pending),
        "cdn": _answer_json(way.answer, way.found),
    }


def _object_json(found: Standing | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "key": found.key,
        "size_bytes": found.size_bytes,
        "etag": found.etag,
        "sha256": found.sha256,
        "media_type": found.media_type,
        "cache_control": found.cache_control,
    }


def _pending_json(alias: PendingAlias | None) -> dict[str, Any] | None:
    if alias is None:
        return None
    return {
        "key": alias.key,
        "source": alias.source,
        "size_bytes": alias.size_bytes,
        "replaces": alias.replaces,
        "run": alias.run,
    }


def _answer_json(answer: PublicAnswer | None, found: Standing | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "status": answer.status,
        "size_bytes": answer.size_bytes,
        "age_seconds": answer.age_seconds,
        "cache": answer.cache,
        "media_type": answer.media_type,
        "stale": answer.is_stale(found),
    }


def _catalog_json(declared: DeclaredEntry | None) -> dict[str, Any] | None:
    if declared is None:
        return None
    return {
        "file": declared.position.file,
        "line": declared.position.line,
        "fields": dict(declared.fields),
        "audio": declared.audio,
        "sha256": declared.sha256,
    }


def _row_json(row: Row, lecture: LectureAccount) -> dict[str, Any]:
    return {"id": row.id, **{name: row[name] for name in _COLUMNS}, **lecture.names}


def _key_json(key: KeyAccount) -> dict[str, Any]:
    record = key.record
    return {
        "key": key.key,
        "object": _object_json(key.found),
        "record": record
        and {
            "state": record.state.value,
            "address": record.address,
            "run": record.run,
            "changed_at": moment_json(record.changed_at),
            "sha256": record.sha256,
            "verified": record.verified,
        },
        "expires_at": moment_json(key.expires_at),
        "run": run_document(key.run) if key.run is not None else None,
        "pending": _pending_json(key.pending),
        "named_by": [{"name": naming.name, "by": list(naming.by)} for naming in key.named_by],
        **_to_do_json(key.problems, key.remedies),
    }


def _to_do_json(problems: Sequence[Problem], remedies: Sequence[Remedy]) -> dict[str, Any]:
    return {
        "problems": [{"code": problem.code, "detail": problem.detail} for problem in problems],
        "remedies": [remedy_json(remedy) for remedy in remedies],
        "commands": commands_of(remedies),
    }
