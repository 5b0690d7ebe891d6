"""File content from a seed: text-like and binary-like bytes that compress like a real image.

A pool of each sort is made once, and every file is a slice of one of them. A pool is
far larger than the windows of gzip (32 KiB) and of zstd at level 3 (2 MiB), so a slice
seldom finds itself again: what compresses is the language, about 2.7:1 under gzip -6.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

POOL_BYTES = 24_000_000
CHUNK_BYTES = 1 << 20

_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_SHARE_TEXT = 0.6
"""Share of the small files that are text; the large ones are all binary-like."""
_TEXT_UP_TO_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Content:
    """Where the bytes of one file are: `size` bytes from `offset` of a pool, round and round."""

    binary: bool
    offset: int
    size: int


NO_CONTENT = Content(binary=False, offset=0, size=0)


def choose_content(generator: random.Random, size: int) -> Content:
    """Draw content of `size` bytes."""
    text = size <= _TEXT_UP_TO_BYTES and generator.random() < _SHARE_TEXT
    return Content(not text, generator.randrange(POOL_BYTES), size)


class Pools:
    """Both pools, each of `pool_bytes`; made when first needed, at full size in three seconds."""

    def __init__(self, seed: int, pool_bytes: int = POOL_BYTES) -> None:
        self._seed = seed
        self._pool_bytes = pool_bytes

    def read(self, content: Content) -> Iterator[bytes]:
        """Yield the bytes of one file, in chunks of at most `CHUNK_BYTES`."""
        left = content.size
        if not left:
            return
        pool = self._binary if content.binary else self._text
        offset = content.offset % len(pool)
        while left:
            chunk = pool[offset : offset + min(left, CHUNK_BYTES)]
            yield chunk
            left -= len(chunk)
            offset = (offset + len(chunk)) % len(pool)

    @cached_property
    def _text(self) -> bytes:
        generator = random.Random(self._seed)
        return _pool(generator, words(generator, 3_000), b" ", self._pool_bytes)

    @cached_property
    def _binary(self) -> bytes:
        generator = random.Random(self._seed + 1)
        return _pool(generator, _opcodes(generator, 1_400), b"", self._pool_bytes)


def words(generator: random.Random, count: int) -> list[bytes]:
    """Invent words; the same word may come twice."""
    return [
        "".join(generator.choices(_LETTERS, k=generator.randint(2, 10))).encode()
        for _ in range(count)
    ]


def _opcodes(generator: random.Random, count: int) -> list[bytes]:
    return [generator.randbytes(generator.randint(1, 12)) for _ in range(count)]


def _pool(generator: random.Random, tokens: list[bytes], between: bytes, size: int) -> bytes:
    """`size` bytes of tokens, the first ones far more frequent than the last (Zipf)."""
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(tokens))))
    pool = bytearray()
    while len(pool) < size:
        pool += between.join(generator.choices(tokens, cum_weights=weights, k=200_000)) + between
    return bytes(pool[:size])
