"""Failures, as one tree: each knows its code, its exit status, its sentence and what to do next."""

from collections.abc import Sequence
from enum import IntEnum

from reconciler.model.diagnostics import Diagnostic
from reconciler.model.remedies import Remedy


class Exit(IntEnum):
    """The exit statuses of every command: a documented contract."""

    OK = 0
    ERROR = 1  # nothing visible has changed
    DIFFERENCES = 2
    UNFINISHED = 3  # committed; something after the commit is unfinished: run again
    STALE = 4  # stale or not reviewed
    LEASED = 5  # another run holds the lease
    GUARDED = 6  # a guard said no
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


class ElmifyError(Exception):
    """A failure that a person must hear of.

    `hint` says what to do in plain sentences, maybe on several lines; `remedies` are the operations that do
    it, in their order.
    """

    code = "error"
    exit = Exit.ERROR

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        remedies: Sequence[Remedy] = (),
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.remedies = tuple(remedies)
        self.details = tuple(details)


class UsageError(ElmifyError):
    """The command was called in a way it cannot answer."""

    code = "usage"
    exit = Exit.USAGE


class InvalidInput(ElmifyError):
    """The catalog, the lockfile or elmify.yaml has mistakes. Carries all of them."""

    code = "invalid-input"

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("the input has mistakes", hint="Correct them and run the command again.")
        self.diagnostics = tuple(diagnostics)


class Stale(ElmifyError):
    """What would happen now is not what was reviewed. Nothing has been written."""

    code = "plan-stale"
    exit = Exit.STALE


class PlanRefused(ElmifyError):
    """A saved plan cannot be read, is of another format, or is not what its hashes say. Nothing was done."""

    code = "plan-file"


class Leased(ElmifyError):
    """Another run holds the lease, or this run has lost it."""

    code = "leased"
    exit = Exit.LEASED


class Guarded(ElmifyError):
    """A guard refused the plan. Nothing has been written."""

    code = "guarded"
    exit = Exit.GUARDED


class NotReversible(ElmifyError):
    """A run cannot be taken back. `details` name everything in the way. Nothing has been written."""

    code = "not-reversible"


class IdentityMismatch(ElmifyError):
    """The bucket, the database and elmify.yaml do not name the same environment."""

    code = "identity"


class Unfinished(ElmifyError):
    """The commit stands; something after it does not. Running the command again finishes it."""

    code = "unfinished"
    exit = Exit.UNFINISHED


class Interrupted(ElmifyError):
    """The person, or the machine, asked the command to stop. Nothing was committed."""

    code = "interrupted"
    exit = Exit.INTERRUPTED


class PutsFailed(ElmifyError):
    """Some objects could not be stored for good, so nothing was committed. `details` names each."""

    code = "puts-failed"


class ProviderError(ElmifyError):
    """A store did not do what was asked. `transient` alone decides whether trying again makes sense.

    Providers translate their libraries' exceptions into this tree at their edge and keep the cause.
    """

    code = "store"
    transient = False


class Unavailable(ProviderError):
    """The store could not be reached, timed out, or asked for patience; a retry may succeed."""

    code = "store-unavailable"
    transient = True


class Denied(ProviderError):
    """The credentials are unknown or lack a right. Never to be read as 'there is nothing'."""

    code = "denied"


class ObjectExists(ProviderError):
    """A conditional put met an object under that key (412). Nothing was overwritten."""

    code = "object-exists"


class ObjectMissing(ProviderError):
    """There is no object under that key."""

    code = "object-missing"


class WrongBytes(ProviderError):
    """The bytes are not those that were named: a file changed under us, or a store answered another hash."""

    code = "wrong-bytes"


class IncompleteListing(ProviderError):
    """A listing ended, repeated itself or went backwards before it was complete."""

    code = "incomplete-listing"


class ListingRefused(ProviderError):
    """What answered the listing was not the object store."""

    code = "listing-refused"
