"""Give what was written the attributes it has in the image, as far as this user may."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from imgforensics.extraction.output import OutputDirectory
from imgforensics.extraction.record import Reason, Tally
from imgforensics.filesystem.node import Node
from imgforensics.tarstream.member import TarMember

_CAPABILITY = b"security.capability"
_PRIVILEGED_BITS = 0o6000


class Restorer:
    """Sets owner, mode, xattrs and times; what cannot be set is noted, not failed.

    Without `special`, nothing that grants privileges is set: not setuid and setgid of files,
    not file capabilities.
    """

    def __init__(self, output: OutputDirectory, tally: Tally, *, special: bool) -> None:
        self._output = output
        self._tally = tally
        self._special = special
        self._may_chown = os.geteuid() == 0
        self._created_owner = output.created_owner
        self._masked_bits = output.masked_bits

    def mode_of(self, path: bytes, mode: int) -> int:
        """The mode to set: privileged bits are left out unless asked for."""
        if mode & _PRIVILEGED_BITS and not self._special:
            self._tally.deviate(path, Reason.SETUID_WITHHELD, f"mode {mode:04o}")
            return mode & ~_PRIVILEGED_BITS
        return mode

    def new_file(self, path: bytes, descriptor: int, member: TarMember, mode: int) -> None:
        """A file just written through `descriptor`, created with `mode`."""
        owner = (member.uid, member.gid)
        owner_differs = owner != self._created_owner
        if owner_differs:
            self._chown(path, descriptor, owner)
        if mode & self._masked_bits or (owner_differs and mode & 0o7000):
            with self._noted(path, Reason.MODE_NOT_RESTORED):
                os.fchmod(descriptor, mode)
        if member.xattrs:
            self._xattrs(path, descriptor, member.xattrs)
        self._times(path, descriptor, member.mtime_ns)

    def directory(self, path: bytes, node: Node) -> None:
        """A directory to which nothing will be added any more."""
        descriptor = self._output.directory(path)
        self._chown(path, descriptor, (node.uid, node.gid))
        self._xattrs(path, descriptor, node.xattrs)
        with self._noted(path, Reason.MODE_NOT_RESTORED):
            os.fchmod(descriptor, node.mode)
        self._times(path, descriptor, node.mtime_ns)

    def changed_file(self, path: bytes, node: Node) -> None:
        """A file already written whose attributes a later hard link's header changed."""
        parent, _, name = path.rpartition(b"/")
        directory = self._output.directory(parent)
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            mode = self.mode_of(path, node.mode)
            self._chown(path, descriptor, (node.uid, node.gid))
            with self._noted(path, Reason.MODE_NOT_RESTORED):
                os.fchmod(descriptor, mode)
            self._xattrs(path, descriptor, node.xattrs)
            self._times(path, descriptor, node.mtime_ns)
        finally:
            os.close(descriptor)

    def symlink(self, path: bytes, node: Node) -> None:
        """A symbolic link just made; the link itself, never its target."""
        parent, _, name = path.rpartition(b"/")
        directory = self._output.directory(parent)
        owner = (node.uid, node.gid)
        if owner != self._created_owner:
            with self._noted(path, Reason.OWNER_NOT_RESTORED, _owner(owner)):
                self._require_root()
                os.chown(name, *owner, dir_fd=directory, follow_symlinks=False)
        self._xattrs_by_name(path, directory, name, node.xattrs)
        with self._noted(path, Reason.TIME_NOT_RESTORED):
            os.utime(name, ns=_both(node.mtime_ns), dir_fd=directory, follow_symlinks=False)

    def special(self, path: bytes, node: Node) -> None:
        """A device or FIFO just made; never opened."""
        parent, _, name = path.rpartition(b"/")
        directory = self._output.directory(parent)
        owner = (node.uid, node.gid)
        with self._noted(path, Reason.OWNER_NOT_RESTORED, _owner(owner)):
            self._require_root()
            os.chown(name, *owner, dir_fd=directory, follow_symlinks=False)
        with self._noted(path, Reason.MODE_NOT_RESTORED):
            os.chmod(name, node.mode, dir_fd=directory)
        self._xattrs_by_name(path, directory, name, node.xattrs)
        with self._noted(path, Reason.TIME_NOT_RESTORED):
            os.utime(name, ns=_both(node.mtime_ns), dir_fd=directory, follow_symlinks=False)

    def _chown(self, path: bytes, descriptor: int, owner: tuple[int, int]) -> None:
        with self._noted(path, Reason.OWNER_NOT_RESTORED, _owner(owner)):
            if owner != self._created_owner:
                self._require_root()
            os.fchown(descriptor, *owner)

    def _require_root(self) -> None:
        if not self._may_chown:
            raise PermissionError("only root may give files away")

    def _xattrs(self, path: bytes, descriptor: int, xattrs: Mapping[bytes, bytes]) -> None:
        for name, value in xattrs.items():
            if self._is_withheld(path, name):
                continue
            with self._noted(path, Reason.XATTR_NOT_RESTORED, os.fsdecode(name)):
                os.setxattr(descriptor, name, value)

    def _xattrs_by_name(
        self, path: bytes, directory: int, name: bytes, xattrs: Mapping[bytes, bytes]
    ) -> None:
        # There is no setxattrat; /proc names the directory by its descriptor just as safely.
        full = b"/proc/self/fd/%d/%s" % (directory, name)
        for xattr, value in xattrs.items():
            with self._noted(path, Reason.XATTR_NOT_RESTORED, os.fsdecode(xattr)):
                os.setxattr(full, xattr, value, follow_symlinks=False)

    def _is_withheld(self, path: bytes, name: bytes) -> bool:
        withheld = name == _CAPABILITY and not self._special
        if withheld:
            self._tally.deviate(path, Reason.CAPABILITY_WITHHELD)
        return withheld

    def _times(self, path: bytes, descriptor: int, mtime_ns: int) -> None:
        with self._noted(path, Reason.TIME_NOT_RESTORED):
            os.utime(descriptor, ns=_both(mtime_ns))

    @contextmanager
    def _noted(self, path: bytes, reason: Reason, detail: str = "") -> Iterator[None]:
        try:
            yield
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            self._tally.deviate(path, reason, f"{detail}: {why}" if detail else why)


def _owner(owner: tuple[int, int]) -> str:
    return f"{owner[0]}:{owner[1]}"


def _both(mtime_ns: int) -> tuple[int, int]:
    return (mtime_ns, mtime_ns)
