"""Where the base image ends."""

from collections.abc import Sequence

from imgforensics.dockerfile.history import Row
from imgforensics.dockerfile.instruction import Evidence
from imgforensics.dockerfile.recovered import SCRATCH, BaseCandidate
from imgforensics.image import Image


def base_candidates(_: Image, rows: Sequence[Row]) -> tuple[BaseCandidate, ...]:
    """Every cut that something speaks for, best first; never none."""
    for row in rows:
        comment = row.entry.comment or ""
        if comment.startswith("FROM "):
            return (_cut(rows, row.position, 1.0, comment[5:], Evidence.HISTORY),)
    return (_cut(rows, 0, 0.1, SCRATCH, Evidence.INFERENCE),)


def _cut(
    rows: Sequence[Row], index: int, score: float, name: str, evidence: Evidence
) -> BaseCandidate:
    layers = sum(not row.entry.empty_layer for row in rows[:index])
    return BaseCandidate(index, layers, score, evidence=evidence, name=name, names=(name,))
