"""Write below one directory, and nowhere else, whatever names and links say.

Every name is opened relative to the descriptor of its parent, one component at a time, with
`O_NOFOLLOW`; directories are entered only if this run made them. So no link, found or
planted meanwhile, leads a write anywhere, and a filesystem that folds names is noticed.
"""

import errno
import os
import resource
import stat
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from imgforensics.errors import OutputFailedError
from imgforensics.problems import display

_OPEN_DIRECTORIES = 256
"""Kept open at most."""
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NotADirectoryHere(Exception):  # noqa: N818 - a condition for the caller, not a failure
    """Something that is no directory stands on the way."""


class NameTooLong(Exception):  # noqa: N818 - as above
    """The filesystem does not take a name of this length."""


class TooLarge(Exception):  # noqa: N818 - as above
    """The filesystem holds no file of this size."""


class TooManyNames(Exception):  # noqa: N818 - as above
    """The filesystem gives one file no more names."""


class NodeRefused(Exception):  # noqa: N818 - as above
    """This user, or the kernel, makes no such device."""


def _most_open_directories() -> int:
    """At most a quarter of what a process may open; a parent and its child in any case."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _OPEN_DIRECTORIES
    return max(2, min(_OPEN_DIRECTORIES, allowed // 4))


class OutputDirectory:
    """The directory that is written to, by paths relative to it.

    What creation yields here is found out by trying, so that owners and modes are set only
    where they would differ.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown = display(path)
        self._made: set[bytes] = {b""}
        self._descriptors: OrderedDict[bytes, int] = OrderedDict()
        self._most_open = _most_open_directories()
        with self._explained(b""):
            self._root = os.open(path, _DIRECTORY_FLAGS)
            try:
                self._explore()
            except BaseException:
                os.close(self._root)
                raise

    def _explore(self) -> None:
        facts = os.fstat(self._root)
        self._longest_name = os.fpathconf(self._root, "PC_NAME_MAX")
        self.created_owner = (facts.st_uid, facts.st_gid)
        """Owner and group of what is created here."""
        probed = _probe(self._root)
        self.masked_bits = 0o7777 & ~probed.created_mode
        """Mode bits that creation here does not set by itself."""
        self.keeps_attributes = probed.keeps_attributes
        """Whether modes and owners that are set without an error are set."""

    def close(self) -> None:
        """Close every descriptor."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()
        os.close(self._root)

    def takes(self, path: bytes) -> bool:
        """Whether this filesystem takes the names of `path`."""
        longest = self._longest_name
        is_short = len(path) <= longest or max(map(len, path.split(b"/"))) <= longest
        return is_short and 0 not in path

    # Directories.

    def directory(self, path: bytes) -> int:
        """A descriptor of the directory, made if missing; good until the next call.

        Raises :class:`NotADirectoryHere` where something else stands on the way.
        """
        if not path:
            return self._root
        descriptor = self._descriptors.get(path)
        if descriptor is not None:
            self._descriptors.move_to_end(path)
            return descriptor
        nearest = path
        below = []
        while nearest and nearest not in self._descriptors:
            nearest, _, name = nearest.rpartition(b"/")
            below.append(name)
        descriptor = self._root
        if nearest:
            descriptor = self._descriptors[nearest]
            self._descriptors.move_to_end(nearest)
        for name in reversed(below):
            nearest = nearest + b"/" + name if nearest else name
            descriptor = self._enter(descriptor, nearest, name)
        return descriptor

    def _enter(self, parent: int, path: bytes, name: bytes) -> int:
        try:
            if path not in self._made:
                self._make(parent, path, name)
            descriptor = os.open(name, _DIRECTORY_FLAGS, dir_fd=parent)
        except OSError as error:
            raise self.explanation(path, error) from error
        self._descriptors[path] = descriptor
        if len(self._descriptors) > self._most_open:
            os.close(self._descriptors.popitem(last=False)[1])
        return descriptor

    def _make(self, parent: int, path: bytes, name: bytes) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            kind = os.lstat(name, dir_fd=parent).st_mode
            if stat.S_ISDIR(kind):
                raise self.folded(path) from None
            raise NotADirectoryHere(path) from None
        self._made.add(path)

    @property
    def directories(self) -> frozenset[bytes]:
        """Paths of all directories made so far, the root among them."""
        return frozenset(self._made)

    def remove_directory(self, path: bytes) -> None:
        """Remove an empty directory that this run made."""
        parent, _, name = path.rpartition(b"/")
        with self._explained(path):
            descriptor = self._descriptors.pop(path, None)
            if descriptor is not None:
                os.close(descriptor)
            os.rmdir(name, dir_fd=self.directory(parent))
        self._made.discard(path)

    # Everything else.

    def create(self, path: bytes, mode: int) -> int:
        """A descriptor of a new file; raises `FileExistsError` where something stands."""
        parent, _, name = path.rpartition(b"/")
        try:
            return os.open(name, _FILE_FLAGS, mode & 0o777, dir_fd=self.directory(parent))
        except FileExistsError:
            raise
        except OSError as error:
            raise self.explanation(path, error) from error

    def reopen(self, path: bytes) -> int:
        """A descriptor of a file that was written, to read it, whatever its mode is."""
        with self.place(path) as place, self._explained(path):
            mode = stat.S_IMODE(os.stat(place).st_mode)  # noqa: PTH116 - stands for a descriptor
            os.chmod(place, 0o600)  # noqa: PTH101 - as above
            try:
                return os.open(place, os.O_RDONLY | os.O_CLOEXEC)
            finally:
                os.chmod(place, mode)  # noqa: PTH101 - as above

    def symlink(self, path: bytes, target: bytes) -> None:
        """A new symbolic link; its target is stored as it is and never followed."""
        parent, _, name = path.rpartition(b"/")
        directory = self.directory(parent)
        with self._explained(path):
            os.symlink(target, name, dir_fd=directory)

    def link(self, path: bytes, existing: bytes) -> None:
        """A new name of a file that was written."""
        parent, _, name = path.rpartition(b"/")
        from_parent, _, from_name = existing.rpartition(b"/")
        with self._held(from_parent) as from_directory:
            directory = self.directory(parent)
            with self._explained(path):
                os.link(
                    from_name,
                    name,
                    src_dir_fd=from_directory,
                    dst_dir_fd=directory,
                    follow_symlinks=False,
                )

    def node(self, path: bytes, mode: int, device: tuple[int, int]) -> None:
        """A new device or FIFO, by the file type in `mode`; raises :class:`NodeRefused`."""
        parent, _, name = path.rpartition(b"/")
        directory = self.directory(parent)
        try:
            os.mknod(name, mode, os.makedev(*device), dir_fd=directory)
        except OverflowError as error:
            raise NodeRefused(str(error)) from error
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EINVAL):
                raise NodeRefused(error.strerror) from error
            raise self.explanation(path, error) from error

    @contextmanager
    def place(self, path: bytes) -> Iterator[bytes]:
        """A name for what stands at `path`, be it unreadable; no link is followed.

        Good for calls that take a path and stand for the thing itself while in `with`.
        """
        parent, _, name = path.rpartition(b"/")
        directory = self.directory(parent)
        with self._explained(path):
            descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            yield b"/proc/self/fd/%d" % descriptor
        finally:
            os.close(descriptor)

    def move(self, path: bytes, to: bytes) -> None:
        """Give a file another path, where nothing stands."""
        parent, _, name = path.rpartition(b"/")
        to_parent, _, to_name = to.rpartition(b"/")
        with self._held(parent) as from_directory:
            directory = self.directory(to_parent)
            if _stands(to_name, directory):
                raise self.folded(to)
            with self._explained(to):
                os.rename(name, to_name, src_dir_fd=from_directory, dst_dir_fd=directory)

    def remove(self, path: bytes) -> None:
        """Remove a file that this run wrote."""
        parent, _, name = path.rpartition(b"/")
        with self._explained(path):
            os.unlink(name, dir_fd=self.directory(parent))

    @contextmanager
    def _held(self, path: bytes) -> Iterator[int]:
        """A directory's descriptor that other calls do not close."""
        descriptor = os.dup(self.directory(path))
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    # Failures.

    @contextmanager
    def _explained(self, path: bytes) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.explanation(path, error) from error

    def explanation(self, path: bytes, error: OSError) -> Exception:
        """What to raise instead of an error that came of writing to `path`."""
        if error.errno == errno.ENAMETOOLONG:
            return NameTooLong(path)
        if error.errno == errno.EMLINK:
            return TooManyNames(path)
        if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.EISDIR):
            return self.folded(path) if error.errno == errno.EEXIST else NotADirectoryHere(path)
        return OutputFailedError(
            f"{self.shown}: cannot write {display(path or b'.')}: {os.strerror(error.errno or 0)}; "
            f"{_ADVICE.get(error.errno or 0, 'choose another target')}"
        )

    def folded(self, path: bytes) -> OutputFailedError:
        """What to raise where something stands at a path that was not written yet."""
        return OutputFailedError(
            f"{self.shown}: {display(path)} exists already under another spelling: this "
            "filesystem folds letter case or normalises names; choose a target on one that "
            "keeps names as they are"
        )


_ADVICE = {
    errno.ENOSPC: "the filesystem is full: choose a target with more space",
    errno.EDQUOT: "the quota is used up: choose a target with more space",
    errno.EFBIG: "no file may be of that size here: choose another target, or exclude the path",
    errno.EROFS: "the filesystem is read-only: choose another target",
    errno.EACCES: "permission is denied: choose a target that this user may write to",
    errno.EPERM: "this filesystem or user may not create it: choose a POSIX filesystem",
    errno.EOPNOTSUPP: "this filesystem cannot hold it: choose a POSIX filesystem",
    errno.EINVAL: "this filesystem does not take the name: choose a POSIX filesystem",
    errno.EILSEQ: "this filesystem does not take the name: choose one that keeps bytes",
}


def _stands(name: bytes, directory: int) -> bool:
    try:
        os.lstat(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


class _Probed(NamedTuple):
    """What becomes of a new file."""

    created_mode: int
    keeps_attributes: bool


def _probe(directory: int) -> _Probed:
    """Find out by trying: umasks and ACLs take bits away, and some filesystems keep no modes."""
    name = b".probe"
    descriptor = os.open(name, _FILE_FLAGS, 0o777, dir_fd=directory)
    try:
        created_mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        return _Probed(created_mode, _keeps_attributes(descriptor))
    finally:
        os.close(descriptor)
        os.unlink(name, dir_fd=directory)


def _keeps_attributes(descriptor: int) -> bool:
    """Whether a mode and an owner that are taken without an error are there afterwards."""
    try:
        os.chmod(descriptor, 0o640)
        if os.geteuid() == 0:
            os.chown(descriptor, 1, 2)
    except OSError:
        return False
    facts = os.fstat(descriptor)
    owner = (1, 2) if os.geteuid() == 0 else (facts.st_uid, facts.st_gid)
    return (stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid) == (0o640, *owner)
