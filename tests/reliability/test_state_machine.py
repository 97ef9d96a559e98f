"""Any small library, whatever is changed, by whomever, and whatever fails: what holds after every step."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.reliability import invariants, scenarios, snapshot
from tests.reliability.courses import SEED_VARIABLE
from tests.reliability.drafts import Draft
from tests.reliability.ground import Ground
from tests.reliability.invariants import Seen
from tests.reliability.points import Fault, Mode
from tests.reliability.runner import Launcher
from tests.reliability.stores import Directory

#: A command has about so many points: a fault beyond its last one does not happen.
POINTS = 150

OK, ERROR, UNFINISHED, GUARDED = 0, 1, 3, 6

picks = st.integers(0, 11)
names = st.integers(0, 4)
faults = st.none() | st.builds(
    Fault, st.sampled_from([Mode.KILL, Mode.FAIL, Mode.LOSE, Mode.OUTAGE]), st.integers(1, POINTS)
)

Item = TypeVar("Item")

#: What no row of elmify's has: it was put in by hand.
BY_HAND = "By hand"


class Library(RuleBasedStateMachine):
    """A catalog that is edited, stores that others change too, and commands that may fail anywhere."""

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        self.draft = Draft()
        self.added = 0

    @initialize()
    def begin(self) -> None:
        self.ground.clear()
        scenarios.library(self.draft)
        self.ground.sql(
            "insert into users (id, email) select n, n || '@example.com' from generate_series(1, 3) n"
        )

    # The catalog.

    def lecture(self, pick: int) -> str | None:
        return _picked(sorted(self.draft.lectures), pick)

    def is_free(self, title: str, collection: str) -> bool:
        inside = [fields for address, fields in self.draft.lectures.items() if address.startswith(collection)]
        return title not in {fields["title"] for fields in inside}

    @rule(pick=picks, name=names)
    def retitle(self, pick: int, name: int) -> None:
        address, title = self.lecture(pick), f"Title {name}"
        if address and self.is_free(title, address.rpartition("/")[0]):
            self.draft.lectures[address]["title"] = title

    @rule(pick=picks, other=picks)
    def swap_titles(self, pick: int, other: int) -> None:
        one, two = self.lecture(pick), self.lecture(other)
        if one and two and one.rpartition("/")[0] == two.rpartition("/")[0]:
            fields = self.draft.lectures
            fields[one]["title"], fields[two]["title"] = fields[two]["title"], fields[one]["title"]

    @rule()
    def swap_titles_of_collections(self) -> None:
        one, two = self.draft.collections.values()
        one["title"], two["title"] = two["title"], one["title"]

    @rule(pick=picks, take=names)
    def record_again(self, pick: int, take: int) -> None:
        address = self.lecture(pick)
        if address:
            path = self.draft.lectures[address]["audio"]
            self.draft.media[path] = f"take {take} of {path}".encode()

    @rule(pick=picks, to=st.sampled_from(["ali/quran", "ali/tafsir"]))
    def move(self, pick: int, to: str) -> None:
        address = self.lecture(pick)
        if address is None or address.startswith(to):
            return
        fields, moved = self.draft.lectures[address], f"{to}/{address.rpartition('/')[2]}"
        if self.is_free(fields["title"], to):
            fields.pop("number", None)
            self.draft.move(address, moved)
            if fields.get("previously") == moved:  # it came from there
                del self.draft.lectures[moved]["previously"]

    @rule(pick=picks)
    def drop(self, pick: int) -> None:
        address = self.lecture(pick)
        if address:
            self.draft.drop(address)

    @rule(to=st.sampled_from(["ali/quran", "ali/tafsir"]))
    def add(self, to: str) -> None:
        self.added += 1
        self.draft.lecture(f"{to}/new-{self.added}", title=f"New {self.added}")

    # Others.

    def row(self, pick: int) -> int | None:
        rows = self.ground.sql("select id from lectures where title <> %s order by id", BY_HAND)
        return _picked([int(row["id"]) for row in rows], pick)

    @rule(pick=picks, user=st.integers(1, 3))
    def favour(self, pick: int, user: int) -> None:
        self.ground.sql(
            "insert into favorites (user_id, lecture_id) select %s, %s where %s::bigint is not null"
            " on conflict do nothing",
            user,
            row := self.row(pick),
            row,
        )

    @rule(pick=picks, name=names)
    def edit_a_row(self, pick: int, name: int) -> None:
        self.ground.sql("update lectures set title = %s where id = %s", f"Edited {name}", self.row(pick))

    @rule(pick=picks)
    def delete_a_row(self, pick: int) -> None:
        self.ground.sql("delete from lectures where id = %s", self.row(pick))

    @rule()
    def insert_a_row(self) -> None:
        self.ground.sql(
            "insert into lectures (title, duration, file_name, file_path, file_size, file_format)"
            " values (%s, 1, 'by hand.mp3', 'by hand.mp3', 1, 'mp3')",
            BY_HAND,
        )

    @rule(pick=picks)
    def delete_an_object(self, pick: int) -> None:
        keys = [stored.key for stored in self.ground.objects.list() if not stored.key.startswith(".elmify/")]
        key = _picked(keys, pick)
        if key is not None:
            self.ground.objects.delete(key)

    @rule()
    def two_months_pass(self) -> None:
        if self.has_records():
            scenarios.two_months(self.ground.sql)

    def has_records(self) -> bool:
        return bool(self.ground.sql("select 1 from pg_namespace where nspname = 'elmify'"))

    # Commands.

    @rule(fault=faults, allowed=st.booleans())
    def apply(self, fault: Fault | None, *, allowed: bool) -> None:
        before, announced = self.announced(allowed=allowed)
        ran = self.ground.with_fault(self.command(allowed=allowed), fault)
        seen = self.sound(before)
        if lost := invariants.lost_users(before, seen):
            assert allowed
            assert lost == announced
        if ran.status in {ERROR, GUARDED}:
            assert content(seen) == content(before), ran
        if fault is None:
            assert ran.status in {OK, ERROR, GUARDED}, ran
        if fault is None and ran.status == OK:
            self.converged(seen)

    @rule(point=st.integers(1, POINTS), pick=picks, user=st.integers(1, 3))
    def apply_while_somebody_favours(self, point: int, pick: int, user: int) -> None:
        row = self.row(pick)
        if row is None:
            return
        before, _ = self.announced(allowed=False)
        statement = f"insert into favorites (user_id, lecture_id) values ({user}, {row})"
        ran = self.ground.with_fault(self.command(allowed=False), Fault(Mode.MEANWHILE, point), statement)

        assert ran.status in {OK, ERROR, GUARDED}, ran
        assert invariants.lost_users(before, self.sound(before)) == {}
        if self.ground.stood:
            asked = "select 1 from favorites where user_id = %s and lecture_id = %s"
            assert self.ground.sql(asked, user, row), "a favourite is gone that nobody announced"

    @precondition(has_records)
    @rule(fault=faults)
    def collect(self, fault: Fault | None) -> None:
        before = self.ground.look()
        ran = self.ground.with_fault(("gc",), fault)
        seen = self.sound(before)

        assert fault is not None or ran.status == OK, ran
        assert content(seen) == content(before)
        assert seen.users == before.users

    def teardown(self) -> None:
        """Whatever has happened: it converges, or says what only a person can decide."""
        if self.draft.lectures or self.draft.speakers:
            self.apply(None, allowed=True)

    # What holds.

    def announced(self, *, allowed: bool) -> tuple[Seen, Mapping[str, int]]:
        """Return what is there now, and the user rows that a plan says will be lost."""
        self.draft.write(self.ground.root, Directory().settings)
        before = self.ground.look()
        [planned] = self.ground.elmify(("plan", "--format", "json", *_allowing(allowed=allowed)))
        lost = planned.json["impact"]["lost"] if planned.status == OK else {}
        return before, {table.removeprefix("public."): count for table, count in lost.items()}

    def command(self, *, allowed: bool) -> tuple[str, ...]:
        return ("apply", "--auto-approve", *_allowing(allowed=allowed))

    def sound(self, before: Seen) -> Seen:
        """Return what is there now, in which nothing is wrong but what others have done before."""
        seen = self.ground.look()
        was_silent = invariants.unheard(_own(before)).keys()
        silent = invariants.unheard(_own(seen), before)
        assert {way: said for way, said in silent.items() if way not in was_silent} == {}
        assert list(invariants.stuck_lease(seen)) == []
        return seen

    def converged(self, seen: Seen) -> None:
        planned, verified = self.ground.elmify(("plan", "--format", "json"), ("audit", "--verify"))
        unmanaged = {each["key"] for each in planned.json["unmanaged"]["objects"]}
        own = _own(seen)

        assert planned.json["resource_changes"] == []
        assert verified.status == OK, verified
        assert list(invariants.silent_rows(own)) == []
        assert list(invariants.unexplained_objects(own, frozenset(unmanaged))) == []
        assert list(invariants.held_lease(seen)) == []
        wanted = sorted(fields["title"] for fields in self.draft.lectures.values())
        assert sorted(row["title"] for row in own.lectures) == wanted
        for fields in self.draft.lectures.values():
            fields.pop("previously", None)


def content(seen: Seen) -> object:
    return (seen.speakers, seen.collections, seen.lectures)


def _own(seen: Seen) -> Seen:
    """Return what is seen without the rows that were put in by hand."""
    return replace(seen, lectures=[row for row in seen.lectures if row["title"] != BY_HAND])


def _allowing(*, allowed: bool) -> tuple[str, ...]:
    return ("--allow", "deletes=99", "--allow", "user-rows=99") if allowed else ("--allow", "deletes=99")


def _picked(items: list[Item], pick: int) -> Item | None:
    return items[pick % len(items)] if items else None


@pytest.fixture
def ground(forks: Launcher, database_url: str, tmp_path: Path) -> Ground:
    snapshot.keep(database_url)
    root = tmp_path / "project"
    root.mkdir()
    return Ground(forks, database_url, root)


@pytest.mark.timeout(0)  # hundreds of commands one after the other
def test_after_every_step_nothing_is_lost_that_elmify_answers_for(ground: Ground) -> None:
    everything = os.environ.get(SEED_VARIABLE) == "all"
    Library.ground = ground
    run_state_machine_as_test(
        Library,
        settings=settings(
            max_examples=300 if everything else 10,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=not everything,
            phases=(Phase.generate,),
            database=None,
        ),
    )
