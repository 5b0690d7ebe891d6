"""Sparse files: their maps in four formats, and their content laid out with its holes.

Formats: the GNU tar manual ("Storing Sparse Files") for PAX 0.0, 0.1 and 1.0; GNU tar's
`tar.h` (`oldgnu_header`, `sparse_header`) for the old one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import display
from imgforensics.tarstream.header import BLOCK, number
from imgforensics.tarstream.member import Extent, TarMember
from imgforensics.tarstream.pax import Records, is_number

_ZEROS = memoryview(bytes(128 << 10))
_MAP_PAIR = re.compile(rb"(\d{1,19}),(\d{1,19})(?:,|$)")
_LINE_LENGTH = 20

Blocks = Callable[[], bytes]
"""Gives the next 512 bytes of the archive, or fewer where it, or the member, ends."""


class SparseMapError(ValueError):
    """A sparse map that does not parse or does not fit its file."""


def expand(member: TarMember, pieces: Iterable[memoryview]) -> Iterator[tuple[int, memoryview]]:
    """Place stored content: (offset in the file, bytes); what is not covered is a hole.

    `pieces` is the member's :meth:`~imgforensics.tarstream.reader.TarReader.content`. Ends
    early where that does.
    """
    if member.extents is None:
        offset = 0
        for piece in pieces:
            yield offset, piece
            offset += len(piece)
        return
    extents = iter(member.extents)
    offset, room = 0, 0
    for piece in pieces:
        start = 0
        while start < len(piece):
            if not room:
                offset, room = next(extents)
            part = piece[start : start + room]
            yield offset, part
            start += len(part)
            offset += len(part)
            room -= len(part)


def logical_content(member: TarMember, pieces: Iterable[memoryview]) -> Iterator[memoryview]:
    """Give the content as a reader of the file sees it, holes as zeros, in bounded pieces.

    Zeros are slices of one shared buffer. Where stored content ends early (a truncated
    archive), this ends there too: no zeros are made up for what is missing.
    """
    if member.extents is None:
        yield from pieces
        return
    reached, stored = 0, 0
    for offset, part in expand(member, pieces):
        yield from zeros(offset - reached)
        yield part
        reached = offset + len(part)
        stored += len(part)
    if stored == member.stored_size:
        yield from zeros(member.size - reached)


def zeros(count: int) -> Iterator[memoryview]:
    """`count` zero bytes, as slices of one shared buffer."""
    while count > 0:
        yield _ZEROS[:count]
        count -= len(_ZEROS)


def read_old_map(header: bytes, blocks: Blocks, limits: Limits) -> tuple[int, list[int]]:
    """Read an old GNU map, which stands in the header and in extension blocks behind it.

    Returns the file's logical size in bytes, and offset and length of each run, alternating.
    Raises SparseMapError if a number in it is none or the archive ends before the map does,
    and LimitExceededError (`sparse_extents`).
    """
    numbers = _old_numbers(header[386:482])
    extended = header[482]
    while extended:
        block = blocks()
        if len(block) < BLOCK:
            raise SparseMapError("the archive ends inside the map")
        numbers += _old_numbers(block[:504])
        _check_count(len(numbers) // 2, limits)
        extended = block[504]
    size = number(header[483:495])
    if size is None or size < 0:
        raise SparseMapError("the logical size is no number")
    return size, numbers


def _old_numbers(entries: bytes) -> list[int]:
    numbers = []
    for start in range(0, len(entries), 12):
        field = entries[start : start + 12]
        if not field[0]:
            break
        value = number(field)
        if value is None:
            raise SparseMapError(f"{field!r} is no number")
        numbers.append(value)
    return numbers


def is_sparse(records: Records) -> bool:
    """Whether PAX records describe a sparse file, in any version."""
    return bool(records.sparse_pairs) or not records.values.keys().isdisjoint(_MARKS)


def has_stray_records(records: Records) -> bool:
    """Whether records that mean something in a sparse file only are there, in one that is none."""
    return not records.values.keys().isdisjoint(_STRAY)


def is_half_versioned(records: Records) -> bool:
    """Whether only one half of the version stands in the records."""
    return (b"GNU.sparse.major" in records.values) != (b"GNU.sparse.minor" in records.values)


_STRAY = (b"GNU.sparse.minor", b"GNU.sparse.realsize", b"GNU.sparse.size")
_MARKS = (b"GNU.sparse.major", b"GNU.sparse.map", b"GNU.sparse.numblocks")


def read_pax_map(records: Records, blocks: Blocks, limits: Limits) -> tuple[int, list[int]]:
    """Read a PAX sparse map: 0.0 and 0.1 stand in the records, 1.0 ahead of the content.

    Returns and raises as :func:`read_old_map`.
    """
    values = records.values
    version = values.get(b"GNU.sparse.major", b"0"), values.get(b"GNU.sparse.minor", b"0")
    if version == (b"1", b"0"):
        return _size(values, b"GNU.sparse.realsize"), _read_numbers(blocks, limits)
    if version not in ((b"0", b"0"), (b"0", b"1")):
        raise SparseMapError("version " + display(b".".join(version)[:_LINE_LENGTH]))
    if b"GNU.sparse.map" in values:
        return _size(values, b"GNU.sparse.size"), _split_map(values[b"GNU.sparse.map"], limits)
    return _size(values, b"GNU.sparse.size"), _join_pairs(records.sparse_pairs, limits)


def _size(values: Mapping[bytes, bytes], key: bytes) -> int:
    value = values.get(key, b"")
    if not is_number(value):
        raise SparseMapError(f"{key.decode()} is absent or no number")
    return int(value)


def _join_pairs(pairs: list[tuple[bytes, bytes]], limits: Limits) -> list[int]:
    _check_count(len(pairs) // 2, limits)
    keys = {key for key, _ in pairs[::2]}, {key for key, _ in pairs[1::2]}
    if pairs and keys != ({b"GNU.sparse.offset"}, {b"GNU.sparse.numbytes"}):
        raise SparseMapError("offsets and lengths do not alternate")
    if not all(is_number(value) for _, value in pairs):
        raise SparseMapError("an offset or a length is no number")
    return [int(value) for _, value in pairs]


def _split_map(value: bytes, limits: Limits) -> list[int]:
    _check_count((value.count(b",") + 1) // 2, limits)
    numbers: list[int] = []
    position = 0
    while position < len(value):
        match = _MAP_PAIR.match(value, position)
        if match is None:
            raise SparseMapError(f"no pair of numbers at byte {position} of the map")
        numbers += (int(match[1]), int(match[2]))
        position = match.end()
    return numbers


def _read_numbers(blocks: Blocks, limits: Limits) -> list[int]:
    lines = _lines(blocks)
    count = next(lines)
    _check_count(count, limits)
    return [next(lines) for _ in range(2 * count)]


def _lines(blocks: Blocks) -> Iterator[int]:
    """Decimal numbers, each ended by a newline."""
    rest = b""
    while len(rest) <= _LINE_LENGTH:
        block = blocks()
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if not is_number(line):
                raise SparseMapError(f"{line[:_LINE_LENGTH]!r} is no number")
            yield int(line)
        if len(block) < BLOCK:
            raise SparseMapError("the content ends inside the map")
    raise SparseMapError("a line of the map is too long for a number")


def _check_count(count: int, limits: Limits) -> None:
    if count > limits.sparse_extents:
        raise LimitExceededError(
            "sparse_extents", limits.sparse_extents, f"a sparse map of {count} extents"
        )


def extents_within(numbers: list[int], size: int, stored_size: int) -> tuple[Extent, ...]:
    """Pair the numbers up, leaving out runs that hold nothing.

    Raises SparseMapError if the runs are not in order, leave `size`, or do not add up to
    `stored_size`.
    """
    if len(numbers) % 2:
        raise SparseMapError("an offset has no length")
    extents = []
    reached = total = 0
    for offset, length in zip(numbers[::2], numbers[1::2], strict=True):
        if offset < reached or length < 0:
            raise SparseMapError(f"a run of {length} bytes at {offset} is out of order")
        reached = offset + length
        total += length
        if length:
            extents.append(Extent(offset, length))
    if reached > size:
        raise SparseMapError(f"runs reach to {reached} in a file of {size} bytes")
    if total != stored_size:
        raise SparseMapError(f"runs of {total} bytes in all, {stored_size} bytes are stored")
    return tuple(extents)
