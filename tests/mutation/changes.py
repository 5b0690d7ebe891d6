"""Ways to damage bytes, each drawn from a random generator."""

from collections.abc import Callable
from random import Random

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
    """Exchange two ranges that follow one another, as members that are reordered."""
    start, end = _range(draw, data)
    middle = draw.randrange(start, end + 1)
    middle -= (middle - start) % BLOCK
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


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
    "reordered": swap,
}
