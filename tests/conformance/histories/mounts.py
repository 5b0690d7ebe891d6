"""Mounts by system call, in a mount namespace of their own: they go with the process."""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_MS_RDONLY = 1
_MS_REC_PRIVATE = 0x4000 | 1 << 18
_MNT_DETACH = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


def leave_mount_namespace() -> None:
    """Let no mount of this process be seen by another, nor outlive it.

    Raises:
        OSError: the kernel does not allow it.
    """
    _check(_LIBC.unshare(_CLONE_NEWNS))
    _check(_LIBC.mount(None, b"/", None, _MS_REC_PRIVATE, None))


def mount_tmpfs(target: Path) -> None:
    """Mount an empty tmpfs, which stays until the process ends."""
    _check(_LIBC.mount(b"tmpfs", os.fsencode(target), b"tmpfs", 0, b"mode=0755"))


@contextmanager
def overlay(
    lower: Sequence[Path], target: Path, upper: Path | None = None, work: Path | None = None
) -> Iterator[Path]:
    """Mount `lower`, uppermost first, on `target`; read-only unless there is an `upper`."""
    options = "lowerdir=" + ":".join(map(str, lower))
    if upper is not None:
        options += f",upperdir={upper},workdir={work},redirect_dir=off,metacopy=off,index=off"
    flags = _MS_RDONLY if upper is None else 0
    place = os.fsencode(target)
    _check(_LIBC.mount(b"overlay", place, b"overlay", flags, options.encode()))
    try:
        yield target
    finally:
        _check(_LIBC.umount2(place, _MNT_DETACH))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
