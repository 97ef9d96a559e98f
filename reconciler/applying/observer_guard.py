"""Guard around an observer, so that its failures do not affect a run.

What the observer raises is logged once and changes nothing in the run that it watches.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from reconciler.model.diagnostics import Diagnostic
from reconciler.model.errors import Interrupted
from reconciler.model.ports import Meter, Observer
from reconciler.model.ports.observing import Silence

_log = logging.getLogger("elmify.observer")


def guarded(observer: Observer) -> Observer:
    """Return an observer that passes everything on and never fails.

    A guarded observer is returned as it is. The first failure is logged. Only `Interrupted`, and
    exceptions that are not an `Exception`, pass through.
    """
    return observer if isinstance(observer, _GuardedObserver) else _GuardedObserver(observer)


class _GuardedObserver:
    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._has_failed = False

    def event(self, name: str, **facts: object) -> None:
        with self.surviving():
            self._observer.event(name, **facts)

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        with self.surviving():
            self._observer.diagnostics(found)

    @contextmanager
    def meter(self, label: str, *, files: int, size_bytes: int) -> Iterator[Meter]:
        """Open the observer's meter.

        The meter is told of what the block raises, and cannot suppress it.
        """
        opened = ExitStack()
        meter: Meter = Silence()
        with self.surviving():
            meter = opened.enter_context(self._observer.meter(label, files=files, size_bytes=size_bytes))
        try:
            yield _GuardedMeter(self, meter)
        finally:
            with self.surviving():
                opened.__exit__(*sys.exc_info())

    @contextmanager
    def surviving(self) -> Iterator[None]:
        """Log the first exception of a block, and go on after each."""
        try:
            yield
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an observer raises, the run goes on
            if not self._has_failed:
                self._has_failed = True
                facts = {"message": f"{type(error).__name__}: {error}"}
                _log.warning("observer-failed", extra={"facts": facts})


class _GuardedMeter:
    """Passes progress on."""

    def __init__(self, guard: _GuardedObserver, meter: Meter) -> None:
        self._guard = guard
        self._meter = meter

    def bytes_done(self, count: int) -> None:
        with self._guard.surviving():
            self._meter.bytes_done(count)

    def file_done(self, name: str) -> None:
        with self._guard.surviving():
            self._meter.file_done(name)
