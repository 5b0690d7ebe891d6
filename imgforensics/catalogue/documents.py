"""Reads the documents of a source: bounded, counted, and checked against who names them."""

from base64 import b64decode

from imgforensics.digests import Digest
from imgforensics.errors import LimitExceededError, MissingBlobError
from imgforensics.limits import Limits
from imgforensics.oci.descriptor import Descriptor
from imgforensics.problems import ProblemCode, ProblemLog, display
from imgforensics.sources.base import BlobSource

_BEFORE_VALUES = (b",", b"[", b"{")


class DocumentStore:
    """The documents of one source.

    All that is read through one store is bounded by `limits.document_bytes` and
    `limits.json_values`, so that twenty thousand documents at the limit of one do not add up.
    """

    def __init__(self, source: BlobSource, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self._bytes_left = limits.document_bytes
        self._values_left = limits.json_values
        self._visits = 0

    def visit(self) -> None:
        """Count one manifest or index looked at; `LimitExceededError` past `documents`."""
        self._visits += 1
        if self._visits > self.limits.documents:
            raise LimitExceededError(
                "documents",
                self.limits.documents,
                f"{self.source.description}: more manifests and indexes are named",
            )

    def holds(self, name: str) -> bool:
        """Whether the source has a blob of this name."""
        try:
            self.source.size(name)
        except MissingBlobError:
            return False
        return True

    def locate(self, digest: Digest) -> str | None:
        """A blob's name in an OCI layout or in a skopeo directory, if the source has it."""
        value = digest.hex
        candidates = (f"blobs/{digest.algorithm}/{value}", value, f"{value}.manifest.json")
        return next((name for name in candidates if self.holds(name)), None)

    def read(self, name: str) -> bytes:
        """A document; `MissingBlobError`, or `LimitExceededError` when it is too long."""
        size = self.source.size(name)
        if size > self._bytes_left:
            raise LimitExceededError(
                "document_bytes",
                self.limits.document_bytes,
                f"{self.source.description}: {display(name)} ({size} bytes) and the documents "
                "before it",
            )
        with self.source.open(name) as file:
            data = file.read(size)
        self._bytes_left -= len(data)
        self._count_values(name, data)
        return data

    def _count_values(self, name: str, data: bytes) -> None:
        # Those inside strings count, too: a count that is exact costs as much as parsing.
        self._values_left -= sum(map(data.count, _BEFORE_VALUES))
        if self._values_left < 0:
            raise LimitExceededError(
                "json_values",
                self.limits.json_values,
                f"{self.source.description}: {display(name)} and the documents before it",
            )

    def _embedded(self, descriptor: Descriptor, document: str, log: ProblemLog) -> bytes | None:
        embedded = descriptor.others.get("data")
        if not isinstance(embedded, str):
            return None
        try:
            data = b64decode(embedded, validate=True)
        except ValueError:
            return None
        if Digest.of(data, descriptor.digest.algorithm) != descriptor.digest:
            return None
        self._count_values(document, data)
        log.report(
            ProblemCode.DOCUMENT_ODD,
            f"the {document} is in its descriptor alone",
            action="read from there, as containerd does",
        )
        return data

    def fetch(self, descriptor: Descriptor, document: str, log: ProblemLog) -> bytes | None:
        """The document that a descriptor names, or None; what does not fit it is reported.

        One that the source does not hold may be in the descriptor itself, as its `data`:
        https://github.com/opencontainers/image-spec/blob/main/descriptor.md#embedded-content
        """
        name = self.locate(descriptor.digest)
        if name is None:
            return self._embedded(descriptor, document, log)
        data = self.read(name)
        if len(data) != descriptor.size:
            log.report(
                ProblemCode.SIZE_MISMATCH,
                f"the {document} has {len(data)} bytes, its descriptor says {descriptor.size}",
                action="read as it is",
                blob=name,
            )
        found = Digest.of(data, descriptor.digest.algorithm)
        if found != descriptor.digest:
            log.report(
                ProblemCode.DIGEST_MISMATCH,
                f"the {document} hashes to {found}",
                action="read as it is",
                blob=name,
            )
        return data
