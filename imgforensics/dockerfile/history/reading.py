"""What one history row was read as."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from imgforensics.dockerfile.instruction import Confidence, Evidence, Instruction


class Reading(NamedTuple):
    """An instruction, and how far the row tells it."""

    instruction: Instruction
    confidence: Confidence = Confidence.EXACT
    note: str = ""
    evidence: Evidence = Evidence.HISTORY
    arguments: Mapping[str, str] = MappingProxyType({})
    """Build arguments that a RUN was given, where the row lists them."""
