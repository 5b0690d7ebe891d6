"""Finds every manifest below an index: nested, shared, absent, broken and circular ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from imgforensics.catalogue.documents import DocumentStore
from imgforensics.digests import Digest
from imgforensics.errors import ImageForensicsError, LimitExceededError
from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.index import Index
from imgforensics.oci.manifest import Manifest, parse_manifest
from imgforensics.problems import ProblemCode, ProblemLog

_CONTAINERD_NAME = "io.containerd.image.name"
_REFERENCE_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest, and one way that leads to it."""

    document: Manifest | ImageForensicsError
    """The error is why it does not parse."""
    chain: tuple[Descriptor, ...]
    """Outermost first; the last is the manifest's own."""
    names: tuple[str, ...]
    position: int
    """Entry of the outermost index that the way begins with."""

    @property
    def descriptor(self) -> Descriptor:
        """The manifest's own descriptor."""
        return self.chain[-1]


@dataclass(frozen=True, slots=True)
class _Step:
    chain: tuple[Descriptor, ...]
    names: tuple[str, ...]
    position: int

    def down(self, descriptor: Descriptor) -> "_Step":
        names = tuple(dict.fromkeys((*self.names, *names_of(descriptor))))
        return _Step((*self.chain, descriptor), names, self.position)


class IndexWalk:
    """Everything below one index, in document order and without recursion."""

    def __init__(self, store: DocumentStore, log: ProblemLog) -> None:
        self._store = store
        self._log = log
        self._documents: dict[Digest, Index | Manifest | ImageForensicsError | None] = {}
        self._expanded: set[tuple[Digest, tuple[str, ...], int]] = set()
        self.absent: dict[Digest, Descriptor] = {}
        """Manifests that were named and are not in the source; filled while walking."""

    def manifests(self, root: Index) -> Iterator[Found]:
        """Each way to each manifest below `root`. `LimitExceededError` past `documents`."""
        pending = [
            _Step((), (), position).down(descriptor)
            for position, descriptor in enumerate(root.manifests)
        ]
        pending.reverse()
        while pending:
            step = pending.pop()
            self._store.visit()
            document = self._read(step.chain[-1])
            if isinstance(document, Index):
                pending.extend(reversed(self._below(step, document)))
            elif document is None:
                self._note_absent(step.chain[-1])
            else:
                yield Found(document, step.chain, step.names, step.position)

    def _read(self, descriptor: Descriptor) -> Index | Manifest | ImageForensicsError | None:
        if descriptor.digest not in self._documents:
            self._documents[descriptor.digest] = self._parse(descriptor)
        return self._documents[descriptor.digest]

    def _parse(self, descriptor: Descriptor) -> Index | Manifest | ImageForensicsError | None:
        document = f"manifest {descriptor.digest}"
        data = self._store.fetch(descriptor, document, self._log)
        if data is None:
            return None
        try:
            return parse_manifest(
                data, document, self._store.limits, media_type=descriptor.media_type
            )
        except ImageForensicsError as error:
            return error

    def _below(self, step: _Step, index: Index) -> list[_Step]:
        digest = step.chain[-1].digest
        if any(above.digest == digest for above in step.chain[:-1]):
            self._log.report(
                ProblemCode.DOCUMENT_INVALID,
                f"the index {digest} contains itself",
                action="followed once",
            )
            return []
        if len(step.chain) > self._store.limits.json_depth:
            raise LimitExceededError(
                "json_depth", self._store.limits.json_depth, "indexes are nested in each other"
            )
        way = (digest, step.names, step.position)
        if way in self._expanded:
            return []
        self._expanded.add(way)
        return [step.down(descriptor) for descriptor in index.manifests]

    def _note_absent(self, descriptor: Descriptor) -> None:
        if descriptor.digest in self.absent:
            return
        self.absent[descriptor.digest] = descriptor
        platform = f" ({descriptor.platform})" if descriptor.platform else ""
        self._log.report(
            ProblemCode.PLATFORM_ABSENT,
            f"the manifest {descriptor.digest}{platform} is named and not held",
            action="not listed",
        )


def names_of(descriptor: Descriptor) -> tuple[str, ...]:
    """The names that annotations give, the full one only where a bare tag repeats its end."""
    full = descriptor.annotations.get(_CONTAINERD_NAME)
    name = descriptor.annotations.get(_REFERENCE_NAME)
    if full and name and full.endswith(f":{name}"):
        name = None
    return tuple(text for text in (full, name) if text)
