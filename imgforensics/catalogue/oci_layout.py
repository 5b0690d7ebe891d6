"""Records of what indexes lead to: OCI layouts, and skopeo's `dir:` directories."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from imgforensics.catalogue.classify import classify, classify_unread
from imgforensics.catalogue.documents import DocumentStore
from imgforensics.catalogue.index_walk import Found
from imgforensics.catalogue.layers import layers_of_manifest
from imgforensics.catalogue.records import ImageKind, ImageRecord, Layout
from imgforensics.digests import Digest
from imgforensics.errors import ImageForensicsError, UnsupportedImageError
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.descriptor import Descriptor, Platform
from imgforensics.oci.manifest import Manifest
from imgforensics.problems import Location, ProblemCode, ProblemLog, display


def records_of_manifests(
    store: DocumentStore, found: Iterable[Found], layout: Layout
) -> list[ImageRecord]:
    """One record per distinct manifest, in the order of their first mention."""
    ways: dict[Digest, list[Found]] = {}
    for one in found:
        ways.setdefault(one.descriptor.digest, []).append(one)
    return [_record(store, group, layout) for group in ways.values()]


def _record(store: DocumentStore, ways: Sequence[Found], layout: Layout) -> ImageRecord:
    first = ways[0]
    log = ProblemLog(Location(store.source.description, blob=str(first.descriptor.digest)))
    record = ImageRecord(
        number=0,
        names=tuple(dict.fromkeys(name for way in ways for name in way.names)),
        kind=ImageKind.DAMAGED,
        layouts=(layout,),
        manifest_digest=first.descriptor.digest,
        platform=first.descriptor.platform,
        chain=first.chain,
        positions=tuple(dict.fromkeys(way.position for way in ways)),
    )
    if isinstance(first.document, Manifest):
        return _read(store, record, first.document, log)
    kind = classify_unread(first.descriptor) or _kind_of_error(first.document)
    if kind is ImageKind.DAMAGED:
        log.report(ProblemCode.DOCUMENT_INVALID, str(first.document), action="not read")
    return replace(record, kind=kind, problems=tuple(log), reason=str(first.document))


def _kind_of_error(error: ImageForensicsError) -> ImageKind:
    is_named = isinstance(error, UnsupportedImageError)
    return ImageKind.UNSUPPORTED if is_named else ImageKind.DAMAGED


def _read(
    store: DocumentStore, record: ImageRecord, manifest: Manifest, log: ProblemLog
) -> ImageRecord:
    """The record with what the manifest and the config say."""
    descriptor = record.chain[-1]
    kind = classify(descriptor, record.names, manifest)
    report_oddities(manifest.oddities, "manifest", log)
    config: ImageConfig | None = None
    missing: tuple[str, ...] = ()
    if kind in (ImageKind.IMAGE, ImageKind.UNSUPPORTED) and manifest.config is not None:
        config, missing = _read_config(store, manifest.config, log)
    if config is not None:
        _compare_platforms(descriptor.platform, config.platform, log)
    layers = layers_of_manifest(store, manifest, config, log)
    return replace(
        record,
        kind=kind,
        config_digest=manifest.config.digest if manifest.config else None,
        platform=descriptor.platform or (config.platform if config else None),
        manifest=manifest,
        config=config,
        layers=layers.records,
        missing=missing + layers.missing,
        problems=(*log, *layers.problems),
        reason=_encryption(manifest),
    )


def _read_config(
    store: DocumentStore, descriptor: Descriptor, log: ProblemLog
) -> tuple[ImageConfig | None, tuple[str, ...]]:
    """The config, and its digest when it is missing."""
    document = f"config {descriptor.digest}"
    data = store.fetch(descriptor, document, log)
    if data is not None:
        return parse_config(store, data, document, log), ()
    log.report(
        ProblemCode.BLOB_MISSING,
        f"the source does not hold the {document}",
        action="read without it",
    )
    return None, (str(descriptor.digest),)


def parse_config(
    store: DocumentStore, data: bytes, document: str, log: ProblemLog
) -> ImageConfig | None:
    """Read a config and report its oddities; None, and a problem, when it does not parse."""
    try:
        config = ImageConfig.parse(data, document, store.limits)
    except ImageForensicsError as error:
        log.report(ProblemCode.DOCUMENT_INVALID, str(error), action="read without it")
        return None
    report_oddities(config.oddities, document, log)
    return config


def report_oddities(oddities: Iterable[str], document: str, log: ProblemLog) -> None:
    """Report what was got past in a document."""
    for oddity in oddities:
        log.report(ProblemCode.DOCUMENT_ODD, f"{document}: {oddity}", action="got past")


def _compare_platforms(named: Platform | None, own: Platform | None, log: ProblemLog) -> None:
    """Report an index that promises another platform than the config has."""
    if named is None or own is None or named.is_kind_of(Platform(own.os, own.architecture)):
        return
    log.report(
        ProblemCode.DOCUMENTS_DISAGREE,
        f"the index says that the image is for {named}, its config says {own}",
        action="the index's word was taken",
    )


def _encryption(manifest: Manifest) -> str:
    encrypted = manifest.encrypted_layers
    if not encrypted:
        return ""
    layers = ", ".join(f"{layer.digest} ({display(layer.media_type)})" for layer in encrypted)
    return f"the image has encrypted layers, which are not read: {layers}"
