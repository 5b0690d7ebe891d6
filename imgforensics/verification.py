"""Compare everything an image declares of its bytes with the bytes; report every mismatch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from imgforensics.contents_table import TableCheck, check_contents_table
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
    """`digest`, `size`, `diff_id` or `contents_table` (its digest)."""
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

    def __repr__(self) -> str:
        verdict = "verified" if self.is_verified else "not verified"
        return (
            f"<Verification: {verdict}, {len(self.failures)} of {len(self.checks)} checks fail, "
            f"{len(self.problems)} problems, {len(self.ambiguities)} ambiguities>"
        )


def verify(image: Image, progress: Callable[[Layer], None] | None = None) -> Verification:
    """Read every layer that is present to its last byte and check all that is declared.

    Absent layers are failures, not errors. Layers with a table of contents for lazy pulling
    are read again to compare it with the tar. Ambiguities are looked for only when every
    layer is there. `progress` is told each layer when it has been read.
    """
    image.scan_layers(progress)
    tables = {
        layer.index: check_contents_table(layer, image.limits)
        for layer in image.layers
        if layer.is_present
    }
    layers = (_layer(layer, tables.get(layer.index)) for layer in image.layers)
    checks = (*_documents(image), *chain.from_iterable(layers))
    is_whole = all(layer.is_present for layer in image.layers)
    ambiguities = image.ambiguities() if is_whole else ()
    of_tables = chain.from_iterable(table.problems for table in tables.values())
    return Verification(checks, (*image.problems, *of_tables), ambiguities)


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


def _layer(layer: Layer, table: TableCheck | None) -> Iterator[Check]:
    subject = f"layer {layer.index}"
    facts = layer.scan().facts if layer.is_present else None
    descriptor = layer.record.descriptor
    yield Check(subject, "digest", _text(layer.digest), _text(facts and facts.digest))
    if descriptor is not None:
        yield Check(subject, "size", str(descriptor.size), _text(facts and facts.stored_size))
    yield Check(subject, "diff_id", _text(layer.diff_id), _text(facts and facts.diff_id))
    for declared, found in table.digests if table else ():
        yield Check(subject, "contents_table", declared, found)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
