"""A layer of an image: what is declared of it, and ways to read it."""

import io
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from imgforensics.catalogue import LayerRecord
from imgforensics.closing import Closing
from imgforensics.compression import Compression, detect_compression
from imgforensics.digests import Digest
from imgforensics.errors import DamagedBlobError
from imgforensics.garbage import no_cycle_search
from imgforensics.layer.blob import LayerBlob
from imgforensics.layer.budget import EntryBudget
from imgforensics.layer.content import ForwardCursor, IteratorFile, window_of
from imgforensics.layer.entry import LayerEntry
from imgforensics.layer.stream import LayerFacts, LayerPass
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Location, Problem, ProblemCode
from imgforensics.sources.base import BlobSource


@dataclass(frozen=True, slots=True)
class LayerScan:
    """A layer's entries in the order of its tar, and the facts of the pass that read them."""

    entries: tuple[LayerEntry, ...]
    facts: LayerFacts

    @classmethod
    def of(cls, layer_pass: LayerPass) -> "LayerScan":
        """Run a pass to its end for its entries alone, and close it, whatever stops it."""
        with no_cycle_search(), closing(layer_pass):
            return cls(tuple(layer_pass), layer_pass.facts)


class Layer(Closing):
    """One layer of an image. Nothing is read before it is asked for."""

    def __init__(
        self,
        record: LayerRecord,
        source: BlobSource,
        limits: Limits = DEFAULT_LIMITS,
        *,
        scanned: LayerScan | None = None,
        budget: EntryBudget | None = None,
        spool_directory: Path | None = None,
    ) -> None:
        self.record = record
        self._blob = LayerBlob(record, source, limits)
        self._limits = limits
        self._scan = scanned
        self._budget = budget or EntryBudget(limits)
        if scanned is not None:
            self._budget.charge(record.index, len(scanned.entries), 0)
            self._charge_size(scanned)
        self._scan_lock = threading.Lock()
        self._cursor = ForwardCursor(self._blob.uncompressed_chunks, self.where, spool_directory)

    @property
    def index(self) -> int:
        """Position in the image, from 0 at the bottom."""
        return self.record.index

    @property
    def digest(self) -> Digest | None:
        """Of the blob as stored, as declared; None where the archive declares none."""
        return self.record.descriptor.digest if self.record.descriptor else None

    @property
    def diff_id(self) -> Digest | None:
        """Of the uncompressed tar, as the config declares it."""
        return self.record.diff_id

    @property
    def media_type(self) -> str | None:
        """As the manifest declares it."""
        return self.record.descriptor.media_type if self.record.descriptor else None

    @property
    def created_by(self) -> str | None:
        """The history row's instruction, where history and layers pair."""
        return self.record.history.created_by if self.record.history else None

    @property
    def is_present(self) -> bool:
        """Whether the source holds the blob."""
        return self.record.blob_name is not None

    def absence(self, action: str) -> Problem:
        """That the source does not hold the blob; `action` is what was done about it."""
        return Problem(
            ProblemCode.BLOB_MISSING,
            self.where,
            "the source does not hold this layer's blob",
            action,
        )

    @property
    def where(self) -> Location:
        """This layer, for problems and messages."""
        return self._blob.where

    @property
    def stored_size(self) -> int:
        """Bytes of the blob in the source; `MissingBlobError` when it is absent."""
        return self._blob.size

    @cached_property
    def compression(self) -> Compression:
        """Told by the blob's first bytes."""
        if self._scan is not None:
            return self._scan.facts.compression
        with self.open() as file:
            return detect_compression(file.read(16))

    def open(self) -> BinaryIO:
        """The blob as stored, unverified; `MissingBlobError` when it is absent."""
        return self._blob.open()

    def open_uncompressed(self) -> BinaryIO:
        """The layer's tar, forward only.

        Its end raises `DamagedBlobError` unless size, digest and diff_id are those declared.
        """
        return io.BufferedReader(IteratorFile(self._blob.verified_chunks()))

    def open_content(self, entry: LayerEntry) -> BinaryIO:
        """A file entry's content, seekable, holes filled in.

        Read from its place where the layer is stored uncompressed; else decoded up to it.
        Raises `DamagedBlobError` when the layer ends before the content does.
        """
        member = entry.member
        if self.compression is not Compression.NONE or member.extents is not None:
            return self._cursor.open_member(member)
        if member.data_offset + member.size > self.stored_size:
            raise DamagedBlobError(
                f"{self.where}: ends at offset {self.stored_size}, content of {member.size} bytes "
                f"at offset {member.data_offset} is lost"
            )
        return window_of(self.open(), member.data_offset, member.size, self.where)

    def begin_pass(
        self, *, threads: bool = False, progress: Callable[[int], None] | None = None
    ) -> LayerPass:
        """A new pass over the layer; `MissingBlobError` when the blob is absent.

        `progress` is told the size of every piece of the stored blob that was read.
        """
        stored = self._blob.stored_chunks(progress)
        return LayerPass(
            self.record, stored, self.where, self._limits, budget=self._budget, threads=threads
        )

    def scan(self, progress: Callable[[int], None] | None = None) -> LayerScan:
        """Entries and facts; read once and kept. `progress` as in :meth:`begin_pass`."""
        with self._scan_lock:
            if self._scan is not None:
                return self._scan
            return self._keep(LayerScan.of(self.begin_pass(progress=progress)))

    def keep(self, scanned: LayerScan) -> None:
        """Take a scan that a pass for another purpose made along the way; the first one stays.

        Raises `LimitExceededError` (`ratio`) when all layers so far come to too much.
        """
        with self._scan_lock:
            self._keep(scanned)

    def _keep(self, scanned: LayerScan) -> LayerScan:
        if self._scan is None:
            self._charge_size(scanned)
            self._scan = scanned
        return self._scan

    def _charge_size(self, scanned: LayerScan) -> None:
        facts = scanned.facts
        self._budget.charge_size(self.index, facts.stored_size, facts.size)

    @property
    def is_scanned(self) -> bool:
        """Whether entries and facts are known without reading."""
        return self._scan is not None

    @property
    def entries(self) -> tuple[LayerEntry, ...]:
        """Every member of the layer's tar, in its order; read once and kept."""
        return self.scan().entries

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What a whole pass over the layer found."""
        return self.scan().facts.problems

    def close(self) -> None:
        """Give back what reading content keeps open."""
        self._cursor.close()

    def __repr__(self) -> str:
        instruction = f" {self.created_by!r}" if self.created_by else ""
        return f"<Layer {self.index} {self.digest or self.diff_id}{instruction}>"
