"""World and request: the input of a plan.

The world is what a plan is made from, the request what the plan is asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from reconciler.model.actual import Snapshot
from reconciler.model.address import EXACTLY, Address, matches_any
from reconciler.model.catalog import Catalog, MediaFile, media_by_path
from reconciler.model.history import RunKind
from reconciler.model.policy import Policy
from reconciler.model.recorded import KeyState, Recorded
from reconciler.model.remedies import MakePlan
from reconciler.model.values import nfc
from reconciler.planning.playback import Library, library_of
from reconciler.planning.references import KeySearch, NamedKeys

REKEY = "rekey"
DELETE_UNMANAGED = "delete-unmanaged"

#: A key in one of these states is accounted for, whether or not a row names it.
ACCOUNTED = frozenset({KeyState.INTENDED, KeyState.LIVE, KeyState.RETIRED, KeyState.CONDEMNED})


@dataclass(frozen=True, kw_only=True)
class Request:
    """Request for a plan: scope globs, options and allowances.

    The plan is limited to the globs. Allowances are by guard name.

    `rolls_back` names a run to roll back, `merges` a lecture and the one it goes into: such a plan
    does that and nothing else, whatever the catalog says.
    """

    scope: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    allowances: Mapping[str, int] = field(default_factory=dict)
    rolls_back: int | None = None
    merges: tuple[str, str] | None = None

    @property
    def follows_catalog(self) -> bool:
        """Return whether the plan is the difference between catalog and stores."""
        return self.rolls_back is None and self.merges is None

    @property
    def run(self) -> tuple[RunKind, tuple[str, ...]]:
        """The kind and the subject of the run that carries this out."""
        if self.rolls_back is not None:
            return RunKind.ROLLBACK, (str(self.rolls_back),)
        if self.merges is not None:
            return RunKind.MERGE, self.merges
        return RunKind.APPLY, ()

    @property
    def remedy(self) -> MakePlan:
        """The advice to plan exactly this."""
        return MakePlan(
            scope=self.scope,
            options=tuple(sorted(self.options)),
            allowances=self.allowances,
            rolls_back=self.rolls_back,
            merges=self.merges,
        )

    def covers(self, *addresses: str | None) -> bool:
        """Return whether one of the addresses is within the scope."""
        if not self.scope:
            return True
        named = [address for address in addresses if address is not None]
        return any(a in self._alone for a in named) or any(matches_any(a, self._globs) for a in named)

    @cached_property
    def _alone(self) -> frozenset[str]:
        """Addresses that the scope names one by one, without a glob.

        A repair may name ten thousand of them.
        """
        return frozenset(glob.removeprefix(EXACTLY) for glob in self.scope if glob.startswith(EXACTLY))

    @cached_property
    def _globs(self) -> tuple[str, ...]:
        return tuple(glob for glob in self.scope if not glob.startswith(EXACTLY))


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything a plan is made from."""

    catalog: Catalog
    snapshot: Snapshot
    recorded: Recorded
    policy: Policy

    @cached_property
    def media(self) -> Mapping[str, MediaFile]:
        """The lockfile by the NFC spelling of its paths."""
        return media_by_path(self.catalog)

    @cached_property
    def library(self) -> Library:
        """Rows and objects as they are, and where each row leads."""
        return library_of(self.policy.playback, self.snapshot, self.recorded)

    @cached_property
    def keys_named_by_rows(self) -> NamedKeys:
        """The keys by which any row finds or names an object."""
        return NamedKeys(self.library.names())

    def named_among(self, keys: Iterable[str]) -> frozenset[str]:
        """Return those of the keys that any row finds or names, in NFC.

        It looks for many keys in one pass.
        """
        return frozenset(KeySearch(keys).in_references(self.library.names()))

    @cached_property
    def objects_without_row(self) -> frozenset[str]:
        """NFC keys of the objects without a row.

        No row names them, and elmify's records do not account for them.
        """
        known = self.recorded.keys
        free = {key for key in self.snapshot.objects if key not in known or known[key].state not in ACCOUNTED}
        return frozenset(free - self.named_among(free)) | self.forsaken_keys

    def _waits(self, key: str) -> bool:
        """Return whether the resource that has a recorded key lost its row."""
        address = self.recorded.keys[key].address
        record = self.recorded.resources.get(Address(address)) if address is not None else None
        return record is not None and record.row not in self.snapshot.rows[record.kind]

    @cached_property
    def live_keys_of(self) -> Mapping[str, tuple[str, ...]]:
        """The live keys recorded of each address, whose objects are there."""
        keys: defaultdict[str, list[str]] = defaultdict(list)
        for key, record in self.recorded.keys.items():
            if record.state is KeyState.LIVE and record.address is not None and key in self.snapshot.objects:
                keys[record.address].append(record.key)
        return {address: tuple(found) for address, found in keys.items()}

    @cached_property
    def forsaken_keys(self) -> frozenset[str]:
        """NFC keys of live objects that no resource and no row has any more.

        They are recorded as live; the resource that had them was made again, or changed by other hands,
        and has others by now. Nothing accounts for them: they count as unmanaged. Those of a resource whose
        row is gone wait for the row to be made again.
        """
        live = {key for key, record in self.recorded.keys.items() if record.state is KeyState.LIVE}
        for record in self.recorded.resources.values():
            live.difference_update(map(nfc, record.keys.values()))
        there = {key for key in live if key in self.snapshot.objects and not self._waits(key)}
        return frozenset(there - self.named_among(there)) if there else frozenset()
