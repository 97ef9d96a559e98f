import subprocess
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from reconciler.concurrency import NEVER_CANCELLED, Background, BoundedPool, CancellationToken
from reconciler.model.errors import Interrupted

run_id: ContextVar[int] = ContextVar("run_id", default=0)


def test_every_item_is_worked_on_and_comes_with_its_result() -> None:
    with BoundedPool[int, int](lambda number: number * 2, size=3, name="test") as pool:
        done = {item: future.result() for item, future in pool.finished(range(50))}

    assert done == {number: number * 2 for number in range(50)}


def test_no_more_than_a_few_items_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with BoundedPool[int, int](lambda number: number, size=2, name="test") as pool:
        working = pool.finished(items())
        next(working)

        assert len(taken) <= 2 * 2
        assert sum(1 for _ in working) == 99


def test_what_fails_comes_with_its_exception() -> None:
    def work(number: int) -> float:
        return 1 / number

    with BoundedPool[int, float](work, size=2, name="test") as pool:
        failed = {item: future.exception() is not None for item, future in pool.finished([0, 1])}

    assert failed == {0: True, 1: False}


def test_an_exception_in_the_block_tells_the_work_to_stop_and_comes_through() -> None:
    began, told = threading.Event(), list[bool]()

    def work(_: int) -> None:
        began.set()
        while not pool.stop.cancelled:
            pass
        told.append(True)

    pool = BoundedPool[int, None](work, size=1, name="test")

    def items() -> Iterator[int]:
        yield 1
        assert began.wait(60)
        raise KeyboardInterrupt

    def interrupted() -> None:
        with pool:
            list(pool.finished(items()))

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert told == [True]


def test_work_sees_the_context_of_the_code_that_began_it() -> None:
    with BoundedPool[int, int](lambda _: run_id.get(), size=2, name="test") as pool:
        token = run_id.set(7)
        seen = {future.result() for _, future in pool.finished(range(5))}
        run_id.reset(token)
    with Background(size=1, name="test") as background:
        token = run_id.set(8)
        wait_for = background.begin(run_id.get)
        run_id.reset(token)
        seen.add(wait_for())

    assert seen == {7, 8}


def test_what_work_changes_in_its_context_stays_there() -> None:
    with BoundedPool[int, object](run_id.set, size=2, name="test") as pool:
        assert [future.exception() for _, future in pool.finished([5, 6])] == [None, None]

    assert run_id.get() == 0


def test_a_token_is_cancelled_with_its_parent_and_not_the_other_way_round() -> None:
    parent = CancellationToken()
    child, other = CancellationToken(parent), CancellationToken(parent)

    child.cancel()
    assert (child.cancelled, parent.cancelled, other.cancelled) == (True, False, False)

    parent.cancel()
    assert other.cancelled
    with pytest.raises(Interrupted):
        other.raise_if_cancelled()


def test_the_default_token_cannot_be_cancelled() -> None:
    with pytest.raises(TypeError):
        NEVER_CANCELLED.cancel()

    assert not NEVER_CANCELLED.cancelled


def test_a_token_ends_a_generator_before_its_next_item_and_closes_it() -> None:
    token, fetched, closed = CancellationToken(), list[int](), list[bool]()

    def items() -> Iterator[int]:
        try:
            for number in range(10):
                fetched.append(number)
                yield number
        finally:
            closed.append(True)

    def cancel_at_three() -> None:
        for number in token.between(items()):
            if number == 3:
                token.cancel()

    with pytest.raises(Interrupted):
        cancel_at_three()
    assert (fetched, closed) == ([0, 1, 2, 3], [True])


def test_background_work_delivers_its_result_and_its_exception() -> None:
    with Background(size=2, name="test") as background:
        good, bad = background.begin(lambda: 7), background.begin(lambda: 1 // 0)

        assert good() == 7
        with pytest.raises(ZeroDivisionError):
            bad()


def test_leaving_the_block_stops_background_work_that_looks() -> None:
    ended: list[bool] = []

    def work() -> None:
        while not background.stop.cancelled:
            pass
        ended.append(True)

    with Background(size=1, name="test") as background:
        background.begin(work)

    assert ended == [True]


_HANGING = """
import threading
from reconciler.concurrency import Background, BoundedPool
try:
    with {block} as threads:
        {begin}
        raise KeyError
except KeyError:
    print("left")
"""


@pytest.mark.parametrize(
    ("block", "begin"),
    [
        ("Background(size=1, name='test')", "threads.begin(threading.Event().wait)"),
        (
            "BoundedPool(lambda _: threading.Event().wait(), size=1, name='test')",
            "threads._threads.submit(threading.Event().wait)",
        ),
    ],
    ids=["background", "pool"],
)
def test_work_that_hangs_does_not_hold_up_the_exit(block: str, begin: str) -> None:
    code = _HANGING.format(block=block, begin=begin)

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "left\n"
