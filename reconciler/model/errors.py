"""Exceptions: one tree of all failures.

Each has its code, its exit status, its sentence and what to do next.
"""

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

    `code` names it for a script: the class's, or a more exact one. `hint` says what to do in plain sentences,
    maybe on several lines; `remedies` are the operations that do it, in their order. `reasons` are codes of
    the `details`, in the same order, where a failure has details of several kinds.
    """

    code = "error"
    exit = Exit.ERROR

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        remedies: Sequence[Remedy] = (),
        details: Sequence[str] = (),
        reasons: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.message = message
        self.hint = hint
        self.remedies = tuple(remedies)
        self.details = tuple(details)
        self.reasons = tuple(reasons)


class UsageError(ElmifyError):
    """The command was called in a way it cannot answer."""

    code = "usage"
    exit = Exit.USAGE


class InvalidInput(ElmifyError):
    """Mistakes in the catalog, the lockfile or elmify.yaml.

    The exception carries all of them.
    """

    code = "invalid-input"

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("the input has mistakes", hint="Correct them and run the command again.")
        self.diagnostics = tuple(diagnostics)


class Stale(ElmifyError):
    """Stale plan: what would happen now is not what was reviewed.

    Nothing has been written.
    """

    code = "plan-stale"
    exit = Exit.STALE


class PlanRefused(ElmifyError):
    """Saved plan that cannot be used.

    It cannot be read, is of another format, or does not match its hashes. Nothing was done.
    """

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
    """Run that cannot be rolled back.

    `details` name everything that prevents it. Nothing has been written.
    """

    code = "not-reversible"


class IdentityMismatch(ElmifyError):
    """Mismatch of the environment named by bucket, database and elmify.yaml."""

    code = "identity"


class Unfinished(ElmifyError):
    """Failure after the commit.

    The commit is valid, but something after it failed. Running the command again finishes it.
    """

    code = "unfinished"
    exit = Exit.UNFINISHED


class Interrupted(ElmifyError):
    """Request of the person or the machine to stop the command.

    Nothing was committed.
    """

    code = "interrupted"
    exit = Exit.INTERRUPTED


class PutsFailed(ElmifyError):
    """Permanent failure to store some objects, so nothing was committed.

    `details` names each of these objects, and `reasons` has the code of each one's failure.
    """

    code = "puts-failed"


class ProviderError(ElmifyError):
    """Failure of a store to do what was asked.

    `transient` alone decides whether a retry makes sense. Providers translate the exceptions of their
    libraries into this tree at their edge, and keep the cause.
    """

    code = "store"
    transient = False


class Unavailable(ProviderError):
    """Store that is unreachable, timed out, or asks to slow down.

    A retry may succeed.
    """

    code = "store-unavailable"
    transient = True


class Denied(ProviderError):
    """Credentials that are unknown or lack a right.

    This is never to be read as 'there is nothing'.
    """

    code = "denied"


class ObjectExists(ProviderError):
    """Conditional put of a key that already has an object (412).

    Nothing was overwritten.
    """

    code = "object-exists"


class ObjectChanged(ProviderError):
    """Copy over an object that is not, or no longer, the one that was named.

    Nothing was overwritten.
    """

    code = "object-changed"


class ObjectMissing(ProviderError):
    """There is no object under that key."""

    code = "object-missing"


class WrongBytes(ProviderError):
    """Bytes that differ from those that were named.

    Either a file changed while it was used, or a store answered another hash.
    """

    code = "wrong-bytes"


class IncompleteListing(ProviderError):
    """Listing that ended, repeated itself or went backwards too early.

    It was not complete by then.
    """

    code = "incomplete-listing"


class ListingRefused(ProviderError):
    """Listing that was answered by something other than the object store."""

    code = "listing-refused"
