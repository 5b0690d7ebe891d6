"""Records of what `docker save` lists in `manifest.json`."""

import re
from dataclasses import replace
from itertools import chain

from imgforensics.catalogue.documents import DocumentStore
from imgforensics.catalogue.layers import layers_of_entry
from imgforensics.catalogue.oci_layout import parse_config
from imgforensics.catalogue.records import ImageKind, ImageRecord, Layout
from imgforensics.digests import Digest
from imgforensics.errors import MissingBlobError
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.docker_archive import ArchiveEntry, ArchiveManifest
from imgforensics.problems import Location, ProblemCode, ProblemLog, display
from imgforensics.sources.base import normalise

_HEX_NAME = re.compile(r"([0-9a-f]{64})(?:\.json)?")


def records_of_archive(store: DocumentStore, manifest: ArchiveManifest) -> list[ImageRecord]:
    """One record per image of `manifest.json`, in its order."""
    same: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for position, entry in enumerate(manifest.entries):
        store.visit()
        same.setdefault((normalise(entry.config), entry.layers), []).append(position)
    return [_merged(store, manifest, positions) for positions in same.values()]


def _merged(store: DocumentStore, manifest: ArchiveManifest, positions: list[int]) -> ImageRecord:
    """The record of entries that differ in their tags alone."""
    entries = [manifest.entries[position] for position in positions]
    tags = chain.from_iterable(entry.repo_tags for entry in entries)
    record = _record(store, entries[0])
    return replace(record, names=tuple(dict.fromkeys(tags)), positions=tuple(positions))


def _record(store: DocumentStore, entry: ArchiveEntry) -> ImageRecord:
    name = normalise(entry.config)
    log = ProblemLog(Location(store.source.description, blob=display(name)))
    digest, config, missing = _read_config(store, name, log)
    layers = layers_of_entry(store, entry, config, log)
    return ImageRecord(
        number=0,
        names=(),
        kind=ImageKind.IMAGE,
        layouts=(Layout.DOCKER_ARCHIVE,),
        config_digest=digest,
        platform=config.platform if config else None,
        config=config,
        layers=layers.records,
        missing=missing + layers.missing,
        problems=(*log, *layers.problems),
    )


def _read_config(
    store: DocumentStore, name: str, log: ProblemLog
) -> tuple[Digest | None, ImageConfig | None, tuple[str, ...]]:
    """Digest and config of an entry, and the config's name when the archive lacks it."""
    document = f"config {display(name)}"
    try:
        data = store.read(name)
    except MissingBlobError as error:
        log.report(ProblemCode.BLOB_MISSING, str(error), action="read without its config")
        return None, None, (name,)
    digest = Digest.of(data)
    _check_name(name, digest, log)
    return digest, parse_config(store, data, document, log), ()


def _check_name(name: str, digest: Digest, log: ProblemLog) -> None:
    """A config is named by its digest in every archive that Docker writes."""
    match = _HEX_NAME.fullmatch(name.rpartition("/")[2])
    if match is not None and match[1] != digest.hex:
        log.report(
            ProblemCode.DIGEST_MISMATCH,
            f"the config is named {match[1]} and hashes to {digest}",
            action="read as it is",
        )
