"""Diagnostics of media and the lockfile.

Each has one code, one summary and one remedy.
"""

from collections.abc import Mapping

from reconciler.model.diagnostics import Diagnostic, Position

MEDIA_MISSING = "EL301"
MEDIA_NOT_LOCKED = "EL302"
MEDIA_CHANGED = "EL303"
MEDIA_EMPTY = "EL304"
MEDIA_UNREADABLE = "EL305"
MEDIA_TYPE_DISAGREES = "EL306"
MEDIA_OUTSIDE = "EL307"
MEDIA_WITHOUT_DURATION = "EL308"
MEDIA_UNSTABLE = "EL309"
MEDIA_TYPE_UNKNOWN = "EL310"
LOCKFILE_FORMAT = "EL321"
LOCKFILE_LINE = "EL322"
LOCKFILE_DUPLICATE = "EL323"
LOCKFILE_UNSORTED = "EL324"
LOCKFILE_CONFLICT = "EL325"
LOCKFILE_TOO_LARGE = "EL326"

_WRITTEN_ANEW = "Where the media are, the file can also be deleted: `elmify lock` writes it anew."

#: Every code with its summary and its usual remedy, in the order of the codes.
MEDIA_CODES: Mapping[str, tuple[str, str]] = {
    MEDIA_MISSING: (
        "the file is neither on disk nor in the lockfile",
        "Put the file under the media root and run `elmify lock`, or correct the path.",
    ),
    MEDIA_NOT_LOCKED: ("the file is not in the lockfile", "Run `elmify lock`."),
    MEDIA_CHANGED: (
        "the file is not the one that was locked",
        "Run `elmify lock` if the new bytes are meant, or put the old file back.",
    ),
    MEDIA_EMPTY: ("the file has no bytes", "Export or copy the file again."),
    MEDIA_UNREADABLE: ("the file cannot be read", "Export or copy the file again."),
    MEDIA_TYPE_DISAGREES: (
        "the content and the extension disagree",
        "Rename the file to the extension of its content, or export it in the format its name promises.",
    ),
    MEDIA_OUTSIDE: (
        "the path leaves the media root",
        "Name a file under the media root, and let no link on the way point out of it.",
    ),
    MEDIA_WITHOUT_DURATION: (
        "the audio has no duration",
        "Export the file again: players would show 0:00.",
    ),
    MEDIA_UNSTABLE: (
        "the file changed while it was read",
        "Wait until nothing writes to it any more, then run the command again.",
    ),
    MEDIA_TYPE_UNKNOWN: (
        "the extension is not one of a known format",
        "Use mp3, m4a, wav, flac, aac or ogg for audio, and jpg, jpeg, png or webp for images.",
    ),
    LOCKFILE_FORMAT: (
        "the lockfile is of another format",
        "Restore its first line from git, or use the version of elmify that wrote it. " + _WRITTEN_ANEW,
    ),
    LOCKFILE_LINE: (
        "a line of the lockfile is malformed",
        "Restore the line from git; or delete it, and run `elmify lock` where the media are.",
    ),
    LOCKFILE_DUPLICATE: (
        "two lines of the lockfile speak of one path",
        "Keep the line with the bytes that are meant; or delete both, and run `elmify lock`.",
    ),
    LOCKFILE_UNSORTED: (
        "the lockfile is not sorted by path",
        "Run `elmify lock`, which sorts it.",
    ),
    LOCKFILE_CONFLICT: (
        "the lockfile holds a merge conflict",
        "Keep the lines of both sides without the markers (one line a path), then run `elmify lock`. "
        + _WRITTEN_ANEW,
    ),
    LOCKFILE_TOO_LARGE: (
        "the lockfile is larger than elmify reads",
        "Restore the file from git.",
    ),
}


def media_diagnostic(code: str, detail: str, position: Position, *, hint: str | None = None) -> Diagnostic:
    """Return the error of that code at a position.

    Its hint is the usual remedy of the code unless another hint is given.
    """
    summary, remedy = MEDIA_CODES[code]
    return Diagnostic(
        code=code, summary=summary, detail=detail, hint=remedy if hint is None else hint, position=position
    )
