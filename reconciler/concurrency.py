"""Threads: bounded pool, background work and cancellation token.

The token tells the pool or the background work to stop.

Every thread is a daemon, so that the interpreter's exit waits for none of them. Work runs in a
copy of the context that submitted it: context variables (the number of a run, for example) have
the same values there.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Generic, NoReturn, Self, TypeVar

from reconciler.model.errors import Interrupted

#: A person who pressed Ctrl-C has the terminal back in under eight seconds.
GIVE_UP_AFTER = timedelta(seconds=4)

#: A listing that was told to stop ends with its current page.
LEAVE_AFTER = timedelta(seconds=1)

#: A Ctrl-C that comes just before the thread begins to wait does not end it: it is seen at the next look.
_LOOK_UP_SECONDS = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class CancellationToken:
    """Request to stop, made once from any thread and checked between items.

    A token is cancelled when its parent is; cancelling the token does not affect the parent.
    """

    __slots__ = ("_cancelled", "_parent")

    def __init__(self, parent: "CancellationToken | None" = None) -> None:
        self._parent = parent
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Return whether the work must stop."""
        return self._cancelled or (self._parent is not None and self._parent.cancelled)

    def cancel(self) -> None:
        """Ask the work to stop. It cannot be taken back."""
        self._cancelled = True

    def raise_if_cancelled(self) -> None:
        """Raise `Interrupted` when the work is to stop."""
        if self.cancelled:
            raise Interrupted("the operation was cancelled")

    def between(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, checking the token before each one is fetched.

        Raises `Interrupted` when the work must stop. If `items` is a generator, it is then closed, so
        that it releases what it holds.
        """
        try:
            self.raise_if_cancelled()
            for item in items:
                yield item
                self.raise_if_cancelled()
        finally:
            if isinstance(items, Generator):
                items.close()


class _NeverCancelled(CancellationToken):
    """Default token of every operation.

    It is shared, so it refuses to be cancelled.
    """

    __slots__ = ()

    def cancel(self) -> NoReturn:
        raise TypeError("this token is everybody's default: give the operation one of its own")


NEVER_CANCELLED: Final[CancellationToken] = _NeverCancelled()


class DaemonThreads:
    """Up to `size` threads that carry out calls in the order of submission.

    No call begins once `stop` is cancelled: its future is cancelled instead.
    """

    def __init__(self, size: int, name: str, stop: CancellationToken) -> None:
        self._size = size
        self._name = name
        self._stop = stop
        self._calls = SimpleQueue[Callable[[], None] | None]()
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[[], Result]) -> "Future[Result]":
        """Run the work in one of the threads.

        It runs in a copy of the caller's context.
        """
        future = Future[Result]()
        self._calls.put(partial(copy_context().run, _carry_out, work, future, self._stop))
        if len(self._threads) < self._size:
            name = f"{self._name}-{len(self._threads)}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self, patience: timedelta) -> None:
        """Cancel `stop`, and wait up to `patience` for the calls in progress.

        A call that takes longer is abandoned.
        """
        self._stop.cancel()
        for _ in range(self._size):
            self._calls.put(None)
        deadline = time.monotonic() + patience.total_seconds()
        for thread in self._threads:
            with suppress(RuntimeError):  # an interrupt came before it was started
                thread.join(max(deadline - time.monotonic(), 0))

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # so that nothing of it is kept alive while this thread waits


def _carry_out(work: Callable[[], Result], future: "Future[Result]", stop: CancellationToken) -> None:
    if stop.cancelled:
        future.cancel()
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - delivered to the thread that waits for it
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        del work, future  # an exception and its frames would keep one another alive


class BoundedPool(Generic[Item, Result]):
    """Runs `work` on many items, `size` at a time, while the block runs.

    `stop` is cancelled with `cancel`, and when the block is left. The work has to look at it now and then:
    one that hangs in a dead connection is left behind after a few seconds.
    """

    def __init__(
        self,
        work: Callable[[Item], Result],
        *,
        size: int,
        name: str,
        cancel: CancellationToken = NEVER_CANCELLED,
    ) -> None:
        self._work = work
        self._size = size
        self.stop = CancellationToken(cancel)
        self._threads = DaemonThreads(size, name, self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.close(GIVE_UP_AFTER)

    def finished(self, items: Iterable[Item]) -> Iterator[tuple[Item, "Future[Result]"]]:
        """Yield each item with its future, in the order in which they finish.

        Only a few more items are submitted than are running. Raises `Interrupted` once `cancel` is
        cancelled.
        """
        running: dict[Future[Result], Item] = {}
        todo = iter(items)
        exhausted = False
        while running or not exhausted:
            while not exhausted and len(running) < 2 * self._size:
                self.stop.raise_if_cancelled()
                try:
                    following = next(todo)
                except StopIteration:
                    exhausted = True
                else:
                    running[self._threads.submit(partial(self._work, following))] = following
            done, _ = wait(running, timeout=_LOOK_UP_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                self.stop.raise_if_cancelled()
                yield running.pop(future), future
            self.stop.raise_if_cancelled()


class Background:
    """Work in separate threads while the block runs, such as a listing.

    `stop` is cancelled when `cancel` is, and when the block is left: work that is still running then
    ends the next time it checks `stop`, and is waited for at most one second.
    """

    def __init__(self, *, size: int, name: str, cancel: CancellationToken = NEVER_CANCELLED) -> None:
        self.stop = CancellationToken(cancel)
        self._threads = DaemonThreads(size, name, self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.close(LEAVE_AFTER)

    def begin(self, work: Callable[[], Result]) -> Callable[[], Result]:
        """Begin the work, and return what waits for its result.

        It raises what the work raised, and `Interrupted` once `stop` is cancelled.
        """
        return partial(self._result, self._threads.submit(work))

    def _result(self, future: "Future[Result]") -> Result:
        while not future.done():
            self.stop.raise_if_cancelled()
            wait((future,), timeout=_LOOK_UP_SECONDS)
        self.stop.raise_if_cancelled()
        return future.result()
