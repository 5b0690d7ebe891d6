"""Give what was written the attributes it has in the image, as far as this user may."""

import os
import stat
from collections.abc import Mapping

from imgforensics.extraction.output import OutputDirectory
from imgforensics.extraction.record import Reason, Tally
from imgforensics.filesystem.node import Node
from imgforensics.tarstream.member import TarMember

_CAPABILITY = b"security.capability"
_PRIVILEGED_BITS = 0o6000
_SETGID = 0o2000
_NO_OWNER = (1 << 32) - 1
"""As a number, it asks the kernel to change nothing."""
_COMMON_TIMES = range((1 << 31) * 1_000_000_000)
"""What every filesystem holds; beyond, the kernel takes the nearest time without a word."""

_REFUSALS = (OSError, OverflowError, ValueError)
"""What the kernel, the number's width or this module says against setting an attribute."""

Target = int | bytes
"""A descriptor, or a path that stands for one."""


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
        self._looks_again = not output.keeps_attributes

    def mode_of(self, path: bytes, mode: int) -> int:
        """The mode to set: privileged bits are left out unless asked for."""
        if mode & _PRIVILEGED_BITS and not self._special:
            self._tally.deviate(path, Reason.SETUID_WITHHELD, f"mode {mode:04o}")
            return mode & ~_PRIVILEGED_BITS
        return mode

    def new_file(self, path: bytes, descriptor: int, member: TarMember, mode: int) -> None:
        """A file just written through `descriptor`, created with `mode`."""
        owner = (member.uid, member.gid)
        if owner != self._created_owner:
            self._chown(path, descriptor, owner)
        if member.xattrs:
            self._xattrs(path, descriptor, member.xattrs)
        # Xattrs are set before the mode, as some of them (ACLs) change it.
        if member.xattrs or mode & self._masked_bits or self._looks_again:
            self._chmod(path, descriptor, mode)
        self._times(path, descriptor, member.mtime_ns)

    def directory(self, path: bytes, node: Node) -> None:
        """A directory to which nothing will be added any more."""
        self._attributes(path, self._output.directory(path), node, node.mode)

    def changed_file(self, path: bytes, node: Node) -> None:
        """A file already written whose attributes a later hard link's header changed."""
        with self._output.place(path) as place:
            if node.xattrs:
                # Only who may write to a file may give it xattrs of the class `user`.
                self._chmod(path, place, 0o600)
            self._attributes(path, place, node, self.mode_of(path, node.mode))

    def special(self, path: bytes, node: Node) -> None:
        """A device or FIFO just made; never opened."""
        with self._output.place(path) as place:
            self._attributes(path, place, node, node.mode)

    def symlink(self, path: bytes, node: Node) -> None:
        """A symbolic link just made; the link itself, never its target."""
        parent, _, name = path.rpartition(b"/")
        directory = self._output.directory(parent)
        owner = (node.uid, node.gid)
        if owner != self._created_owner:
            try:
                self._check_owner(owner)
                os.chown(name, *owner, dir_fd=directory, follow_symlinks=False)
                _check_is_owner(owner, os.lstat(name, dir_fd=directory))
            except _REFUSALS as error:
                self._note(path, Reason.OWNER_NOT_RESTORED, _owner(owner), error)
        # There is no setxattrat; /proc names the directory by its descriptor just as safely.
        link = b"/proc/self/fd/%d/%s" % (directory, name)
        self._xattrs(path, link, node.xattrs, follow_symlinks=False)
        try:
            both = (node.mtime_ns, node.mtime_ns)
            os.utime(name, ns=both, dir_fd=directory, follow_symlinks=False)
            _check_time(node.mtime_ns, os.lstat(name, dir_fd=directory))
        except _REFUSALS as error:
            self._note(path, Reason.TIME_NOT_RESTORED, "", error)

    def _attributes(self, path: bytes, target: Target, node: Node, mode: int) -> None:
        self._chown(path, target, (node.uid, node.gid))
        self._xattrs(path, target, node.xattrs)
        self._chmod(path, target, mode)
        self._times(path, target, node.mtime_ns)

    def _chown(self, path: bytes, target: Target, owner: tuple[int, int]) -> None:
        try:
            self._check_owner(owner)
            os.chown(target, *owner)
            if self._looks_again:
                _check_is_owner(owner, _facts(target))
        except _REFUSALS as error:
            self._note(path, Reason.OWNER_NOT_RESTORED, _owner(owner), error)

    def _check_owner(self, owner: tuple[int, int]) -> None:
        if not all(0 <= number < _NO_OWNER for number in owner):
            raise OverflowError("no owner has such a number")
        if owner != self._created_owner and not self._may_chown:
            raise PermissionError("only root may give files away")

    def _chmod(self, path: bytes, target: Target, mode: int) -> None:
        try:
            os.chmod(target, mode)  # noqa: PTH101 - a descriptor, mostly
            # To who is not in the file's group, the kernel grants all but this bit.
            if mode & _SETGID and not _facts(target).st_mode & _SETGID:
                raise PermissionError("this user may not set the setgid bit")
            if self._looks_again and stat.S_IMODE(_facts(target).st_mode) != mode:
                raise PermissionError("this filesystem keeps no modes")
        except _REFUSALS as error:
            self._note(path, Reason.MODE_NOT_RESTORED, f"mode {mode:04o}", error)

    def _xattrs(
        self,
        path: bytes,
        target: Target,
        xattrs: Mapping[bytes, bytes],
        *,
        follow_symlinks: bool = True,
    ) -> None:
        for name, value in xattrs.items():
            if name == _CAPABILITY and not self._special:
                self._tally.deviate(path, Reason.CAPABILITY_WITHHELD)
                continue
            try:
                if not value:
                    raise ValueError("it is empty, and container engines drop such")
                os.setxattr(target, name, value, follow_symlinks=follow_symlinks)
            except _REFUSALS as error:
                self._note(path, Reason.XATTR_NOT_RESTORED, os.fsdecode(name), error)

    def _times(self, path: bytes, target: Target, mtime_ns: int) -> None:
        try:
            os.utime(target, ns=(mtime_ns, mtime_ns))
            if self._looks_again or mtime_ns not in _COMMON_TIMES:
                _check_time(mtime_ns, _facts(target))
        except _REFUSALS as error:
            self._note(path, Reason.TIME_NOT_RESTORED, "", error)

    def _note(self, path: bytes, reason: Reason, detail: str, error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        self._tally.deviate(path, reason, f"{detail}: {why}" if detail else why)


def _owner(owner: tuple[int, int]) -> str:
    return f"{owner[0]}:{owner[1]}"


def _check_is_owner(owner: tuple[int, int], facts: os.stat_result) -> None:
    if (facts.st_uid, facts.st_gid) != owner:
        raise PermissionError("this filesystem keeps no owners")


def _facts(target: Target) -> os.stat_result:
    return os.stat(target)  # noqa: PTH116 - a descriptor, mostly


def _check_time(mtime_ns: int, facts: os.stat_result) -> None:
    if facts.st_mtime_ns != mtime_ns:
        raise OverflowError(f"the filesystem holds {facts.st_mtime_ns} ns, not {mtime_ns} ns")
