"""Pairs what different documents say of each layer: blob, descriptor, diff_id, history."""

from typing import NamedTuple

from imgforensics.catalogue.documents import DocumentStore
from imgforensics.catalogue.records import LayerRecord
from imgforensics.digests import Digest
from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.oci.config import HistoryEntry, ImageConfig
from imgforensics.oci.docker_archive import ArchiveEntry
from imgforensics.oci.manifest import Manifest
from imgforensics.problems import Location, Problem, ProblemCode, ProblemLog, display
from imgforensics.sources.base import normalise


class LayersFound(NamedTuple):
    """The layers of an image, and those that the source does not hold."""

    records: tuple[LayerRecord, ...]
    missing: tuple[str, ...]
    """Digests, or names in the archive."""
    problems: tuple[Problem, ...]
    """One per absent layer, and of that layer alone."""


def layers_of_manifest(
    store: DocumentStore, manifest: Manifest, config: ImageConfig | None, log: ProblemLog
) -> LayersFound:
    """The layers of a manifest."""
    _check_count(len(manifest.layers), store.limits)
    diff_ids, history = _pair(len(manifest.layers), config, log)
    names = [store.locate(descriptor.digest) for descriptor in manifest.layers]
    records = tuple(
        LayerRecord(index, names[index], descriptor, diff_ids[index], history[index])
        for index, descriptor in enumerate(manifest.layers)
    )
    return _found(store, records, [str(descriptor.digest) for descriptor in manifest.layers])


def layers_of_entry(
    store: DocumentStore, entry: ArchiveEntry, config: ImageConfig | None, log: ProblemLog
) -> LayersFound:
    """The layers of a Docker archive's entry."""
    _check_count(len(entry.layers), store.limits)
    diff_ids, history = _pair(len(entry.layers), config, log)
    names = [normalise(name) for name in entry.layers]
    held = [name if store.holds(name) else None for name in names]
    sources = [entry.layer_sources.get(diff_id) if diff_id else None for diff_id in diff_ids]
    records = tuple(
        LayerRecord(index, held[index], sources[index], diff_ids[index], history[index])
        for index in range(len(names))
    )
    return _found(store, records, names)


def _found(store: DocumentStore, records: tuple[LayerRecord, ...], names: list[str]) -> LayersFound:
    absent = [record for record in records if record.blob_name is None]
    return LayersFound(
        records=records,
        missing=tuple(dict.fromkeys(names[record.index] for record in absent)),
        problems=tuple(
            missing_layer(store, record, display(names[record.index])) for record in absent
        ),
    )


def _pair(
    count: int, config: ImageConfig | None, log: ProblemLog
) -> tuple[list[Digest | None], list[HistoryEntry | None]]:
    """The diff_id and the history row of each layer; none at all where counts differ."""
    nothing = [None] * count
    if config is None:
        return list(nothing), list(nothing)
    diff_ids: list[Digest | None] = list(config.diff_ids)
    if len(diff_ids) != count:
        log.report(
            ProblemCode.LAYER_COUNT_MISMATCH,
            f"the image has {count} layers, its config {len(diff_ids)} diff_ids",
            action="no diff_id is attributed to a layer",
        )
        diff_ids = list(nothing)
    return diff_ids, _history(count, config, log)


def _history(count: int, config: ImageConfig, log: ProblemLog) -> list[HistoryEntry | None]:
    rows: list[HistoryEntry | None] = [row for row in config.history if not row.empty_layer]
    if len(rows) == count:
        return rows
    if config.history:
        log.report(
            ProblemCode.HISTORY_MISMATCH,
            f"{len(rows)} history rows say that they made a layer, and there are {count} layers",
            action="no row is attributed to a layer",
        )
    return [None] * count


def missing_layer(store: DocumentStore, record: LayerRecord, name: str) -> Problem:
    """That the source does not hold a layer; its place says which, as layers are numbered."""
    urls = record.descriptor.urls if record.descriptor else ()
    detail = f"the source does not hold layer {name}"
    if urls:
        detail += (
            f", by design: it is a foreign layer, to be had from {', '.join(map(display, urls))}"
        )
    where = Location(store.source.description, blob=name, layer=record.index)
    return Problem(ProblemCode.BLOB_MISSING, where, detail, "listed without its content")


def _check_count(count: int, limits: Limits) -> None:
    if count > limits.layers:
        raise LimitExceededError("layers", limits.layers, f"the image has {count} layers")
