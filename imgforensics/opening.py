"""From a path or stream to an image: detect, list, choose, open."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from imgforensics.catalogue import ImageRecord, LayerRecord, choose, read_catalogue
from imgforensics.image import Image
from imgforensics.layer.layer import LayerScan
from imgforensics.layer.stream import LayerPass, report_disagreements
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Location, ProblemLog
from imgforensics.sources.base import BlobSource
from imgforensics.sources.detect import open_source

Source = str | Path | BinaryIO


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
    instead, everything but file contents can be asked for, and nothing is written.

    Raises `SourceUnreadableError`, `NotAnImageError`, `AmbiguousImageError`,
    `ImageNotFoundError`, `DamagedImageError` and `LimitExceededError`.
    """
    passing = _PassingLayers(limits)
    opened = open_source(
        source,
        limits=limits,
        spool_directory=spool_directory,
        visitor=None if contents else passing.visit,
        whole_file=as_rootfs,
    )
    try:
        catalogue = read_catalogue(opened, limits)
        record = choose(catalogue, opened.reference if image is None else image, platform)
        return Image(record, opened, limits, passing.scans_of(record, opened))
    except BaseException:
        opened.close()
        raise


def list_images(
    source: Source, *, limits: Limits = DEFAULT_LIMITS, as_rootfs: bool = False
) -> tuple[ImageRecord, ...]:
    """Every image, attestation, signature and artifact that a source holds; layers unread.

    Raises `SourceUnreadableError`, `NotAnImageError` and `LimitExceededError`.
    """
    with open_source(source, limits=limits, visitor=_ignore, whole_file=as_rootfs) as opened:
        return read_catalogue(opened, limits).records


def _ignore(_name: str, content: Iterable[memoryview]) -> None:
    for _ in content:
        pass


class _PassingLayers:
    """Scans the larger members of a source that passes by once, whatever they turn out to be."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._scans: dict[str, LayerScan] = {}

    def visit(self, name: str, content: Iterable[memoryview]) -> None:
        """Read one member as if it were a layer."""
        nameless = LayerRecord(index=0, blob_name=name)
        chunks = (bytes(piece) for piece in content)
        where = Location(blob=name)
        self._scans[name] = LayerScan.of(LayerPass(nameless, chunks, where, self._limits))

    def scans_of(self, record: ImageRecord, source: BlobSource) -> dict[int, LayerScan]:
        """Those that are layers of the chosen image, by layer."""
        return {
            layer.index: _adopted(self._scans[layer.blob_name], layer, source)
            for layer in record.layers
            if layer.blob_name in self._scans
        }


def _adopted(scan: LayerScan, record: LayerRecord, source: BlobSource) -> LayerScan:
    """A scan that was made before it was known which layer it is of."""
    where = Location(source=source.description, blob=record.blob_name, layer=record.index)
    log = ProblemLog(where)
    report_disagreements(record, scan.facts, log)
    found = (
        replace(problem, where=replace(where, offset=problem.where.offset, path=problem.where.path))
        for problem in scan.facts.problems
    )
    facts = replace(scan.facts, problems=(*found, *log))
    entries = tuple(entry._replace(layer_index=record.index) for entry in scan.entries)
    return LayerScan(entries, facts)
