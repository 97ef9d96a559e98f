"""The lease: one holder, fenced by a token, and sentences that a tired person understands."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import psycopg
import pytest

from reconciler.model.errors import ElmifyError, Leased
from reconciler.model.history import Lease
from reconciler.model.ports import Records
from reconciler.model.remedies import EndLease
from reconciler.records import records_on
from tests.failures import failing
from tests.records import CI, EXPIRED, LASTS, PERSON, Connection, begun_run, until_blocked, writing


def _acquire(url: str, run: int, lasts: timedelta = LASTS) -> Lease:
    with writing(url) as connection:
        return records_on(connection).acquire_lease(run, CI, lasts)


def _held(url: str) -> Lease | None:
    with writing(url) as connection:
        return records_on(connection).lease()


def test_a_new_installation_has_a_free_lease(database_url: str) -> None:
    begun_run(database_url)

    assert _held(database_url) is None


def test_the_holder_of_the_lease_is_shown_with_page_and_times(database_url: str) -> None:
    run = begun_run(database_url)

    lease = _acquire(database_url, run)

    assert _held(database_url) == lease
    assert (lease.run, lease.holder, lease.url, lease.token) == (run, CI.name, CI.url, 1)
    assert lease.heartbeat_at == lease.acquired_at
    assert lease.expires_at - lease.acquired_at == LASTS
    assert lease.acquired_at.utcoffset() == timedelta(0)
    assert not lease.stale
    assert lease.took_over is None


def test_who_follows_an_expired_lease_is_shown_as_its_successor(database_url: str) -> None:
    first, second = begun_run(database_url), begun_run(database_url)
    _acquire(database_url, first, EXPIRED)
    successor = _acquire(database_url, second)

    shown = _held(database_url)
    with writing(database_url) as connection:
        records_on(connection).release_lease(successor.token)

    assert shown is not None
    assert shown.took_over == first
    assert _acquire(database_url, second).took_over is None


def test_a_held_lease_is_refused_with_who_when_where_and_what_to_do(database_url: str) -> None:
    run = begun_run(database_url)
    lease = _acquire(database_url, run)

    expiry = f"{lease.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    with failing(Leased, "leased", run, "release-bot", "https://ci.example.org/runs/77", expiry) as refusal:
        _acquire(database_url, begun_run(database_url))

    assert refusal.value.remedies == (EndLease(run=run, force=True),)


def test_an_expired_lease_is_stale_and_goes_to_the_next_who_asks(database_url: str) -> None:
    first, second = begun_run(database_url), begun_run(database_url)
    old = _acquire(database_url, first, EXPIRED)

    stale = _held(database_url)
    taken = _acquire(database_url, second)

    assert stale is not None
    assert stale.stale
    assert (taken.run, taken.took_over) == (second, first)
    assert taken.token > old.token


def test_the_token_also_grows_when_the_lease_was_given_back(database_url: str) -> None:
    run = begun_run(database_url)
    first = _acquire(database_url, run)
    with writing(database_url) as connection:
        records_on(connection).release_lease(first.token)

    assert _held(database_url) is None
    assert _acquire(database_url, run).token > first.token


def test_of_many_who_ask_at_once_exactly_one_gets_the_lease(database_url: str) -> None:
    runs = [begun_run(database_url) for _ in range(6)]
    start = Barrier(len(runs))

    def ask(run: int) -> Lease | None:
        with writing(database_url) as connection:
            start.wait()
            try:
                return records_on(connection).acquire_lease(run, CI, LASTS)
            except Leased:
                return None

    with ThreadPoolExecutor(len(runs)) as threads:
        answers = list(threads.map(ask, runs))

    winners = [answer for answer in answers if answer]
    assert winners == [_held(database_url)]


def test_of_two_who_wait_for_a_stale_lease_one_gets_it(database_url: str) -> None:
    first, second, third = (begun_run(database_url) for _ in range(3))
    _acquire(database_url, first, EXPIRED)

    with ThreadPoolExecutor() as threads, writing(database_url) as late, writing(database_url) as early:
        records_on(early).acquire_lease(second, CI, LASTS)
        waiting = threads.submit(records_on(late).acquire_lease, third, CI, LASTS)
        until_blocked(database_url, late.info.backend_pid)
        early.commit()
        with failing(Leased, "leased", second):
            waiting.result()


def test_a_heartbeat_moves_the_expiry_and_nothing_else(database_url: str) -> None:
    lease = _acquire(database_url, begun_run(database_url), EXPIRED)

    with writing(database_url) as connection:
        records_on(connection).renew_lease(lease.token, LASTS)

    renewed = _held(database_url)
    assert renewed is not None
    assert (renewed.token, renewed.acquired_at, renewed.stale) == (lease.token, lease.acquired_at, False)
    assert renewed.heartbeat_at > lease.heartbeat_at
    assert renewed.expires_at - renewed.heartbeat_at == LASTS


def _renew(records: Records, token: int) -> None:
    records.renew_lease(token, LASTS)


def _check(records: Records, token: int) -> None:
    records.check_lease(token)


@pytest.mark.parametrize("go_on", [_renew, _check])
def test_a_run_that_lost_its_lease_can_neither_renew_nor_commit(
    database_url: str, go_on: Callable[[Records, int], None]
) -> None:
    old = _acquire(database_url, begun_run(database_url), EXPIRED)
    successor = _acquire(database_url, begun_run(database_url))

    with (
        writing(database_url) as connection,
        failing(Leased, "lease-lost", successor.run, successor.holder) as refusal,
    ):
        go_on(records_on(connection), old.token)

    assert refusal.value.hint
    assert _held(database_url) == successor


def test_the_current_token_passes_even_after_its_expiry(database_url: str) -> None:
    lease = _acquire(database_url, begun_run(database_url), EXPIRED)

    with writing(database_url) as connection:
        records_on(connection).check_lease(lease.token)


def test_giving_back_a_lost_lease_leaves_the_successor_alone(database_url: str) -> None:
    old = _acquire(database_url, begun_run(database_url), EXPIRED)
    successor = _acquire(database_url, begun_run(database_url))

    with writing(database_url) as connection:
        records_on(connection).release_lease(old.token)

    assert _held(database_url) == successor


def _taking(connection: Connection, run: int) -> Lease:
    connection.execute("set local lock_timeout = '100ms'")
    return records_on(connection).acquire_lease(run, PERSON, LASTS)


def test_a_takeover_waits_for_a_commit_that_has_checked_its_lease(database_url: str) -> None:
    holder, thief = begun_run(database_url), begun_run(database_url)
    lease = _acquire(database_url, holder, EXPIRED)

    with writing(database_url) as committing:
        records_on(committing).check_lease(lease.token)
        with writing(database_url) as connection, pytest.raises(psycopg.errors.LockNotAvailable):
            _taking(connection, thief)

    with writing(database_url) as connection:
        assert _taking(connection, thief).took_over == holder


def test_a_commit_that_waits_for_a_takeover_is_refused_after_it(database_url: str) -> None:
    lease = _acquire(database_url, begun_run(database_url), EXPIRED)
    thief = begun_run(database_url)

    with ThreadPoolExecutor() as threads, writing(database_url) as late, writing(database_url) as taking:
        records_on(taking).acquire_lease(thief, PERSON, LASTS)
        waiting = threads.submit(records_on(late).check_lease, lease.token)
        until_blocked(database_url, late.info.backend_pid)
        taking.commit()
        with failing(Leased, "lease-lost", thief, "maryam@laptop"):
            waiting.result()


def test_who_meets_a_live_holder_in_its_commit_hears_so_at_once(database_url: str) -> None:
    lease = _acquire(database_url, begun_run(database_url))
    other = begun_run(database_url)

    with writing(database_url) as committing:
        records_on(committing).check_lease(lease.token)
        with writing(database_url) as connection, pytest.raises(Leased):
            _taking(connection, other)


def test_a_stale_lease_can_be_ended_by_its_run(database_url: str) -> None:
    lease = _acquire(database_url, begun_run(database_url), EXPIRED)

    with writing(database_url) as connection:
        records_on(connection).break_lease(lease.run, force=False)

    assert _held(database_url) is None


def test_a_live_lease_is_ended_only_by_force_and_then_its_run_cannot_commit(database_url: str) -> None:
    lease = _acquire(database_url, begun_run(database_url))

    with writing(database_url) as connection, failing(Leased, "lease-not-stale", lease.run) as refusal:
        records_on(connection).break_lease(lease.run, force=False)
    assert refusal.value.remedies == (EndLease(run=lease.run, force=True),)
    with writing(database_url) as connection:
        records_on(connection).break_lease(lease.run, force=True)

    with writing(database_url) as connection, failing(Leased, "lease-ended"):
        records_on(connection).check_lease(lease.token)


def test_only_the_run_that_was_named_loses_its_lease(database_url: str) -> None:
    bystander = begun_run(database_url)
    with writing(database_url) as connection, failing(ElmifyError, "not-leased", bystander):
        records_on(connection).break_lease(bystander, force=True)
    lease = _acquire(database_url, begun_run(database_url))

    with (
        writing(database_url) as connection,
        failing(Leased, "not-the-holder", bystander, lease.run) as refusal,
    ):
        records_on(connection).break_lease(bystander, force=True)

    assert refusal.value.remedies == (EndLease(run=lease.run),)
    assert _held(database_url) == lease


def test_the_token_never_shrinks(database_url: str) -> None:
    tokens = [_acquire(database_url, begun_run(database_url), EXPIRED).token for _ in range(3)]

    assert tokens == [1, 2, 3]
