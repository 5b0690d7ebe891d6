"""A tree that must not change, and what is known of it."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from imgforensics.extraction.removal import remove
from tests.extraction.as_nobody import NOBODY

EVIL = b"written by the image"

ENDINGS = ("", ".partial", ".replaced", ".extraction.json", ".extraction.json.partial")
"""Of the names that an extraction writes, behind the target's."""
Facts = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a target to be made in `work`, and things around it that are watched."""

    folder: Path

    @property
    def outside(self) -> bytes:
        """The absolute path of a directory that the target has nothing to do with."""
        return os.fsencode(self.folder / "outside")

    @property
    def up(self) -> bytes:
        """The same, relative, from however deep."""
        return b"../" * 24 + self.outside.lstrip(b"/")

    @property
    def target(self) -> Path:
        """What may be made, with its record and its partial form."""
        return self.folder / "work" / "out"

    @property
    def record(self) -> Path:
        """Where the target's record is written."""
        return self.folder / "work" / "out.extraction.json"

    @property
    def _own_names(self) -> set[str]:
        forms = (self.target.name, f"{self.target.name}.tar")
        return {f + ending for f in forms for ending in ENDINGS}

    def clear(self) -> None:
        """Remove what was written."""
        for name in self._own_names:
            remove(self.target.with_name(name))

    def watched(self) -> dict[str, Facts]:
        """All there is to know of everything but the target."""
        work = self.folder / "work"
        found = {str(self.folder): _facts(self.folder, times=True)}
        for folder, directories, files in os.walk(self.folder):
            ours = self._own_names if Path(folder) == work else set()
            directories[:] = [name for name in directories if name not in ours]
            for name in (*directories, *(name for name in files if name not in ours)):
                path = Path(folder, name)
                found[str(path)] = _facts(path, times=path != work)
        return found


def make_place(folder: Path) -> Place:
    """Make a place in a new folder: nobody's, so that even nobody could change all of it."""
    outside = folder / "outside"
    (outside / "directory").mkdir(parents=True)
    (outside / "secret").write_bytes(b"secret")
    (outside / "directory" / "inner").write_bytes(b"inner")
    (outside / "link").symlink_to("secret")
    os.mkfifo(outside / "fifo")
    (outside / "secret").chmod(0o640)
    (outside / "directory").chmod(0o750)
    (folder / "work").mkdir()
    (folder / "work" / "beside").write_bytes(b"beside")
    os.setxattr(outside / "secret", "user.mark", b"mark")
    for path in (outside / "secret", outside / "directory", outside):
        os.utime(path, ns=(1_000_000_000, 1_000_000_000))
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return Place(folder)


def _facts(path: Path, *, times: bool) -> Facts:
    found = path.lstat()
    facts: Facts = (found.st_mode, found.st_uid, found.st_gid, found.st_ino)
    if times:
        facts += (found.st_nlink, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if stat.S_ISREG(found.st_mode):
        facts += (path.read_bytes(),)
    if stat.S_ISLNK(found.st_mode):
        facts += (os.readlink(path),)  # noqa: PTH115 - what it says, no path
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return (*facts, *((name, os.getxattr(path, name, follow_symlinks=False)) for name in names))
