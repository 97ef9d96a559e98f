"""Lockfile `elmify.lock`: the bytes that each media path means.

The paths are under the media root. The file has a header, then one line for each media file,
sorted by path. A line has the path and its facts as JSON:

    "A/01.mp3": {"size": 4711, "type": "audio/mpeg", "sha256": "…", "md5": "…", "duration": 12.5}

Each line has exactly one spelling, so equal facts are equal bytes and git merges the file line
by line.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.loading import media_codes as codes
from reconciler.loading.atomic_write import write_whole
from reconciler.loading.media_facts import MEDIA_TYPES
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.values import counted, nfc, shared, shared_if_any

HEADER = "# elmify.lock, format 1: one line a media file, sorted by path. Written by `elmify lock`."
_HEADER_START = "# elmify.lock, format 1:"

FILE_MAX_BYTES = 1024**3  # two million lines, twice the largest library anyone has thought of
LINE_MAX_BYTES = 16 * 1024  # a path of 4,096 bytes, each escaped, and the facts
DIAGNOSTICS_MAX = 1000  # a file with more mistakes than that is another file

#: What a person has to settle; `elmify lock` itself repairs the rest.
REPAIRABLE = frozenset({codes.LOCKFILE_UNSORTED})

_CONFLICT = re.compile(r"(<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>)( |$)")
_TYPES = {media_type: media_type for media_type in MEDIA_TYPES.values()}  # one string object a type

_PATH = r'"((?:[^"\\\x00-\x1f\x7f]|\\["\\])+)"'
#: Each fact of a line in its order: its name there, what it must look like, and the field that holds it.
_FACTS: tuple[tuple[str, str, str], ...] = (
    ("size", r"(0|[1-9]\d{0,12})", "size_bytes"),
    ("type", r'"([a-z]+/[a-z0-9]+)"', "media_type"),
    ("sha256", r'"([0-9a-f]{64}|unknown)"', "sha256"),
    ("md5", r'"([0-9a-f]{32})"', "md5"),
    ("etag", r'"([!#-\[\]-~]{1,200})"', "etag"),
    ("part_size", r"([1-9]\d{0,10})", "part_bytes"),
    ("parts_etag", r'"([0-9a-f]{32}-[1-9]\d{0,4})"', "parts_etag"),
    ("duration", r"(\d{1,8}\.\d{1,3})", "duration_seconds"),
    ("bitrate", r"(\d{1,10})", "bitrate"),
    ("sample_rate", r"(\d{1,8})", "sample_rate"),
)
_REQUIRED = frozenset({"size", "type", "sha256"})


def _line_pattern() -> str:
    parts = [f'"{name}": {shape}' for name, shape, _ in _FACTS]
    required, optional = parts[: len(_REQUIRED)], parts[len(_REQUIRED) :]
    return _PATH + r": \{" + ", ".join(required) + "".join(f"(?:, {part})?" for part in optional) + r"\}"


_LINE = re.compile(_line_pattern())


def parse_line(line: str) -> MediaFile | None:
    """Return the media file that one line describes.

    `line` has no line end. None when the line is not spelled as `format_line` does.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    path, size, type_, sha256, md5, etag, part, parts_etag, duration, bitrate, rate = match.groups()
    media_type = _TYPES.get(type_)
    if media_type is None or (sha256 == "unknown" and etag is None) or (part is None) != (parts_etag is None):
        return None
    return MediaFile(
        path=shared(path if "\\" not in path else json.loads(f'"{path}"')),
        size_bytes=int(size),
        media_type=media_type,
        sha256=None if sha256 == "unknown" else shared(sha256),
        md5=shared_if_any(md5),
        etag=etag,
        part_bytes=None if part is None else int(part),
        parts_etag=parts_etag,
        duration_seconds=None if duration is None else float(duration),
        bitrate=None if bitrate is None else int(bitrate),
        sample_rate=None if rate is None else int(rate),
    )


def format_line(media: MediaFile) -> str:
    """Return the one spelling of a line, without its line end.

    `ValueError` for a path with control characters, or facts that no line can say.
    """
    facts = {name: getattr(media, attribute) for name, _, attribute in _FACTS}
    facts["sha256"] = media.sha256 or "unknown"
    if media.duration_seconds is not None:
        facts["duration"] = float(media.duration_seconds)
    said = {name: fact for name, fact in facts.items() if fact is not None}
    line = json.dumps({media.path: said}, ensure_ascii=False)[1:-1]
    if parse_line(line) != media:
        raise ValueError(f"the lockfile cannot say this: {line}")
    return line


def read_lockfile(path: Path, root: Path) -> tuple[Mapping[str, MediaFile], tuple[Diagnostic, ...]]:
    """Return the lockfile's lines, and everything that is wrong with it.

    The lines are keyed by the NFC of their path; each `MediaFile` keeps the spelling of its path. A
    lockfile that is absent or empty is not a mistake: nothing is locked yet. Positions are relative
    to `root`. Lines that are wrong are left out.
    """
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    reading = _Reading(name)
    try:
        if path.stat().st_size > FILE_MAX_BYTES:
            reading.wrong(codes.LOCKFILE_TOO_LARGE, 1, f"It has more than {FILE_MAX_BYTES:,} bytes.")
        else:
            reading.all_of(path)
    except FileNotFoundError:
        return {}, ()
    except OSError as error:
        reading.wrong(codes.LOCKFILE_FORMAT, 1, f"It cannot be read: {error.strerror}.")
    return reading.files, tuple(reading.diagnostics)


def write_lockfile(path: Path, files: Iterable[MediaFile]) -> None:
    """Replace the lockfile, whole or not at all.

    The same files give the same bytes, in any order.
    """
    lines = [format_line(media) for media in sorted(files, key=lambda media: media.path)]
    write_whole(path, "\n".join([HEADER, *lines, ""]))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        yield from iter(partial(handle.readline, LINE_MAX_BYTES + 1), b"")


@dataclass(slots=True)
class _Reading:
    """One pass over a lockfile."""

    name: str
    files: dict[str, MediaFile] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    last: str = ""
    unsorted: bool = False

    def all_of(self, path: Path) -> None:
        for number, raw in enumerate(_lines(path), start=1):
            if len(raw) > LINE_MAX_BYTES:
                self.wrong(codes.LOCKFILE_LINE, number, f"It has more than {LINE_MAX_BYTES:,} bytes.")
                return
            if not (self._header(raw) if number == 1 else self._line(number, raw)):
                return

    def wrong(self, code: str, line: int, detail: str, column: int = 1) -> None:
        self.diagnostics.append(codes.media_diagnostic(code, detail, Position(self.name, line, column)))

    def _header(self, raw: bytes) -> bool:
        text = raw.decode("utf-8", "replace").strip()
        if text.startswith(_HEADER_START):
            return True
        if _CONFLICT.match(text):
            self.wrong(codes.LOCKFILE_CONFLICT, 1, f"A conflict marker stands here: {text[:7]}")
        else:
            self.wrong(codes.LOCKFILE_FORMAT, 1, f"The first line does not begin with `{_HEADER_START}`.")
        return False

    def _line(self, number: int, raw: bytes) -> bool:
        """Take one line; False once it makes no sense to read on."""
        try:
            line = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            self.wrong(codes.LOCKFILE_LINE, number, "It is not UTF-8.", error.start + 1)
        else:
            media = parse_line(line)
            if media is not None:
                self._take(number, media)
            elif line:
                self._explain(number, line)
        return len(self.diagnostics) < DIAGNOSTICS_MAX

    def _take(self, number: int, media: MediaFile) -> None:
        known = self.files.setdefault(nfc(media.path), media)
        if known is not media and known != media:
            self.wrong(codes.LOCKFILE_DUPLICATE, number, f"{media.path} has a line above with other facts.")
        if media.path <= self.last and not self.unsorted:
            self.unsorted = True  # said once: after a merge, hundreds of lines may follow the wrong one
            self.wrong(codes.LOCKFILE_UNSORTED, number, f"{media.path} does not come after {self.last}.")
        self.last = media.path

    def _explain(self, number: int, line: str) -> None:
        if _CONFLICT.match(line):
            self.wrong(codes.LOCKFILE_CONFLICT, number, f"A conflict marker stands here: {line[:7]}")
            return
        detail, column = _what_is_wrong(line)
        self.wrong(codes.LOCKFILE_LINE, number, detail, column)


def _what_is_wrong(line: str) -> tuple[str, int]:
    """Say why a line is refused, and at which column."""
    try:
        entry = json.loads("{" + line + "}")
    except (ValueError, RecursionError) as error:
        column = error.colno - 1 if isinstance(error, json.JSONDecodeError) else 1
        return "It is not a path and its facts as JSON.", min(max(column, 1), len(line))
    facts = next(iter(entry.values()), None)
    if len(entry) != 1 or not isinstance(facts, dict):
        return "It is not one path and its facts.", 1
    return next(_wrong_facts(facts), "It is not spelled as `elmify lock` writes it."), 1


def _wrong_facts(facts: Mapping[str, Any]) -> Iterator[str]:
    shapes = {name: shape for name, shape, _ in _FACTS}
    for name in sorted(facts.keys() - shapes.keys()):
        yield f"There is no fact called {name!r}."
    for name in sorted(_REQUIRED - facts.keys()):
        yield f"The fact {name!r} is missing."
    for name, fact in facts.items():
        if name in shapes and not re.fullmatch(shapes[name], json.dumps(fact, ensure_ascii=False)):
            yield f"The fact {name!r} cannot be {json.dumps(fact, ensure_ascii=False)[:80]}."
    if facts.get("type") not in _TYPES:
        yield f"elmify knows no media type {facts.get('type')!r}."
    if facts.get("sha256") == "unknown" and "etag" not in facts:
        yield "With `sha256` unknown, `etag` must say what the bucket lists."
    if ("part_size" in facts) != ("parts_etag" in facts):
        yield "`part_size` and `parts_etag` stand together or not at all."


_OF_A_LINE = frozenset({codes.MEDIA_MISSING, codes.MEDIA_NOT_LOCKED})


def without_lines(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that are not about missing lines.

    When a lockfile cannot be read, it is unknown which lines are missing.
    """
    return tuple(each for each in found if each.code not in _OF_A_LINE)


_TOLD_EACH = 10  # absent files that are told one by one: more of them are one step that is still to come


def with_absent_as_one(
    found: Sequence[Diagnostic], lockfile: str, *, is_there: bool
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics with all absent files merged into one.

    The merged diagnostic takes the place of the first one, and the order is kept. `lockfile` is its
    path as a person types it in the project's folder. Where it is there, a few files are told one by one.
    """
    absent = [each for each in found if each.code == codes.MEDIA_MISSING]
    if not absent or (is_there and len(absent) <= _TOLD_EACH):
        return tuple(found)
    others = f"so it is with {counted(len(absent) - 1, 'other file')}" if len(absent) > 1 else ""
    hint = "Put files that are new under the media root and run `elmify lock`. "
    if is_there:
        detail = f"{absent[0].detail} And {others}."
        hint += "What is live already, `elmify import live` learns from there."
    else:
        detail = f"{absent[0].detail} There is no {lockfile} either{f', and {others}' if others else ''}."
        hint += (
            f"If the lockfile was lost, `git checkout -- {lockfile}` brings it back, and "
            "`elmify import live` writes its lines anew from what is live."
        )
    told = replace(absent[0], detail=detail, hint=hint)
    kept = (told if each is absent[0] else each for each in found)
    return tuple(each for each in kept if each is told or each.code != codes.MEDIA_MISSING)
