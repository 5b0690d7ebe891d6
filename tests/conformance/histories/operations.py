"""Random operations on a mounted filesystem, a few names and many collisions."""

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from random import Random

_NAMES = (
    *(b"a", b"b", b"c", b"usr", b"lib", b".hidden", b"with space", "é".encode(), b"\xff\n\\"),
    b"n" * 120,
)
_TARGETS = (b"a", b"/usr/lib", b"../b", b"lib", b".", b"/", b"missing", b"\xfe", b"t" * 130)
_MODES = (0o644, 0o600, 0o755, 0o4755, 0o2711, 0o1777, 0o000)
_OWNERS = (0, 0, 1000, 65_534, 3_000_000)
_XATTRS = ("trusted.note", "trusted.é", "security.other")
_VALUES = (b"1", b"two", b"\x00\xff=\n", b"v" * 300)
_DEVICES = (os.makedev(1, 3), os.makedev(7, 200), os.makedev(300, 70_000))
_LONGEST_DEPTH = 5
_CROSS_DEVICE = {errno.EXDEV}


class Disturbance:
    """One layer's operations below `top`; what a random choice makes impossible is left out."""

    def __init__(
        self, top: bytes, random: Random, *, with_xattrs: bool, links_special: bool
    ) -> None:
        self._top = top
        self._random = random
        self._links_special = links_special
        weighted: list[tuple[int, Callable[[], None]]] = [
            *((8, self._create), (4, self._write), (2, self._write_sparse), (6, self._mkdir)),
            *((2, self._chmod), (2, self._chown), (4, self._link), (3, self._symlink)),
            *((4, self._rename), (2, self._remove), (2, self._replace), (1, self._recreate)),
            (1, self._make_special),
        ]
        if with_xattrs:
            weighted.append((2, self._change_xattr))
        self._operations = [each for weight, each in weighted for _ in range(weight)]

    def run(self, count: int) -> None:
        """Do `count` random things."""
        for _ in range(count):
            try:
                self._random.choice(self._operations)()
            except (FileExistsError, IsADirectoryError, NotADirectoryError, FileNotFoundError):
                continue
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EINVAL, errno.EBUSY):
                    raise

    # Places.

    def _paths(self) -> list[bytes]:
        """Everything below the top, sorted: the same seed does the same."""
        found: list[bytes] = []
        pending = [self._top]
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    found.append(entry.path)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        return sorted(found)

    def _existing(self, accepts: Callable[[int], bool] = bool) -> bytes:
        fitting = [path for path in self._paths() if accepts(os.lstat(path).st_mode)]
        if not fitting:
            raise FileNotFoundError
        return self._random.choice(fitting)

    def _spot(self) -> bytes:
        """A path in an existing directory; something may stand there."""
        folders = [self._top, *(path for path in self._paths() if _is_directory(path))]
        shallow = [each for each in folders if each.count(b"/") < self._depth()]
        return self._random.choice(shallow) + b"/" + self._random.choice(_NAMES)

    def _depth(self) -> int:
        return self._top.count(b"/") + _LONGEST_DEPTH

    # Operations.

    def _create(self) -> None:
        self._create_at(self._spot())

    def _create_at(self, path: bytes) -> None:
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise FileExistsError
        descriptor = os.open(path, flags, 0o644)
        try:
            os.write(descriptor, self._content())
            os.fchmod(descriptor, self._random.choice(_MODES))
        finally:
            os.close(descriptor)

    def _content(self) -> bytes:
        length = self._random.choice((0, 1, 7, 511, 512, 513, 5_000, 40_000))
        return self._random.randbytes(length)

    def _write(self) -> None:
        descriptor = os.open(self._existing(stat.S_ISREG), os.O_WRONLY)
        try:
            size = os.fstat(descriptor).st_size
            if self._random.random() < 0.3:
                os.ftruncate(descriptor, self._random.randint(0, size))
            else:
                os.pwrite(descriptor, self._content(), self._random.randint(0, size))
        finally:
            os.close(descriptor)

    def _write_sparse(self) -> None:
        path = self._spot()
        if os.path.lexists(path):
            raise FileExistsError
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
        try:
            size = self._random.choice((1, 4_096, 100_000, 262_144, 300_001))
            os.ftruncate(descriptor, size)
            for _ in range(self._random.randint(0, 6)):
                piece = self._random.randbytes(self._random.choice((1, 100, 4_096, 9_000)))
                os.pwrite(descriptor, piece, self._random.randint(0, size))
        finally:
            os.close(descriptor)

    def _mkdir(self) -> None:
        path = self._spot()
        os.mkdir(path)  # noqa: PTH102 - a path of bytes, here and below
        os.chmod(path, self._random.choice(_MODES))  # noqa: PTH101

    def _chmod(self) -> None:
        path = self._existing(lambda mode: not stat.S_ISLNK(mode))
        os.chmod(path, self._random.choice(_MODES))  # noqa: PTH101

    def _chown(self) -> None:
        os.lchown(self._existing(), self._random.choice(_OWNERS), self._random.choice(_OWNERS))

    def _link(self) -> None:
        source = self._existing(self._may_link)
        os.link(source, self._spot(), follow_symlinks=False)

    def _may_link(self, mode: int) -> bool:
        is_plain = stat.S_ISREG(mode) or stat.S_ISLNK(mode)
        return is_plain or (self._links_special and not stat.S_ISDIR(mode))

    def _symlink(self) -> None:
        os.symlink(self._random.choice(_TARGETS), self._spot())  # noqa: PTH211

    def _rename(self) -> None:
        source, target = self._existing(), self._spot()
        if target == source or target.startswith(source + b"/"):
            return
        try:
            os.rename(source, target)  # noqa: PTH104
        except OSError as error:
            # overlayfs moves no directory of a lower layer; programs then copy it.
            if error.errno not in _CROSS_DEVICE or os.path.lexists(target):
                raise FileExistsError from error
            subprocess.run([b"mv", b"-T", b"--", source, target], check=True)

    def _remove(self) -> None:
        _remove(self._existing())

    def _replace(self) -> None:
        path = self._existing()
        _remove(path)
        self._make(path)

    def _make(self, path: bytes) -> None:
        kind = self._random.randrange(4)
        if kind == 0:
            self._create_at(path)
        elif kind == 1:
            os.mkdir(path)  # noqa: PTH102
            self._create_at(path + b"/" + self._random.choice(_NAMES))
        elif kind == 2:
            os.symlink(self._random.choice(_TARGETS), path)  # noqa: PTH211
        else:
            os.mkfifo(path, 0o600)

    def _recreate(self) -> None:
        """``rm -r`` and ``mkdir``: what overlayfs marks as opaque."""
        path = self._existing(stat.S_ISDIR)
        _remove(path)
        os.mkdir(path)  # noqa: PTH102
        for _ in range(self._random.randint(0, 3)):
            place = path + b"/" + self._random.choice(_NAMES)
            if not os.path.lexists(place):
                self._make(place)

    def _make_special(self) -> None:
        kind = self._random.choice((stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO))
        device = 0 if kind == stat.S_IFIFO else self._random.choice(_DEVICES)
        os.mknod(self._spot(), kind | 0o620, device)

    def _change_xattr(self) -> None:
        path, name = self._existing(), self._random.choice(_XATTRS)
        if name in os.listxattr(path, follow_symlinks=False):
            os.removexattr(path, name, follow_symlinks=False)
        else:
            value = self._random.choice(_VALUES)
            os.setxattr(path, name, value, follow_symlinks=False)


def _is_directory(path: bytes) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def _remove(path: bytes) -> None:
    if _is_directory(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)  # noqa: PTH108
