"""A whole history, row by row, as instructions."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from imgforensics.dockerfile.history.buildah import buildah_instruction
from imgforensics.dockerfile.history.buildkit import buildkit_instruction
from imgforensics.dockerfile.history.classic import classic_instruction
from imgforensics.dockerfile.history.free_variables import free_variables
from imgforensics.dockerfile.history.kaniko import kaniko_instruction
from imgforensics.dockerfile.history.pairs import Pair, pairs_text
from imgforensics.dockerfile.history.printed import healthcheck_instruction
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import PLATFORM_ARGUMENTS, BuildState, environment_of
from imgforensics.dockerfile.history.writers import writers
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.recovered import Builder
from imgforensics.dockerfile.words import split_words, unquote
from imgforensics.oci.config import HistoryEntry, ImageConfig

_GRAMMARS: dict[Builder, Callable[[str, BuildState], Reading | None]] = {
    Builder.BUILDKIT: buildkit_instruction,
    Builder.CLASSIC: classic_instruction,
    Builder.BUILDAH: buildah_instruction,
    Builder.KANIKO: kaniko_instruction,
}
_FIRST_REAL_YEAR = 1981
"""Builders that tell no time write 1, 1970 or 1980."""
_UNLISTED = "the row names no argument; a later command uses one that nothing else sets"


class Row(NamedTuple):
    """A history row, who wrote it, and what it was read as."""

    position: int
    entry: HistoryEntry
    builder: Builder
    reading: Reading | None
    layer: int | None = None

    @property
    def keyword(self) -> str:
        """The instruction's; empty where the row was read as none."""
        return self.reading.instruction.keyword if self.reading else ""

    @property
    def created(self) -> datetime | None:
        """When it was made; None where builders tell no time: they write years up to 1980."""
        return time_told(self.entry)

    @property
    def is_merge(self) -> bool:
        """Whether it only says that the layers of those below were merged into one."""
        return not self.entry.created_by and (self.entry.comment or "").startswith("merge sha256:")

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


def time_told(entry: HistoryEntry) -> datetime | None:
    """When a history entry was made, in UTC; None where its builder does not tell."""
    try:
        written = datetime.fromisoformat(entry.created or "")
        moment = written.replace(tzinfo=written.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= _FIRST_REAL_YEAR else None


def read_history(config: ImageConfig) -> tuple[Row, ...]:
    """Every row of a history, lowest first; which layer each made is not yet told."""
    state = BuildState.before(config)
    builders = writers(config)
    rows = []
    for index, (entry, builder) in enumerate(zip(config.history, builders, strict=True)):
        grammar = _GRAMMARS.get(builder)
        reading = grammar(entry.created_by or "", state) if grammar else None
        rows.append(Row(index, entry, builder, reading))
    rows = _with_argument_values(_with_unlisted_arguments(rows, config))
    return tuple(_with_configured_healthcheck(rows, config))


def _with_unlisted_arguments(rows: list[Row], config: ImageConfig) -> list[Row]:
    """Give each ARG of buildah that lists nothing new the name that commands use unexplained.

    Only arguments with a value are listed: such a row declares one that was given none.
    """
    places = [row.position for row in rows if _lists_nothing(row)]
    if not places:
        return rows
    commands = [row.entry.created_by or "" if _is_run(row) else "" for row in rows]
    known = environment_of(config.container.env).keys() | _set_names(rows)
    free = deque(free_variables(commands, known))
    found = list(rows)
    for place in places:
        while free and free[0][0] < place:
            free.popleft()
        if free:
            _, name = free.popleft()
            reading = Reading(Instruction("ARG", name), Confidence.INFERRED, _UNLISTED)
            found[place] = rows[place]._replace(reading=reading)
    return found


def _lists_nothing(row: Row) -> bool:
    text = row.entry.created_by or ""
    return row.builder is Builder.BUILDAH and row.reading is None and "#(nop) ARG " in text


def _is_run(row: Row) -> bool:
    return row.reading is not None and row.reading.instruction.keyword == "RUN"


def _set_names(rows: list[Row]) -> set[str]:
    """Names that ENV and ARG rows set."""
    instructions = [row.reading.instruction for row in rows if row.reading]
    words = (split_words(each.arguments) for each in instructions if each.keyword in ("ENV", "ARG"))
    return {unquote(word.partition("=")[0]) for found in words for word in found}


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
