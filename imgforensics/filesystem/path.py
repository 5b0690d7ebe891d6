"""`pathlib`'s verbs over an image: nothing is written, no link leads out of the image."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, Literal, TextIO, cast, overload

from imgforensics.errors import (
    BrokenHardLinkError,
    NotAFileError,
    NotASymlinkError,
    PathError,
    PathIsADirectoryError,
    PathNotADirectoryError,
)
from imgforensics.filesystem.globs import glob_matcher, split_pattern
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.resolve import Resolution, resolve
from imgforensics.filesystem.stat_result import stat_result_of
from imgforensics.filesystem.tree import FileTree, walk
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import display
from imgforensics.tarstream.member import EntryKind


class ImagePath:
    """A path in one snapshot of an image.

    Has most of what :class:`pathlib.PurePosixPath` has and the reading half of
    :class:`pathlib.Path`, and satisfies :class:`importlib.resources.abc.Traversable`.
    Symbolic links are resolved inside the image's root. Names that are not UTF-8 appear in
    `str` as `os.fsdecode` gives them and round-trip through `bytes(path)`.
    """

    __slots__ = ("_open_content", "_path", "_tree")

    def __init__(
        self, tree: FileTree, path: bytes, open_content: Callable[[LayerEntry], BinaryIO]
    ) -> None:
        self._tree = tree
        self._path = path
        self._open_content = open_content

    # What it is called.

    @property
    def name(self) -> str:
        """The last part; empty for the root."""
        return os.fsdecode(self._path.rpartition(b"/")[2])

    @property
    def suffix(self) -> str:
        """The last part's ending with its dot, as pathlib has it."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """All endings of the last part, as pathlib has them."""
        return PurePosixPath(self.name).suffixes

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parts(self) -> tuple[str, ...]:
        """`/` and the names below it."""
        return ("/", *(os.fsdecode(part) for part in self._path.split(b"/") if part))

    @property
    def parent(self) -> "ImagePath":
        """The directory above; the root is its own."""
        return self._at(self._path.rpartition(b"/")[0])

    @property
    def parents(self) -> tuple["ImagePath", ...]:
        """All directories above, nearest first."""
        parents = []
        path = self._path
        while path:
            path = path.rpartition(b"/")[0]
            parents.append(self._at(path))
        return tuple(parents)

    def joinpath(self, *descendants: str | bytes | os.PathLike[str]) -> "ImagePath":
        """This path with more parts; an absolute part begins anew at the image's root."""
        path = self._path
        for part in descendants:
            raw = os.fsencode(part)
            path = raw.strip(b"/") if raw.startswith(b"/") or not path else path + b"/" + raw
        return self._at(b"/".join(p for p in path.split(b"/") if p not in (b"", b".")))

    __truediv__ = joinpath

    def with_name(self, name: str) -> "ImagePath":
        """The path beside this one that has this name; `ValueError` as pathlib raises it."""
        return self._at(os.fsencode(self._pure.with_name(name)).strip(b"/"))

    def relative_to(self, other: "ImagePath | str | PurePosixPath") -> PurePosixPath:
        """The way here from a path above, a pure path, for an `ImagePath` is absolute."""
        return self._pure.relative_to(str(other))

    def is_relative_to(self, other: "ImagePath | str | PurePosixPath") -> bool:
        """Whether it is, or is below, a path."""
        return self._pure.is_relative_to(str(other))

    def is_absolute(self) -> bool:
        """Always: it counts from the image's root."""
        return True

    def as_posix(self) -> str:
        """`str` of it: it has no other slashes."""
        return str(self)

    def match(self, pattern: str) -> bool:
        """Whether the end of the path fits a shell pattern, as pathlib has it."""
        return self._pure.match(pattern)

    def __bytes__(self) -> bytes:
        return b"/" + self._path

    def __str__(self) -> str:
        return os.fsdecode(bytes(self))

    def __repr__(self) -> str:
        return f"ImagePath({str(self)!r}, layer={self._tree.layer_index})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ImagePath):
            return NotImplemented
        return self._tree is other._tree and self._path == other._path

    def __hash__(self) -> int:
        return hash((id(self._tree), self._path))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, ImagePath):
            return NotImplemented
        return self._path < other._path

    # What stands there.

    def resolution(self, *, follow: bool = True) -> Resolution:
        """The node, its real path and every link on the way; raises `PathError`."""
        return resolve(self._tree, self._path, follow=follow)

    @property
    def node(self) -> Node:
        """What stands there, a link at the end not followed; raises `PathError`."""
        return self.resolution(follow=False).node

    def resolve(self, strict: Literal[True] = True) -> "ImagePath":
        """The same place without links or `..`; raises `PathError` when nothing is there.

        Unlike pathlib's, it is always strict.
        """
        if not strict:
            raise NotImplementedError("only what is there can be resolved")
        return self._at(self.resolution().path)

    def readlink(self) -> str:
        """A symbolic link's target as stored; `NotASymlinkError` for anything else."""
        node = self.node
        if node.kind is not EntryKind.SYMLINK:
            raise NotASymlinkError(self._shown)
        return os.fsdecode(node.link_target)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """As `os.stat`; all times are the stored mtime, and `st_dev` is 0.

        Names that share `st_ino` are names of one file; it is 0 for a directory that only
        entries below it imply. `st_nlink` is 1: names are not counted, for a snapshot does
        not know all names of a file without a walk through the whole of it.
        """
        return stat_result_of(self.resolution(follow=follow_symlinks).node)

    def lstat(self) -> os.stat_result:
        """`stat` of a link itself."""
        return self.stat(follow_symlinks=False)

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether links and all lead to something."""
        return self._kind(follow=follow_symlinks) is not None

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is, or links to, a regular file."""
        return self._kind(follow=follow_symlinks) is EntryKind.FILE

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is, or links to, a directory."""
        return self._kind(follow=follow_symlinks) is EntryKind.DIRECTORY

    def is_mount(self) -> bool:
        """Whether it is the root: images have no other."""
        return not self._path

    def is_socket(self) -> bool:
        """Never: archives hold no sockets."""
        return False

    def is_symlink(self) -> bool:
        """Whether it is a symbolic link itself."""
        return self._kind(follow=False) is EntryKind.SYMLINK

    def is_fifo(self) -> bool:
        """Whether it is, or links to, a FIFO."""
        return self._kind() is EntryKind.FIFO

    def is_block_device(self) -> bool:
        """Whether it is, or links to, a block device."""
        return self._kind() is EntryKind.BLOCK_DEVICE

    def is_char_device(self) -> bool:
        """Whether it is, or links to, a character device."""
        return self._kind() is EntryKind.CHARACTER_DEVICE

    def _kind(self, *, follow: bool = True) -> EntryKind | None:
        try:
            return self.resolution(follow=follow).node.kind
        except PathError:
            return None

    # What it holds.

    @overload
    def open(
        self,
        mode: Literal["r", "rt"] = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> TextIO: ...
    @overload
    def open(self, mode: Literal["rb"], buffering: int = -1) -> BinaryIO: ...
    @overload
    def open(
        self,
        mode: str,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]: ...
    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """A seekable file, read-only; text is UTF-8 unless `encoding` says otherwise.

        `buffering` is there for pathlib's sake: what is read is the same with any.
        Raises `PathError`, `ValueError` for what cannot be combined, and `DamagedBlobError`
        when the layer's bytes end before it does.
        """
        if mode not in ("r", "rt", "rb"):
            raise ValueError(f"images are read-only; mode {mode!r} is none of 'r', 'rt', 'rb'")
        if mode == "rb" and (encoding, errors, newline) != (None, None, None):
            raise ValueError("binary mode takes no encoding, errors or newline")
        if mode != "rb" and buffering == 0:
            raise ValueError("text cannot be read without a buffer")
        file = self._open_content(self._file_entry())
        if mode == "rb":
            return file
        return cast("TextIO", io.TextIOWrapper(file, encoding or "utf-8", errors, newline))

    def read_bytes(self) -> bytes:
        """The whole content."""
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """The whole content, decoded (UTF-8 by default)."""
        with self.open("r", encoding=encoding, errors=errors) as file:
            return file.read()

    def _file_entry(self) -> LayerEntry:
        return file_entry(self._path, self.resolution().node)

    # What is below it.

    def iterdir(self) -> Iterator["ImagePath"]:
        """Paths of a directory's names, in byte order."""
        node = self.resolution().node
        if node.children is None:
            raise PathNotADirectoryError(self._shown)
        for name in sorted(node.children):
            yield self._below(name)

    def walk(self) -> Iterator[tuple["ImagePath", list[str], list[str]]]:
        """As `pathlib.Path.walk`, top down: a directory, its directories, everything else in it.

        Links to directories are among everything else. What is taken out of a list of
        directories is not walked.
        """
        pending = [(self, self.resolution().node)]
        while pending:
            path, node = pending.pop()
            if node.children is None:
                continue
            names = sorted(node.children.items())
            directories = [os.fsdecode(name) for name, child in names if child.is_directory]
            files = [os.fsdecode(name) for name, child in names if not child.is_directory]
            yield path, directories, files
            below = [os.fsencode(name) for name in reversed(directories)]
            pending.extend((path._below(name), node.children[name]) for name in below)

    def glob(self, pattern: str | bytes) -> Iterator["ImagePath"]:
        """Paths below this one that match, in byte order; `**` spans directories.

        Links are followed in the names ahead of the first wildcard (`lib/*.so` where `lib`
        is a link), and nowhere else. A pattern that ends in a slash matches directories, and
        links to them. Raises `ValueError` for no pattern, `NotImplementedError` for an
        absolute one.
        """
        return self._matching(_relative_pattern(pattern))

    def rglob(self, pattern: str | bytes) -> Iterator["ImagePath"]:
        """`glob` at every depth below this one."""
        return self._matching(b"**/" + _relative_pattern(pattern))

    def _matching(self, pattern: bytes) -> Iterator["ImagePath"]:
        found = self._fitting(pattern)
        return filter(ImagePath.is_dir, found) if pattern.endswith(b"/") else found

    def _fitting(self, pattern: bytes) -> Iterator["ImagePath"]:
        fixed, pattern = split_pattern(pattern)
        start = self.joinpath(fixed) if fixed else self
        try:
            node = start.resolution(follow=bool(pattern)).node
        except PathError:
            return
        if not pattern:
            yield from [start] if fixed else []
            return
        matches = glob_matcher(pattern)
        for path, _ in walk(b"", node):
            if path and matches(path):
                yield start._below(path)

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(str(self))

    def _at(self, path: bytes) -> "ImagePath":
        return ImagePath(self._tree, path, self._open_content)

    def _below(self, name: bytes) -> "ImagePath":
        return self._at(self._path + b"/" + name if self._path else name)

    @property
    def _shown(self) -> str:
        return display(bytes(self))


def file_entry(path: bytes, node: Node) -> LayerEntry:
    """The entry that has the content of a node at `path`; raises `PathError` for no file."""
    shown = display(b"/" + path)
    if node.is_directory:
        raise PathIsADirectoryError(shown)
    if node.kind is EntryKind.HARD_LINK:
        raise BrokenHardLinkError(shown)
    if node.kind is not EntryKind.FILE or node.entry is None:
        raise NotAFileError(shown)
    return node.entry


def _relative_pattern(pattern: str | bytes) -> bytes:
    raw = os.fsencode(pattern)
    if not raw:
        raise ValueError("a pattern is needed")
    if raw.startswith(b"/"):
        raise NotImplementedError("a pattern counts from the path, and cannot be absolute")
    return raw
