"""Records of archives from Docker before 1.10: `repositories`, and a `<id>/json` per layer."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from imgforensics.catalogue.documents import DocumentStore
from imgforensics.catalogue.layers import missing_layer
from imgforensics.catalogue.oci_layout import parse_config
from imgforensics.catalogue.records import ImageKind, ImageRecord, LayerRecord, Layout
from imgforensics.errors import ImageForensicsError, LimitExceededError
from imgforensics.oci.config import HistoryEntry, ImageConfig
from imgforensics.oci.docker_archive import LegacyLayer, parse_repositories
from imgforensics.problems import Location, ProblemCode, ProblemLog

_DOCUMENT = re.compile(r"([0-9a-f]{64})/json")
_CONFIG = re.compile(r"[0-9a-f]{64}\.json")
_Layers = Mapping[str, LegacyLayer]


def is_legacy(store: DocumentStore) -> bool:
    """Whether the source has such documents, among as many names as documents are read."""
    names = islice(store.source.names(), store.limits.documents)
    return store.holds("repositories") or any(map(_DOCUMENT.fullmatch, names))


def records_of_legacy(store: DocumentStore, log: ProblemLog) -> list[ImageRecord]:
    """One record per tagged layer, then one per layer that is nobody's parent."""
    _report_later_writer(store, log)
    layers = _read_layers(store, log)
    tops: dict[str, list[str]] = {}
    for name, identifier in _repositories(store, log):
        tops.setdefault(identifier, []).append(name)
    parents = {layer.parent for layer in layers.values()}
    for identifier in layers:
        if identifier not in parents:
            tops.setdefault(identifier, [])
    return [_record(store, top, tuple(names), layers) for top, names in tops.items()]


def _report_later_writer(store: DocumentStore, log: ProblemLog) -> None:
    """Configs of their own came with `manifest.json`, which declares what can be verified."""
    configs = [name for name in store.source.names() if _CONFIG.fullmatch(name)]
    if configs:
        log.report(
            ProblemCode.BLOB_MISSING,
            f"there are {len(configs)} configs ({configs[0]}), and no manifest.json that lists "
            "their images",
            action="read as an archive from Docker before 1.10: images may be left out, and "
            "nothing is declared that could be verified",
        )


def _read_layers(store: DocumentStore, log: ProblemLog) -> _Layers:
    found: dict[str, LegacyLayer] = {}
    for name in filter(_DOCUMENT.fullmatch, store.source.names()):
        store.visit()
        data = store.read(name)
        try:
            found[name.partition("/")[0]] = LegacyLayer.parse(data, name, store.limits)
        except ImageForensicsError as error:
            log.report(ProblemCode.DOCUMENT_INVALID, str(error), action="not read")
    return found


def _repositories(store: DocumentStore, log: ProblemLog) -> Iterable[tuple[str, str]]:
    if not store.holds("repositories"):
        return ()
    data = store.read("repositories")
    try:
        return parse_repositories(data, limits=store.limits)
    except ImageForensicsError as error:
        log.report(ProblemCode.DOCUMENT_INVALID, str(error), action="images go without names")
        return ()


def _record(store: DocumentStore, top: str, names: tuple[str, ...], layers: _Layers) -> ImageRecord:
    log = ProblemLog(Location(store.source.description, blob=top))
    chain = list(_chain(store, top, layers, log))[::-1]
    blobs = [f"{identifier}/layer.tar" for identifier in chain]
    held = [name if store.holds(name) else None for name in blobs]
    records = tuple(
        LayerRecord(index, held[index], history=_history(layers, identifier))
        for index, identifier in enumerate(chain)
    )
    absent = [record for record in records if record.blob_name is None]
    config = _config(store, layers, chain, log)
    return ImageRecord(
        number=0,
        names=names,
        kind=ImageKind.IMAGE,
        layouts=(Layout.LEGACY,),
        platform=config.platform if config else None,
        config=config,
        layers=records,
        missing=tuple(blobs[record.index] for record in absent),
        problems=(*log, *(missing_layer(store, one, blobs[one.index]) for one in absent)),
    )


def _chain(store: DocumentStore, top: str, layers: _Layers, log: ProblemLog) -> Iterator[str]:
    """The top layer's id and those below it, as far as they are told."""
    identifier: str | None = top
    seen: set[str] = set()
    while identifier is not None and identifier not in seen:
        store.visit()
        seen.add(identifier)
        if len(seen) > store.limits.layers:
            raise LimitExceededError("layers", store.limits.layers, f"{top} has more layers")
        yield identifier
        identifier = _parent(layers, identifier, log)
    if identifier is not None:
        log.report(
            ProblemCode.DOCUMENT_INVALID,
            f"layer {identifier} is its own ancestor",
            action="the layers up to it were taken",
        )


def _parent(layers: _Layers, identifier: str, log: ProblemLog) -> str | None:
    if identifier in layers:
        return layers[identifier].parent
    log.report(
        ProblemCode.BLOB_MISSING,
        f"the source does not hold {identifier}/json, which names the layer below",
        action="what lies below it is not known",
    )
    return None


def _history(layers: _Layers, identifier: str) -> HistoryEntry | None:
    return layers[identifier].history if identifier in layers else None


def _config(
    store: DocumentStore, layers: _Layers, chain: list[str], log: ProblemLog
) -> ImageConfig | None:
    """The top layer's document, which is a config in all but history."""
    top = layers.get(chain[-1])
    if top is None:
        return None
    config = parse_config(store, top.raw, f"{chain[-1]}/json", log)
    if config is None:
        return None
    rows = (_history(layers, identifier) for identifier in chain)
    return replace(config, history=tuple(row for row in rows if row is not None))
