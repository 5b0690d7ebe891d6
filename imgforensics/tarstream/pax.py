"""PAX extended headers: the records ahead of a member, and those in force for all that follow.

Formats: POSIX.1-2001 (pax Interchange Format), the GNU tar manual ("Storing Sparse Files"),
star(5) for `SCHILY.`, libarchive's tar(5) for `LIBARCHIVE.`.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass, field

from imgforensics.tarstream.header import LARGEST_NUMBER, LARGEST_SIZE

MAXIMUM_GLOBAL_RECORDS = 128
"""Global records in force at once. Writers use a handful; each member carries them all."""

MEMBER_KEYS = frozenset(
    (b"path", b"linkpath", b"size", b"uid", b"gid", b"uname", b"gname", b"mtime")
)
"""Keys that change what a header says."""

_LENGTH_DIGITS = 20
_SCHILY_XATTR = b"SCHILY.xattr."
_LIBARCHIVE_XATTR = b"LIBARCHIVE.xattr."
_SPARSE_PAIR = frozenset((b"GNU.sparse.offset", b"GNU.sparse.numbytes"))
_NUMBERS = frozenset((b"size", b"uid", b"gid", b"SCHILY.devmajor", b"SCHILY.devminor"))
_SECONDS = re.compile(rb"(-?)(\d{1,18})(?:\.(\d*))?")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_GNU_ESCAPE = re.compile(rb"%(3D|25)")


class InvalidRecordError(ValueError):
    """A record that does not parse; where reading on is possible, it is left out."""


def records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Split an extended header into its `length key=value` records, exactly by their lengths.

    Values may hold newlines and NULs. Raises InvalidRecordError where the next record's length
    is wrong, so that no later one can be found.
    """
    position, end = 0, len(data)
    while position < end:
        space = data.find(b" ", position, position + _LENGTH_DIGITS)
        digits = data[position : max(space, position)]
        if not digits.isdigit():
            if not data[position:].strip(b"\0"):
                return
            raise InvalidRecordError(f"no record length at byte {position} of {end}")
        following = position + int(digits)
        if not space + 1 < following <= end or data[following - 1] != 0x0A:
            raise InvalidRecordError(
                f"wrong record length {int(digits)} at byte {position} of {end}"
            )
        key, _, value = data[space + 1 : following - 1].partition(b"=")
        yield key, value
        position = following


@dataclass(slots=True)
class Records:
    """What one or several extended headers say."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    """Key to value, the last one of each key; xattrs left out."""
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    escaped_names: set[bytes] = field(default_factory=set)
    """Names of xattrs that stood in libarchive's own form, as they stood there."""
    removed: set[bytes] = field(default_factory=set)
    """Keys that an empty value took out of force."""
    sparse_pairs: list[tuple[bytes, bytes]] = field(default_factory=list)
    """`GNU.sparse.offset` and `.numbytes` (format 0.0), which repeat, in order."""

    def add(self, key: bytes, value: bytes) -> None:
        """Take one record in.

        Raises InvalidRecordError if its value is not what its key demands.
        """
        if key.startswith(_SCHILY_XATTR):
            self.xattrs[self._schily_name(key)] = value
        elif key.startswith(_LIBARCHIVE_XATTR):
            escaped = key[len(_LIBARCHIVE_XATTR) :]
            self.escaped_names.add(escaped)
            # Where both forms are given they say the same; the raw one cannot be misread.
            self.xattrs.setdefault(_unescaped(escaped), _base64(value))
        elif not value:
            self.values.pop(key, None)
            self.removed.add(key)
        else:
            self._add_value(key, value)

    def _add_value(self, key: bytes, value: bytes) -> None:
        if key in _NUMBERS and not is_number(value):
            raise InvalidRecordError(f"{key.decode()} is no number from 0 to {LARGEST_NUMBER}")
        if key == b"size" and int(value) > LARGEST_SIZE:
            raise InvalidRecordError(f"the size {int(value)} is impossible")
        if key == b"mtime" and not _SECONDS.fullmatch(value):
            raise InvalidRecordError("mtime is no number of seconds of at most 18 digits")
        if not key:
            raise InvalidRecordError("a record has no key, or no equals sign")
        self.values[key] = value
        self.removed.discard(key)
        if key in _SPARSE_PAIR:
            self.sparse_pairs.append((key, value))

    def _schily_name(self, key: bytes) -> bytes:
        name = key[len(_SCHILY_XATTR) :]
        if b"%" not in name:
            return name
        # libarchive escapes here what it escapes in its own form, which it writes first; GNU
        # tar only what would end the key, and the escape character.
        return _unescaped(name) if name in self.escaped_names else _GNU_ESCAPE.sub(_unescape, name)

    def overlaid(self, later: "Records") -> "Records":
        """Give these global records as a later global header leaves them."""
        values = {k: v for k, v in self.values.items() if k not in later.removed} | later.values
        xattrs = {k: v for k, v in (self.xattrs | later.xattrs).items() if v}
        return Records(values, xattrs)

    def for_member(self, own: "Records") -> "Records":
        """Give these global records with a member's own on top."""
        if not self.values and not self.xattrs:
            return own
        if not own.values and not own.xattrs and not own.removed:
            return self
        values = {k: v for k, v in self.values.items() if k not in own.removed} | own.values
        return Records(values, self.xattrs | own.xattrs, sparse_pairs=own.sparse_pairs)

    def weight(self) -> int:
        """Bytes of all keys and values."""
        return sum(
            len(key) + len(value)
            for pairs in (self.values, self.xattrs)
            for key, value in pairs.items()
        )


def is_number(value: bytes) -> bool:
    """Whether a value is decimal digits for a number of at most 63 bits."""
    return value.isdigit() and len(value) < _LENGTH_DIGITS and int(value) <= LARGEST_NUMBER


def nanoseconds(value: bytes) -> int:
    """Convert an mtime that :meth:`Records.add` took in.

    Digits past the ninth are cut off towards the past, as GNU tar does.
    """
    match = _SECONDS.fullmatch(value)
    if match is None:
        raise InvalidRecordError("mtime is no number of seconds")
    sign, seconds, fraction = match[1], int(match[2]), match[3] or b""
    total = seconds * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))
    if not sign:
        return total
    return -total - (1 if fraction[9:].strip(b"0") else 0)


def _unescaped(name: bytes) -> bytes:
    return _ESCAPE.sub(_unescape, name)


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),))


def _base64(value: bytes) -> bytes:
    digits = value.rstrip(b"=")
    try:
        return a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True)
    except Base64Error as error:
        raise InvalidRecordError(f"an xattr's value is no base64 ({error})") from None
