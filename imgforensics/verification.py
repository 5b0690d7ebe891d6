"""Compare everything an image declares of its bytes with the bytes; report every mismatch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imgforensics.digests import Digest
from imgforensics.filesystem.ambiguity import Ambiguity
from imgforensics.image import Image
from imgforensics.layer.layer import Layer
from imgforensics.oci.descriptor import Descriptor
from imgforensics.problems import Problem, Severity


@dataclass(frozen=True, slots=True)
class Check:
    """One declared value against what was found."""

    subject: str
    """`manifest`, `config` or `layer N`."""
    aspect: str
    """`digest`, `size` or `diff_id`."""
    declared: str | None
    """None where nothing is declared; then there is nothing to fail."""
    found: str | None
    """None where the bytes are absent."""

    @property
    def holds(self) -> bool:
        """Whether declaration and bytes agree."""
        return self.declared is None or self.declared == self.found


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of verifying one image."""

    checks: tuple[Check, ...]
    problems: tuple[Problem, ...]
    ambiguities: tuple[Ambiguity, ...]
    """Paths that engines show differently; odd, but no failure."""

    @property
    def failures(self) -> tuple[Check, ...]:
        """Checks that do not hold."""
        return tuple(check for check in self.checks if not check.holds)

    @property
    def is_verified(self) -> bool:
        """Whether every check holds and nothing is damaged or absent."""
        damaged = any(problem.severity is Severity.ERROR for problem in self.problems)
        return not damaged and not self.failures


def verify(image: Image, progress: Callable[[Layer], None] | None = None) -> Verification:
    """Read every layer that is present to its last byte and check all that is declared.

    Absent layers are failures, not errors. Ambiguities are looked for only when every
    layer is there. `progress` is told each layer when it has been read.
    """
    image.scan_layers(progress)
    checks = (*_documents(image), *(check for layer in image.layers for check in _layer(layer)))
    is_whole = all(layer.is_present for layer in image.layers)
    ambiguities = image.ambiguities() if is_whole else ()
    return Verification(checks, image.problems, ambiguities)


def _documents(image: Image) -> Iterator[Check]:
    manifest, config = image.manifest, image.config
    if manifest is not None:
        chain = image.record.chain
        yield from _document("manifest", chain[-1] if chain else None, manifest.raw)
    if config is not None:
        yield from _document("config", manifest.config if manifest else None, config.raw)


def _document(subject: str, declared: Descriptor | None, data: bytes) -> Iterator[Check]:
    if declared is None:
        yield Check(subject, "digest", None, str(Digest.of(data)))
        return
    found = Digest.of(data, declared.digest.algorithm)
    yield Check(subject, "digest", str(declared.digest), str(found))
    yield Check(subject, "size", str(declared.size), str(len(data)))


def _layer(layer: Layer) -> Iterator[Check]:
    subject = f"layer {layer.index}"
    facts = layer.scan().facts if layer.is_present else None
    descriptor = layer.record.descriptor
    yield Check(subject, "digest", _text(layer.digest), _text(facts and facts.digest))
    if descriptor is not None:
        yield Check(subject, "size", str(descriptor.size), _text(facts and facts.stored_size))
    yield Check(subject, "diff_id", _text(layer.diff_id), _text(facts and facts.diff_id))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
