"""One member of a tar archive, exactly as found."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from imgforensics.frozen import FrozenMapping


class _Nothing(FrozenMapping[bytes, bytes]):
    """Stays the only one of its kind, also where another process sends or copies it."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Mapping[bytes, bytes] = _Nothing({})
"""The empty mapping that members without PAX records or xattrs share."""

RECORD_BYTES = 130
"""Roughly what a PAX record or xattr takes in memory besides its key and value."""

EXTENT_BYTES = 150
"""Roughly what one extent of a sparse map takes in memory."""

ORDINARY_NAME_BYTES = 256
"""Names and link targets up to this length are taken for granted in the bounds on memory."""


class EntryKind(StrEnum):
    """What a member says it is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARD_LINK = "hard-link"
    CHARACTER_DEVICE = "character-device"
    BLOCK_DEVICE = "block-device"
    FIFO = "fifo"
    UNKNOWN = "unknown"


# For what is asked of every entry: before Python 3.12, a look into an enumeration takes longer
# than all else that it takes to compare two kinds.
FILE: Final = EntryKind.FILE
DIRECTORY: Final = EntryKind.DIRECTORY
SYMLINK: Final = EntryKind.SYMLINK
HARD_LINK: Final = EntryKind.HARD_LINK
CHARACTER_DEVICE: Final = EntryKind.CHARACTER_DEVICE
UNKNOWN: Final = EntryKind.UNKNOWN


class Extent(NamedTuple):
    """A run of stored bytes in a sparse file: everything between extents is a hole."""

    offset: int
    length: int


class TarMember(NamedTuple):
    """One member: header, long names and PAX records already joined.

    A named tuple and not a dataclass: an image has a million of them, and a tuple is
    built three times faster (docs/adr/0002).
    """

    ordinal: int
    """Position in the archive, from 0; extension headers are not members and not counted."""
    name: bytes
    """The name as stored (PAX path, GNU long name, or prefix/name), nothing stripped."""
    kind: EntryKind
    mode: int
    """Permission bits with setuid, setgid and sticky: `mode & 0o7777`."""
    uid: int
    gid: int
    size: int
    """Logical size of a file's content in bytes; 0 for everything else."""
    mtime_ns: int
    """Nanoseconds since the epoch; may be negative."""
    link_name: bytes
    """Target of a symbolic or hard link as stored; empty otherwise."""
    header_offset: int
    """Of the member's first header block, extension headers included."""
    data_offset: int
    """Of the first stored content byte (after a PAX 1.0 sparse map)."""
    stored_size: int
    """Content bytes in the archive: less than `size` for a sparse file."""
    user_name: bytes = b""
    group_name: bytes = b""
    device: tuple[int, int] = (0, 0)
    """Major and minor number of a device."""
    xattrs: Mapping[bytes, bytes] = NOTHING
    """Extended attributes, name to raw value."""
    pax: Mapping[bytes, bytes] = NOTHING
    """PAX records in force for this member, xattrs left out, global ones included."""
    extents: tuple[Extent, ...] | None = None
    """A sparse file's stored runs, in order; None for a file without holes."""
    type_flag: bytes = b"0"
