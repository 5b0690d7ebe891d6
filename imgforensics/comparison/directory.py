"""A directory on disk as a tree: what was extracted, or a container's filesystem as it stands.

Nothing in it is followed: directories are entered and files opened name by name, each without
following a link, so that nobody can lead the reading elsewhere while it goes on. Times of access
are left alone where that is allowed.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imgforensics.closing import Closing
from imgforensics.errors import SourceUnreadableError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.frozen import FrozenMapping
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import Location, Problem, ProblemCode, ProblemLog, display
from imgforensics.sources.base import open_read_only
from imgforensics.sources.file_descriptor import FileDescriptor
from imgforensics.tarstream.member import NOTHING, EntryKind, TarMember

_KINDS = {
    stat.S_IFREG: EntryKind.FILE,
    stat.S_IFDIR: EntryKind.DIRECTORY,
    stat.S_IFLNK: EntryKind.SYMLINK,
    stat.S_IFCHR: EntryKind.CHARACTER_DEVICE,
    stat.S_IFBLK: EntryKind.BLOCK_DEVICE,
    stat.S_IFIFO: EntryKind.FIFO,
}
_DIRECTORY_FLAGS = os.O_DIRECTORY | os.O_NOFOLLOW
_FILE_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK


class DirectoryTree(Closing):
    """A directory, read when this is made, for `diff`. Use it in `with`, or close it.

    Hard links share one node, as in an image.

    Raises `SourceUnreadableError` where the directory itself cannot be opened. What below it
    cannot be read is told in `problems`, and its path is in `unread`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.unread: set[bytes] = set()
        """Directories whose names are not known, and paths whose attributes are not."""
        self._log = ProblemLog(Location(source=str(path)))
        self._ordinal = 0
        self._nodes: dict[tuple[int, int], Node] = {}
        try:
            self._root = FileDescriptor(open_read_only(self.path, os.O_DIRECTORY), str(path))
        except OSError as error:
            raise SourceUnreadableError(f"{path}: {error.strerror}") from error
        self._last = b"", self._kept(self._root.number)
        try:
            self.tree = FileTree(self._read_all(), 0)
        except BaseException:
            self.close()
            raise

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read so far."""
        return tuple(self._log)

    def open_content(self, entry: LayerEntry) -> BinaryIO:
        """A file's content as it is now; raises `SourceUnreadableError`."""
        parent, _, name = entry.path.rpartition(b"/")
        try:
            with self._entered(parent) as directory:
                opened = open_read_only(name, _FILE_FLAGS, directory)
            return os.fdopen(opened, "rb")
        except OSError as error:
            shown = display(entry.path)
            raise SourceUnreadableError(f"{self.path}: {shown}: {error.strerror}") from error

    def close(self) -> None:
        """Close the directory; the tree stays, and contents cannot be read any more."""
        self._last[1].close()
        self._root.close()

    def __repr__(self) -> str:
        return f"<DirectoryTree {str(self.path)!r}>"

    def _kept(self, directory: int) -> FileDescriptor:
        return FileDescriptor(os.dup(directory), str(self.path))

    # Reading.

    def _read_all(self) -> Node:
        """The root's node, with all below it; directories are read one after the other."""
        root: dict[bytes, Node] = {}
        root_number = self._root.number
        entry = self._entry(b"", os.fstat(root_number), b"", self._xattrs_of(root_number))
        pending: list[tuple[bytes, dict[bytes, Node]]] = [(b"", root)]
        while pending:
            path, children = pending.pop()
            try:
                with self._entered(path) as directory:
                    pending.extend(self._read(path, directory, children))
            except OSError as error:
                self._tell(path, error)
        return Node(entry, None, root)

    def _read(
        self, path: bytes, directory: int, children: dict[bytes, Node]
    ) -> Iterator[tuple[bytes, dict[bytes, Node]]]:
        """Fill a directory's names; yields the directories among them."""
        prefix = path + b"/" if path else b""
        for name in sorted(map(os.fsencode, os.listdir(directory))):
            below: dict[bytes, Node] = {}
            try:
                node = self._node(prefix + name, name, directory, below)
            except OSError as error:
                self._tell(prefix + name, error)
                continue
            children[name] = node
            if node.is_directory:
                yield prefix + name, below

    def _node(self, path: bytes, name: bytes, directory: int, below: dict[bytes, Node]) -> Node:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            return Node(self._entry(path, found, b"", self._xattrs(name, directory)), None, below)
        inode = (found.st_dev, found.st_ino)
        if found.st_nlink > 1 and inode in self._nodes:
            return self._nodes[inode]
        link = os.readlink(name, dir_fd=directory) if stat.S_ISLNK(found.st_mode) else b""
        node = Node(self._entry(path, found, link, self._xattrs(name, directory)))
        if found.st_nlink > 1:
            self._nodes[inode] = node
        return node

    def _entry(
        self, path: bytes, found: os.stat_result, link: bytes, xattrs: dict[bytes, bytes]
    ) -> LayerEntry:
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), EntryKind.UNKNOWN)
        is_device = kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
        size = found.st_size if kind is EntryKind.FILE else 0
        member = TarMember(
            ordinal=self._ordinal,
            name=path,
            kind=kind,
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            size=size,
            mtime_ns=found.st_mtime_ns,
            link_name=link,
            header_offset=0,
            data_offset=0,
            stored_size=size,
            device=(os.major(found.st_rdev), os.minor(found.st_rdev)) if is_device else (0, 0),
            xattrs=FrozenMapping(xattrs) if xattrs else NOTHING,
        )
        self._ordinal += 1
        return LayerEntry(0, path, member)

    def _xattrs(self, name: bytes, directory: int) -> dict[bytes, bytes]:
        """Extended attributes of a name; the system calls know no directory to start from."""
        place = b"/proc/self/fd/%d/" % directory + name
        found = {}
        try:
            for key in os.listxattr(place, follow_symlinks=False):
                found[os.fsencode(key)] = os.getxattr(place, key, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENODATA):
                raise
        return found

    def _xattrs_of(self, descriptor: int) -> dict[bytes, bytes]:
        try:
            names = os.listxattr(descriptor)
            return {os.fsencode(name): os.getxattr(descriptor, name) for name in names}
        except OSError:
            return {}

    def _tell(self, path: bytes, error: OSError) -> None:
        self.unread.add(path)
        self._log.report(
            ProblemCode.NOT_READ,
            error.strerror or str(error),
            action="what stands there is unknown",
            path=path,
        )

    @contextmanager
    def _entered(self, path: bytes) -> Iterator[int]:
        """The directory at a path, opened name by name from the last one above it, or the root.

        So the way down a deep tree costs one step for each directory.
        """
        above, last = self._last
        is_below = not above or path == above or path.startswith(above + b"/")
        directory = os.dup((last if is_below else self._root).number)
        names = path[len(above) if is_below else 0 :].split(b"/")
        try:
            for name in filter(None, names):
                following = open_read_only(name, _DIRECTORY_FLAGS, directory)
                os.close(directory)
                directory = following
            last.close()
            self._last = path, self._kept(directory)
            yield directory
        finally:
            os.close(directory)
