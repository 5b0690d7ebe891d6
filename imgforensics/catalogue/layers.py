"""Pairs what different documents say of each layer: blob, descriptor, diff_id, history."""

from imgforensics.catalogue.documents import DocumentStore
from imgforensics.catalogue.records import LayerRecord
from imgforensics.digests import Digest
from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.oci.config import HistoryEntry, ImageConfig
from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.docker_archive import ArchiveEntry
from imgforensics.oci.manifest import Manifest
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.sources.base import normalise, printable


def layers_of_manifest(
    store: DocumentStore, manifest: Manifest, config: ImageConfig | None, log: ProblemLog
) -> tuple[tuple[LayerRecord, ...], tuple[str, ...]]:
    """The layers of a manifest, and the digests of those that the source does not hold."""
    _check_count(len(manifest.layers), store.limits)
    diff_ids, history = _pair(len(manifest.layers), config, log)
    names = [store.locate(descriptor.digest) for descriptor in manifest.layers]
    records = tuple(
        LayerRecord(index, names[index], descriptor, diff_ids[index], history[index])
        for index, descriptor in enumerate(manifest.layers)
    )
    missing = [
        descriptor for descriptor, name in zip(manifest.layers, names, strict=True) if name is None
    ]
    for descriptor in missing:
        _report_missing(f"layer {descriptor.digest}", descriptor, log)
    return records, tuple(dict.fromkeys(str(descriptor.digest) for descriptor in missing))


def layers_of_entry(
    store: DocumentStore, entry: ArchiveEntry, config: ImageConfig | None, log: ProblemLog
) -> tuple[tuple[LayerRecord, ...], tuple[str, ...]]:
    """The layers of a Docker archive's entry, and the names that the archive does not hold."""
    _check_count(len(entry.layers), store.limits)
    diff_ids, history = _pair(len(entry.layers), config, log)
    names = [normalise(name) for name in entry.layers]
    held = [name if store.holds(name) else None for name in names]
    sources = [entry.layer_sources.get(diff_id) if diff_id else None for diff_id in diff_ids]
    records = tuple(
        LayerRecord(index, held[index], sources[index], diff_ids[index], history[index])
        for index in range(len(names))
    )
    for name, found, descriptor in zip(names, held, sources, strict=True):
        if found is None:
            _report_missing(f"layer {printable(name)}", descriptor, log)
    missing = (name for name, found in zip(names, held, strict=True) if found is None)
    return records, tuple(dict.fromkeys(missing))


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


def _report_missing(what: str, descriptor: Descriptor | None, log: ProblemLog) -> None:
    urls = descriptor.urls if descriptor else ()
    detail = f"the source does not hold {what}"
    if urls:
        detail += (
            f", by design: it is a foreign layer, to be had from {', '.join(map(printable, urls))}"
        )
    log.report(ProblemCode.BLOB_MISSING, detail, action="listed without its content")


def _check_count(count: int, limits: Limits) -> None:
    if count > limits.layers:
        raise LimitExceededError("layers", limits.layers, f"the image has {count} layers")
