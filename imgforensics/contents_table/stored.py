"""A table as it is stored in a layer's blob, and what the manifest declares of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from imgforensics.compression import READ_SIZE, Compression, decompress
from imgforensics.contents_table.document import DamagedTableError
from imgforensics.digests import Digest, Hasher
from imgforensics.limits import Limits
from imgforensics.problems import ProblemLog

_SHA256 = Digest.of(b"")


class TableForm(StrEnum):
    """What kind of table it is, and so who reads it."""

    ESTARGZ = "eStargz"
    STARGZ = "stargz"
    """eStargz's forerunner: the same but for the footer."""
    ZSTD_CHUNKED = "zstd:chunked"


class Tally:
    """Hashes and counts what flows through it."""

    def __init__(self) -> None:
        self._hasher: Hasher = _SHA256.hasher()
        self.size = 0

    def over(self, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
        """Pass everything on."""
        for chunk in chunks:
            self._hasher.update(chunk)
            self.size += len(chunk)
            yield bytes(chunk)

    @property
    def digest(self) -> Digest:
        """Of what flowed through so far (SHA-256: no writer uses another)."""
        return Digest("sha256", self._hasher.hexdigest())


@dataclass(frozen=True, slots=True)
class StoredTable:
    """Where a table is, and its JSON as it is read."""

    form: TableForm
    data_end: int
    """Bytes of the blob that hold the layer's entries: where the first metadata begins."""
    json: Iterator[bytes]
    json_tally: Tally
    """Of the JSON."""
    json_size: int | None = None
    """As declared (zstd:chunked)."""
    frame_tally: Tally | None = None
    """Of the table as it is compressed (zstd:chunked)."""
    tar_split: tuple[int, int] | None = None
    """Offset and length of a zstd:chunked layer's compressed tar-split."""


def read_range(file: BinaryIO, offset: int, length: int) -> Iterator[bytes]:
    """Read a part of the blob in pieces."""
    file.seek(offset)
    while length > 0 and (chunk := file.read(min(length, READ_SIZE))):
        length -= len(chunk)
        yield chunk


def inflate(
    chunks: Iterable[bytes], compression: Compression, what: str, limits: Limits
) -> Iterator[bytes]:
    """Decompress a part of the blob; DamagedTableError where it does not decode to its end."""
    log = ProblemLog()
    yield from decompress(chunks, compression, log, limits)
    for problem in log:
        raise DamagedTableError(f"{what}: {problem.detail}")
