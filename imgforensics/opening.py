"""From a path or stream to an image: detect, list, choose, open."""

import os
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from imgforensics.catalogue import Catalogue, ImageRecord, LayerRecord, choose, read_catalogue
from imgforensics.closing import Closing
from imgforensics.errors import SourceUnreadableError
from imgforensics.image import Image
from imgforensics.layer.blob import layer_location
from imgforensics.layer.budget import EntryBudget
from imgforensics.layer.layer import LayerScan
from imgforensics.layer.stream import LayerPass, report_disagreements
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Location, ProblemLog
from imgforensics.sources.base import BlobSource
from imgforensics.sources.detect import open_source
from imgforensics.sources.stream import StreamSource, Visitor

Source = str | os.PathLike[str] | BinaryIO


def open_image(
    source: Source,
    *,
    image: str | int | None = None,
    platform: str | None = None,
    as_rootfs: bool = False,
    contents: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    spool_directory: Path | None = None,
) -> Image:
    """Open an image from a directory, an archive (compressed or not), or a stream.

    `source` is a path, one with skopeo's prefix (`oci:`, `docker-archive:`, `oci-archive:`,
    `dir:`), `-` for standard input, or a binary file. `image` chooses by name, digest or
    position in :func:`list_images`; `platform` is `os/architecture[/variant]`. `as_rootfs`
    opens a plain root filesystem archive as an image of one layer.

    What cannot be read at random (a pipe, an archive compressed as a whole) is copied to
    an unnamed temporary file in `spool_directory`; with `contents` false it is read once
    instead, everything but file contents can be asked for, and nothing is written. Large
    contents out of compressed layers are held there, too, while they are open.

    Raises `SourceUnreadableError`, `NotAnImageError`, `AmbiguousImageError`,
    `ImageNotFoundError`, `DamagedImageError` and `LimitExceededError`.
    """
    opened = open_catalogue(
        source,
        need=Need.CONTENTS if contents else Need.ENTRIES,
        as_rootfs=as_rootfs,
        limits=limits,
        spool_directory=spool_directory,
    )
    return opened.open_image(image, platform)


def list_images(
    source: Source, *, limits: Limits = DEFAULT_LIMITS, as_rootfs: bool = False
) -> tuple[ImageRecord, ...]:
    """Every image, attestation, signature and artifact that a source holds; layers unread.

    Raises `SourceUnreadableError`, `NotAnImageError` and `LimitExceededError`.
    """
    with open_catalogue(source, need=Need.DOCUMENTS, as_rootfs=as_rootfs, limits=limits) as opened:
        return opened.catalogue.records


class Need(Enum):
    """What will be asked of a source: how one that passes by once is to be read."""

    DOCUMENTS = "documents"
    """Nothing of the layers."""
    ENTRIES = "entries"
    """What layers hold, and digests; read as they pass by."""
    CONTENTS = "contents"
    """File contents: copied to a temporary file."""


def open_catalogue(
    source: Source,
    *,
    need: Need,
    as_rootfs: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    spool_directory: Path | None = None,
) -> "OpenedSource":
    """Open a source and read its documents, before it is settled which image is meant.

    For those who show what there is to choose from and go on with one of it; arguments are
    those of :func:`open_image`.

    Raises `SourceUnreadableError`, `NotAnImageError`, `DamagedDocumentError` and
    `LimitExceededError`.
    """
    visitors: dict[Need, Visitor] = {
        Need.DOCUMENTS: _ignore,
        Need.ENTRIES: _PassingLayers(limits).scan,
    }
    opened = open_source(
        source,
        limits=limits,
        spool_directory=spool_directory,
        visitor=visitors.get(need),
        whole_file=as_rootfs,
    )
    try:
        catalogue = read_catalogue(opened, limits)
    except BaseException:
        opened.close()
        raise
    return OpenedSource(catalogue, opened, limits, spool_directory)


class OpenedSource(Closing):
    """A source whose documents have been read. Closing it closes the source."""

    def __init__(
        self,
        catalogue: Catalogue,
        source: BlobSource,
        limits: Limits,
        spool_directory: Path | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.source = source
        self._limits = limits
        self._spool_directory = spool_directory

    def open_image(self, image: str | int | None = None, platform: str | None = None) -> Image:
        """The image that is meant; it closes the source from now on, also if this raises.

        Raises what :func:`~imgforensics.catalogue.choose` raises.
        """
        try:
            return self.image_of(choose(self.catalogue, image, platform))
        except BaseException:
            self.source.close()
            raise

    def image_of(self, record: ImageRecord) -> Image:
        """The image of one of the catalogue's records; it closes the source from now on."""
        scans = _scans_of(record, self.source)
        return Image(
            record,
            self.source,
            self._limits,
            scans=scans,
            problems=self.catalogue.problems,
            spool_directory=self._spool_directory,
        )

    def close(self) -> None:
        """Close the source."""
        self.source.close()


def _ignore(_name: str, content: Iterable[memoryview]) -> None:
    for _ in content:
        pass


class _PassingLayers:
    """Scans what passes by as layers, whatever it turns out to be: the documents come last.

    All of it counts towards one budget, the image's layers and everything beside them.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget = EntryBudget(limits)
        self._count = 0

    def scan(self, name: str, content: Iterable[memoryview]) -> LayerScan:
        """Read one member as a layer that is known by its number among them."""
        nameless = LayerRecord(index=self._count, blob_name=name)
        self._count += 1
        chunks = (bytes(piece) for piece in content)
        where = Location(blob=name)
        layer_pass = LayerPass(nameless, chunks, where, self._limits, budget=self._budget)
        scanned = LayerScan.of(layer_pass)
        facts = scanned.facts
        self._budget.charge_size(nameless.index, facts.stored_size, facts.size)
        return scanned


def _scans_of(record: ImageRecord, source: BlobSource) -> dict[int, LayerScan]:
    """The image's layers that were scanned as they passed, by index."""
    if not isinstance(source, StreamSource):
        return {}
    scans = {}
    for layer in record.layers:
        outcome = source.outcome(layer.blob_name or "")
        if isinstance(outcome, LayerScan):
            scans[layer.index] = _adopted(outcome, layer, source)
    return scans


def _adopted(scan: LayerScan, record: LayerRecord, source: BlobSource) -> LayerScan:
    """A scan that was made before it was known which layer it is of."""
    where = layer_location(record, source)
    digest = record.descriptor.digest if record.descriptor else None
    for declared, computed in ((digest, scan.facts.digest), (record.diff_id, scan.facts.diff_id)):
        if declared is not None and declared.algorithm != computed.algorithm:
            raise SourceUnreadableError(
                f"{where}: declares a {declared.algorithm} digest, which is not computed while a "
                "source passes by; save it to a file and open that"
            )
    log = ProblemLog(where)
    report_disagreements(record, scan.facts, log)
    found = (
        replace(problem, where=replace(where, offset=problem.where.offset, path=problem.where.path))
        for problem in scan.facts.problems
    )
    facts = replace(scan.facts, problems=(*found, *log))
    entries = tuple(entry._replace(layer_index=record.index) for entry in scan.entries)
    return LayerScan(entries, facts)
