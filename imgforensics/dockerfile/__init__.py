"""An image's lost Dockerfile: from attestations, history, configuration and layers."""

from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Heredoc,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.recover import recover_dockerfile
from imgforensics.dockerfile.recovered import BaseCandidate, Builder, RecoveredDockerfile

__all__ = [
    "BaseCandidate",
    "Builder",
    "Confidence",
    "Evidence",
    "Heredoc",
    "Instruction",
    "RecoveredDockerfile",
    "RecoveredInstruction",
    "recover_dockerfile",
]
