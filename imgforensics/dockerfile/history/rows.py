"""A whole history, row by row, as instructions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from imgforensics.dockerfile.history.buildah import buildah_instruction
from imgforensics.dockerfile.history.buildkit import buildkit_instruction
from imgforensics.dockerfile.history.classic import classic_instruction
from imgforensics.dockerfile.history.kaniko import kaniko_instruction
from imgforensics.dockerfile.history.pairs import Pair, pairs_text
from imgforensics.dockerfile.history.printed import healthcheck_instruction
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import PLATFORM_ARGUMENTS, BuildState
from imgforensics.dockerfile.history.writers import writers
from imgforensics.dockerfile.instruction import Confidence, Evidence, RecoveredInstruction
from imgforensics.dockerfile.recovered import Builder
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
    layer: int | None = None

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


def read_history(config: ImageConfig) -> tuple[Row, ...]:
    """Every row of a history, lowest first; which layer each made is not yet told."""
    state = BuildState.before(config)
    builders = writers(config)
    rows = []
    for index, (entry, builder) in enumerate(zip(config.history, builders, strict=True)):
        grammar = _GRAMMARS.get(builder)
        reading = grammar(entry.created_by or "", state) if grammar else None
        rows.append(Row(index, entry, builder, reading))
    return tuple(_with_configured_healthcheck(_with_argument_values(rows), config))


def _with_argument_values(rows: list[Row]) -> list[Row]:
    """Give each ARG of buildah, which names only, the value that the next RUN was given."""
    values: Mapping[str, str] = {}
    found = []
    for row in reversed(rows):
        reading = row.reading
        if reading and row.builder is Builder.BUILDAH:
            values = reading.arguments or values
            if reading.instruction.keyword == "ARG":
                reading = _with_values(reading, values)
        found.append(row._replace(reading=reading))
    return found[::-1]


def _with_values(reading: Reading, values: Mapping[str, str]) -> Reading:
    words = reading.instruction.arguments.split()
    if any("=" in word for word in words) or not set(words) & set(values) - PLATFORM_ARGUMENTS:
        return reading
    given = [
        pairs_text([Pair(name, values[name])])
        if name in values and name not in PLATFORM_ARGUMENTS
        else name
        for name in words
    ]
    instruction = replace(reading.instruction, arguments=" ".join(given))
    note = "the value is the one that the build used; the default may have been another"
    return reading._replace(instruction=instruction, confidence=Confidence.PARTIAL, note=note)


def _with_configured_healthcheck(rows: list[Row], config: ImageConfig) -> list[Row]:
    """The last health check is the image's, whose words are told apart."""
    check = config.container.healthcheck
    for place in range(len(rows) - 1, -1, -1):
        reading = rows[place].reading
        if reading and reading.instruction.keyword == "HEALTHCHECK":
            if check and check.test and reading.confidence is Confidence.PARTIAL:
                configured = Reading(healthcheck_instruction(check), evidence=Evidence.CONFIG)
                rows[place] = rows[place]._replace(reading=configured)
            break
    return rows
