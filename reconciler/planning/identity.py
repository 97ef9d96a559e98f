"""Identity: the database row of each address, by a ladder of evidence.

A row is never guessed. The rungs of the ladder, in order:

1. `row:` in the catalog.
2. The recorded row, while it can be trusted.
3. `previously:`, which a parent passes on to its children.
4. The natural key.
5. A SHA-256 that is unique on both sides among what is left.

Two candidates on one rung are a question for a person. So is an address that vanished while there
is a new one that looks like it.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from reconciler.model.actual import Row, Snapshot
from reconciler.model.address import Address, join, parent_of
from reconciler.model.catalog import Catalog, MediaFile, Resource, media_by_path
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.recorded import Recorded
from reconciler.model.values import nfc
from reconciler.planning.ambiguities import Ambiguity
from reconciler.planning.record_validity import trusted


def previous_addresses(catalog: Catalog, recorded: Container[Address]) -> Mapping[Address, Address]:
    """Return the former address of every resource that has one.

    The catalog's parents come before their children.

    An id in `previously:` is resolved next to the entry, under the parent's present address. Where
    nothing is recorded there, it is resolved under the address that the parent had before.
    """
    previous: dict[Address, Address] = {}
    for address, resource in catalog.resources.items():
        parent = parent_of(address)
        if resource.previously is not None:
            previous[address] = _as_recorded(resource.previously, previous, recorded)
        elif parent is not None and parent in previous:
            inherited = _under(previous[parent], address)
            if inherited not in catalog.resources:
                previous[address] = inherited
    return previous


def _as_recorded(said: Address, previous: Mapping[Address, Address], recorded: Container[Address]) -> Address:
    parent = parent_of(said)
    if said in recorded or parent is None or parent not in previous:
        return said
    return _under(previous[parent], said)


def _under(parent: Address, address: Address) -> Address:
    return join(parent, address.rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Binding of an address to the row that it is.

    `rung` is a sentence for people; no code branches on it.
    """

    row: Row
    rung: str
    previous: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """The outcome of the ladder.

    `bound` holds the declared addresses that are a row; the other declared ones are new. `vanished` are the
    recorded addresses that the catalog no longer has, under no name, each with its row (None when that row
    is gone or is another one now). `broken` are declared addresses whose record cannot be believed.
    `problems` are questions for a person, each with the address it is about. `successors` are the recorded
    addresses whose row, still believed to be theirs, is another address now, with that one.
    """

    bound: Mapping[Address, Binding]
    vanished: Mapping[Address, Row | None]
    broken: frozenset[Address]
    problems: tuple[tuple[Address, Diagnostic], ...]
    successors: Mapping[Address, Address] = field(default_factory=dict)

    def row(self, address: Address) -> Row | None:
        """Return the row of a declared address; None while it has none."""
        binding = self.bound.get(address)
        return binding.row if binding is not None else None


def identify(
    catalog: Catalog, snapshot: Snapshot, recorded: Recorded, default_key: Callable[[Resource], str]
) -> Identities:
    """Return the row of every declared address, by the ladder of evidence.

    `default_key` returns a lecture's rendered key.
    """
    ladder = _Ladder(catalog, snapshot, recorded, default_key)
    for kind in Kind:
        ladder.climb(kind)
    ladder.ask_about_merges()
    return Identities(
        bound=ladder.bound,
        vanished=ladder.vanished(),
        broken=frozenset(
            address
            for address in recorded.resources
            if address in catalog.resources and address not in ladder.rows
        ),
        problems=tuple(ladder.problems),
        successors=ladder.successors(),
    )


@dataclass
class _Ladder:
    catalog: Catalog
    snapshot: Snapshot
    recorded: Recorded
    default_key: Callable[[Resource], str]
    bound: dict[Address, Binding] = field(default_factory=dict)
    problems: list[tuple[Address, Diagnostic]] = field(default_factory=list)
    asked: set[Address] = field(default_factory=set)
    contested: dict[Address, tuple[Row, str]] = field(default_factory=dict)
    repeating: list[Resource] = field(default_factory=list)
    taken: dict[Kind, dict[int, Address]] = field(default_factory=lambda: {kind: {} for kind in Kind})

    def __post_init__(self) -> None:
        self.rows = trusted(self.snapshot, self.recorded)
        self.previous = previous_addresses(self.catalog, self.recorded.resources)
        self.media = media_by_path(self.catalog)
        claimed = set(self.previous.values())
        self.gone = [a for a in self.recorded.resources if a not in self.catalog.resources]
        self.held: dict[tuple[Kind, int], Address] = {
            (row.kind, row.id): address
            for address in self.gone
            if address not in claimed
            and not self.catalog.forgets(address)
            and (row := self.rows.get(address)) is not None
        }
        lectures = [address for (kind, _), address in self.held.items() if kind is Kind.LECTURE]
        self.held_under = _grouped(lectures, lambda address: [parent_of(address)])

    def vanished(self) -> Mapping[Address, Row | None]:
        """Return recorded addresses that are no longer declared, with their rows.

        The row is None when it is gone or is another address's row now.
        """
        continued = {binding.previous for binding in self.bound.values()}
        return {address: self._free_row(address) for address in self.gone if address not in continued}

    def successors(self) -> Mapping[Address, Address]:
        """Return the recorded addresses whose row another address has taken.

        Maps each of them to the address that has taken its row.
        """
        holders = ((address, self.taken[row.kind].get(row.id)) for address, row in self.rows.items())
        return {address: holder for address, holder in holders if holder not in {None, address}}

    def _free_row(self, address: Address) -> Row | None:
        row = self.rows.get(address)
        return None if row is None or row.id in self.taken[row.kind] else row

    def climb(self, kind: Kind) -> None:
        """Take one kind, whose parents are already decided, up the rungs.

        Children of a parent that there is a question about wait for its answer, which may decide them.
        """
        declared = [resource for resource in self.catalog.resources.values() if resource.kind is kind]
        for rung in (self._explicit, self._recorded, self._previously):
            for resource in declared:
                if resource.address not in self.bound:
                    rung(resource)
        self.asked.update(r.address for r in declared if parent_of(r.address) in self.asked)
        left = self._left(declared)
        if not left:
            return
        for sentence, of_resource, of_row in self._natural_keys(kind):
            left = self._pair(self._left(left), kind, sentence, of_resource, of_row)
        if kind is Kind.LECTURE:
            self._by_hash(self._left(left))
        self._ask_about_numbers()
        for resource in self._left(left):
            self._ask_about_contested(resource)
            self._ask_about_lookalike(resource)

    def _left(self, resources: Iterable[Resource]) -> list[Resource]:
        return [r for r in resources if r.address not in self.bound and r.address not in self.asked]

    # The first three rungs.

    def _explicit(self, resource: Resource) -> None:
        if resource.row is None:
            return
        row = self.snapshot.rows[resource.kind].get(resource.row)
        record = self.recorded.resources.get(resource.address)
        if row is None and record is not None and record.row == resource.row:
            self.repeating.append(resource)
        elif row is None:
            self._ask_for_number(resource)
        elif self._is_stale(resource, row):
            self._ask(
                resource,
                Ambiguity.STALE_ROW,
                f"Row {row.id} of {TABLES[resource.kind].name} was {resource.address}, and shows nothing of "
                "it any more: the table was probably imported anew.",
                "Remove `row:` to let elmify find the row, or write the new number. "
                "If it is this row after all, give the entry a new id.",
            )
        else:
            previous = self.previous.get(resource.address)
            same_row = previous is not None and self.rows.get(previous) == row
            rung = f"`row: {row.id}` in the catalog"
            self._bind(resource, row, rung, previous if same_row else None)

    def _ask_for_number(self, resource: Resource) -> None:
        self._ask(
            resource,
            Ambiguity.NO_SUCH_ROW,
            f"`row: {resource.row}` names no row of {TABLES[resource.kind].name}.",
            "Correct the number, or remove `row:` to let elmify find the row.",
        )

    def _ask_about_numbers(self) -> None:
        """Ask where `row:` names a row that is gone while another looks like it.

        Where no row does, the row is made again under its number, and `row:` stays right.
        """
        for resource in self.repeating:
            binding = self.bound.get(resource.address)
            if binding is not None and binding.row.id != resource.row:
                del self.bound[resource.address], self.taken[resource.kind][binding.row.id]
                self._ask_for_number(resource)
        self.repeating.clear()

    def _is_stale(self, resource: Resource, row: Row) -> bool:
        """Return whether `row:` only repeats a record that is broken.

        The row must also not be what is declared.
        """
        record = self.recorded.resources.get(resource.address)
        if record is None or record.row != row.id or resource.address in self.rows:
            return False
        name = row[TABLES[resource.kind].natural_key[-1]]
        named = nfc(str(name)).strip() == nfc(resource.name).strip()
        return not (
            named or (row.kind is Kind.LECTURE and nfc(str(row["file_path"])) in self._paths(resource))
        )

    def _recorded(self, resource: Resource) -> None:
        row = self.rows.get(resource.address)
        if row is not None:
            self._bind(resource, row, "recorded by an earlier apply")

    def _previously(self, resource: Resource) -> None:
        previous = self.previous.get(resource.address)
        row = self.rows.get(previous) if previous is not None else None
        if row is not None:
            self._bind(resource, row, f"previously {previous}", previous)

    # The natural key and the hash.

    def _natural_keys(
        self, kind: Kind
    ) -> list[tuple[str, Callable[[Resource], Iterable[Hashable]], Callable[[Row], Hashable]]]:
        """Return the natural keys of a kind, from the strictest on.

        Each has a text that describes it, a function that gives it for a resource, and a function that
        gives it for a row.

        A file_path that occurs in several rows is decided by the row that also has the title and parent.
        """
        table = TABLES[kind]
        title = table.natural_key[-1]

        def named(resource: Resource) -> tuple[Hashable, ...] | None:
            parent = self._parent_row(resource)
            return None if table.parent and parent is None else (parent, nfc(resource.name))

        def named_row(row: Row) -> tuple[Hashable, ...]:
            parent = row[table.parent_column] if table.parent_column else None
            return parent, nfc(str(row[title]))

        def stripped(name: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
            return name[0], str(name[1]).strip()

        by_name = (
            " and ".join(table.natural_key),
            lambda resource: [name] if (name := named(resource)) is not None else [],
            named_row,
        )
        by_stripped_name = (
            f"{by_name[0]}, but for spaces at its ends",
            lambda resource: [stripped(name)] if (name := named(resource)) is not None else [],
            lambda row: stripped(named_row(row)),
        )
        if kind is not Kind.LECTURE:
            return [by_name, by_stripped_name]
        return [
            (
                "file_path, collection_id and title",
                lambda resource: [(key, named(resource)) for key in self._paths(resource)],
                lambda row: (nfc(str(row["file_path"])), named_row(row)),
            ),
            ("file_path", self._paths, lambda row: nfc(str(row["file_path"]))),
            by_name,
            by_stripped_name,
        ]

    def _paths(self, resource: Resource) -> list[str]:
        """Return the keys that a lecture's row may show.

        These are the path as declared, and the key that the audio would get.
        """
        path = resource.media.get(Slot.LECTURE_AUDIO)
        return [] if path is None else list(dict.fromkeys((nfc(path), nfc(self.default_key(resource)))))

    def _audio(self, resource: Resource) -> MediaFile | None:
        return self.media.get(nfc(resource.media.get(Slot.LECTURE_AUDIO) or ""))

    def _parent_row(self, resource: Resource) -> int | None:
        parent = parent_of(resource.address)
        binding = self.bound.get(parent) if parent is not None else None
        return binding.row.id if binding is not None else None

    def _by_hash(self, resources: list[Resource]) -> None:
        def hashes(resource: Resource) -> list[str]:
            media = self._audio(resource)
            return [media.sha256] if media is not None and media.sha256 is not None else []

        rows = _grouped(self._free_rows(Kind.LECTURE), lambda row: [row["file_hash"]])
        wanting = _grouped(resources, hashes)
        for sha256, wanters in wanting.items():
            if len(wanters) == 1 and len(rows.get(sha256, ())) == 1:
                self._take(wanters[0], rows[sha256][0], "the only row with these bytes")

    def _pair(
        self,
        resources: list[Resource],
        kind: Kind,
        sentence: str,
        of_resource: Callable[[Resource], Iterable[Hashable]],
        of_row: Callable[[Row], Hashable],
    ) -> list[Resource]:
        """Bind the resources that match exactly one row under a natural key.

        Ask about the rest: at once where several rows match a resource; after the last rung where several
        resources match one row, because a weaker rung may tell them apart.
        """
        if not resources:
            return []
        rows = _grouped(self._free_rows(kind), lambda row: [of_row(row)])
        wanting = _grouped(resources, of_resource)
        for resource in resources:
            keys = [key for key in of_resource(resource) if key in rows]
            candidates = {row.id: row for key in keys for row in rows[key]}
            if not candidates:
                continue
            if len(candidates) > 1:
                self._ask_which(resource, sentence, sorted(candidates))
                continue
            row = next(iter(candidates.values()))
            if len({r.address for key in keys for r in wanting[key]}) > 1:
                self.contested[resource.address] = (row, sentence)  # a weaker rung may tell them apart
            else:
                self._take(resource, row, f"the same {sentence}")
        return resources

    def _free_rows(self, kind: Kind) -> list[Row]:
        taken = self.taken[kind]
        return [row for row in self.snapshot.rows[kind].values() if row.id not in taken]

    def _take(self, resource: Resource, row: Row, rung: str) -> None:
        """Bind a row found by a weak rung, unless a vanished address has it.

        If an address that vanished is recorded as that row, ask a question instead.
        """
        holder = self.held.get((row.kind, row.id))
        if holder is not None:
            self._ask_previously(resource, holder, f"it has {rung.removeprefix('the ')}")
        else:
            self._bind(resource, row, rung)

    def _bind(self, resource: Resource, row: Row, rung: str, previous: Address | None = None) -> None:
        other = self.taken[row.kind].get(row.id)
        if other is not None:
            self._ask(
                resource,
                Ambiguity.ROW_CLAIMED_TWICE,
                f"{resource.address} and {other} both mean row {row.id} of {TABLES[row.kind].name}.",
                "Correct the `row:` or `previously:` of one of them.",
            )
            return
        self.taken[row.kind][row.id] = resource.address
        self.bound[resource.address] = Binding(row=row, rung=rung, previous=previous)

    # Questions for a person.

    def _ask_about_contested(self, resource: Resource) -> None:
        row, sentence = self.contested.get(resource.address, (None, ""))
        if row is not None and row.id not in self.taken[row.kind]:
            self._ask(
                resource,
                Ambiguity.WHICH_ADDRESS,
                f"{resource.address} and others have the same {sentence} as row {row.id}.",
                f"Write `row: {row.id}` in the entry of the one that it is.",
            )

    def ask_about_merges(self) -> None:
        """Ask about each `previously:` that names a second row for an address.

        The address already has a row, and `previously:` names an address with a different one.
        """
        continued = {binding.previous for binding in self.bound.values()}
        for resource in self.catalog.resources.values():
            previous = resource.previously
            if previous in self.rows and previous in self.gone and previous not in continued:
                self._ask(
                    resource,
                    Ambiguity.MERGE,
                    f"{resource.address} is a row already, so it cannot also be the row of {previous}.",
                    f"Remove `previously: {previous}`, or let that row go without deleting it by `forget:`.",
                )

    def _ask_about_lookalike(self, resource: Resource) -> None:
        if resource.address in self.asked or resource.kind is not Kind.LECTURE:
            return
        parent = parent_of(resource.address)
        parents = {parent, self.previous.get(parent)} if parent is not None else set()
        for holder in sorted(h for p in parents for h in self.held_under.get(p, ())):
            if self._alike(resource, self.rows[holder]):
                self._ask_previously(resource, holder, "it has the same parent and the same number or audio")
                return

    def _alike(self, resource: Resource, row: Row) -> bool:
        number = resource.fields.get("number")
        media = self._audio(resource)
        same_audio = media is not None and media.sha256 is not None and media.sha256 == row["file_hash"]
        return same_audio or (number is not None and number == row["lecture_number"])

    def _ask_previously(self, resource: Resource, holder: Address, why: str) -> None:
        self._ask(
            resource,
            Ambiguity.LOOKALIKE,
            f"{holder} left the catalog, and {resource.address} looks like it: {why}.",
            f"If it is the same {resource.kind}, write `previously: {holder}` in its entry. "
            "If it is another one, remove the old one with an apply of its own first.",
        )

    def _ask_which(self, resource: Resource, sentence: str, candidates: list[int]) -> None:
        ids = ", ".join(map(str, candidates))
        self._ask(
            resource,
            Ambiguity.WHICH_ROW,
            f"Rows {ids} of {TABLES[resource.kind].name} have the same {sentence} as {resource.address}.",
            f"Say which one it is with `row: {candidates[0]}` (or another of them) in its entry.",
        )

    def _ask(self, resource: Resource, question: Ambiguity, detail: str, hint: str) -> None:
        self.asked.add(resource.address)
        self.problems.append((resource.address, question.at(resource.position, detail, hint)))


_T = TypeVar("_T")


def _grouped(items: Iterable[_T], keys: Callable[[_T], Iterable[Hashable]]) -> dict[Hashable, list[_T]]:
    groups: defaultdict[Hashable, list[_T]] = defaultdict(list)
    for item in items:
        for key in keys(item):
            if key is not None:
                groups[key].append(item)
    return dict(groups)
