"""A network that fails between elmify and the bucket: a clear error or a retry, and never a wrong plan."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import Denied, IncompleteListing, ProviderError, PutsFailed, Unavailable
from reconciler.model.plan import Plan
from reconciler.model.policy import TransferLimits
from tests import proxies
from tests.buckets import bucket_at
from tests.failures import failing
from tests.outside import assert_that_every_lecture_plays
from tests.proxies import Fault, Proxy, RepeatThePage, RepeatTheToken, proxy
from tests.servers import Request, free_port, make_bucket, ministack_server
from tests.stand import Stand

#: Faults that pass: the next attempt of the same request may go through.
PASSING: tuple[Fault, ...] = (
    proxies.hang_up,
    proxies.reset,
    proxies.lose_the_answer,
    proxies.truncate,
    proxies.refuse(500, "InternalError"),
    proxies.refuse(503, "SlowDown"),
    proxies.refuse(429, "TooManyRequests"),
)
#: Faults of a store, or of what poses as one, that stay at any further attempt.
LASTING: tuple[Fault, ...] = (
    proxies.refuse(403, "RequestTimeTooSkewed"),
    proxies.refuse(403, "AccessDenied"),
    proxies.refuse(404, "NoSuchBucket"),
    proxies.sign_in_page,
)
#: Faults of a listing.
PAGES: tuple[Fault, ...] = (
    proxies.cut_the_page,
    proxies.lose_objects,
    proxies.lose_the_token,
    RepeatThePage(),
    RepeatTheToken(),
)

PART_BYTES = 5 * 1024**2  # the least that S3 takes for a part


def named(fault: object) -> str:
    return str(getattr(fault, "__name__", fault))


def listings(request: Request) -> bool:
    return "list-type=2" in request.query


def puts(request: Request) -> bool:
    return request.method == "PUT" and request.path.endswith(".mp3")


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack_server(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture
def network(s3_url: str) -> Iterator[Proxy]:
    with proxy(s3_url) as between:
        yield between


@pytest.fixture
def bucket(s3_url: str) -> str:
    return make_bucket(s3_url)


@pytest.fixture
def stand(tmp_path: Path, database_url: str, s3_url: str, bucket: str) -> Iterator[Stand]:
    """A library of eight lectures that was applied, and then changed: two to store, one to delete.

    Its bucket is reached without the proxy.
    """
    stand = Stand(tmp_path, database_url)
    stand.objects = store = bucket_at(s3_url, bucket)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    for number in range(1, 9):
        stand.declare(f"ali/quran/l-{number}", title=f"Lecture {number}", number=number)
    stand.apply()
    stand.record("ali/quran/l-2.mp3", b"recorded again")
    stand.declare("ali/quran/l-9", title="Lecture 9", number=9)
    stand.drop("ali/quran/l-8")
    yield stand
    store.close()


@contextmanager
def through(stand: Stand, network: Proxy, bucket: str, **options: Any) -> Iterator[None]:
    """Let the stand reach its bucket through the network."""
    direct = stand.objects
    stand.objects = store = bucket_at(network.url, bucket, **{"attempts": 2, **options})
    network.heal()
    try:
        yield
    finally:
        stand.objects = direct
        store.close()


def shown(stand: Stand) -> list[dict[str, Any]]:
    return stand.sql("select id, title, file_path from lectures order by id")


def keys_of(plan: Plan) -> set[str]:
    """Return the keys that a plan puts, and those that it copies to."""
    puts = {put.key for change in plan.changes for put in change.puts}
    return puts | {copy.key for change in plan.changes for copy in change.copies}


def assert_that_it_converges(stand: Stand, before: list[dict[str, Any]]) -> None:
    """Check that nothing of a failed apply is visible, and that the next one ends well."""
    assert shown(stand) == before
    stand.apply()
    assert stand.plan().changes == ()
    assert stand.plan().unmanaged.objects == {}
    assert len(shown(stand)) == 8
    assert_that_every_lecture_plays(stand)


@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_a_fault_that_passes_leaves_the_plan_as_it_is(
    stand: Stand, network: Proxy, bucket: str, fault: Fault
) -> None:
    expected = stand.plan()

    with through(stand, network, bucket):
        network.break_(fault, times=1)
        plan = stand.plan()

    assert (plan.fingerprint, plan.unmanaged) == (expected.fingerprint, expected.unmanaged)
    assert network.asked("PUT") == network.asked("DELETE") == []


@pytest.mark.parametrize("fault", [proxies.truncate, proxies.refuse(503, "SlowDown")], ids=named)
def test_a_fault_on_a_later_page_leaves_the_plan_as_it_is(
    stand: Stand, network: Proxy, bucket: str, fault: Fault
) -> None:
    expected = stand.plan()

    with through(stand, network, bucket):
        network.break_(fault, lambda request: "continuation-token" in request.query, times=1)
        plan = stand.plan()

    assert plan.fingerprint == expected.fingerprint


@pytest.mark.parametrize("fault", [*PASSING, *LASTING], ids=named)
def test_a_fault_that_stays_is_a_clear_error_and_no_plan(
    stand: Stand, network: Proxy, bucket: str, fault: Fault
) -> None:
    with through(stand, network, bucket):
        network.break_(fault)
        with pytest.raises(ProviderError) as raised:
            stand.plan()

    assert raised.value.message
    assert raised.value.hint


def test_a_clock_that_is_wrong_is_named(stand: Stand, network: Proxy, bucket: str) -> None:
    with through(stand, network, bucket):
        network.break_(proxies.refuse(403, "RequestTimeTooSkewed"))
        with failing(Denied, "clock-skewed"):
            stand.plan()


@pytest.mark.parametrize("fault", PAGES, ids=named)
@pytest.mark.parametrize("later", [False, True], ids=["from the first page", "from the second page"])
def test_a_listing_that_lacks_something_is_no_listing(
    stand: Stand, network: Proxy, bucket: str, fault: Fault, *, later: bool
) -> None:
    def wanted(request: Request) -> bool:
        return listings(request) and (not later or "continuation-token" in request.query)

    with through(stand, network, bucket):
        network.break_(fault, wanted)
        with pytest.raises(IncompleteListing):
            stand.plan()


@pytest.mark.parametrize("wanted", [listings, proxies.everything], ids=named)
def test_a_store_that_says_nothing_any_more_is_unavailable(
    stand: Stand, network: Proxy, bucket: str, wanted: proxies.Wanted
) -> None:
    with through(stand, network, bucket, attempts=1, idle=timedelta(milliseconds=300)):
        network.break_(proxies.stall, wanted)
        with pytest.raises(Unavailable):
            stand.plan()


def test_a_store_that_is_not_there_is_unavailable(stand: Stand, network: Proxy, bucket: str) -> None:
    network.url = f"http://127.0.0.1:{free_port()}"

    with through(stand, network, bucket, attempts=1), pytest.raises(Unavailable):
        stand.plan()


@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_an_apply_gets_through_a_fault_that_passes(
    stand: Stand, network: Proxy, bucket: str, fault: Fault
) -> None:
    expected = keys_of(stand.plan())
    reviewed = [stand.plan()]

    with through(stand, network, bucket):
        network.break_(fault, puts, times=1)
        stand.apply(reviewed=reviewed)

    assert {path.rpartition("/")[2] for path in network.asked("PUT") if path.endswith(".mp3")} == {
        key.rpartition("/")[2].replace(" ", "%20") for key in expected
    }
    assert network.asked("DELETE") == []
    assert stand.plan().changes == ()
    assert_that_every_lecture_plays(stand)


@pytest.mark.parametrize("fault", [*PASSING, *LASTING], ids=named)
def test_an_apply_whose_puts_fail_changes_nothing_and_the_next_one_ends_it(
    stand: Stand, network: Proxy, bucket: str, fault: Fault
) -> None:
    before, reviewed = shown(stand), [stand.plan()]

    with through(stand, network, bucket):
        network.break_(fault, puts)
        with pytest.raises(PutsFailed) as raised:
            stand.apply(reviewed=reviewed)

    assert len(raised.value.details) == 2
    assert network.asked("DELETE") == []
    assert_that_it_converges(stand, before)


@pytest.mark.parametrize("fault", [proxies.reset, proxies.sign_in_page, *PAGES], ids=named)
def test_an_apply_that_cannot_list_writes_nothing(
    stand: Stand, network: Proxy, bucket: str, fault: Fault
) -> None:
    before, reviewed = shown(stand), [stand.plan()]

    with through(stand, network, bucket):
        network.break_(fault, listings)
        with pytest.raises(ProviderError):
            stand.apply(reviewed=reviewed)

    assert network.asked("PUT") == network.asked("DELETE") == []
    assert_that_it_converges(stand, before)


def test_a_store_that_says_nothing_during_the_puts_commits_nothing(
    stand: Stand, network: Proxy, bucket: str
) -> None:
    before, reviewed = shown(stand), [stand.plan()]

    with through(stand, network, bucket, attempts=1, idle=timedelta(milliseconds=300)):
        network.break_(proxies.stall, puts)
        with pytest.raises((ProviderError, PutsFailed)):  # a slow machine may not even get that far
            stand.apply(reviewed=reviewed)

    assert_that_it_converges(stand, before)


@pytest.mark.parametrize(
    "fault", [proxies.hang_up, proxies.lose_the_answer, proxies.refuse(503, "SlowDown")], ids=named
)
def test_an_upload_in_parts_that_broke_is_continued_by_the_next_apply(
    stand: Stand, network: Proxy, bucket: str, fault: Fault
) -> None:
    limits = TransferLimits(single_put_bytes=PART_BYTES, part_bytes=PART_BYTES)
    stand.policy = replace(stand.policy, transfer=limits)
    stand.record("ali/quran/l-9.mp3", bytes(range(256)) * (11 * 1024**2 // 256))
    before = shown(stand)

    with through(stand, network, bucket):
        network.break_(fault, lambda request: "partNumber=2" in request.query)
        with pytest.raises(PutsFailed):
            stand.apply()
    [unfinished] = stand.objects.unfinished()
    with through(stand, network, bucket):
        assert shown(stand) == before
        stand.apply()

    assert unfinished.key == "Ali/Quran/09 - Lecture 9.mp3"
    assert sum("partNumber=1" in request.query for request in network.seen) == 0
    assert list(stand.objects.unfinished()) == []
    assert stand.plan().changes == ()
    assert_that_every_lecture_plays(stand)
