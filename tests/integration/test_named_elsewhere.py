"""What another table names survives a change of key, a delete of the unmanaged, gc and a takedown."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from providers.database.postgres import PostgresDatabase
from reconciler.applying.gc import GcScope, collect
from reconciler.model.outcomes import Collected
from reconciler.model.plan import NamedBy
from reconciler.model.policy import Layout, Policy
from reconciler.model.recorded import KeyState
from reconciler.planning.verification.findings import Condition
from reconciler.planning.world import DELETE_UNMANAGED, REKEY, Request
from reconciler.records import records_on
from reconciler.render.outcomes import collected_text
from reconciler.render.plan.text import plan_text
from tests.postgres import role
from tests.stand import Stand
from tests.uploads import upload
from tests.verifying import verify

AUDIO = "Ali/Quran/01 - The Opening.mp3"
FREE = "Ali/speaker old.jpg"
MONTH = timedelta(days=30)
URL = "HTTPS://last-year.example.com:8443/files/{}?v=3#top"

#: Where a key can be named, by how: a statement that takes the spelled key.
PLACES: dict[str, tuple[str, str, str]] = {
    "text": (
        "create table public.playlists (id bigserial, cover text)",
        "insert into public.playlists (cover) values (%s)",
        "public.playlists.cover",
    ),
    "varchar": (
        "create table public.playlists (cover varchar(500))",
        "insert into public.playlists values (%s)",
        "public.playlists.cover",
    ),
    "json": (
        "create table public.banners (payload json)",
        "insert into public.banners values (json_build_object('cover', %s::text))",
        "public.banners.payload",
    ),
    "jsonb": (
        "create table public.banners (payload jsonb)",
        "insert into public.banners values (jsonb_build_array(1, %s::text))",
        "public.banners.payload",
    ),
    "text[]": (
        "create table public.slides (images text[])",
        "insert into public.slides values (array['x.jpg', %s])",
        "public.slides.images",
    ),
    "another schema": (
        "create schema app; create table app.pages (body text)",
        "insert into app.pages values ('<p>' || %s || '</p>')",
        "app.pages.body",
    ),
    "an unmanaged column": (
        "select 1",
        "insert into speakers (name, allowed_user_ids) values ('Elsewhere', %s)",
        "public.speakers.allowed_user_ids",
    ),
    "a field": (
        "select 1",
        "insert into speakers (name, bio) values ('Elsewhere', 'See ' || %s)",
        "public.speakers.bio",
    ),
}
everywhere = pytest.mark.parametrize("place", PLACES)


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library of one lecture, and an object that no row names."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.apply()
    stand.objects.put(upload(FREE, b"an old face"))
    return stand


def name(stand: Stand, place: str, key: str) -> NamedBy:
    """Let a place name the key, by a URL that elmify would not write."""
    made, inserted, where = PLACES[place]
    stand.sql(made)
    stand.sql(inserted, URL.format(quote(key)))
    return NamedBy(column=where)


def replaced(stand: Stand) -> Request:
    stand.record("ali/quran/opening.mp3", b"recorded again")
    return Request()


def renamed(stand: Stand) -> Request:
    stand.change("ali/quran/opening", title="Another Title")
    return Request(options=frozenset({REKEY}))


def removed(stand: Stand) -> Request:
    stand.drop("ali/quran/opening")
    return Request()


leaving = pytest.mark.parametrize("leave", [renamed, removed])


def state(stand: Stand, key: str) -> KeyState:
    with stand.database.read() as session:
        return session.records.load().keys[key].state


def run_gc(stand: Stand, *, now: tuple[str, ...] = (), dry_run: bool = False) -> Collected:
    stand.sql("update elmify.object set changed_at = changed_at - interval '31 days'")
    wanted = GcScope(older_than=MONTH, staged_older_than=MONTH, now=now)
    return collect(stand.workspace(), wanted, dry_run=dry_run)


@everywhere
@leaving
def test_a_key_that_a_lecture_leaves_is_not_retired(
    stand: Stand, place: str, leave: Callable[[Stand], Request]
) -> None:
    named_by = name(stand, place, AUDIO)
    request = leave(stand)
    plan = stand.plan(request)

    stand.apply(request)
    collected = run_gc(stand)

    assert plan.kept == {AUDIO: named_by}
    assert [change.retired for change in plan.changes] == [()]
    assert f"1 object is kept: named in {named_by.column}." in plan_text(plan)
    assert AUDIO in stand.object_keys()
    assert state(stand, AUDIO) is KeyState.RELEASED
    assert collected.objects == ()
    assert AUDIO in stand.plan().unmanaged.objects


@everywhere
def test_a_key_that_gets_another_recording_stays_live_and_the_kept_copy_goes(
    stand: Stand, place: str
) -> None:
    name(stand, place, AUDIO)
    request = replaced(stand)
    plan = stand.plan(request)

    stand.apply(request)
    collected = run_gc(stand)

    assert plan.kept == {}
    assert [change.retired for change in plan.changes] == [()]
    assert [item.record.key for item in collected.objects] == ["Ali/Quran/01 - The Opening~4f3b940a.mp3"]
    assert stand.object_keys() == [AUDIO, "Ali/Quran/01 - The Opening~e979a8dc.mp3", FREE]
    assert state(stand, AUDIO) is KeyState.LIVE


def test_a_kept_object_goes_like_anything_unmanaged_once_nothing_names_it(stand: Stand) -> None:
    name(stand, "text", AUDIO)
    stand.apply(renamed(stand))
    stand.sql("delete from public.playlists")
    request = Request(options=frozenset({DELETE_UNMANAGED}))

    assert AUDIO in {key for change in stand.plan(request).changes for key in change.retired}
    stand.apply(request)
    run_gc(stand)

    assert AUDIO not in stand.object_keys()


@everywhere
def test_delete_unmanaged_leaves_what_another_column_names(stand: Stand, place: str) -> None:
    named_by = name(stand, place, FREE)
    request = Request(scope=(f"unmanaged.object[{FREE}]",), options=frozenset({DELETE_UNMANAGED}))
    plan = stand.plan(request)

    stand.apply(request)

    assert plan.changes == ()
    assert plan.kept == {FREE: named_by}
    assert FREE in plan.unmanaged.objects
    assert FREE in stand.object_keys()


@everywhere
@pytest.mark.parametrize("takedown", [False, True])
def test_gc_leaves_what_came_to_be_named_after_it_was_retired(
    stand: Stand, place: str, *, takedown: bool
) -> None:
    stand.apply(removed(stand))
    assert state(stand, AUDIO) is KeyState.RETIRED
    named_by = name(stand, place, AUDIO)
    now = ("ali/quran/opening",) if takedown else ()

    tried = run_gc(stand, now=now, dry_run=True)
    collected = run_gc(stand, now=now)

    assert (tried.kept, tried.objects) == ({AUDIO: named_by}, ())
    assert (collected.kept, collected.objects) == ({AUDIO: named_by}, ())
    assert f"? {AUDIO}: kept, {named_by.column} names it" in collected_text(collected, dry_run=False)
    assert AUDIO in stand.object_keys()
    assert state(stand, AUDIO) is KeyState.RETIRED


def test_a_takedown_tells_of_what_was_never_retired(stand: Stand) -> None:
    named_by = name(stand, "jsonb", AUDIO)
    stand.apply(removed(stand))

    assert run_gc(stand, now=("ali/quran/opening",)).kept == {AUDIO: named_by}


def test_gc_leaves_what_is_named_between_the_condemning_and_the_deleting(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.apply(removed(stand))
    watched = _NamesAfterCommit(stand)
    monkeypatch.setattr(stand, "database", PostgresDatabase(stand.url, records=records_on, watch=watched))

    collected = run_gc(stand)

    assert collected.kept == {AUDIO: NamedBy(column="public.playlists.cover")}
    assert AUDIO in stand.object_keys()
    assert state(stand, AUDIO) is KeyState.CONDEMNED


class _NamesAfterCommit:
    """Sees the statements of gc, and lets a playlist name the object as soon as it is condemned."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._named = False

    def __call__(self, statement: str) -> None:
        if statement.startswith("begin") and not self._named and self._is_condemned():
            self._named = True
            name(self._stand, "text", AUDIO)

    def _is_condemned(self) -> bool:
        rows = self._stand.sql("select state from elmify.object where key = %s", AUDIO)
        return [row["state"] for row in rows] == ["condemned"]


@pytest.mark.parametrize(
    "spelled",
    [
        "{base}/{quoted}?v=3",
        "/{key}",
        "/files/{key}",
        "HTTPS://CDN.EXAMPLE.COM/{quoted}",
        "//cdn.example.com/{quoted}",
        "s3://audio/{key}",
        "https://cdn.example.com/x/y/{quoted}#t=1",
        "{base}//{key}",
    ],
)
@pytest.mark.parametrize("base", ["https://cdn.example.com", "https://CDN.example.com:8443/x/y"])
@pytest.mark.parametrize("column", ["image_url", "image_small_url"])
def test_an_image_that_a_row_names_in_any_spelling_is_never_retired(
    stand: Stand, base: str, spelled: str, column: str
) -> None:
    stand.policy = Policy(environment="test", layout=Layout(base_url=base))
    value = spelled.format(base=base, key=FREE, quoted=quote(FREE))
    stand.sql(f"insert into speakers (name, {column}) values ('Elsewhere', %s)", value)
    request = Request(scope=(f"unmanaged.object[{FREE}]",), options=frozenset({DELETE_UNMANAGED}))

    assert stand.plan(request).changes == ()
    assert [f for f in verify(stand).findings if f.condition is Condition.ORPHAN] == []


def test_verify_says_what_uses_an_object_that_no_row_names(stand: Stand) -> None:
    named_by = name(stand, "jsonb", FREE)

    found = [finding for finding in verify(stand).findings if finding.key == FREE]

    assert [(each.condition, each.repairs) for each in found] == [(Condition.USED_ELSEWHERE, ())]
    assert named_by.column in found[0].detail


READER = """
    grant usage on schema elmify, public to {role};
    grant select on all tables in schema elmify, public to {role};
"""


def test_a_table_that_may_not_be_read_keeps_everything_and_the_plan_says_so(stand: Stand) -> None:
    stand.sql("create schema private; create table private.notes (body text)")
    request = removed(stand)
    with role(stand.url, READER) as url:
        stand.database = PostgresDatabase(url, records=records_on)
        plan = stand.plan(request)

    assert plan.kept == {AUDIO: NamedBy(column="private.notes", readable=False)}
    assert "may not read all of private.notes" in plan_text(plan)


def test_nothing_is_asked_for_a_plan_that_retires_nothing(stand: Stand) -> None:
    statements: list[str] = []
    stand.database = PostgresDatabase(stand.url, records=records_on, watch=statements.append)
    stand.change("ali/quran/opening", title="Another Title")

    stand.plan()

    assert not any("row_security_active" in statement for statement in statements)
