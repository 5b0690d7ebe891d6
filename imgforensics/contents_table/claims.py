"""What a table says of contents: digests of files and chunks, and where their bytes are stored.

A lazily pulling runtime fetches each chunk from the offset that the table gives, and refuses
what does not hash to the digest that the table gives. So a table with the digests of the tar's
content can make such a runtime fail, and cannot make it show other content.
"""

from typing import NamedTuple

from imgforensics.contents_table.document import CHUNK, TableRow
from imgforensics.problems import ProblemCode, ProblemLog

_MOST_CHUNKS = 500_000
"""Chunks of divided files held at once; a layer of 32 GB has about as many."""
_PREFIX = "sha256:"


class Chunk(NamedTuple):
    """A part of a file."""

    offset: int
    size: int
    digest: bytes
    """SHA-256, raw; empty for a hole, and where the table gives none."""
    is_hole: bool


class FileClaim(NamedTuple):
    """What the table says of one file's content."""

    size: int
    digest: bytes
    """SHA-256 of the whole, raw; empty where the table gives none."""
    chunks: tuple[Chunk, ...]
    """Empty where `digest` says it all."""


class ContentClaims:
    """Collects the claims of a table, row after row, and tells those that make no sense."""

    def __init__(self, data_end: int, log: ProblemLog) -> None:
        self._data_end = data_end
        self._log = log
        self._file: TableRow | None = None
        self._chunks: list[Chunk] = []
        self._position: int | None = None
        self._path = b""
        self._further_chunks = 0
        self._is_cut = False
        """Whether chunks of this file were left out."""
        self.by_position: dict[int, FileClaim] = {}
        """By the entry's place in the tar; the last one where a table repeats itself."""

    def begin(self, row: TableRow, position: int | None, path: bytes) -> None:
        """Take an entry's row in; `position` is its place in the tar, where it is there."""
        self.end()
        self._path = path
        if row.type == "reg":
            self._file, self._position, self._is_cut = row, position, False
            self._chunks.append(_chunk_of(row, row.size))
            self._check_place(row)

    def add_chunk(self, row: TableRow) -> None:
        """Take in one more chunk of the file of the row before."""
        if self._file is None or row.name not in ("", self._file.name):
            self._damaged("a chunk of it does not follow its own row", row.name.encode())
            return
        self._further_chunks += 1
        self._check_place(row)
        self._is_cut = self._further_chunks > _MOST_CHUNKS
        if not self._is_cut:
            self._chunks.append(_chunk_of(row, self._file.size))
        elif self._further_chunks == _MOST_CHUNKS + 1:
            self._log.report(
                ProblemCode.CONTENTS_TABLE_UNCHECKED,
                f"it divides files into more than {_MOST_CHUNKS} chunks",
                action="from here on, divided files were not compared by content",
                path=self._path,
            )

    def end(self) -> None:
        """Judge the file whose rows are complete."""
        file, chunks = self._file, tuple(self._chunks)
        self._file, self._chunks = None, []
        if file is not None and file.size and not self._is_cut:
            self._judge(_claim_of(file, chunks))

    def _judge(self, claim: FileClaim) -> None:
        if not _is_covered(claim):
            self._damaged("its chunks overlap, leave a gap or end outside of it")
            return
        if not claim.digest and not all(chunk.is_hole or chunk.digest for chunk in claim.chunks):
            self._damaged("it gives no SHA-256 of all its content, so nothing holds readers to it")
        if self._position is not None:
            self.by_position[self._position] = claim

    def _check_place(self, row: TableRow) -> None:
        is_stored = (row.size or row.type == CHUNK) and not row.is_hole
        if is_stored and not 0 < row.offset < self._data_end:
            self._damaged(
                f"its content is said to be stored at {row.offset}, and the layer's entries end "
                f"at {self._data_end}"
            )

    def _damaged(self, detail: str, path: bytes | None = None) -> None:
        self._log.report(
            ProblemCode.CONTENTS_TABLE_DAMAGED, detail, path=self._path if path is None else path
        )


def _chunk_of(row: TableRow, file_size: int) -> Chunk:
    size = row.chunk_size or file_size - row.chunk_offset
    return Chunk(row.chunk_offset, size, _raw(row.chunk_digest), row.is_hole)


def _claim_of(file: TableRow, chunks: tuple[Chunk, ...]) -> FileClaim:
    size, digest = file.size, _raw(file.digest)
    if len(chunks) == 1 and chunks[0] in ((0, size, digest, False), (0, size, b"", False)):
        chunks = ()
    return FileClaim(size, digest, chunks)


def _is_covered(claim: FileClaim) -> bool:
    end = 0
    for chunk in claim.chunks:
        if chunk.offset != end or chunk.size <= 0:
            return False
        end += chunk.size
    return not claim.chunks or end == claim.size


def _raw(digest: str) -> bytes:
    """A SHA-256's bytes; nothing for anything else."""
    try:
        return bytes.fromhex(digest.removeprefix(_PREFIX)) if digest.startswith(_PREFIX) else b""
    except ValueError:
        return b""
