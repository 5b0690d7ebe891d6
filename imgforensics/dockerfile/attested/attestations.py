"""The in-toto statements that a source holds about an image: who says what of it.

BuildKit stores them as a manifest of their own beside the image's, in the same index
(https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md); OCI
tools name the image as the manifest's `subject`; cosign wraps them in a DSSE envelope under the
tag `sha256-HEX.att` (https://github.com/secure-systems-lab/dsse).
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from imgforensics.catalogue import ImageKind, ImageRecord, read_catalogue
from imgforensics.catalogue.documents import DocumentStore
from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError, ImageForensicsError
from imgforensics.image import Image
from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.index import Index
from imgforensics.oci.json_document import JsonValue, parse_json
from imgforensics.problems import Location, ProblemCode, ProblemLog, display

_REFERENCE_DIGEST = "vnd.docker.reference.digest"
_PREDICATE_TYPE = "in-toto.io/predicate-type"
_IN_TOTO = "application/vnd.in-toto"
_DSSE = "application/vnd.dsse.envelope"
_INDEX = "index.json"
_OF_MANIFESTS = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One in-toto statement about the image, checked against the digest that names it."""

    digest: Digest
    """Of the blob that holds it."""
    predicate_type: str
    predicate: JsonValue


def statements_about(image: Image, predicates: tuple[str, ...], log: ProblemLog) -> list[Statement]:
    """The statements about this image whose predicate type begins with one of `predicates`.

    Those that do not parse, are too large, have other bytes than their digest says, or are about
    another image are reported to `log` (`provenance-invalid`) and left out.
    """
    if image.digest is None:
        return []
    store = DocumentStore(image.source, image.limits)
    if _holds_one_manifest(store):
        return []
    found: list[Statement] = []
    for descriptor in _blobs(image, log):
        stated = descriptor.annotations.get(_PREDICATE_TYPE, "")
        if stated and not stated.startswith(predicates):
            continue
        try:
            statement = _read(store, descriptor, image.digest)
        except ImageForensicsError as error:
            _refuse(log, descriptor.digest, str(error))
            continue
        if statement.predicate_type.startswith(predicates):
            found.append(statement)
    return found


def _holds_one_manifest(store: DocumentStore) -> bool:
    """Whether the source's index names the image alone: nothing else can be about it."""
    if not store.holds(_INDEX):
        return False
    try:
        index = Index.from_json(parse_json(store.read(_INDEX), _INDEX, store.limits), b"")
    except ImageForensicsError:
        return False
    return len(index.manifests) == 1 and index.manifests[0].media_type in _OF_MANIFESTS


def _blobs(image: Image, log: ProblemLog) -> Iterator[Descriptor]:
    """What the attestation manifests about this image hold."""
    catalogue = read_catalogue(image.source, image.limits)
    named = {record.manifest_digest for record in catalogue.records}
    named.update(descriptor.digest for descriptor in catalogue.absent)
    for record in catalogue.records:
        if record.kind is not ImageKind.ATTESTATION or record.manifest is None:
            continue
        about = _subject(record)
        if about == image.digest:
            yield from (
                blob
                for blob in record.manifest.layers
                if blob.media_type.startswith((_IN_TOTO, _DSSE))
            )
        elif about not in named and record.manifest_digest is not None:
            _refuse(
                log,
                record.manifest_digest,
                f"it is about {about or 'no image'}, which the source does not name",
            )


def _subject(record: ImageRecord) -> Digest | None:
    """The image that an attestation's manifest is about, as those who named it say."""
    if record.manifest is not None and record.manifest.subject is not None:
        return record.manifest.subject.digest
    named = record.chain[-1].annotations.get(_REFERENCE_DIGEST) if record.chain else None
    tags = [name.rpartition(":")[2] for name in record.names if name.endswith(".att")]
    text = named or next((tag.removesuffix(".att").replace("-", ":", 1) for tag in tags), "")
    try:
        return Digest.parse(text)
    except ValueError:
        return None


def _read(store: DocumentStore, descriptor: Descriptor, image: Digest) -> Statement:
    """A blob's statement; raises `ImageForensicsError` for one that is not to be believed."""
    document = f"attestation {descriptor.digest}"
    log = ProblemLog(Location(store.source.description))
    data = store.fetch(descriptor, document, log)
    doubts = [problem.detail for problem in log]
    if data is None or doubts:
        raise DamagedDocumentError("; ".join(doubts) or f"the source does not hold the {document}")
    root = parse_json(data, document, store.limits).required_object()
    if descriptor.media_type.startswith(_DSSE):
        root = _opened(root, document, store)
    _check_subject(root, image)
    return Statement(
        digest=descriptor.digest,
        predicate_type=root.member("predicateType").required_text(),
        predicate=root.member("predicate").required_object(),
    )


def _opened(envelope: JsonValue, document: str, store: DocumentStore) -> JsonValue:
    """The statement inside a DSSE envelope; its signature is not checked: keys are not ours."""
    payload = decoded_base64(envelope.member("payload"))
    return parse_json(payload, f"{document} (payload)", store.limits).required_object()


def _check_subject(statement: JsonValue, image: Digest) -> None:
    """Raise `DamagedDocumentError` when a statement says itself that it is about another image.

    BuildKit leaves the list empty where the image has no name yet.
    """
    subjects = [
        f"{algorithm}:{value}"
        for subject in statement.member("subject").elements()
        for algorithm, value in subject.member("digest").text_map().items()
    ]
    if subjects and str(image) not in subjects:
        raise statement.damaged(f"it is about another image, {display(subjects[0])}")


def decoded_base64(value: JsonValue) -> bytes:
    """Bytes stored as base64 text; raises `DamagedDocumentError` for what is not."""
    try:
        return base64.b64decode(value.required_text(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise value.damaged(f"not base64: {error}") from None


def _refuse(log: ProblemLog, digest: Digest, detail: str) -> None:
    log.report(
        ProblemCode.PROVENANCE_INVALID,
        detail,
        action="recovered without it",
        blob=str(digest),
    )
