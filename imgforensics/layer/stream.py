"""The one pass over a layer: read, check, decompress, check, parse.

    stored bytes → digest → decompress → diff_id → tar members → entries

Whoever reads a layer goes through :class:`LayerStream`, so nobody can forget to verify: it
runs to the last stored byte, past the end of the tar and past the end of the last frame.
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from imgforensics.catalogue import LayerRecord
from imgforensics.compression import Compression, decompress, detect_compression
from imgforensics.digests import Digest
from imgforensics.errors import LimitExceededError
from imgforensics.layer.budget import EntryBudget, Weigher
from imgforensics.layer.entry import LayerEntry, climbs_above_root, normalise_path
from imgforensics.layer.readahead import read_ahead
from imgforensics.layer.tally import Tally
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Location, Problem, ProblemCode, ProblemLog
from imgforensics.tarstream.member import TarMember
from imgforensics.tarstream.reader import TarReader

_UNDECLARED = Digest.of(b"")
"""Chooses the algorithm where a layer's digest or diff_id is not declared."""

_new = tuple.__new__

_CLAIMS = {
    "+gzip": Compression.GZIP,
    ".gzip": Compression.GZIP,
    "+zstd": Compression.ZSTD,
    ".tar": Compression.NONE,
}
"""Endings of OCI and Docker layer media types, and the compression that each claims.

Source: https://github.com/opencontainers/image-spec/blob/main/media-types.md
"""


_LAG = 4
"""Chunks of each kind that may wait to be hashed, where two threads share that work."""

_CHARGED_EVERY = 1_024
"""Entries between two looks at the budget, where they are ordinary."""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What one whole pass over a layer found, apart from its entries."""

    digest: Digest
    """Of the blob as stored, computed."""
    diff_id: Digest
    """Of the uncompressed tar, computed; of as much as decodes when the blob is damaged."""
    stored_size: int
    """Bytes of the blob."""
    size: int
    """Bytes of the uncompressed tar."""
    compression: Compression
    problems: tuple[Problem, ...]


class LayerStream:
    """A layer's uncompressed bytes, both digests computed as they flow.

    Iterate it once; `facts()` gives the verdict when the iteration has ended by itself.
    With `threads`, a thread of its own reads and decompresses ahead; hashing is done by
    whichever of the two has time for it.
    """

    def __init__(
        self,
        record: LayerRecord,
        stored: Iterator[bytes],
        log: ProblemLog,
        limits: Limits = DEFAULT_LIMITS,
        *,
        threads: bool = False,
    ) -> None:
        self._record = record
        self._log = log
        self._source = stored
        decoding = ProblemLog(log.where)
        lag = _LAG if threads else 0
        self._stored = Tally(_expected_digest(record), lag=lag)
        self._plain = Tally(record.diff_id or _UNDECLARED, lag=lag)
        head = next(stored, b"")
        self.compression = detect_compression(head)

        chunks = self._stored.over(chain((head,) if head else (), stored))
        chunks = decompress(chunks, self.compression, decoding, limits)
        if self.compression is Compression.NONE and self._plain.algorithm == self._stored.algorithm:
            self._plain = self._stored  # the same bytes: hashed once
        else:
            chunks = self._plain.over(chunks)
        if threads:
            chunks = read_ahead(chunks, partial(_hash_one, self._plain, self._stored))
        self._chunks = _told(chunks, decoding, log)

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """End early: stops the thread and closes the blob, if `stored` does that."""
        self._chunks.close()
        if isinstance(self._source, Generator):
            self._source.close()  # what an error's traceback holds would keep it open

    def facts(self) -> LayerFacts:
        """The verdict, to be asked for when every chunk has been read."""
        facts = LayerFacts(
            digest=self._stored.digest(),
            diff_id=self._plain.digest(),
            stored_size=self._stored.size,
            size=self._plain.size,
            compression=self.compression,
            problems=(),
        )
        report_disagreements(self._record, facts, self._log)
        return replace(facts, problems=tuple(self._log))


def _told(
    chunks: Iterator[bytes], decoding: ProblemLog, log: ProblemLog
) -> Generator[bytes, None, None]:
    """The decoder's problems come behind the last chunk, whichever thread it runs in."""
    try:
        yield from chunks
    finally:
        log.take_over(decoding)


def _hash_one(plain: Tally, stored: Tally) -> bool:
    return plain.hash_one() or stored.hash_one()


def _expected_digest(record: LayerRecord) -> Digest:
    """Of the algorithm to hash with: as declared, or as the blob's name in a layout has it."""
    if record.descriptor:
        return record.descriptor.digest
    name = (record.blob_name or "").removeprefix("blobs/")
    try:
        return Digest.parse(name.replace("/", ":"))
    except ValueError:
        return _UNDECLARED


def report_disagreements(record: LayerRecord, facts: LayerFacts, log: ProblemLog) -> None:
    """Compare what a pass computed with what manifest and config declare."""
    descriptor = record.descriptor
    if descriptor:
        _check_media_type(descriptor.media_type, facts.compression, log)
    if descriptor and descriptor.size != facts.stored_size:
        _mismatch(log, ProblemCode.SIZE_MISMATCH, descriptor.size, facts.stored_size)
    if descriptor and descriptor.digest != facts.digest:
        _mismatch(log, ProblemCode.DIGEST_MISMATCH, descriptor.digest, facts.digest)
    if record.diff_id and record.diff_id != facts.diff_id:
        _mismatch(log, ProblemCode.DIFF_ID_MISMATCH, record.diff_id, facts.diff_id)


def _check_media_type(media_type: str, compression: Compression, log: ProblemLog) -> None:
    claims = [claim for ending, claim in _CLAIMS.items() if media_type.endswith(ending)]
    if claims and claims[0] is not compression:
        log.report(
            ProblemCode.COMPRESSION_MISDECLARED,
            f"the media type {media_type} claims {claims[0]}, the bytes are {compression}",
            action="read as what the bytes are",
        )


def _mismatch(log: ProblemLog, code: ProblemCode, declared: object, found: object) -> None:
    log.report(code, f"declared {declared}, found {found}", action="read all the same")


class LayerPass:
    """The entries of a layer, in the order of its tar, read from first byte to last.

    Between two entries, `content()` gives the stored content of the one just yielded. When
    the iteration has ended by itself, `facts` holds the verdict on the whole blob.
    """

    def __init__(
        self,
        record: LayerRecord,
        stored: Iterator[bytes],
        where: Location,
        limits: Limits = DEFAULT_LIMITS,
        *,
        budget: EntryBudget | None = None,
        threads: bool = False,
    ) -> None:
        self._index = record.index
        self._limits = limits
        self._budget = budget or EntryBudget(limits)
        self._log = ProblemLog(where)
        self._stream = LayerStream(record, stored, self._log, limits, threads=threads)
        self._reader = TarReader(self._stream, self._log, limits)
        self._facts: LayerFacts | None = None

    def __iter__(self) -> Iterator[LayerEntry]:
        try:
            yield from self._entries()
        except LimitExceededError as error:
            raise error.at(self._log.where) from error

    def _entries(self) -> Iterator[LayerEntry]:
        index, reader = self._index, self._reader
        weigh = Weigher(self._limits).weigh
        count = weight = 0
        for member in reader:
            path = normalise_path(member.name)
            count += 1
            added = weigh(member, path)
            if added or not count % _CHARGED_EVERY:
                weight += added
                self._budget.charge(index, count, weight)
            if path is not member.name and climbs_above_root(member.name):
                self._report_climbing(member)
            # What LayerEntry(...) does, without the call in between.
            yield _new(LayerEntry, (index, path, member, reader.is_past_end))
        self._budget.charge(index, count, weight)
        self._facts = self._stream.facts()

    def _report_climbing(self, member: TarMember) -> None:
        self._log.report(
            ProblemCode.ENTRY_OUTSIDE_ROOT,
            "its `..` parts lead above the root",
            action="kept inside the root",
            path=member.name,
            offset=member.header_offset,
        )

    def content(self) -> Iterable[memoryview]:
        """Stored content of the entry just yielded, in pieces valid until the next entry."""
        return self._reader.content()

    def close(self) -> None:
        """End early; `facts` stays unknown."""
        self._stream.close()

    @property
    def facts(self) -> LayerFacts:
        """The verdict, once the iteration has ended."""
        if self._facts is None:
            raise ValueError("the pass over this layer has not ended")
        return self._facts
