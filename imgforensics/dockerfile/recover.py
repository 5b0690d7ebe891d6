"""Recovers the Dockerfile of an image from everything the image tells."""

from collections.abc import Callable

from imgforensics.dockerfile.attested.from_attestations import with_attestations
from imgforensics.dockerfile.base.candidates import base_cuts
from imgforensics.dockerfile.base.known_bases import KnownBases
from imgforensics.dockerfile.base.names import with_names
from imgforensics.dockerfile.base.system import SystemReader
from imgforensics.dockerfile.history.changes import untold_keywords
from imgforensics.dockerfile.history.command_names import with_command_names
from imgforensics.dockerfile.history.completion import completed
from imgforensics.dockerfile.history.equivalents import with_equivalents
from imgforensics.dockerfile.history.layer_pairing import with_layers_paired
from imgforensics.dockerfile.history.rows import Row, read_history
from imgforensics.dockerfile.history.writers import image_builder
from imgforensics.dockerfile.instruction import Confidence, Instruction, RecoveredInstruction
from imgforensics.dockerfile.layers.from_layers import with_layers
from imgforensics.dockerfile.recovered import BaseCandidate, Builder, RecoveredDockerfile
from imgforensics.image import Image
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.json_document import Text, no_text

_BASE_ARGUMENT = "BASE_IMAGE"


def recover_dockerfile(
    image: Image,
    *,
    bases: KnownBases | None = None,
    read_layers: bool = True,
    progress: Callable[[int], None] | None = None,
) -> RecoveredDockerfile:
    """The Dockerfile that an image was built from, as far as the image tells.

    `bases` are images that it may be built on, as :func:`read_known_bases` reads them. Without
    `read_layers` only documents are read: names of bases then rest on history and labels
    alone, and so do sources of COPY and ADD. `progress` is told the size of every piece of a
    stored layer that was read. Raises `LimitExceededError`.
    """
    config = image.config or ImageConfig(b"")
    history = with_command_names(read_history(config), config)
    rows = with_layers_paired(history, image, read_layers=read_layers)
    known = bases.base_of(config) if bases else None
    cuts = base_cuts(config, rows, _annotations(image), known)
    system = SystemReader(image) if read_layers else None
    candidates = with_names(cuts, rows, config, system)
    base = candidates[0]
    below = _recovered(rows[: base.rows])
    # BuildKit gives every image a working directory, `/` if nothing else.
    has_root = any(row.builder is Builder.BUILDKIT for row in rows[: base.rows])
    own = with_equivalents(rows[base.rows :], range(base.layers, len(image.layers)))
    builder = image_builder(config, [row.builder for row in rows[base.rows :]])
    whole = completed(
        own,
        below,
        config,
        builder,
        has_root=has_root,
        untold_of_base=untold_keywords(base, rows[: base.rows]),
    )
    recovered = RecoveredDockerfile(
        instructions=(*from_instructions(base), *whole.instructions),
        base=base,
        base_candidates=candidates,
        base_instructions=below,
        untold_settings=whole.untold_settings,
        builder=builder,
        problems=bases.problems if bases else (),
    )
    recovered = with_attestations(image, recovered)
    return with_layers(image, recovered, progress) if read_layers else recovered


def from_instructions(base: BaseCandidate) -> tuple[RecoveredInstruction, ...]:
    """FROM; of an argument to be given at build time where no name is known."""
    named = (one.reason for one in base.names[:1])
    note = "; ".join(dict.fromkeys((*base.reasons, *named)))
    if base.reference is None:
        words = (("ARG", _BASE_ARGUMENT), ("FROM", f"${{{_BASE_ARGUMENT}}}"))
        return tuple(
            RecoveredInstruction(Instruction(*word), base.evidence, Confidence.GUESSED, note=note)
            for word in words
        )
    confidence = Confidence.EXACT if base.score == 1 else Confidence.INFERRED
    instruction = Instruction("FROM", base.reference)
    return (RecoveredInstruction(instruction, base.evidence, confidence, note=note),)


def _annotations(image: Image) -> Text:
    return image.manifest.annotations if image.manifest else no_text()


def _recovered(rows: tuple[Row, ...]) -> tuple[RecoveredInstruction, ...]:
    return tuple(found for row in rows if (found := row.recovered()))
