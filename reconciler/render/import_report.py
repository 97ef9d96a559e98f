"""Report of an import, as a table for a person or as JSON."""

import json
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.address import Address
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import Kind
from reconciler.model.outcomes import Imported, ImportFinding, Reason
from reconciler.model.playback import WayCount
from reconciler.model.remedies import Merge, Operation
from reconciler.model.values import counted
from reconciler.render.escape import harmless, harmless_json, styled
from reconciler.render.remedies import command_of, remedy_json

SENTENCES: Mapping[Reason, str] = {
    Reason.ROW_WITHOUT_OBJECT: "The row names an object that is not in the bucket",
    Reason.OBJECT_WITHOUT_ROW: "No row names the object",
    Reason.ROW_WITHOUT_PARENT: "The row hangs under no speaker or collection",
    Reason.DUPLICATE: "It stands there more than once",
    Reason.SIMILAR_NAME: "Names that are nearly the same",
    Reason.TWO_FORMATS: "An image in several formats",
    Reason.JOINED_LOOSELY: "Joined by something weaker than the path",
    Reason.EMPTY_OBJECT: "Left undeclared: the object has no bytes",
    Reason.SIZE_DIFFERS: "The row says another size than its recording has; the plan corrects the row",
    Reason.UNFIT: "The catalog cannot declare it",
    Reason.STYLE: "Most rows are spelled otherwise than elmify.yaml says",
    Reason.STYLE_WRITTEN: "elmify.yaml says from now on what most rows hold",
    Reason.OTHER_FOLDER: "A folder of another name, in `playback:` now: is that how the apps ask for it?",
    Reason.WAYS_DIFFER: "Ways of one lecture lead to different recordings: which of them is right?",
    Reason.NUMBER_DOUBTED: "Kept as the row has it: the name of the recording tells another number",
    Reason.UNTIDY_NAME: "Kept as the row has it, and not as one would type it",
    Reason.NOT_AS_IS: "It could not be recorded as it is",
    Reason.UNSEEN: "Left undeclared: neither the media folder nor the lockfile has the image",
}

_DETAIL_MIN_CHARS = 20
_MOST_SHOWN = 20  # of one reason; all are in the JSON


def report_text(
    imported: Imported,
    accepted: Mapping[Address, Sequence[str]] | None = None,
    *,
    width: int,
    colour: bool = False,
) -> str:
    """Return an import report as text.

    It is a table of what a person should look at, and its last line says what was written.
    """
    tables = "\n".join(_tables(imported.findings, width, colour=colour))
    tables += _ways(imported.playback, colour=colour)
    last = summary(imported)
    if accepted is not None and not imported.added:
        last = _acceptance(imported, accepted)
    return f"{tables}\n{last}" if tables else last


def _ways(counts: Sequence[WayCount], *, colour: bool) -> str:
    """Return the table of how many lectures play now, by way."""
    if not counts:
        return ""
    title = "How apps find the lectures, as things are"
    width = max(len("way"), *(len(harmless(count.way)) for count in counts))
    lines = [styled(title, bold=True) if colour else title, f"  {'way':{width}}  lectures  play now"]
    for count in counts:
        told = "  (told of, never blocks)" if count.report else ""
        lines.append(f"  {harmless(count.way):{width}}  {count.lectures:>8,}  {count.plays:>8,}{told}")
    return "\n".join(["", *lines, ""])


def _acceptance(imported: Imported, accepted: Mapping[Address, Sequence[str]]) -> str:
    fields = counted(sum(map(len, accepted.values())), "value")
    addresses = counted(len(accepted), "address", "addresses")
    files, lines = counted(len(imported.written), "file"), counted(imported.lines, "line")
    return f"Accepted {fields} of {addresses}: {files} and {lines} of the lockfile were written."


def summary(imported: Imported) -> str:
    """Return what was written, in a sentence."""
    added = ", ".join(counted(imported.added.get(kind, 0), kind.value) for kind in Kind)
    kept = f" {counted(imported.kept, 'entry', 'entries')} stood there already" if imported.kept else ""
    filled = f", {counted(imported.filled, 'of them', 'of them')} got new fields" if imported.filled else ""
    files = counted(len(imported.written), "file")
    lines = counted(imported.lines, "line")
    return f"Declared {added} in {files}, {lines} in the lockfile.{kept}{filled}{'.' if kept else ''}"


def _tables(findings: Sequence[ImportFinding], width: int, *, colour: bool) -> Iterator[str]:
    by_reason: defaultdict[Reason, list[ImportFinding]] = defaultdict(list)
    for finding in findings:
        by_reason[finding.reason].append(finding)
    for reason, group in by_reason.items():
        title = f"{SENTENCES[reason]} ({len(group):,})"
        rows = [_row(finding) for finding in group[:_MOST_SHOWN]]
        if len(group) > _MOST_SHOWN:
            rows.append(("…", f"and {len(group) - _MOST_SHOWN:,} more; --format json has all"))
        lines = [styled(title, bold=True) if colour else title, *_columns(rows, width, colour=colour)]
        lines += dict.fromkeys(f"    {command_of(remedy)}" for remedy in _for_all(group))
        yield "\n".join([*lines, ""])


def _for_all(findings: Iterable[ImportFinding]) -> Iterator[Operation]:
    """Yield the commands that settle findings together, not one by one."""
    for finding in findings:
        if finding.remedy is not None and not isinstance(finding.remedy, Merge):
            yield finding.remedy


def _row(finding: ImportFinding) -> tuple[str, str]:
    merge = finding.remedy if isinstance(finding.remedy, Merge) else None
    remedy = f"; {command_of(merge)} makes one of both" if merge else ""
    return harmless(finding.subject), harmless(finding.detail + remedy)


def _columns(rows: Sequence[tuple[str, str]], width: int, *, colour: bool) -> Iterator[str]:
    """Yield the lines of two columns.

    A long subject has its own line; a long detail continues under its beginning.
    """
    first = min(max(len(subject) for subject, _ in rows), width // 2)
    indent = " " * (2 + first + 2)
    for subject, detail in rows:
        shown = styled(subject, fg="cyan") if colour else subject
        text = textwrap.wrap(detail, max(width - len(indent), _DETAIL_MIN_CHARS)) or [""]
        if len(subject) > first:
            yield f"  {shown}"
        else:
            yield f"  {shown}{' ' * (first - len(subject))}  {text.pop(0)}".rstrip()
        yield from (f"{indent}{line}" for line in text)


def report_json(imported: Imported, accepted: Mapping[Address, Sequence[str]] | None = None) -> str:
    """Return the whole import report as one JSON object.

    `accepted` is the drift that was accepted, by address.
    """
    document = {
        "added": {kind.value: imported.added.get(kind, 0) for kind in Kind},
        "kept": imported.kept,
        "filled": imported.filled,
        "written": list(imported.written),
        "lockfile_lines": imported.lines,
        "playback": [
            {"way": count.way, "lectures": count.lectures, "plays": count.plays, "report": count.report}
            for count in imported.playback
        ],
        "unlocked": list(imported.unlocked),
        "findings": [
            {"reason": each.reason.value, "subject": each.subject, "detail": each.detail}
            | (
                {"remedy": command_of(each.remedy), "remedies": [remedy_json(each.remedy)]}
                if each.remedy
                else {}
            )
            for each in imported.findings
        ],
        "diagnostics": [_plain(each) for each in imported.diagnostics],
        **({} if accepted is None else {"accepted": {at: list(names) for at, names in accepted.items()}}),
    }
    return harmless_json(json.dumps(document, indent=2, ensure_ascii=False))


def _remedy_json(remedy: Operation | None) -> dict[str, Any]:
    if remedy is None:
        return {}
    return {"remedy": command_of(remedy), "remedies": [remedy_json(remedy)]}


def _plain(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "position": str(diagnostic.position),
        "detail": diagnostic.detail,
    }
