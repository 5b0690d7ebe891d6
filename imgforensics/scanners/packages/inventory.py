"""Packages of an image's filesystem, and what a layer or another image changes in them."""

from collections.abc import Callable, Iterable
from typing import BinaryIO

from imgforensics.errors import ImageForensicsError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import Location, ProblemCode, ProblemLog
from imgforensics.scanners.packages.changes import PackageChange, compare_packages
from imgforensics.scanners.packages.databases import Database, databases
from imgforensics.scanners.packages.package import InvalidDatabaseError, Inventory, Package

OpenContent = Callable[[LayerEntry], BinaryIO]


def packages_of(image: Image, layer: int | None = None) -> Inventory:
    """Packages that are installed after `layer`, the top one if not given.

    Known are dpkg (with `status.d`), apk, rpm (SQLite, ndb, Berkeley DB), Python's
    distributions and npm's `node_modules`. A database that cannot be read is a problem of
    the inventory. Raises `IndexError` for no such layer, `MissingBlobError`,
    `LimitExceededError`.
    """
    tree = image.filesystem if layer is None else image.filesystem_at(layer)
    return packages_in(tree, image.open_content, Location(source=image.source.description))


def package_changes(image: Image, layer: int) -> tuple[PackageChange, ...]:
    """What one layer did to the packages; problems of databases are left out.

    Only databases that differ from those of the layer below are read.
    """
    before, after = image.filesystem_at(layer - 1), image.filesystem_at(layer)
    where = Location(source=image.source.description, layer=layer)
    return compare_packages(
        packages_in(before, image.open_content, where, besides=after).packages,
        packages_in(after, image.open_content, where, besides=before).packages,
    )


def packages_in(
    tree: FileTree, open_content: OpenContent, where: Location, besides: FileTree | None = None
) -> Inventory:
    """Packages of a snapshot; with `besides`, only of databases that the other does not share.

    `where` is the place that problems name.
    """
    log = ProblemLog(where)
    packages: set[Package] = set()
    for database in _in_order_of_place(databases(tree, besides)):
        packages.update(_packages_of(database, open_content, log))
    return Inventory(tuple(sorted(packages)), tuple(log))


def _in_order_of_place(found: Iterable[Database]) -> list[Database]:
    """As they stand in the layers, each of which is then read once."""
    return sorted(found, key=lambda database: _place(database.node))


def _place(node: Node) -> tuple[int, int]:
    entry = node.entry
    return (entry.layer_index, entry.member.data_offset) if entry else (-1, 0)


def _packages_of(
    database: Database, open_content: OpenContent, log: ProblemLog
) -> Iterable[Package]:
    """What one database says, as far as it can be read."""
    packages: list[Package] = []
    try:
        packages.extend(database.read(_content(database, open_content), database.path))
    except (InvalidDatabaseError, ImageForensicsError, OSError) as error:
        log.report(
            ProblemCode.PACKAGE_DATABASE_INVALID,
            str(error),
            action="its packages are not listed",
            path=database.path,
        )
    return packages


def _content(database: Database, open_content: OpenContent) -> bytes:
    entry, most = database.node.entry, database.most
    if entry is None or entry.size > most:
        raise InvalidDatabaseError(f"{database.node.size} bytes; at most {most} are read")
    with open_content(entry) as file:
        return file.read()
