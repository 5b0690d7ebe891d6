"""Rows of BuildKit's Dockerfile frontend: `RUN /bin/sh -c x # buildkit`, `ENV A=1`.

Source: BuildKit, frontend/dockerfile/dockerfile2llb (convert.go) and exporter/containerimage.
"""

from imgforensics.dockerfile.history.commands import run_command
from imgforensics.dockerfile.history.printed import printed_instruction
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import BuildState
from imgforensics.dockerfile.instruction import Confidence

_ARGUMENT_NOTE = "the value is the one that the build used; the default may have been another"


def buildkit_instruction(created_by: str, state: BuildState) -> Reading | None:
    """Read one row of BuildKit."""
    text = created_by.removesuffix(" # buildkit")
    reading = printed_instruction(text, state)
    if reading and reading.instruction.keyword == "ARG" and "=" in reading.instruction.arguments:
        return reading._replace(confidence=Confidence.PARTIAL, note=_ARGUMENT_NOTE)
    if reading is None and text.startswith(tuple(" ".join(shell) for shell in state.shells)):
        return run_command(text, state)
    return reading
