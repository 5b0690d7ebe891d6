"""Two histories, aligned instruction by instruction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest

from imgforensics.comparison.lines import segments
from imgforensics.oci.config import HistoryEntry, ImageConfig


class StepVerdict(StrEnum):
    """What became of a step."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """Another instruction stands in its place."""
    CREATED = "created"
    """The same instruction, run at another time."""


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """A step of either history, or of both."""

    before: HistoryEntry | None
    after: HistoryEntry | None

    @property
    def verdict(self) -> StepVerdict:
        """How the two differ."""
        if self.before is None:
            return StepVerdict.ADDED
        if self.after is None:
            return StepVerdict.REMOVED
        if _identity(self.before) != _identity(self.after):
            return StepVerdict.CHANGED
        is_same = self.before.created == self.after.created
        return StepVerdict.SAME if is_same else StepVerdict.CREATED


def align_histories(
    before: ImageConfig | None, after: ImageConfig | None, *, with_times: bool = True
) -> tuple[HistoryStep, ...]:
    """All steps of both, in order; those with one instruction side by side.

    Without `with_times`, the steps have none.
    """
    old, new = (config.history if config else () for config in (before, after))
    if not with_times:
        old, new = (tuple(replace(step, created=None) for step in steps) for steps in (old, new))
    return tuple(_aligned(old, new))


def _aligned(
    before: Sequence[HistoryEntry], after: Sequence[HistoryEntry]
) -> Iterator[HistoryStep]:
    for segment in segments([*map(_identity, before)], [*map(_identity, after)]):
        for old, new in zip_longest(segment.before, segment.after):
            yield HistoryStep(
                None if old is None else before[old], None if new is None else after[new]
            )


def _identity(step: HistoryEntry) -> tuple[object, ...]:
    """What makes two steps the same one, whenever they were run."""
    return (step.created_by, step.comment, step.author, step.empty_layer)
