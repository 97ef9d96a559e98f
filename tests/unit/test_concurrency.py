import threading
from collections.abc import Iterator

import pytest

from reconciler.concurrency import BoundedPool


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
        told.append(pool.stop.wait(60))

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
