"""Links to what a plan brings; no request is made for them, so the servers here are none."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.model.plan import Change, PutOrigin
from reconciler.model.ports import ObjectStore
from reconciler.model.staging import Staging
from reconciler.operations.plan import links_of
from tests.buckets import bucket_at
from tests.unit.render.plans import NEW_HASH, adopt, create, delete, plan_of, update

LASTS = timedelta(minutes=15)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def library() -> Iterator[ObjectStore]:
    store = bucket_at(NOWHERE, "library")
    yield store
    store.close()


@pytest.fixture
def staging() -> Iterator[Staging]:
    store = bucket_at(NOWHERE, "waiting")
    yield Staging(store=store, prefix="staged/", separate=True)
    store.close()


def place(link: str) -> str:
    return unquote(urlsplit(link).path)


def created(origin: PutOrigin, copied_from: str | None = None) -> Change:
    change = create()
    (put,) = change.puts
    return replace(change, puts=(replace(put, origin=origin, copied_from=copied_from),))


KEY = create().puts[0].key


def test_staged_bytes_are_linked_where_they_wait(library: ObjectStore, staging: Staging) -> None:
    links = links_of(plan_of([created(PutOrigin.STAGED)]), library, staging, LASTS)

    assert list(links) == [KEY]
    assert place(links[KEY]) == f"/waiting/staged/{NEW_HASH}"
    assert parse_qs(urlsplit(links[KEY]).query)["X-Amz-Expires"] == ["900"]


def test_bytes_that_will_be_copied_are_linked_where_they_are(library: ObjectStore, staging: Staging) -> None:
    links = links_of(plan_of([created(PutOrigin.COPY, "Old/Key.mp3")]), library, staging, LASTS)

    assert place(links[KEY]) == "/library/Old/Key.mp3"


def test_what_is_in_the_library_already_is_linked_there(library: ObjectStore) -> None:
    links = links_of(plan_of([replace(create(), puts=())]), library, None, LASTS)

    assert place(links[KEY]) == f"/library/{KEY}"


def test_bytes_on_a_disk_and_what_goes_or_stays_have_no_link(library: ObjectStore, staging: Staging) -> None:
    plan = plan_of([created(PutOrigin.DISK), delete(), update(), adopt()])

    assert links_of(plan, library, staging, LASTS) == {}


def test_a_bucket_that_makes_no_links_gives_none(tmp_path: Path) -> None:
    store = DirectoryBucket(tmp_path)

    assert links_of(plan_of([replace(create(), puts=())]), store, None, LASTS) == {}
    store.close()
