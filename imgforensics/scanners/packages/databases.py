"""Where packages are told of in a filesystem, and who reads it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from imgforensics.errors import PathError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.resolve import resolve
from imgforensics.filesystem.tree import FileTree
from imgforensics.scanners.packages.npm import npm_packages
from imgforensics.scanners.packages.package import Package
from imgforensics.scanners.packages.rpm import bdb_packages, ndb_packages, sqlite_packages
from imgforensics.scanners.packages.stanzas import apk_packages, dpkg_packages, python_packages
from imgforensics.tarstream.member import EntryKind

Reader = Callable[[bytes, bytes], Iterator[Package]]
"""Takes a database's content and path."""


class Database(NamedTuple):
    """A file that tells of packages, and how it is read."""

    path: bytes
    node: Node
    read: Reader

    @property
    def most(self) -> int:
        """Bytes of it that are read at most: many times what a full distribution has."""
        return _LARGEST.get(self.read, _LARGEST_TEXT)


_LARGEST_TEXT = 64 << 20
_LARGEST: dict[Reader, int] = {
    sqlite_packages: 256 << 20,
    ndb_packages: 256 << 20,
    bdb_packages: 256 << 20,
    python_packages: 8 << 20,
    npm_packages: 8 << 20,
}
_RPM = {
    b"rpmdb.sqlite": sqlite_packages,
    b"Packages.db": ndb_packages,
    b"Packages": bdb_packages,
}
_SYSTEM: dict[bytes, Reader] = {
    b"var/lib/dpkg/status": dpkg_packages,
    b"lib/apk/db/installed": apk_packages,
    b"usr/lib/apk/db/installed": apk_packages,
    **{b"var/lib/rpm/" + name: reader for name, reader in _RPM.items()},
    **{b"usr/lib/sysimage/rpm/" + name: reader for name, reader in _RPM.items()},
}
_STATUS_D = b"var/lib/dpkg/status.d"


def databases(tree: FileTree, besides: FileTree | None = None) -> Iterator[Database]:
    """Every package database of a filesystem; links on the way to it are followed.

    With `besides`, those that the other filesystem shares are left out, and shared
    subtrees are not walked.
    """
    seen: set[int] = set()
    others = () if besides is None else _system_databases(besides)
    seen.update(id(database.node) for database in others)
    for database in _system_databases(tree):
        if id(database.node) not in seen:
            seen.add(id(database.node))
            yield database
    yield from _scattered_databases(tree.root, None if besides is None else besides.root)


def _system_databases(tree: FileTree) -> Iterator[Database]:
    for path, reader in _SYSTEM.items():
        node = _found(tree, path)
        if node is not None and node.kind is EntryKind.FILE:
            yield Database(path, node, reader)
    directory = _found(tree, _STATUS_D)
    for name, node in sorted(((directory and directory.children) or {}).items()):
        if node.kind is EntryKind.FILE and not name.endswith((b".md5sums", b".list")):
            yield Database(_STATUS_D + b"/" + name, node, dpkg_packages)


def _found(tree: FileTree, path: bytes) -> Node | None:
    try:
        return resolve(tree, path).node
    except PathError:
        return None


def _scattered_databases(root: Node, other_root: Node | None) -> Iterator[Database]:
    """Databases that may stand anywhere: Python's and npm's, a file for each package."""
    pending = [] if root is other_root else [(b"", root, other_root)]
    while pending:
        path, node, other = pending.pop()
        prefix = path + b"/" if path else b""
        others = (other and other.children) or {}
        for name, child in (node.children or {}).items():
            if child is others.get(name):
                continue
            if child.children is not None:
                pending.append((prefix + name, child, others.get(name)))
            elif child.kind is EntryKind.FILE and (reader := _reader_of(path, name)):
                yield Database(prefix + name, child, reader)


def _reader_of(directory: bytes, name: bytes) -> Reader | None:
    if name == b"package.json":
        return npm_packages if _is_npm_package(directory) else None
    is_python = (
        (name == b"METADATA" and directory.endswith(b".dist-info"))
        or (name == b"PKG-INFO" and directory.endswith(b".egg-info"))
        or name.endswith(b".egg-info")
    )
    return python_packages if is_python else None


def _is_npm_package(directory: bytes) -> bool:
    """Whether it is `node_modules/NAME` or `node_modules/@SCOPE/NAME`."""
    parts = directory.rsplit(b"/", 3)
    if parts[-2:-1] == [b"node_modules"]:
        return not parts[-1].startswith((b"@", b"."))
    return parts[-3:-2] == [b"node_modules"] and parts[-2].startswith(b"@")
