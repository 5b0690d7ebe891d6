"""Everything that the reader says of a source, in a form that two sources can be compared in."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from imgforensics import Image, ImageForensicsError, LayerEntry, Problem, Severity
from imgforensics.catalogue import ImageKind, Layout, choose
from imgforensics.layer.layer import Layer, LayerScan
from imgforensics.limits import Limits
from imgforensics.opening import Need, open_catalogue
from imgforensics.tarstream.member import TarMember

LIMITS = Limits(layer_bytes=64 << 20, spool_bytes=64 << 20, decoder_window_bytes=16 << 20)
"""Mutants of small images need no more; damage that asks for more is refused in an instant."""


class Row(NamedTuple):
    """One entry without its place."""

    path: bytes
    is_past_end: bool
    member: TarMember
    """With ordinal and offsets set to 0."""
    content: bytes
    """Hash of what is stored."""


@dataclass(frozen=True, slots=True)
class ListedLayer:
    """One layer; no rows where its blob is absent or it could not be listed."""

    rows: tuple[Row, ...]
    digest: str
    """Of the tar, as far as it decodes."""


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image of a source."""

    names: tuple[str, ...]
    layouts: tuple[Layout, ...]
    documents: tuple[object, ...]
    """Platform, config and history of each layer, as read."""
    layers: tuple[ListedLayer, ...]
    paths: int
    """In the filesystem of all layers."""
    problems: frozenset[Problem]
    """Those that are more than a note."""
    errors: tuple[str, ...]
    """What could not be answered, in words."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All images of a source."""

    images: tuple[ListedImage, ...]
    others: int
    """Records that are no image, and manifests that are absent: each is told by itself."""


def list_source(source: BinaryIO | Path) -> Listing:
    """Read a source to the last byte; raises what opening it raises, also for want of images."""
    with open_catalogue(
        source, need=Need.CONTENTS, limits=LIMITS, spool_directory=Path("/dev/shm")
    ) as opened:
        records = opened.catalogue.records
        images = [record for record in records if record.kind is ImageKind.IMAGE]
        if not images:
            choose(opened.catalogue)
        others = len(records) - len(images) + len(opened.catalogue.absent)
        return Listing(tuple(list_image(opened.image_of(one)) for one in images), others)


def list_image(image: Image) -> ListedImage:
    """Layers, filesystem and problems of one image."""
    errors: list[str] = []
    layers = tuple(list_layer(layer, errors) for layer in image.layers)
    paths = 0
    try:
        paths = sum(1 for _ in image.filesystem.walk())
    except ImageForensicsError as error:
        errors.append(str(error))
    record = image.record
    history = tuple(layer.history for layer in record.layers)
    return ListedImage(
        names=record.names,
        layouts=record.layouts,
        documents=(record.platform, record.config_digest, history),
        layers=layers,
        paths=paths,
        problems=frozenset(one for one in image.problems if one.severity is not Severity.NOTE),
        errors=tuple(errors),
    )


def list_layer(layer: Layer, errors: list[str]) -> ListedLayer:
    """Entries of one layer with the hashes of their contents, in one pass."""
    if not layer.is_present:
        return ListedLayer((), "absent")
    layer_pass = layer.begin_pass()
    entries: list[LayerEntry] = []
    rows: list[Row] = []
    try:
        for entry in layer_pass:
            entries.append(entry)
            rows.append(row_of(entry, layer_pass.content()))
    except ImageForensicsError as error:
        errors.append(str(error))
        return ListedLayer(tuple(rows), "refused")
    layer.keep(LayerScan(tuple(entries), layer_pass.facts))
    return ListedLayer(tuple(rows), str(layer_pass.facts.diff_id))


def row_of(entry: LayerEntry, content: Iterable[memoryview]) -> Row:
    """One entry without its place."""
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in content:
        digest.update(piece)
    said = entry.member._replace(ordinal=0, header_offset=0, data_offset=0)
    return Row(entry.path, entry.is_past_end, said, digest.digest())
