"""Trials: a scenario, a fault at one of its points, and everything that must hold afterwards."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests import postgres
from tests.acceptance.projects import clean_environment, run_sql
from tests.reliability import invariants, snapshot
from tests.reliability.drafts import Draft
from tests.reliability.invariants import Seen, look
from tests.reliability.points import Fault, Point, read_points
from tests.reliability.runner import Launcher, Paused, Ran, start
from tests.reliability.scenarios import SERVER, Scenario, listeners
from tests.reliability.stores import Bucket, bucket_of, fresh_copy

#: How often a trial begins anew because its points were not those of an undisturbed run.
_TRIES = 3
_APPLY = ("apply", "--auto-approve")

#: What brought about the world before a trial was allowed to do anything.
_ANYTHING = ("--allow", "deletes=9", "--allow", "user-rows=99")


@dataclass
class Stage:
    """A scenario that is set up on a bucket, with its points; `setting` makes one."""

    scenario: Scenario
    bucket: Bucket
    launcher: Launcher
    url: str
    folder: Path
    before: Seen = field(init=False)
    after: Seen = field(init=False)
    points: list[Point] = field(init=False)
    _started: list[Paused] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The project that commands run in. It always has the same path, which caches go by."""
        return self.folder / "project"

    @property
    def _prepared(self) -> Path:
        """The project as it is before each trial."""
        return self.folder / "prepared"

    @property
    def _log(self) -> Path:
        return self.folder / "points.txt"

    # Setting it up.

    def prepare(self) -> None:
        """Bring about what was there before, and run the command once without any fault."""
        self.root.mkdir(parents=True)
        announced = self._bring_about()
        self.bucket.keep(self.root)
        snapshot.keep(self.url)
        fresh_copy(self._prepared, of=self.root)
        self.before = self.look()
        self.points = self.run_without_faults()
        self.after = self.look()
        found = [*invariants.silent_rows(self.after), *invariants.unexplained_objects(self.after)]
        found += invariants.held_lease(self.after)
        assert found == [], found
        assert invariants.lost_users(self.before, self.after) == announced

    def _bring_about(self) -> Mapping[str, int]:
        """Return the user rows whose loss the plan announces, by table."""
        draft = Draft()
        for number, edit in enumerate(self.scenario.before):
            edit(draft)
            draft.write(self.root, self.bucket.settings)
            [ran] = self.elmify((*_APPLY, *_ANYTHING))
            assert ran.status == bool(draft.torn), ran
            if number == 0:
                listeners(self._sql)
        self.scenario.meanwhile(self._sql)
        draft.torn.clear()
        self.scenario.after(draft)
        draft.write(self.root, self.bucket.settings)
        [planned] = self.elmify(("plan", "--out", "plan.json", *self.scenario.options))
        assert planned.status == 0, planned
        for cache in (self.root / "home").rglob("catalog-*.json"):
            cache.unlink()  # so that it is written among the faults
        plan = json.loads((self.root / "plan.json").read_text("utf-8"))
        return {table.removeprefix("public."): lost for table, lost in plan["impact"]["lost"].items()}

    def run_without_faults(self) -> list[Point]:
        """Run the command as it is, and return its points."""
        self.put_back()
        ran = self._run(None)
        assert ran.status == 0, ran
        return read_points(self._log)

    # Trying it.

    def trial(self, fault: Fault) -> list[str]:
        """Let a fault happen, and return what is violated by then and after one more apply."""
        ran = self._until_it_meets(fault)
        return [*self._at_once(ran, fault), *self._in_the_end()]

    def _until_it_meets(self, fault: Fault) -> Ran:
        """Run into a fault; again, when something of the machine's own came before it."""
        for _ in range(_TRIES):
            self.put_back()
            ran = self._run(fault)
            if self._met(fault):
                break
        return ran

    def _met(self, fault: Fault) -> bool:
        return read_points(self._log)[: fault.point] == self.points[: fault.point]

    def _at_once(self, ran: Ran, fault: Fault) -> Iterator[str]:
        if not self._met(fault):
            yield "its points are not those of the run without a fault"
        seen = self.look()
        yield from invariants.silent_rows(seen, self.before)
        yield from self._forgotten_urls(seen)
        yield from invariants.half_done(seen, self.before, self.after)
        yield from invariants.untruthful(ran.status, ran.err, seen, self.before, self.after)
        yield from invariants.unexplained_objects(seen)
        yield from invariants.stuck_lease(seen)
        if "Traceback" in ran.err:
            yield f"it ended with a traceback: {ran.err}"

    def _in_the_end(self) -> Iterator[str]:
        expire_lease(self.url)
        finish = [self.scenario.command] if self._is_to_be_repeated() else []
        plan = ("plan", "--format", "json", *self.scenario.options)
        *finished, planned, verified = self.elmify(
            *finish, (*_APPLY, *self.scenario.options), plan, ("audit", "--verify")
        )
        yield from (f"the next run exited {ran.status}: {ran.err}" for ran in finished if ran.status != 0)
        yield from (f"{ran.status}: {ran.err}" for ran in (planned, verified) if ran.status != 0)
        if planned.status == 0 and planned.json["resource_changes"]:
            yield f"the plan is not empty: {planned.json['resource_changes']}"
        seen = self.look()
        wanted = invariants.library(self.after, self.before)
        found = invariants.library(seen, self.before)
        if found != wanted:
            yield f"it converged to another library: {[row for row in found if row not in wanted]}"
        if seen.users != self.after.users:
            yield f"user rows are gone in the end: {invariants.lost_users(self.after, seen)}"
        yield from invariants.silent_rows(seen)
        yield from self._forgotten_urls(seen)
        yield from invariants.unexplained_objects(seen, _reported(planned))
        yield from invariants.held_lease(seen)

    def _forgotten_urls(self, seen: Seen) -> Iterator[str]:
        if self.scenario.command[0] != "gc":
            yield from invariants.forgotten_urls(seen, self.before)

    def _is_to_be_repeated(self) -> bool:
        """Whether it takes more than an apply: a gc, and a rollback that did not commit."""
        before, now, after = (
            invariants.library(each, self.before) for each in (self.before, self.look(), self.after)
        )
        return self.scenario.command[0] != "apply" and (now != after or before == after)

    # Running.

    def start(self, *arguments: str, faults: Sequence[Fault] = ()) -> Paused:
        """Start a command of this scenario's project beside whatever else runs."""
        log = self.folder / f"{uuid4().hex}.txt"
        started = Paused(start(arguments, self.root, self._environ(), log, faults), log)
        self._started.append(started)
        return started

    def clear(self) -> None:
        """End whatever was started and still runs, or stands still."""
        for started in self._started:
            started.kill()

    def elmify(self, *commands: Sequence[str]) -> list[Ran]:
        """Run commands one after the other, without any fault."""
        return self.launcher.run(commands, self.root, self._environ())

    def put_back(self) -> None:
        """Make everything as it was prepared."""
        snapshot.put_back(self.url)
        fresh_copy(self.root, of=self._prepared)
        self.bucket.put_back(self.root)
        self._log.unlink(missing_ok=True)

    def look(self) -> Seen:
        """Read both stores."""
        return look(self.url, self.bucket.at(self.root))

    def _sql(self, query: str) -> list[dict[str, Any]]:
        return run_sql(self.url, query)

    def _environ(self) -> Mapping[str, str]:
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        return {**clean_environment(home, DATABASE_URL=self.url), **self.bucket.environ}

    def _run(self, fault: Fault | None) -> Ran:
        command = self.scenario.command
        if "--auto-approve" in command:
            command = (*command, *self.scenario.options)
        return self.launcher.run_with(command, self.root, self._environ(), self._log, fault)


@dataclass(frozen=True)
class Theatre:
    """Where scenarios are set up: the servers, and a folder of the test's own."""

    launcher: Launcher
    database_server: str
    template: str
    s3_url: str
    folder: Path

    @contextmanager
    def stage(self, scenario: Scenario, place: str) -> Iterator[Stage]:
        """Yield a scenario that is set up at a place, with a database and a bucket of its own."""
        url = self.s3_url if place == SERVER else None
        with postgres.clone(self.database_server, self.template) as database, bucket_of(url) as bucket:
            stage = Stage(scenario, bucket, self.launcher, database, self.folder)
            stage.prepare()
            try:
                yield stage
            finally:
                stage.clear()


def expire_lease(url: str) -> None:
    """Let a minute pass since the last heartbeat, if there is a lease yet."""
    if run_sql(url, "select 1 from pg_tables where schemaname = 'elmify' and tablename = 'lease'"):
        run_sql(url, "update elmify.lease set expires_at = acquired_at where run is not null")


def _reported(planned: Ran) -> frozenset[str]:
    if planned.status != 0:
        return frozenset()
    listed: list[Any] = planned.json["unmanaged"]["objects"]
    return frozenset(each["key"] for each in listed)
