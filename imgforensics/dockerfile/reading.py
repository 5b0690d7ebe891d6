"""What one history row was read as."""

from typing import NamedTuple

from imgforensics.dockerfile.instruction import Confidence, Evidence, Instruction


class Reading(NamedTuple):
    """An instruction, and how far the row tells it."""

    instruction: Instruction
    confidence: Confidence = Confidence.EXACT
    note: str = ""
    evidence: Evidence = Evidence.HISTORY
