"""Python's cycle collector, paused where large worlds are built."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
