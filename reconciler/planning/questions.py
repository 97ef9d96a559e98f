"""What a plan asks a person before it can be made, each with its stable code.

`docs/diagnostics.md` shows this table.
"""

from enum import Enum

from reconciler.model.diagnostics import Diagnostic, Position


class Question(Enum):
    """A question: its code, a summary without names the user chose, and what lies behind it."""

    NO_SUCH_ROW = ("EL501", "the row does not exist", "`row:` names a row that is not in the table.")
    ROW_CLAIMED_TWICE = (
        "EL502",
        "two addresses claim one row",
        "By `row:`, `previously:` or what is recorded, two entries would be the same row.",
    )
    LOOKALIKE = (
        "EL503",
        "an address vanished beside one that looks like it",
        "The same under another id, or another one? A wrong guess would cost listeners their favourites.",
    )
    WHICH_ROW = (
        "EL504",
        "several rows could be this one",
        "Several rows have the same file path, or the same title in the same parent: `row:` says which.",
    )
    WHICH_ADDRESS = (
        "EL505",
        "several addresses could be one row",
        "Several new entries have the natural key of one row: `row:` in one of them decides.",
    )
    MERGE = (
        "EL506",
        "an address has a row of its own already",
        "`previously:` names an address whose row is another one than the entry's own.",
    )
    STALE_ROW = (
        "EL507",
        "the row is another one now",
        "`row:` still names the recorded number, but that row shows nothing of what was recorded.",
    )
    NAME_TAKEN = (
        "EL508",
        "another row has this name",
        "The database holds the name unique, and a row that the plan leaves alone has it.",
    )
    TEMPLATE_MISFIT = (
        "EL510",
        "a key template does not fit",
        "A template of elmify.yaml names what this resource does not have.",
    )
    NO_BYTES = (
        "EL511",
        "the bytes are nowhere",
        "The lockfile says that the hash is unknown, and the live object is not the one it describes.",
    )
    UNUSABLE_KEY = ("EL512", "a key cannot be used", "The rendered key breaks a rule of the bucket.")
    LONG_URL = (
        "EL513",
        "a URL is too long for its column",
        "Percent-encoded, the public URL has more characters than `audio_url` takes.",
    )
    UNKNOWN_CATEGORY = (
        "EL514",
        "an unknown category",
        "Categories are the app's: elmify assigns them and never creates them.",
    )

    @property
    def code(self) -> str:
        """The stable code."""
        return self.value[0]

    def at(self, position: Position, detail: str, hint: str) -> Diagnostic:
        """Ask it about one entry."""
        return Diagnostic(code=self.code, summary=self.value[1], detail=detail, hint=hint, position=position)
