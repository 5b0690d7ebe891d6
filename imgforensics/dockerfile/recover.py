"""Recovers the Dockerfile of an image from everything the image tells."""

from collections.abc import Callable

from imgforensics.dockerfile.base import base_candidates
from imgforensics.dockerfile.from_attestations import with_attestations
from imgforensics.dockerfile.from_layers import with_layers
from imgforensics.dockerfile.history import Row, read_history
from imgforensics.dockerfile.instruction import (
    Confidence,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.recovered import BaseCandidate, RecoveredDockerfile
from imgforensics.dockerfile.writers import image_builder
from imgforensics.image import Image
from imgforensics.oci.config import ImageConfig


def recover_dockerfile(
    image: Image, *, layers: bool = True, progress: Callable[[int], None] | None = None
) -> RecoveredDockerfile:
    """The Dockerfile that an image was built from, as far as the image tells.

    Without `layers`, documents alone are read. With them, those above the base are read once:
    sources are proven by their hashes, Dockerfiles found, owners told; `progress` is told the
    size of every piece of a stored layer that was read.
    """
    config = image.config or ImageConfig(b"")
    rows = read_history(config, layers_of_rows(config))
    candidates = base_candidates(image, rows)
    base = candidates[0]
    own = rows[base.rows :]
    recovered = RecoveredDockerfile(
        instructions=(from_instruction(base), *_recovered(own)),
        base=base,
        base_candidates=candidates,
        base_instructions=_recovered(rows[: base.rows]),
        builder=image_builder(config, [row.builder for row in own]),
        escape=_escape(config),
    )
    recovered = with_attestations(image, recovered)
    return with_layers(image, recovered, progress) if layers else recovered


def layers_of_rows(config: ImageConfig) -> list[int | None]:
    """Which layer each history row made; none at all where rows and layers do not pair."""
    making = [index for index, entry in enumerate(config.history) if not entry.empty_layer]
    layers: list[int | None] = [None] * len(config.history)
    if len(making) == len(config.diff_ids):
        for layer, index in enumerate(making):
            layers[index] = layer
    return layers


def from_instruction(base: BaseCandidate) -> RecoveredInstruction:
    """FROM, or a stand-in where no name is known."""
    reference = base.reference
    confidence = Confidence.EXACT if base.score == 1 else Confidence.INFERRED
    if reference is None:
        confidence = Confidence.GUESSED
    return RecoveredInstruction(
        Instruction("FROM", reference or "base"),
        base.evidence,
        confidence,
        note="; ".join(base.reasons),
    )


def _recovered(rows: tuple[Row, ...]) -> tuple[RecoveredInstruction, ...]:
    return tuple(found for row in rows if (found := row.recovered()))


def _escape(config: ImageConfig) -> str:
    return "`" if config.os == "windows" else "\\"
