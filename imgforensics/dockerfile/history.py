"""A whole history, row by row, as instructions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from imgforensics.dockerfile.buildah import buildah_instruction
from imgforensics.dockerfile.buildkit import buildkit_instruction
from imgforensics.dockerfile.classic import classic_instruction
from imgforensics.dockerfile.instruction import RecoveredInstruction
from imgforensics.dockerfile.kaniko import kaniko_instruction
from imgforensics.dockerfile.reading import Reading
from imgforensics.dockerfile.recovered import Builder
from imgforensics.dockerfile.state import BuildState
from imgforensics.dockerfile.writers import writers
from imgforensics.oci.config import HistoryEntry, ImageConfig

_GRAMMARS: dict[Builder, Callable[[str, BuildState], Reading | None]] = {
    Builder.BUILDKIT: buildkit_instruction,
    Builder.CLASSIC: classic_instruction,
    Builder.BUILDAH: buildah_instruction,
    Builder.KANIKO: kaniko_instruction,
}


class Row(NamedTuple):
    """A history row, who wrote it, and what it was read as."""

    position: int
    entry: HistoryEntry
    builder: Builder
    reading: Reading | None
    layer: int | None

    def recovered(self) -> RecoveredInstruction | None:
        """The row's instruction, with what it rests on."""
        if self.reading is None:
            return None
        return RecoveredInstruction(
            self.reading.instruction,
            self.reading.evidence,
            self.reading.confidence,
            layer=self.layer,
            note=self.reading.note,
            row=self.position,
        )


def read_history(config: ImageConfig, layers: Sequence[int | None]) -> tuple[Row, ...]:
    """Every row of a history; `layers` says which layer each row made."""
    state = BuildState.before(config)
    builders = writers(config)
    rows = []
    for index, (entry, builder) in enumerate(zip(config.history, builders, strict=True)):
        grammar = _GRAMMARS.get(builder)
        reading = grammar(entry.created_by or "", state) if grammar else None
        rows.append(Row(index, entry, builder, reading, layers[index]))
    return tuple(rows)
