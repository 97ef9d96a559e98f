"""Many transfers at once: threads that are told to stop, and waited for only a little."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

#: A person who pressed Ctrl-C has the terminal back in under eight seconds.
GIVE_UP_AFTER = timedelta(seconds=4)

#: A Ctrl-C that comes just before the thread begins to wait does not end it: it is seen at the next look.
_LOOK_UP_SECONDS = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class BoundedPool(Generic[Item, Result]):
    """Runs `work` on many items at once. `stop` is set when the block is left by an exception.

    The work has to look at `stop` now and then: one that hangs in a dead connection is left behind.
    """

    def __init__(self, work: Callable[[Item], Result], *, size: int, name: str) -> None:
        self._work = work
        self._size = size
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)
        self._running: dict[Future[Result], Item] = {}
        self.stop = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._pool.shutdown()
            return
        self.stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        begun = [future for future in self._running if not future.cancelled()]
        wait(begun, timeout=GIVE_UP_AFTER.total_seconds())

    def finished(self, items: Iterable[Item]) -> Iterator[tuple[Item, "Future[Result]"]]:
        """Yield items as they are finished, keeping only a few more begun than are running."""
        todo = iter(items)
        exhausted = False
        while self._running or not exhausted:
            while not exhausted and len(self._running) < 2 * self._size:
                try:
                    following = next(todo)
                except StopIteration:
                    exhausted = True
                else:
                    self._running[self._pool.submit(self._work, following)] = following
            done, _ = wait(self._running, timeout=_LOOK_UP_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                yield self._running.pop(future), future
