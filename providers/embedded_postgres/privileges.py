"""Running PostgreSQL as another user, because it refuses to run as root.

That user sees no more than it needs. The data folder then belongs to that user. The project may
be in a private home directory, mode 0700, that no other user can enter; its mode is not changed.
Instead the server keeps one of root's capabilities across the change of user, CAP_DAC_OVERRIDE,
which lets it pass. This also needs `SECBIT_NO_SETUID_FIXUP`, because PostgreSQL checks its own
program by access(2), which otherwise drops every capability of a user who is not root. Containers
grant all of this to root by default.
"""

import ctypes
import os
import stat
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534  # has an entry in /etc/passwd wherever there is one, which initdb insists on

_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inherited", ctypes.c_uint32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """User account that PostgreSQL's programs run as.

    `passes` is true when private folders are in the way of that user, so it needs the right to pass
    them.
    """

    uid: int
    passes: bool

    def become(self) -> None:
        """Switch this process to that user, permanently.

        For a child process between fork and exec. Raises `OSError`.
        """
        if self.passes:
            _call("prctl", _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        os.setgroups([])
        os.setresgid(self.uid, self.uid, self.uid)
        os.setresuid(self.uid, self.uid, self.uid)
        if self.passes:
            _keep_passing()


def account_for(data: Path, programs: Path) -> Account | None:
    """Return the account that runs the server on `data`.

    None means the current user. A data folder that another user owns keeps its owner.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    uid = owner or NOBODY
    return Account(uid=uid, passes=not _passable((data, programs), uid))


def entry(account: Account | None) -> Callable[[], None] | None:
    """Return what a child does between fork and exec to become that user."""
    return None if account is None else account.become


def _passable(paths: Iterable[Path], uid: int) -> bool:
    folders = {folder for path in paths for folder in path.resolve().parents}
    return all(_may_enter(folder.stat(), uid) for folder in folders)


def _may_enter(folder: os.stat_result, uid: int) -> bool:
    return bool(folder.st_mode & (stat.S_IXUSR if folder.st_uid == uid else stat.S_IXOTH))


def _keep_passing() -> None:
    only = 1 << _CAP_DAC_OVERRIDE
    sets = (_CapabilitySet * 2)(_CapabilitySet(only, only, only), _CapabilitySet(0, 0, 0))
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _call("capset", ctypes.byref(header), ctypes.byref(sets))
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _call(function: str, *arguments: object) -> None:
    if sys.platform != "linux":
        raise PermissionError("only Linux lets a server pass private folders")
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{function}: {os.strerror(errno)}")
