"""Ways to damage bytes, each drawn from a random generator."""

import io
import tarfile
from collections.abc import Callable
from random import Random

from tests.mutation.oracles import ITS_ERRORS

BLOCK = 512

Change = Callable[[Random, bytes], bytes]


def flip(draw: Random, data: bytes) -> bytes:
    """Change a bit, or all bits of a byte, in up to four places."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        changed[draw.randrange(len(data))] ^= draw.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
    return bytes(changed)


def cut(draw: Random, data: bytes) -> bytes:
    """Leave out the end, or a range."""
    start, end = _range(draw, data)
    return data[:start] + (data[end:] if draw.random() < 0.5 else b"")


def double(draw: Random, data: bytes) -> bytes:
    """Write a range twice."""
    start, end = _range(draw, data)
    return data[:end] + data[start:end] + data[end:]


def zero(draw: Random, data: bytes) -> bytes:
    """Let a range be zeros."""
    start, end = _range(draw, data)
    return data[:start] + bytes(end - start) + data[end:]


def insert(draw: Random, data: bytes) -> bytes:
    """Put bytes in between: random ones, or some from elsewhere."""
    start, end = _range(draw, data)
    size = min(end - start, 2_048)
    added = draw.randbytes(size) if draw.random() < 0.5 else data[start : start + size]
    place = draw.randrange(len(data) + 1)
    if draw.random() < 0.5:
        place -= place % BLOCK
        added = added.ljust(-(-size // BLOCK) * BLOCK, b"\0")
    return data[:place] + added + data[place:]


def swap(draw: Random, data: bytes) -> bytes:
    """Exchange two ranges that follow one another."""
    start, end = _range(draw, data)
    middle = draw.randrange(start, end + 1)
    middle -= (middle - start) % BLOCK
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def reorder(draw: Random, data: bytes) -> bytes:
    """Exchange two members of a tar, each with its extension headers and its content.

    What is no tar of two members has ranges exchanged.
    """
    bounds = _member_bounds(data)
    if len(bounds) < 3:
        return swap(draw, data)
    one, other = sorted(draw.sample(range(len(bounds) - 1), 2))
    (start, end), (other_start, other_end) = bounds[one : one + 2], bounds[other : other + 2]
    return b"".join(
        (
            data[:start],
            data[other_start:other_end],
            data[end:other_start],
            data[start:end],
            data[other_end:],
        )
    )


def _member_bounds(data: bytes) -> list[int]:
    """Where each member begins and the last one ends, as the standard library finds them."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="surrogateescape") as opened:
            return [*(member.offset for member in opened), opened.offset]
    except ITS_ERRORS:
        return []


def _range(draw: Random, data: bytes) -> tuple[int, int]:
    """Where a range begins and ends; mostly at blocks, mostly short."""
    start = draw.randrange(len(data))
    length = draw.choice((1, 8, 100, BLOCK, 2 * BLOCK, 10 * BLOCK, len(data)))
    if draw.random() < 0.6:
        start -= start % BLOCK
        length = -(-length // BLOCK) * BLOCK
    return start, min(len(data), start + draw.randint(1, length) if length > 1 else start + 1)


CHANGES: dict[str, Change] = {
    "flipped": flip,
    "cut": cut,
    "doubled": double,
    "zeroed": zero,
    "inserted": insert,
    "swapped": swap,
    "reordered": reorder,
}
