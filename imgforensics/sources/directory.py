"""A directory: an OCI layout, or what skopeo writes as `dir:`. Nothing outside it is opened."""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from imgforensics.errors import MissingBlobError, SourceUnreadableError
from imgforensics.problems import display
from imgforensics.sources.base import SourceFacts, open_read_only
from imgforensics.sources.file_descriptor import FileDescriptor

_MAXIMUM_HOPS = 40
# The last is what opening a socket says.
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ENXIO)
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW
# Non-blocking, so that a FIFO under a blob's name is found out and not waited for.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK


class DirectorySource(SourceFacts):
    """Files below a directory.

    Every component of a name is opened on its own, relative to the one before and without
    following links; a link is read and taken as further components. So neither a link
    nor a rename under our feet leads out of the directory.
    """

    def __init__(self, path: Path, description: str, *, reference: str | None = None) -> None:
        super().__init__(description, reference)
        try:
            self._root = FileDescriptor(open_read_only(path, os.O_DIRECTORY), description)
        except OSError as error:
            raise SourceUnreadableError(f"{description}: {error.strerror}") from None

    def names(self) -> Iterator[str]:
        """Regular files and links, those nearer to the top first; none of what cannot be listed."""
        pending = deque([""])
        while pending:
            directory = pending.popleft()
            for name, is_directory in self._list(directory):
                if is_directory:
                    pending.append(f"{name}/")
                else:
                    yield name

    def size(self, name: str) -> int:
        """Bytes of the file."""
        descriptor = self._open(name)
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def open(self, name: str) -> BinaryIO:
        """The file, read-only."""
        return os.fdopen(self._open(name), "rb")

    def close(self) -> None:
        """Close the directory; files opened from it stay usable."""
        self._root.close()

    def _list(self, directory: str) -> list[tuple[str, bool]]:
        """What one directory holds, and whether each is a directory itself."""
        try:
            descriptor = self._resolve(directory, _DIRECTORY)
        except (OSError, MissingBlobError):
            return []
        try:
            with os.scandir(descriptor) as entries:
                return sorted(
                    (directory + entry.name, entry.is_dir(follow_symlinks=False))
                    for entry in entries
                    if _is_listed(entry)
                )
        except OSError:
            return []
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        try:
            descriptor = self._resolve(name, _FILE)
        except OSError as error:
            if error.errno in _ABSENT:
                raise self._missing(name) from None
            raise SourceUnreadableError(
                f"{self.description}: {display(name)}: {error.strerror}"
            ) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._missing(name, "is no regular file")
        return descriptor

    def _resolve(self, name: str, flags: int) -> int:
        """Open `name` one component at a time; the caller owns the descriptor."""
        if "\0" in name:
            raise self._missing(name)
        trail = [os.dup(self._root.number)]
        pending = _components(name)
        hops = 0
        try:
            while pending:
                part = pending.pop()
                if part == "..":
                    self._step_up(trail, name)
                    continue
                target = _link_target(part, trail[-1])
                if target is None:
                    trail.append(open_read_only(part, _DIRECTORY if pending else flags, trail[-1]))
                    continue
                hops += 1
                if hops > _MAXIMUM_HOPS:
                    raise self._missing(name, "is a loop of symbolic links")
                if target.startswith("/"):
                    raise self._missing(name, "is a link out of the directory; not followed")
                pending.extend(_components(target))
            return trail.pop()
        finally:
            for descriptor in trail:
                os.close(descriptor)

    def _step_up(self, trail: list[int], name: str) -> None:
        if len(trail) == 1:
            raise self._missing(name, "leads out of the directory; not followed")
        os.close(trail.pop())


def _is_listed(entry: os.DirEntry[str]) -> bool:
    # As the listing itself says, where it does: of what must not be looked at, stat fails.
    kinds = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
    return any(kinds) or entry.is_symlink()


def _components(name: str) -> list[str]:
    """Components in reverse, ready to be popped."""
    return [part for part in reversed(name.split("/")) if part not in ("", ".")]


def _link_target(name: str, directory: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        # No link, or not there: the open that follows tells which.
        return None
