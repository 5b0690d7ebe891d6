"""An image's lost Dockerfile: from attestations, history, configuration and layers."""

from imgforensics.dockerfile.effects import Effects, run_effects
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Heredoc,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.known_bases import KnownBase, KnownBases, read_known_bases
from imgforensics.dockerfile.presentation import Presentation
from imgforensics.dockerfile.recover import recover_dockerfile
from imgforensics.dockerfile.recovered import BaseCandidate, Builder, RecoveredDockerfile
from imgforensics.dockerfile.writing import WrittenRecovery, write_dockerfile

__all__ = [
    "BaseCandidate",
    "Builder",
    "Confidence",
    "Effects",
    "Evidence",
    "Heredoc",
    "Instruction",
    "KnownBase",
    "KnownBases",
    "Presentation",
    "RecoveredDockerfile",
    "RecoveredInstruction",
    "WrittenRecovery",
    "read_known_bases",
    "recover_dockerfile",
    "run_effects",
    "write_dockerfile",
]
