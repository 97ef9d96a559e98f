"""File rights that also hold for root, so that what a missing right does can be tested in a container."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION_3 = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def as_bound_by_rights() -> Iterator[None]:
    """Let the rights of files bind this thread, as they bind everybody but root (capabilities(7))."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, held = _Header(_VERSION_3, 0), (_Capabilities * 2)()
    assert libc.capget(ctypes.byref(header), held) == 0, os.strerror(ctypes.get_errno())
    effective = held[0].effective
    held[0].effective = effective & ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    assert libc.capset(ctypes.byref(header), held) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        held[0].effective = effective
        libc.capset(ctypes.byref(header), held)
