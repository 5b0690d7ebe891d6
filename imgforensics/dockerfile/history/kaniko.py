"""Rows of kaniko: the instruction's own text, of those instructions that made a layer.

Source: kaniko, pkg/executor/build.go (saveLayerToImage) and pkg/commands.
"""

from dataclasses import replace

from imgforensics.dockerfile.history.commands import LOST_SCRIPT
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import BuildState
from imgforensics.dockerfile.instruction import Confidence, Heredoc
from imgforensics.dockerfile.parsing import written_instruction
from imgforensics.dockerfile.words import heredoc_marks


def kaniko_instruction(created_by: str, _: BuildState) -> Reading | None:
    """Read one row of kaniko."""
    instruction = written_instruction(created_by)
    if instruction is None:
        return None
    marks = heredoc_marks(instruction.arguments) if instruction.takes_heredocs else []
    if not marks:
        return Reading(instruction)
    note = "the content was a heredoc; kaniko records only its name"
    text = LOST_SCRIPT if instruction.keyword == "RUN" else ""
    bodies = tuple(Heredoc(mark.name, text) for mark in marks)
    return Reading(replace(instruction, heredocs=bodies), Confidence.GUESSED, note)
