"""Remove a directory and all below it, however deep, and nothing that is mounted there."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: Path) -> None:
    """Remove what stands at `path`, if anything; a link is removed, never followed.

    Directories are moved up to the topmost one before they are looked into: so no depth
    costs a descriptor, and the kernel refuses what something is mounted on. Raises `OSError`;
    what is mounted is looked for before anything is removed.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    check_nothing_is_mounted_below(path)
    top = os.open(path, _DIRECTORY_FLAGS)
    try:
        _empty(top)
    finally:
        os.close(top)
    path.rmdir()


def check_nothing_is_mounted_below(path: Path) -> None:
    """Raise `OSError` where a directory cannot be removed whole."""
    if _is_mounted_below(path):
        raise OSError(errno.EBUSY, "something is mounted below it", str(path))


def _is_mounted_below(path: Path) -> bool:
    """As /proc/self/mountinfo says (proc_pid_mountinfo(5)), where there is one."""
    above = os.fsencode(path.resolve()) + b"/"
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False
    return any(_unescaped(line.split(b" ")[4]).startswith(above) for line in lines)


def _unescaped(field: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda digits: bytes((int(digits[1], 8),)), field)


def _empty(top: int) -> None:
    new_names = _unused_names(top)
    pending = list(_take_apart(top, top, new_names))
    while pending:
        name = pending.pop()
        directory = os.open(name, _DIRECTORY_FLAGS, dir_fd=top)
        try:
            pending.extend(_take_apart(directory, top, new_names))
        finally:
            os.close(directory)
        os.rmdir(name, dir_fd=top)


def _take_apart(directory: int, top: int, new_names: Iterator[str]) -> Iterator[str]:
    """Remove a directory's files and move its directories to `top`; their new names."""
    for name in os.listdir(directory):
        if not stat.S_ISDIR(os.lstat(name, dir_fd=directory).st_mode):
            os.unlink(name, dir_fd=directory)
            continue
        # A directory that may not be written to may neither be moved nor emptied.
        os.chmod(name, 0o700, dir_fd=directory)
        new_name = next(new_names)
        os.rename(name, new_name, src_dir_fd=directory, dst_dir_fd=top)
        yield new_name


def _unused_names(directory: int) -> Iterator[str]:
    present = set(os.listdir(directory))
    return (name for name in (f".removed-{number}" for number in count()) if name not in present)
