"""What a row of the table says beside its times: a figure, and the most that it may be.

A goal belongs to one row of a piece of work. It is given the row's own timing and those of
all rows that ran, in order, the first of which is ours.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.measure import Timing


@dataclass(frozen=True, slots=True)
class Finding:
    """The figure of one row."""

    value: float
    text: str
    at_most: str = ""
    met: bool | None = None
    """None where nothing limits it."""


class Goal(Protocol):
    """How the figure of a row is taken."""

    def finding(self, row: Timing, rows: Sequence[Timing]) -> Finding | None:
        """Take it; None for a row that has none."""
        ...


@dataclass(frozen=True, slots=True)
class NoGoal:
    """A row that is only timed."""

    def finding(self, row: Timing, rows: Sequence[Timing]) -> Finding | None:  # noqa: ARG002
        """Say nothing."""
        return None


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our wall time divided by this row's: the median of the ratios within each round."""

    at_most: float | None = None

    def finding(self, row: Timing, rows: Sequence[Timing]) -> Finding:
        """Below 1.00, ours is faster."""
        value = statistics.median(
            ours.wall_seconds / theirs.wall_seconds
            for ours, theirs in zip(rows[0].runs, row.runs, strict=True)
        )
        return _limited(value, f"{value:.2f}", self.at_most, "{:.2f}")


@dataclass(frozen=True, slots=True)
class Difference:
    """Our wall seconds less this row's: the median of the differences within each round."""

    at_most: float | None = None

    def finding(self, row: Timing, rows: Sequence[Timing]) -> Finding:
        """What ours adds."""
        value = statistics.median(
            ours.wall_seconds - theirs.wall_seconds
            for ours, theirs in zip(rows[0].runs, row.runs, strict=True)
        )
        return _limited(value, f"{value:+.3f} s", self.at_most, "{:+.3f} s")


@dataclass(frozen=True, slots=True)
class Wall:
    """This row's own median wall seconds, the start of its process included."""

    at_most: float

    def finding(self, row: Timing, rows: Sequence[Timing]) -> Finding:  # noqa: ARG002
        """The figure stands in the row already; this adds its limit."""
        value = row.wall_seconds
        return _limited(value, f"{value:.3f} s", self.at_most, "{:.3f} s")


@dataclass(frozen=True, slots=True)
class Peak:
    """This row's highest resident set, in MB of a million bytes."""

    at_most: float

    def finding(self, row: Timing, rows: Sequence[Timing]) -> Finding:  # noqa: ARG002
        """The figure stands in the row already; this adds its limit."""
        value = row.peak_bytes / 1e6
        return _limited(value, f"{value:.0f} MB", self.at_most, "{:.0f} MB")


@dataclass(frozen=True, slots=True)
class Growth:
    """CPU time for each member, what the start takes left out, against that of the smallest input.

    The first row is the start alone and the second the smallest input.
    """

    members: int
    smallest: int
    """Members of the second row's input."""
    at_most: float = 0.15
    """Either way, as a share."""

    def finding(self, row: Timing, rows: Sequence[Timing]) -> Finding:
        """How far each member costs more or less than it does in the smallest input."""
        cost = _cpu_for_each(row, rows[0], self.members)
        if row is rows[1]:
            return Finding(cost, f"{cost * 1e6:.2f} µs a member")
        value = cost / _cpu_for_each(rows[1], rows[0], self.smallest) - 1
        text = f"{cost * 1e6:.2f} µs a member, {value:+.0%}"
        return Finding(value, text, f"±{self.at_most:.0%}", abs(value) <= self.at_most)


def _cpu_for_each(row: Timing, start: Timing, members: int) -> float:
    return (row.cpu_seconds - start.cpu_seconds) / members


def _limited(value: float, text: str, at_most: float | None, form: str) -> Finding:
    if at_most is None:
        return Finding(value, text)
    return Finding(value, text, form.format(at_most), value <= at_most)
