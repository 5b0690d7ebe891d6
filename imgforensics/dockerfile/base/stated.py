"""The base image as a builder states it: in a comment, a label, an annotation."""

from collections.abc import Sequence
from dataclasses import replace

from imgforensics.digests import Digest
from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.history.writers import INTERMEDIATE, committed_image
from imgforensics.dockerfile.instruction import Evidence
from imgforensics.dockerfile.recovered import SCRATCH, BaseCandidate, Builder
from imgforensics.errors import ImageForensicsError
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.json_document import Text, no_text, parse_json

_BASE_NAME = "org.opencontainers.image.base.name"
_BASE_DIGEST = "org.opencontainers.image.base.digest"
_BUILDPACKS = "io.buildpacks.lifecycle.metadata"
_BUILT_ON_BUILDPACKS = frozenset({Builder.BUILDKIT, Builder.CLASSIC, Builder.BUILDAH})
"""Whose rows above tell of an image that a Dockerfile built on one of buildpacks."""
_S2I = "io.openshift.s2i.build.image"


def stated_base(config: ImageConfig, rows: Sequence[Row]) -> BaseCandidate | None:
    """Where the builder itself says that its base ends."""
    return (
        _by_buildah(rows)
        or _by_buildpacks(config, rows)
        or _by_s2i(config, rows)
        or _by_commit(config, rows)
    )


def with_stated_name(
    found: BaseCandidate, rows: Sequence[Row], config: ImageConfig, annotations: Text
) -> BaseCandidate:
    """The candidate with the name and digest that annotations or labels state of the base.

    A label that was last set by a row of the base tells of the base's own base.
    """
    setting = [row.position for row in rows if _BASE_NAME in (row.entry.created_by or "")]
    is_inherited = bool(setting) and setting[-1] < found.rows
    for facts in (annotations, no_text() if is_inherited else config.container.labels):
        name, digest = facts.get(_BASE_NAME), _digest(facts.get(_BASE_DIGEST))
        if name and (found.name is None or _familiar(found.name) == _familiar(name)):
            reasons = (*found.reasons, f"{_BASE_NAME} names it")
            evidence = found.evidence if found.name else Evidence.ANNOTATION
            name = found.name or name
            return replace(found, name=name, digest=digest, reasons=reasons, evidence=evidence)
    return found


def _by_buildah(rows: Sequence[Row]) -> BaseCandidate | None:
    """Find the base in buildah's comments; a first row without one stands on an empty base."""
    own = [row for row in rows if row.builder is Builder.BUILDAH]
    commented = [row for row in own if (row.entry.comment or "").startswith("FROM ")]
    if not commented:
        return None
    named = [row for row in commented if not INTERMEDIATE.fullmatch(row.entry.comment or "")]
    if named:
        reason = "buildah names the base in the comment of the row above it"
        found = candidate_at(rows, named[-1].position, 1.0, (reason,), Evidence.HISTORY)
        return replace(found, name=(named[-1].entry.comment or "")[5:].strip() or None)
    reason = "buildah names no base in the comment of its first row"
    found = candidate_at(rows, own[0].position, 1.0, (reason,), Evidence.HISTORY)
    return found if own[0].position else replace(found, name=SCRATCH)


def _by_buildpacks(config: ImageConfig, rows: Sequence[Row]) -> BaseCandidate | None:
    """Buildpacks keep the run image's name and its top layer in a label."""
    text = config.container.labels.get(_BUILDPACKS)
    if not text:
        return None
    try:
        document = parse_json(text.encode(), f"label {_BUILDPACKS}")
    except ImageForensicsError:
        return None
    run_image = document.member("runImage")
    top = run_image.member("topLayer").digest()
    if top is None or top not in config.diff_ids:
        return None
    layers = config.diff_ids.index(top) + 1
    reason = "buildpacks keep the run image's top layer in a label"
    found = candidate_above(rows, layers, 1.0, (reason,), Evidence.ANNOTATION)
    if any(row.builder in _BUILT_ON_BUILDPACKS for row in rows[found.rows :]):
        return None
    stack = document.member("stack").member("runImage").member("image").text()
    name, _, digest = (run_image.member("reference").text() or "").partition("@")
    return replace(found, name=stack or name or None, digest=_digest(digest))


def _by_s2i(config: ImageConfig, rows: Sequence[Row]) -> BaseCandidate | None:
    """Source-to-image commits one container on its builder image, which a label names."""
    name = config.container.labels.get(_S2I)
    if not name or not rows or rows[-1].builder is not Builder.S2I:
        return None
    reason = f"source-to-image names its builder image in the label {_S2I}"
    found = candidate_at(rows, len(rows) - 1, 1.0, (reason,), Evidence.ANNOTATION)
    return replace(found, name=name)


def _by_commit(config: ImageConfig, rows: Sequence[Row]) -> BaseCandidate | None:
    if not rows or rows[-1].builder is not Builder.COMMIT or "Image" not in config.container.others:
        return None
    reason = "the container was committed on the image that the configuration names"
    found = candidate_at(rows, len(rows) - 1, 1.0, (reason,), Evidence.CONFIG)
    return replace(found, name=committed_image(config))


def candidate_at(
    rows: Sequence[Row],
    position: int,
    score: float,
    reasons: tuple[str, ...],
    evidence: Evidence = Evidence.INFERENCE,
) -> BaseCandidate:
    """A candidate that ends below a row."""
    layers = [row.layer for row in rows[:position] if row.layer is not None]
    return BaseCandidate(position, max(layers, default=-1) + 1, score, reasons, evidence)


def candidate_above(
    rows: Sequence[Row], layers: int, score: float, reasons: tuple[str, ...], evidence: Evidence
) -> BaseCandidate:
    """A candidate that ends above a layer, and above the rows without a layer that follow it."""
    above = [row.position for row in rows if row.layer is not None and row.layer >= layers]
    position = above[0] if above else len(rows)
    return BaseCandidate(position, layers, score, reasons, evidence)


def _familiar(name: str) -> str:
    """A reference as people write it: without Docker's registry and the tag it implies."""
    name = name.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")
    return name.removesuffix(":latest")


def _digest(text: str | None) -> Digest | None:
    try:
        return Digest.parse(text) if text else None
    except ValueError:
        return None
