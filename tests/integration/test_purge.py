"""What a CDN is asked to forget after an apply: the URLs of keys that were filled or overwritten."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from providers.cdn.cloudflare import Cloudflare
from reconciler.applying.apply import apply, request_of
from reconciler.model.actual import StoredObject
from reconciler.model.errors import PutsFailed, Unavailable, Unfinished
from reconciler.model.outcomes import Outcome, Purge
from reconciler.model.playback import CopyStep
from reconciler.model.ports import Cdn, Copy, ObjectStore
from reconciler.operations.apply import apply_now
from reconciler.planning.references import purge_urls
from reconciler.render.outcomes import outcome_facts, outcome_text
from reconciler.render.plan.json import dump_plan, load_plan
from tests.servers import Answer, Request, scripted_server
from tests.stand import BASE_URL, EVERYTHING, Stand
from tests.verifying import OPENING, applied_stand

ADDRESS = "ali/quran/opening"
FILLED = "Ali/Quran/02 - Al-Baqarah.mp3"


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    return applied_stand(tmp_path, database_url)


@contextmanager
def zone(asked: list[str], *, works: bool = True) -> Iterator[Cdn]:
    """Answer as Cloudflare's API does, and note the URLs that were to be purged."""

    def answer(request: Request) -> Answer:
        asked.extend(json.loads(request.body)["files"])
        body = {"success": works, "errors": [] if works else [{"code": 1, "message": "no"}], "result": {}}
        return Answer(200 if works else 500, json.dumps(body).encode())

    with scripted_server(answer) as url:
        yield Cloudflare(zone="0" * 32, token="planted", token_from="CDN_TOKEN", api_url=url)


def run(stand: Stand, cdn: Cdn | None = None, objects: ObjectStore | None = None) -> Outcome:
    workspace = stand.workspace(cdn=cdn, objects=objects or stand.objects)
    return apply(workspace, EVERYTHING, [stand.plan()])


def urls_of(*keys: str) -> tuple[str, ...]:
    return purge_urls([BASE_URL], keys)


def record_again(stand: Stand) -> None:
    stand.record(f"{ADDRESS}.mp3", b"recorded again")


def rename(stand: Stand) -> None:
    stand.change("ali/quran/cow", title="Al-Baqarah")


CHANGES = [(record_again, OPENING), (rename, FILLED)]


@pytest.mark.parametrize(("change", "key"), CHANGES, ids=["overwritten", "filled"])
def test_a_key_that_was_filled_or_overwritten_is_purged_in_every_spelling(
    stand: Stand, change: Any, key: str
) -> None:
    change(stand)
    asked: list[str] = []

    with zone(asked) as cdn:
        outcome = run(stand, cdn)

    assert tuple(asked) == outcome.purge.urls == urls_of(key)
    assert {f"{BASE_URL}/{key}", f"{BASE_URL}/{key.replace(' ', '%20')}"} <= set(asked)
    assert (outcome.purge.left, outcome.purge.problem) == ((), None)


@pytest.mark.parametrize(("change", "key"), CHANGES, ids=["overwritten", "filled"])
def test_without_a_cdn_the_urls_are_told(stand: Stand, change: Any, key: str) -> None:
    change(stand)

    outcome = run(stand)

    assert outcome.purge == Purge(urls=urls_of(key), left=urls_of(key))
    assert urls_of(key)[0] in outcome_text(outcome, None, shown=True)
    assert outcome_facts(outcome, None)["purge"] == {
        "urls": urls_of(key),
        "left": urls_of(key),
        "problem": None,
    }


def test_a_purge_that_fails_is_a_warning_and_the_run_is_done(stand: Stand) -> None:
    record_again(stand)

    with zone([], works=False) as cdn:
        outcome = run(stand, cdn)

    assert stand.objects.read(OPENING) == b"recorded again"
    assert (outcome.purge.left, outcome.purge.problem is None) == (urls_of(OPENING), False)
    assert urls_of(OPENING)[0] in outcome_text(outcome, None, shown=True)
    assert stand.plan().empty


def test_what_changes_no_playback_key_purges_nothing(stand: Stand) -> None:
    stand.change(ADDRESS, description="A new text")
    asked: list[str] = []

    with zone(asked) as cdn:
        outcome = run(stand, cdn)

    assert (asked, outcome.purge) == ([], Purge())


# What an earlier run left.


@dataclass
class Overwriting:
    """A bucket in which nothing can be overwritten while `fails`."""

    objects: ObjectStore
    fails: bool = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def copy(self, copy: Copy, source: ObjectStore | None = None) -> StoredObject:
        if self.fails and copy.replaces is not None:
            raise Unavailable("the bucket does not answer")
        return self.objects.copy(copy, source)


def test_what_is_finished_for_an_earlier_run_is_purged_then(stand: Stand) -> None:
    record_again(stand)
    rename(stand)
    asked: list[str] = []

    with zone(asked) as cdn:
        with pytest.raises(Unfinished):
            run(stand, cdn, Overwriting(stand.objects))
        assert tuple(asked) == urls_of(FILLED)
        outcome = run(stand, cdn)

    assert tuple(asked) == urls_of(FILLED, OPENING)
    assert outcome.purge.urls == urls_of(OPENING)


def test_an_apply_without_changes_finishes_what_was_committed(stand: Stand) -> None:
    """What `elmify apply` does: it plans first, and there is nothing to plan."""
    record_again(stand)
    with pytest.raises(Unfinished):
        run(stand, None, Overwriting(stand.objects))

    applied = apply_now(stand.workspace(), EVERYTHING, show=lambda _: None, approve=lambda _: False)

    assert stand.objects.read(OPENING) == b"recorded again"
    assert applied.outcome is not None
    assert applied.outcome.purge.urls == urls_of(OPENING)


# Saved plans.


def test_a_saved_plan_has_its_copies_and_is_carried_out_as_it_was_reviewed(stand: Stand) -> None:
    record_again(stand)
    rename(stand)
    saved = load_plan(dump_plan(stand.plan()), "next.json")
    steps = {copy.step for change in saved.changes for copy in change.copies}
    assert {CopyStep.FILL, CopyStep.ALIAS} <= steps

    outcome = stand.apply(request_of([saved]), [saved])

    assert [each.change_id for each in outcome.plan.changes] == [each.change_id for each in saved.changes]
    assert stand.objects.read(OPENING) == b"recorded again"
    assert stand.objects.read(FILLED) == b"ali/quran/cow"
    assert stand.plan().empty


@dataclass
class LostAfter:
    """A bucket whose connection breaks once it has made so many copies."""

    objects: ObjectStore
    copies: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def copy(self, copy: Copy, source: ObjectStore | None = None) -> StoredObject:
        if self.copies == 0:
            raise Unavailable("the connection broke")
        self.copies -= 1
        return self.objects.copy(copy, source)


@pytest.mark.parametrize("copies", [0, 1, 2])
def test_a_saved_plan_that_was_cut_short_goes_on_with_the_same_ids(stand: Stand, copies: int) -> None:
    record_again(stand)
    rename(stand)
    saved = load_plan(dump_plan(stand.plan()), "next.json")
    objects = LostAfter(stand.objects, copies)

    with pytest.raises((PutsFailed, Unfinished)):
        apply(stand.workspace(objects=objects), request_of([saved]), [saved])
    outcome = stand.apply(request_of([saved]), [saved])

    done = {each.change_id for each in outcome.plan.changes}
    assert done <= {each.change_id for each in saved.changes}
    assert stand.objects.read(OPENING) == b"recorded again"
    assert stand.objects.read(FILLED) == b"ali/quran/cow"
    assert stand.plan().empty
