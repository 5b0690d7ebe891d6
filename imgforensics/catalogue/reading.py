"""Reads the documents that a source begins with, and makes the catalogue of them."""

from collections.abc import Iterable
from dataclasses import replace

from imgforensics.catalogue.docker_archive import records_of_archive
from imgforensics.catalogue.documents import DocumentStore
from imgforensics.catalogue.explaining import no_image_error
from imgforensics.catalogue.index_walk import Found, IndexWalk
from imgforensics.catalogue.legacy import is_legacy, records_of_legacy
from imgforensics.catalogue.merging import merge
from imgforensics.catalogue.oci_layout import records_of_manifests, report_oddities
from imgforensics.catalogue.records import (
    Catalogue,
    ImageKind,
    ImageRecord,
    LayerRecord,
    Layout,
)
from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError, UnsupportedImageError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.docker_archive import ArchiveManifest
from imgforensics.oci.index import Index
from imgforensics.oci.json_document import parse_json
from imgforensics.oci.manifest import Manifest, parse_manifest
from imgforensics.problems import Location, Problem, ProblemCode, ProblemLog
from imgforensics.sources.base import BlobSource
from imgforensics.sources.file import FileSource

_INDEX = "index.json"
_MANIFEST = "manifest.json"


def read_catalogue(source: BlobSource, limits: Limits = DEFAULT_LIMITS) -> Catalogue:
    """List everything in the source that has a manifest.

    A source that :func:`~imgforensics.sources.detect.open_source` opened as a whole file is
    listed as one root filesystem. Raises :class:`~imgforensics.errors.NotAnImageError`
    where there are no documents of an image, saying what is there instead;
    :class:`~imgforensics.errors.DamagedDocumentError` where the only ones do not parse; and
    :class:`~imgforensics.errors.LimitExceededError`.
    """
    if isinstance(source, FileSource):
        return _root_filesystem(source)
    reading = _Reading(DocumentStore(source, limits))
    records = reading.records()
    return Catalogue(
        source_description=source.description,
        records=tuple(replace(record, number=n) for n, record in enumerate(records)),
        problems=(*source.problems, *reading.problems()),
        absent=tuple(reading.walk.absent.values()),
        reference=source.reference,
    )


class _Reading:
    """One reading of one source."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._source = store.source.description
        self._log = ProblemLog(Location(self._source))
        self._disagreements: list[Problem] = []
        self._damage: list[DamagedDocumentError] = []
        self.walk = IndexWalk(store, self._log)

    def problems(self) -> tuple[Problem, ...]:
        return (*self._log, *self._disagreements)

    def records(self) -> list[ImageRecord]:
        held = [name for name in (_INDEX, _MANIFEST) if self._store.holds(name)]
        if not held:
            if is_legacy(self._store):
                return records_of_legacy(self._store, self._log)
            raise no_image_error(self._store.source)
        layout = self._layout() if _INDEX in held else []
        other = self._manifest_json() if _MANIFEST in held else []
        if len(self._damage) == len(held):
            raise self._damage[0]
        self._report_damage([*layout, *other])
        records, self._disagreements = merge(layout, other, self._source)
        return records

    def _layout(self) -> list[ImageRecord]:
        """What `index.json` leads to."""
        try:
            root = parse_json(self._store.read(_INDEX), _INDEX, self._store.limits)
            index = Index.from_json(root, b"")
        except DamagedDocumentError as error:
            self._damage.append(error)
            return []
        report_oddities(index.oddities, _INDEX, self._log)
        return records_of_manifests(self._store, self.walk.manifests(index), Layout.OCI_LAYOUT)

    def _manifest_json(self) -> list[ImageRecord]:
        """What `manifest.json` is: Docker's list of images, or the manifest of a `dir:`."""
        raw = self._store.read(_MANIFEST)
        try:
            root = parse_json(raw, _MANIFEST, self._store.limits)
            if isinstance(root.value, dict):
                return self._directory(raw)
            manifest = ArchiveManifest.from_json(root, raw)
        except DamagedDocumentError as error:
            self._damage.append(error)
            return []
        report_oddities(manifest.oddities, _MANIFEST, self._log)
        return records_of_archive(self._store, manifest)

    def _directory(self, raw: bytes) -> list[ImageRecord]:
        descriptor = Descriptor("", Digest.of(raw), len(raw))
        try:
            document: Index | Manifest | UnsupportedImageError = parse_manifest(
                raw, _MANIFEST, self._store.limits
            )
        except UnsupportedImageError as error:
            document = error
        found = (
            self.walk.manifests(document)
            if isinstance(document, Index)
            else [Found(document, (descriptor,), (), 0)]
        )
        return records_of_manifests(self._store, found, Layout.DOCKER_DIRECTORY)

    def _report_damage(self, records: Iterable[ImageRecord]) -> None:
        """Nothing of an image is lost with one list of it when another one leads to all of it."""
        is_described = any(
            record.kind is ImageKind.IMAGE and record.is_complete for record in records
        )
        code = ProblemCode.DOCUMENT_SET_ASIDE if is_described else ProblemCode.DOCUMENT_INVALID
        for error in self._damage:
            self._log.report(code, str(error), action="not read")


def _root_filesystem(source: FileSource) -> Catalogue:
    record = ImageRecord(
        number=0,
        names=(),
        kind=ImageKind.IMAGE,
        layouts=(Layout.ROOT_FILESYSTEM,),
        layers=(LayerRecord(0, source.name),),
    )
    return Catalogue(source.description, (record,))
