"""A writer of tar archives that refuses no name, number or order.

Written by hand and not with `tarfile`, which normalises names and cannot write what a
hostile archive holds. Formats: POSIX.1-2001 pax (ustar, PAX), and the GNU tar manual,
"Basic Tar Format" and "Storing Sparse Files".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from math import floor

BLOCK = 512
END = bytes(2 * BLOCK)
"""The two zero blocks that end an archive."""


class TarFormat(StrEnum):
    """How headers are written; what a format cannot hold raises `ValueError`."""

    V7 = "v7"
    USTAR = "ustar"
    GNU = "gnu"
    """Long names as `././@LongLink` members, large numbers in base 256."""
    PAX = "pax"
    """Long names, large numbers and fractions as extended records."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that stand in the archive as they are."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One member, as it is to be written; nothing of it is checked or normalised."""

    name: bytes
    type_flag: bytes
    content: bytes = b""
    link_name: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    user_name: str = ""
    group_name: str = ""
    mtime: float | Decimal = 0
    """Seconds; `Decimal("1.000000001")` for fractions that a float does not hold."""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    """Written as `SCHILY.xattr.` records, in every format."""
    pax: Sequence[tuple[str, bytes]] = ()
    """Further extended records, in order, duplicates included."""
    declared_size: int | None = None
    """What the header says instead of the content's length."""
    sparse_map: tuple[tuple[int, int], ...] = ()
    """Offsets and lengths for an old GNU header; `sparse_size` is the logical size."""
    sparse_size: int = 0


Member = Entry | Raw


def tar(
    members: Iterable[Member], *, tar_format: TarFormat = TarFormat.PAX, end: bytes = END
) -> bytes:
    """Write `members` in order, then `end`; the same members always give the same bytes."""
    return b"".join(member_bytes(member, tar_format) for member in members) + end


def member_bytes(member: Member, tar_format: TarFormat) -> bytes:
    """Write one member: extension headers, header, content, padding."""
    if isinstance(member, Raw):
        return member.data
    records = [(f"SCHILY.xattr.{name}", value) for name, value in member.xattrs.items()]
    records += member.pax
    match tar_format:
        case TarFormat.PAX:
            needed, fitted = _fitted_by_records(member)
            extension, records = b"", needed + records
        case TarFormat.GNU:
            extension, fitted = _fitted_by_long_links(member)
        case _:
            extension, fitted = b"", member
    if records:
        extension += _pax_header(records, tar_format)
    sparse_blocks = _sparse_extension(member.sparse_map[4:])
    return extension + _header(fitted, tar_format) + sparse_blocks + padded(member.content)


def padded(data: bytes) -> bytes:
    """Fill `data` up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def pax_records(records: Iterable[tuple[str, bytes]]) -> bytes:
    """Write extended records: each begins with its own length, in decimal digits."""
    return b"".join(_pax_record(key.encode(), value) for key, value in records)


def _pax_record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def _pax_header(records: Iterable[tuple[str, bytes]], tar_format: TarFormat) -> bytes:
    content = pax_records(records)
    header = Entry(b"PaxHeaders/0", b"x", content)
    return _header(header, tar_format) + padded(content)


def _fitted_by_records(entry: Entry) -> tuple[list[tuple[str, bytes]], Entry]:
    """Return the records for what a ustar header cannot hold, and the entry without that."""
    records: list[tuple[str, bytes]] = []
    fitted = entry
    if _split_name(entry.name, TarFormat.PAX) is None:
        records.append(("path", entry.name))
        fitted = replace(fitted, name=entry.name[:100])
    if len(entry.link_name) > 100:
        records.append(("linkpath", entry.link_name))
        fitted = replace(fitted, link_name=entry.link_name[:100])
    whole = min(max(0, floor(entry.mtime)), 8**11 - 1)
    if entry.mtime != whole:
        records.append(("mtime", f"{Decimal(str(entry.mtime)):f}".encode()))
        fitted = replace(fitted, mtime=whole)
    if entry.uid >= 8**7:
        records.append(("uid", b"%d" % entry.uid))
        fitted = replace(fitted, uid=0)
    if entry.gid >= 8**7:
        records.append(("gid", b"%d" % entry.gid))
        fitted = replace(fitted, gid=0)
    if _size(entry) >= 8**11:
        records.append(("size", b"%d" % _size(entry)))
        fitted = replace(fitted, declared_size=0)
    return records, fitted


def _fitted_by_long_links(entry: Entry) -> tuple[bytes, Entry]:
    """Return GNU's members for long names, and the entry with what fits of them."""
    extension = b""
    for flag, name in ((b"K", entry.link_name), (b"L", entry.name)):
        if len(name) > 100:
            long_link = Entry(b"././@LongLink", flag, name + b"\0")
            extension += _header(long_link, TarFormat.GNU) + padded(long_link.content)
    return extension, replace(entry, name=entry.name[:100], link_name=entry.link_name[:100])


def _size(entry: Entry) -> int:
    return len(entry.content) if entry.declared_size is None else entry.declared_size


def _split_name(name: bytes, tar_format: TarFormat) -> tuple[bytes, bytes] | None:
    """Return ustar's name and prefix fields, or None where the name does not fit them."""
    if len(name) <= 100:
        return name, b""
    if tar_format in (TarFormat.USTAR, TarFormat.PAX):
        slash = name.find(b"/", len(name) - 101)
        if 0 < slash <= 155 and slash + 1 < len(name):
            return name[slash + 1 :], name[:slash]
    return None


def _header(entry: Entry, tar_format: TarFormat) -> bytes:
    split = _split_name(entry.name, tar_format)
    if split is None or len(entry.link_name) > 100:
        raise ValueError(f"a name of {entry.name[:40]!r}... does not fit {tar_format}")
    name, prefix = split
    numbers = ((entry.mode, 8), (entry.uid, 8), (entry.gid, 8), (_size(entry), 12))
    fields = [
        name.ljust(100, b"\0"),
        *(_number(value, width, tar_format) for value, width in numbers),
        _number(floor(entry.mtime), 12, tar_format),
        b" " * 8,
        entry.type_flag,
        entry.link_name.ljust(100, b"\0"),
    ]
    if tar_format is not TarFormat.V7:
        fields += _ustar_fields(entry, prefix, tar_format)
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _ustar_fields(entry: Entry, prefix: bytes, tar_format: TarFormat) -> Iterator[bytes]:
    """Give the fields from byte 257 on."""
    yield b"ustar  \0" if tar_format is TarFormat.GNU else b"ustar\x0000"
    for owner in (entry.user_name, entry.group_name):
        yield owner.encode()[:31].ljust(32, b"\0")
    for number in entry.device:
        yield _number(number, 8, tar_format)
    if not entry.sparse_map:
        yield prefix.ljust(155, b"\0")
        return
    yield bytes(41)
    yield _sparse_places(entry.sparse_map[:4], 4)
    yield b"\1" if len(entry.sparse_map) > 4 else b"\0"
    yield _number(entry.sparse_size, 12, TarFormat.GNU)


def _sparse_places(places: Sequence[tuple[int, int]], count: int) -> bytes:
    numbers = [number for place in places for number in place]
    written = b"".join(_number(number, 12, TarFormat.GNU) for number in numbers)
    return written.ljust(24 * count, b"\0")


def _sparse_extension(places: Sequence[tuple[int, int]]) -> bytes:
    """Write the blocks that hold the rest of an old GNU sparse map, 21 extents in each."""
    blocks = []
    for start in range(0, len(places), 21):
        more = b"\1" if start + 21 < len(places) else b"\0"
        blocks.append(padded(_sparse_places(places[start : start + 21], 21) + more))
    return b"".join(blocks)


def _number(value: int, width: int, tar_format: TarFormat) -> bytes:
    """Write octal digits and a zero byte, or GNU's base 256 where those do not suffice."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    if tar_format is not TarFormat.GNU:
        raise ValueError(f"the number {value} does not fit {tar_format}")
    encoded = bytearray(value.to_bytes(width, "big", signed=True))
    encoded[0] |= 0x80
    return bytes(encoded)
