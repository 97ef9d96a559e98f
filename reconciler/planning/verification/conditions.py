"""The named states that verify finds a library in, what a listener notices first at the front."""

from enum import Enum, StrEnum


class Severity(StrEnum):
    """Errors and warnings are wrong (exit 2); an info is worth knowing of and is not."""

    ERROR = "error"  # a listener meets it, or elmify's own records cannot be believed
    WARNING = "warning"  # the three disagree, and nothing is broken yet
    INFO = "info"


class Condition(Enum):
    """A named state: its code, its severity, and a heading without names the user chose.

    The order is the one in which they are told, within a severity.
    """

    ROW_WITHOUT_OBJECT = (
        "row-without-object",
        Severity.ERROR,
        "row without object: playback is broken",
    )
    OTHER_BYTES = ("other-bytes", Severity.ERROR, "object with other bytes than the catalog means")
    WRONG_LECTURE = ("wrong-lecture", Severity.ERROR, "row pointing at the object of another resource")
    BROKEN_AUDIT = ("broken-audit-chain", Severity.ERROR, "broken audit chain")
    QUESTION = ("question", Severity.ERROR, "only a person can say what is meant")
    DUPLICATE_ROWS = ("duplicate-rows", Severity.WARNING, "duplicate rows for one file")
    ORPHAN = ("object-without-row", Severity.WARNING, "object without row")
    UNDECLARED_ROW = ("row-without-catalog", Severity.WARNING, "row without catalog entry")
    ENTRY_WITHOUT_ROW = ("entry-without-row", Severity.WARNING, "catalog entry without row")
    WRONG_FACTS = ("wrong-facts", Severity.WARNING, "wrong size, hash or other fact of the file in the row")
    WRONG_URL = ("wrong-url", Severity.WARNING, "wrong URL column")
    MISSING_IMAGE = ("missing-image", Severity.WARNING, "missing image")
    WRONG_TYPE = ("wrong-content-type", Severity.WARNING, "wrong content type")
    TWINS = ("spelling-twins", Severity.WARNING, "two objects whose keys differ by their spelling alone")
    OTHER_VALUES = ("other-values", Severity.WARNING, "row saying otherwise than the catalog")
    PENDING = ("pending", Severity.INFO, "declared and not applied yet")
    ADOPTION_PENDING = ("adoption-pending", Severity.INFO, "found, and not adopted yet")
    UNHASHED = ("unhashed", Severity.INFO, "live, and hashed by nobody yet")
    UNDER_WAY = ("under-way", Severity.INFO, "being stored by a run that is under way")
    RETIRED = ("retired", Severity.INFO, "retired, waiting for gc")
    STAGED = ("staged", Severity.INFO, "staged, waiting for an apply")
    LEFTOVER = ("leftover", Severity.INFO, "left over from a run that did not commit")
    UNFINISHED = ("unfinished-upload", Severity.INFO, "multipart upload begun and not completed")

    @property
    def code(self) -> str:
        """The stable name, as JSON and JUnit have it."""
        return self.value[0]

    @property
    def severity(self) -> Severity:
        """How bad it is, whatever it is found on."""
        return self.value[1]

    @property
    def heading(self) -> str:
        """What it means, in one clause."""
        return self.value[2]
