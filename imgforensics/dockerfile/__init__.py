"""An image's lost Dockerfile: from attestations, history, configuration and layers.

What it takes to write one with its context is in `output`, what RUN did in `layers.effects`.
"""

from imgforensics.dockerfile.base.known_bases import KnownBase, KnownBases, read_known_bases
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Heredoc,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.presentation import Presentation
from imgforensics.dockerfile.recover import recover_dockerfile
from imgforensics.dockerfile.recovered import (
    BaseCandidate,
    BaseName,
    Builder,
    RecoveredDockerfile,
)

__all__ = [
    "BaseCandidate",
    "BaseName",
    "Builder",
    "Confidence",
    "Evidence",
    "Heredoc",
    "Instruction",
    "KnownBase",
    "KnownBases",
    "Presentation",
    "RecoveredDockerfile",
    "RecoveredInstruction",
    "read_known_bases",
    "recover_dockerfile",
]
