"""The base image: where it ends, and what it is called."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from imgforensics.digests import Digest
from imgforensics.dockerfile.cuts import ENOUGH, Cut, is_root_filesystem, scored_cuts
from imgforensics.dockerfile.history import Row
from imgforensics.dockerfile.instruction import Evidence
from imgforensics.dockerfile.recovered import SCRATCH, BaseCandidate, Builder
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.json_document import Text

_BASE_NAME = "org.opencontainers.image.base.name"
_BASE_DIGEST = "org.opencontainers.image.base.digest"
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


def base_cuts(
    config: ImageConfig, rows: Sequence[Row], annotations: Text
) -> tuple[BaseCandidate, ...]:
    """Every cut that something speaks for, best first; never none. Names only where stated."""
    stated = stated_base(config, rows)
    guessed = _scored(rows)
    if stated:
        guessed = [found for found in guessed if found.rows != stated.rows]
    best, *others = [stated, *guessed] if stated else guessed
    return (_with_stated_name(best, config, annotations), *others)


def stated_base(config: ImageConfig, rows: Sequence[Row]) -> BaseCandidate | None:
    """The base as the builder itself names it: buildah's comment, a committed container's image."""
    named = [row for row in rows if row.builder is Builder.BUILDAH and _comment_name(row)]
    if named:
        # A stage built on another stage names an image of this very build, by its ID.
        others = [row for row in named if not _IMAGE_ID.fullmatch(_comment_name(row))]
        row = (others or named)[-1]
        name = _comment_name(row) if others else None
        reason = "buildah names the base in the comment of the row above it"
        return _cut_at(rows, row.position, 1.0, (reason,), Evidence.HISTORY, name)
    image = config.container.others.get("Image")
    if rows and rows[-1].builder is Builder.COMMIT and isinstance(image, str):
        name = image if image and not _IMAGE_ID.fullmatch(image) else None
        reason = "the container was committed on the image that the configuration names"
        return _cut_at(rows, len(rows) - 1, 1.0, (reason,), Evidence.CONFIG, name)
    return None


def _comment_name(row: Row) -> str:
    comment = row.entry.comment or ""
    return comment[5:].strip() if comment.startswith("FROM ") else ""


def _with_stated_name(
    found: BaseCandidate, config: ImageConfig, annotations: Text
) -> BaseCandidate:
    """The candidate with the name and digest that annotations or labels state of the base."""
    for facts in (annotations, config.container.labels):
        name, digest = facts.get(_BASE_NAME), _digest(facts.get(_BASE_DIGEST))
        if name and (found.name is None or _same_name(found.name, name)):
            reasons = (*found.reasons, f"{_BASE_NAME} names it")
            evidence = found.evidence if found.name else Evidence.ANNOTATION
            name = found.name or name
            return replace(found, name=name, digest=digest, reasons=reasons, evidence=evidence)
    return found


def _scored(rows: Sequence[Row]) -> list[BaseCandidate]:
    cuts = scored_cuts(rows)
    strong = [cut for cut in cuts if cut.weight >= ENOUGH]
    chosen = strong[-1] if strong else None
    others = sorted((cut for cut in cuts if cut is not chosen), key=lambda cut: -cut.weight)
    nothing = _no_base(rows, is_likely=chosen is None)
    found = [_scored_cut(rows, cut, is_chosen=cut is chosen) for cut in others]
    if chosen is None:
        return [nothing, *found]
    return [_scored_cut(rows, chosen, is_chosen=True), *found, nothing]


def _scored_cut(rows: Sequence[Row], cut: Cut, *, is_chosen: bool) -> BaseCandidate:
    score = (1 - math.exp(-cut.weight / 2)) * (0.98 if is_chosen else 0.5)
    return _cut_at(rows, cut.rows, round(score, 2), cut.reasons)


def _no_base(rows: Sequence[Row], *, is_likely: bool) -> BaseCandidate:
    """The whole history taken for the image's own."""
    first = next((row for row in rows if not row.entry.empty_layer), None)
    if first and first.reading and first.reading.instruction.keyword == "RUN":
        reasons = ("the first layer was made by RUN, which nothing can do on an empty base",)
        return _cut_at(rows, 0, 0.4 if is_likely else 0.05, reasons)
    reason = "nothing in the history speaks of a base"
    if first and is_root_filesystem(first):
        reason = "the first layer is a root filesystem"
    score = 0.7 if is_likely else 0.1
    return _cut_at(rows, 0, score, (reason,), Evidence.INFERENCE, SCRATCH)


def _cut_at(  # noqa: PLR0917
    rows: Sequence[Row],
    position: int,
    score: float,
    reasons: tuple[str, ...],
    evidence: Evidence = Evidence.INFERENCE,
    name: str | None = None,
) -> BaseCandidate:
    layers = sum(not row.entry.empty_layer for row in rows[:position])
    return BaseCandidate(position, layers, score, reasons, evidence, name)


def _same_name(one: str, other: str) -> bool:
    """Whether two references mean one image: registry, `library/` and `latest` understood."""
    return _familiar(one) == _familiar(other)


def _familiar(name: str) -> str:
    name = name.partition("@")[0].removeprefix("docker.io/").removeprefix("library/")
    return name.removesuffix(":latest")


def _digest(text: str | None) -> Digest | None:
    try:
        return Digest.parse(text) if text else None
    except ValueError:
        return None
