"""What an import found, wherever it looked: resources to declare, and what a person has to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.model.kinds import Kind


class Reason(StrEnum):
    """Why something could not be joined, or was joined in a way that a person should know of."""

    ROW_WITHOUT_OBJECT = "row-without-object"
    OBJECT_WITHOUT_ROW = "object-without-row"
    ROW_WITHOUT_PARENT = "row-without-parent"
    DUPLICATE = "duplicate"  # several rows, or files, that only one entry may be
    SIMILAR_NAME = "similar-name"  # names that differ only in case, accents, signs or spaces
    TWO_FORMATS = "two-formats"  # an image that is there as jpg and as png
    JOINED_LOOSELY = "joined-loosely"  # by something weaker than the path: the plan corrects the row
    UNFIT = "unfit"  # the catalog cannot say it
    STYLE = "style"  # most rows spell a column otherwise than elmify.yaml says
    CHANGED_NAME = "changed-name"  # a title that repeated its number
    NOT_AS_IS = "not-as-is"  # `--as-is`, or `adopt`, could not put up with it
    NOT_LOCKED = "not-locked"  # nobody has said which bytes a path means
    UNSEEN = "unseen"  # an image that is neither on disk nor in the lockfile


SENTENCES: Mapping[Reason, str] = {
    Reason.ROW_WITHOUT_OBJECT: "The row names an object that is not in the bucket",
    Reason.OBJECT_WITHOUT_ROW: "No row names the object",
    Reason.ROW_WITHOUT_PARENT: "The row hangs under no speaker or collection",
    Reason.DUPLICATE: "It stands there more than once",
    Reason.SIMILAR_NAME: "Names that are nearly the same",
    Reason.TWO_FORMATS: "An image in several formats",
    Reason.JOINED_LOOSELY: "Joined by something weaker than the path",
    Reason.UNFIT: "The catalog cannot declare it",
    Reason.STYLE: "Most rows are spelled otherwise than elmify.yaml says",
    Reason.CHANGED_NAME: "The title repeated its number",
    Reason.NOT_AS_IS: "It could not be recorded as it is",
    Reason.NOT_LOCKED: "The lockfile does not know it: put the file under the media root and run elmify lock",
    Reason.UNSEEN: "Left undeclared: neither the media folder nor the lockfile has the image",
}


def by_number(fields: Mapping[str, Any]) -> tuple[bool, int]:
    """Return what lectures are sorted by: their numbers, those without one last."""
    number = fields.get("number")
    return number is None, number or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at. `subject` is `lectures[412]`, a key, a path, or an address.

    `remedy` is a command that mends it, where there is one.
    """

    reason: Reason
    subject: str
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A speaker, a collection or a lecture that exists.

    `fields` are those of its entry, `name` or `title` among them, without its id; those that are unknown are
    absent. `row` is the row it is, None outside the database.
    """

    kind: Kind
    fields: Mapping[str, Any]
    row: int | None = None
    children: tuple["Found", ...] = field(default=())

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.fields["name" if self.kind is Kind.SPEAKER else "title"])
