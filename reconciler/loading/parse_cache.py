"""Cache of parsed catalog files.

It holds what the files said when they were last read, so that they need not be parsed again. Each
project has one cache file, outside the checkout. An entry is found by the SHA-256 of a catalog
file's bytes and of this program's own reading code, so it can be absent but never out of date. A
hash covers the whole cache: a damaged cache reads as an empty one.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from reconciler.loading.atomic_write import write_whole
from reconciler.loading.entries import CatalogEntry, Content
from reconciler.model.diagnostics import Diagnostic, Position, Severity
from reconciler.model.kinds import Kind

_HASH_CHARS = 64  # of a SHA-256 in hex

#: The code that decides what a file says and what is wrong with it. Any change to it empties every cache.
_READING = (
    "reconciler.loading",
    "reconciler.planning",
    "reconciler.model",
    "reconciler.model.ports",
)


@cache
def reading_version() -> str:
    """Return a hash of everything that decides how a file is read."""
    digest = hashlib.sha256(yaml.__version__.encode())
    for package in _READING:
        modules = (each for each in resources.files(package).iterdir() if each.name.endswith(".py"))
        for module in sorted(modules, key=lambda each: each.name):
            digest.update(module.name.encode() + b"\0" + module.read_bytes())
    return digest.hexdigest()


class ParseCache:
    """The contents of the files of one project, by the SHA-256 of their bytes.

    Whatever goes wrong with the cache is as if it were not there. `checked` is the stamp of the input that
    was last found without errors, `warnings` what was found then.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: dict[str, memoryview] = {}
        self._used: dict[str, bytes | memoryview] = {}
        self._dirty = False
        self.checked = ""
        self.warnings: tuple[Diagnostic, ...] = ()
        if path is not None:
            self._read(path)

    @classmethod
    def of_project(cls, directory: Path | None, root: Path) -> "ParseCache":
        """Open the cache of the project at `root`.

        The cache is kept in `directory`. If that is None, nothing is kept.
        """
        if directory is None:
            return cls(None)
        name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
        return cls(directory / f"catalog-{name}.json")

    def get(self, sha256: str) -> Content | None:
        """Return the cached content of the file with that hash.

        None unless the file was read before and nothing was wrong with it.
        """
        line = self._kept.get(sha256)
        if line is None:
            return None
        self._used[sha256] = line
        return _content(json.loads(bytes(line)))

    def put(self, sha256: str, content: Content) -> None:
        """Keep what a file of that hash declares."""
        if self._path is not None:
            self._used[sha256] = _dumped(_plain(content))
            self._dirty = True

    def set_checked(self, stamp: str, warnings: Sequence[Diagnostic]) -> None:
        """Keep that this input has no errors, and its warnings."""
        if stamp != self.checked:
            self.checked, self.warnings = stamp, tuple(warnings)
            self._dirty = True

    def save(self) -> None:
        """Write the entries that were used since the cache was opened.

        Nothing is written if they are what the cache held already. Never raises.
        """
        if self._path is not None and (self._dirty or len(self._used) != len(self._kept)):
            with suppress(OSError):
                write_whole(self._path, self._text())

    def _read(self, path: Path) -> None:
        with suppress(OSError, ValueError, LookupError, TypeError):
            header, _, body = path.read_bytes().partition(b"\n")
            known = json.loads(header)
            if known["version"] != reading_version() or known["sha256"] != hashlib.sha256(body).hexdigest():
                return
            kept = dict(_lines(body))
            warnings = tuple(_diagnostic(each) for each in known["warnings"])
            self._kept, self.checked, self.warnings = kept, known["checked"], warnings

    def _text(self) -> str:
        body = b"".join(b"%s %s\n" % (sha256.encode(), bytes(line)) for sha256, line in self._used.items())
        header = {
            "version": reading_version(),
            "sha256": hashlib.sha256(body).hexdigest(),
            "checked": self.checked,
            "warnings": [_plain_diagnostic(warning) for warning in self.warnings],
        }
        return f"{_dumped(header).decode()}\n{body.decode()}"


def _lines(body: bytes) -> Iterator[tuple[str, memoryview]]:
    """Yield the hash and the content of each line, without a copy.

    The content is not copied because the cache is as large as the catalog.
    """
    view, start = memoryview(body), 0
    while (end := body.find(b"\n", start)) >= 0:
        yield body[start : start + _HASH_CHARS].decode(), view[start + _HASH_CHARS + 1 : end]
        start = end + 1


def _dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(content: Content) -> list[Any]:
    return [content.kind, content.head, content.lectures, content.forget, content.defaults]


def _content(plain: list[Any]) -> Content:
    kind, head, lectures, forget, defaults = plain
    return Content(
        Kind(kind), CatalogEntry(*head), [CatalogEntry(*lecture) for lecture in lectures], forget, defaults
    )


def _plain_diagnostic(diagnostic: Diagnostic) -> list[Any]:
    place = diagnostic.position
    return [
        diagnostic.code, diagnostic.summary, diagnostic.detail, diagnostic.hint,
        [place.file, place.line, place.column], diagnostic.severity,
    ]  # fmt: skip


def _diagnostic(plain: list[Any]) -> Diagnostic:
    code, summary, detail, hint, place, severity = plain
    return Diagnostic(
        code=code,
        summary=summary,
        detail=detail,
        hint=hint,
        position=Position(*place),
        severity=Severity(severity),
    )
