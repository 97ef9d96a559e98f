"""How a large world fits: one copy of each text, and no search for garbage while it is read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from sys import intern


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the cycle collector: it would walk all that is read again and again, and free none of it.

    That is two thirds of the time of reading 100,000 lectures. Only for a stretch that makes no cycles of
    its own by the thousand, as HTTP requests do. Blocks may nest.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def shared(text: str) -> str:
    """Return the one copy of a text that several parts of the world hold: a key, an address or a hash."""
    return intern(text)


def shared_if_any(text: str | None) -> str | None:
    """Return the one copy of a text; None stays None."""
    return None if text is None else intern(text)
