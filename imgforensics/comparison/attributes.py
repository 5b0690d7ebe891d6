"""What two nodes at one path can differ in."""

from collections.abc import Iterator
from enum import StrEnum

from imgforensics.filesystem.node import Node
from imgforensics.tarstream.member import EntryKind


class Attribute(StrEnum):
    """One thing that differs; the words that rules use, too."""

    TYPE = "type"
    CONTENT = "content"
    """Other bytes; a rule that ignores it ignores the size, too."""
    SIZE = "size"
    PYC_HEADER = "pyc-header"
    """Compiled Python that differs in its header alone, which holds its source's time."""
    MODE = "mode"
    OWNER = "owner"
    MTIME = "mtime"
    XATTRS = "xattrs"
    LINK = "link"
    """A symbolic link's target."""
    DEVICE = "device"
    """A device's numbers."""
    HARD_LINKS = "hard-links"
    """The names that are one file."""
    CREATED = "created"
    """Of no path: times in the configuration and the history, and what a configuration says of
    the container that it was made in."""


_DEVICES = (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)


def differing_attributes(before: Node, after: Node) -> tuple[Attribute, ...]:
    """What differs between two nodes, apart from children, names and contents of one size."""
    if before.entry is after.entry and before.attributes is after.attributes:
        return ()
    return (*_by_kind(before, after), *_by_header(before, after))


def _by_kind(before: Node, after: Node) -> Iterator[Attribute]:
    kind = before.kind
    if kind is not after.kind:
        yield Attribute.TYPE
    elif kind is EntryKind.FILE:
        if before.size != after.size:
            yield Attribute.CONTENT
            yield Attribute.SIZE
    elif kind in _DEVICES:
        if before.device != after.device:
            yield Attribute.DEVICE
    elif before.link_target != after.link_target:
        yield Attribute.LINK


def _by_header(before: Node, after: Node) -> Iterator[Attribute]:
    # Linux gives every symbolic link the same mode, whatever an archive says.
    if before.mode != after.mode and EntryKind.SYMLINK not in (before.kind, after.kind):
        yield Attribute.MODE
    if (before.uid, before.gid) != (after.uid, after.gid):
        yield Attribute.OWNER
    if before.mtime_ns != after.mtime_ns:
        yield Attribute.MTIME
    if before.xattrs != after.xattrs:
        yield Attribute.XATTRS
