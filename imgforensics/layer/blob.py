"""A layer's blob in its source: as stored, and uncompressed."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from imgforensics.catalogue import LayerRecord
from imgforensics.compression import read_chunks
from imgforensics.errors import DamagedBlobError, MissingBlobError
from imgforensics.layer.stream import LayerStream
from imgforensics.limits import Limits
from imgforensics.problems import Location, ProblemLog, has_errors
from imgforensics.sources.base import BlobSource

Chunks = Generator[bytes, None, None]
"""Closing them closes the file that they come from."""


@dataclass(frozen=True, slots=True)
class LayerBlob:
    """Where a layer's bytes come from; all but `where` raise `MissingBlobError` if it is absent."""

    record: LayerRecord
    source: BlobSource
    limits: Limits

    @property
    def where(self) -> Location:
        """The layer, for problems and messages."""
        return layer_location(self.record, self.source)

    @property
    def name(self) -> str:
        """The blob's name in the source."""
        if self.record.blob_name is None:
            raise MissingBlobError(
                f"{self.where}: the source does not hold this layer's blob; "
                "save the image again with all its layers, or ask for a layer below it"
            )
        return self.record.blob_name

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return self.source.size(self.name)

    def open(self) -> BinaryIO:
        """The bytes as stored."""
        return self.source.open(self.name)

    def stored_chunks(self, progress: Callable[[int], None] | None = None) -> Chunks:
        """The bytes as stored; `progress` is told the size of every piece."""
        chunks = _chunks_then_close(self.open())
        return chunks if progress is None else _told(chunks, progress)

    def uncompressed_chunks(self, log: ProblemLog) -> Iterator[bytes]:
        """The layer's tar; what is wrong with it goes to `log`, nothing is raised for it."""
        return iter(LayerStream(self.record, self.stored_chunks(), log, self.limits))

    def verified_chunks(self) -> Iterator[bytes]:
        """The layer's tar; raises `DamagedBlobError` at its end unless it is what is declared."""
        log = ProblemLog(self.where)
        stream = LayerStream(self.record, self.stored_chunks(), log, self.limits)
        yield from stream
        problems = stream.facts().problems
        if has_errors(problems):
            raise DamagedBlobError("; ".join(str(problem) for problem in problems))


def layer_location(record: LayerRecord, source: BlobSource) -> Location:
    """A layer, for problems and messages."""
    digest = record.descriptor.digest if record.descriptor else None
    blob = digest or record.blob_name or record.diff_id
    return Location(
        source=source.description, blob=None if blob is None else str(blob), layer=record.index
    )


def _told(chunks: Chunks, progress: Callable[[int], None]) -> Chunks:
    with closing(chunks):
        for chunk in chunks:
            progress(len(chunk))
            yield chunk


def _chunks_then_close(file: BinaryIO) -> Chunks:
    with file:
        yield from read_chunks(file)
