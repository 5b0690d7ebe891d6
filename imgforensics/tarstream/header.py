"""One 512-byte header block: v7, ustar, star and GNU tar.

Formats: POSIX.1-1988 (ustar), the GNU tar manual ("Basic Tar Format"), star(5).
"""

import re
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple, TypeVar
from zlib import adler32

BLOCK: Final = 512
ZERO_BLOCK: Final = bytes(BLOCK)
LARGEST_NUMBER: Final = (1 << 63) - 1
LARGEST_SIZE: Final = 1 << 50
"""More stored bytes than this are taken for damage, which one can read on behind, and not for
content, which one cannot."""
_CACHED = 8_192

# name; mode, uid and gid; size; mtime; checksum; type flag; link name; magic, version, user
# and group names, device numbers; all the rest, where a prefix may stand. What repeats from
# member to member is decoded once.
_FIELDS = Struct("100s24s12s12s8sc100s88s167s").unpack_from
_OWNER_FIELDS = Struct("8s32s32s8s8s").unpack
_OCTAL = re.compile(rb"[ \0]*(-?[0-7]*) *(?:\0.*)?", re.DOTALL)
_new = tuple.__new__


class Layout(Enum):
    """What a block's magic says of the fields past its link name."""

    V7 = "v7"
    """None of them means anything."""
    USTAR = "ustar"
    """Owners, device numbers and a name prefix."""
    GNU = "gnu"
    """Owners and device numbers; times or a sparse map in the prefix's place."""


_Owner = tuple[Layout, bytes, bytes, tuple[int, int]]
_Value = TypeVar("_Value")


class Header(NamedTuple):
    """The fields of one block, numbers decoded, names cut at their first NUL."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    type_flag: bytes
    link_name: bytes
    user_name: bytes
    group_name: bytes
    device: tuple[int, int]
    flaw: str
    """Numbers, other than the size, that do not parse and were taken as 0; else empty."""


def looks_like_tar(block: bytes) -> bool:
    """Tell whether an archive may begin like this: a checksum that holds, or a block of zeros.

    Only the first 512 bytes are looked at; fewer are no tar.
    """
    if len(block) < BLOCK:
        return False
    block = bytes(block[:BLOCK])
    return block == ZERO_BLOCK or checksum_holds(block)


def has_magic(block: bytes) -> bool:
    """Whether the block names itself ustar or GNU tar; v7 headers do not."""
    return block[257:262] == b"ustar"


def checksum_holds(block: bytes) -> bool:
    """Whether the block's bytes add up to its checksum field, as unsigned or as signed chars.

    The signed sum is what some historic writers stored.
    """
    stored = number(block[148:156])
    counted = block[:148] + b" " * 8 + block[156:BLOCK]
    total = sum(counted)
    negative = sum(byte > 127 for byte in counted)
    return stored in (total, total - 256 * negative)


def number(field: bytes) -> int | None:
    """Read a header number: octal digits between spaces and NULs, or base-256; None for neither.

    An empty field is 0. What does not fit in 63 bits and a sign is no number.
    """
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        if value >> (bits - 1):
            value -= 1 << bits
    else:
        match = _OCTAL.fullmatch(field)
        if match is None or match[1] == b"-":
            return None
        value = int(match[1] or b"0", 8)
    return value if abs(value) <= LARGEST_NUMBER else None


def text(field: bytes) -> bytes:
    """Read a header string: all bytes before the first NUL, or all."""
    return field.partition(b"\0")[0]


def explain(block: bytes) -> str:
    """Why :meth:`HeaderDecoder.decode` refused this block, in words."""
    if not checksum_holds(block):
        return "no header here: the checksum does not hold"
    size = number(block[124:136])
    if size is None:
        return f"the size field {block[124:136]!r} is no number"
    return f"the size {size} is impossible"


class HeaderDecoder:
    """Decodes blocks, remembering (within bounds) the fields that repeat between members."""

    def __init__(self) -> None:
        self._totals: dict[bytes, int] = {}
        self._ids: dict[bytes, tuple[int, int, int, str]] = {}
        self._sizes: dict[bytes, int] = {}
        self._times: dict[bytes, int] = {}
        self._owners: dict[bytes, _Owner] = {}

    def decode(self, chunk: bytes, position: int) -> Header | None:
        """Read the header at `position`, behind which 512 bytes must lie.

        None if the checksum does not hold or the size is impossible.
        """
        name, ids_field, size_field, time_field, check, flag, link, owner_field, rest = _FIELDS(
            chunk, position
        )
        middle = position + 256
        # An Adler sum's low half is one more than its bytes' sum modulo 65,521. Half a block
        # cannot reach the modulus, so that two halves give the exact sum, at the speed of C.
        total = (adler32(chunk[position:middle]) & 0xFFFF) + (
            adler32(chunk[middle : position + BLOCK]) & 0xFFFF
        )
        if self._totals.get(check) != total and not self._verify(
            check, total, chunk[position : position + BLOCK]
        ):
            return None
        size = self._sizes.get(size_field)
        if size is None and (size := self._decode_size(size_field)) is None:
            return None
        mode, uid, gid, flaw = self._ids.get(ids_field) or self._decode_ids(ids_field)
        mtime_ns = self._times.get(time_field)
        if mtime_ns is None:
            mtime_ns, flaw = self._decode_time(time_field, flaw)
        layout, user, group, device = self._owners.get(owner_field) or self._decode_owner(
            owner_field
        )
        name = name.partition(b"\0")[0]
        if rest[0]:
            name = _prefixed(layout, rest, name)
        link = link.partition(b"\0")[0] if link[0] else b""
        return _new(
            Header,
            (name, mode, uid, gid, size, mtime_ns, flag, link, user, group, device, flaw),
        )

    def _verify(self, check: bytes, total: int, block: bytes) -> bool:
        stored = number(check)
        if stored is None:
            return False
        expected = stored + sum(check) - 8 * 0x20 + 2
        _remember(self._totals, check, expected)
        # Only bytes above 127 tell the signed sum, slow and seldom wanted, from the other.
        return expected == total or (not block.isascii() and checksum_holds(block))

    def _decode_size(self, field: bytes) -> int | None:
        size = number(field)
        if size is None or not 0 <= size <= LARGEST_SIZE:
            return None
        return _remember(self._sizes, field, size)

    def _decode_time(self, field: bytes, flaw: str) -> tuple[int, str]:
        seconds = number(field)
        if seconds is None:
            return 0, flaw or f"the modification time {field!r} is no number"
        return _remember(self._times, field, seconds * 1_000_000_000), flaw

    def _decode_ids(self, fields: bytes) -> tuple[int, int, int, str]:
        numbers = [number(fields[start : start + 8]) for start in (0, 8, 16)]
        flaw = "" if None not in numbers else f"mode, uid or gid {fields!r} is no number"
        mode, uid, gid = (value or 0 for value in numbers)
        return _remember(self._ids, fields, (mode & 0o7777, uid, gid, flaw))

    def _decode_owner(self, fields: bytes) -> _Owner:
        magic, user, group, major, minor = _OWNER_FIELDS(fields)
        layout = _layout(magic)
        if layout is Layout.V7:
            return _remember(self._owners, fields, (layout, b"", b"", (0, 0)))
        device = (number(major) or 0, number(minor) or 0)
        return _remember(self._owners, fields, (layout, text(user), text(group), device))


def _remember(cache: dict[bytes, _Value], field: bytes, value: _Value) -> _Value:
    if len(cache) >= _CACHED:
        cache.clear()
    cache[field] = value
    return value


def _layout(magic: bytes) -> Layout:
    if magic.startswith(b"ustar\0"):
        return Layout.USTAR
    return Layout.GNU if magic.startswith(b"ustar ") else Layout.V7


def _prefixed(layout: Layout, rest: bytes, name: bytes) -> bytes:
    """`prefix/name`, where the bytes after the device numbers begin with a prefix."""
    if layout is Layout.V7 or (layout is Layout.GNU and _holds_times(rest)):
        return name
    width = 131 if rest.endswith(b"tar\0") and _holds_times(rest[131:]) else 155
    return text(rest[:width]) + b"/" + name


def _holds_times(fields: bytes) -> bool:
    """Whether access and change time stand here, as GNU tar (at 345) and star (at 476) have them.

    Go before 1.8, and so Docker of that age, wrote a ustar prefix under GNU magic: text,
    which is no number.
    """
    return number(fields[:12]) is not None and number(fields[12:24]) is not None
