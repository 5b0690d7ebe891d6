"""Which lines two texts have in common: Myers' algorithm, in linear space and bounded time.

Source: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986),
with what git does around it: lines that only one text has are set aside first, and a search
that has become costly takes the furthest point it has reached. Where a run of changed lines
can stand in several places, `sliding` chooses.
"""

from collections.abc import Hashable, Iterator, Sequence
from math import isqrt
from typing import NamedTuple

from imgforensics.comparison.sliding import slide

_LEAST_COST = 256
"""Differences that one search looks for at least before it takes what it has."""
_STEPS_PER_LINE = 20
_LEAST_STEPS = 1_000_000
"""Steps for two texts together; past them, what is left is all taken for changed."""


class Block(NamedTuple):
    """Lines `before[start:end]` that became lines `after[start:end]`; either may be none."""

    before_start: int
    before_end: int
    after_start: int
    after_end: int


def differing_blocks(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Block]:
    """The blocks that differ, in order; what is between them is the same in both."""
    changed_before, changed_after = _changed(before, after)
    slide(before, changed_before, changed_after)
    slide(after, changed_after, changed_before)
    return _blocks(changed_before, changed_after)


class Segment(NamedTuple):
    """A run of both texts: lines in common, as many in each, or a block that differs."""

    before: range
    after: range
    is_common: bool


def segments(before: Sequence[Hashable], after: Sequence[Hashable]) -> Iterator[Segment]:
    """Both texts from start to end; no segment is empty in both."""
    x = y = 0
    for block in differing_blocks(before, after):
        if block.before_start > x:
            yield Segment(range(x, block.before_start), range(y, block.after_start), is_common=True)
        x, y = block.before_end, block.after_end
        yield Segment(range(block.before_start, x), range(block.after_start, y), is_common=False)
    if x < len(before):
        yield Segment(range(x, len(before)), range(y, len(after)), is_common=True)


def _blocks(changed_before: Sequence[bool], changed_after: Sequence[bool]) -> list[Block]:
    blocks = []
    x = y = 0
    while x < len(changed_before) or y < len(changed_after):
        start_x, start_y = x, y
        while x < len(changed_before) and changed_before[x]:
            x += 1
        while y < len(changed_after) and changed_after[y]:
            y += 1
        if (x, y) != (start_x, start_y):
            blocks.append(Block(start_x, x, start_y, y))
        x += 1
        y += 1
    return blocks


def _changed(
    before: Sequence[Hashable], after: Sequence[Hashable]
) -> tuple[list[bool], list[bool]]:
    """For each line of either text whether it is none of those in common."""
    start = 0
    shorter = min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    inner_before = range(start, len(before) - end)
    inner_after = range(start, len(after) - end)
    known_before = {before[index] for index in inner_before}
    known_after = {after[index] for index in inner_after}
    left_before = [index for index in inner_before if before[index] in known_after]
    left_after = [index for index in inner_after if after[index] in known_before]
    changed_before, changed_after = [False] * len(before), [False] * len(after)
    for index in inner_before:
        changed_before[index] = True
    for index in inner_after:
        changed_after[index] = True
    numbers: dict[Hashable, int] = {}
    search = _Search(
        [numbers.setdefault(before[index], len(numbers)) for index in left_before],
        [numbers.setdefault(after[index], len(numbers)) for index in left_after],
    )
    for x, y in search.common():
        changed_before[left_before[x]] = changed_after[left_after[y]] = False
    return changed_before, changed_after


class _Box(NamedTuple):
    """A part of both texts: lines `left` to `right` of the one, `top` to `bottom` of the other."""

    left: int
    right: int
    top: int
    bottom: int


class _Search:
    """Finds a longest common subsequence, or one as long as a bounded search finds."""

    def __init__(self, before: Sequence[int], after: Sequence[int]) -> None:
        self._before = before
        self._after = after
        lines = len(before) + len(after)
        self._cost = max(_LEAST_COST, isqrt(lines))
        self._steps = _LEAST_STEPS + _STEPS_PER_LINE * lines

    def common(self) -> list[tuple[int, int]]:
        """Pairs of lines in common."""
        found: list[tuple[int, int]] = []
        pending = [_Box(0, len(self._before), 0, len(self._after))]
        while pending:
            box = self._without_ends(pending.pop(), found)
            if box.left < box.right and box.top < box.bottom and self._steps > 0:
                x, y = self._split(box)
                pending.append(_Box(box.left, x, box.top, y))
                pending.append(_Box(x, box.right, y, box.bottom))
        return found

    def _without_ends(self, box: _Box, found: list[tuple[int, int]]) -> _Box:
        """Take equal lines off both ends."""
        before, after = self._before, self._after
        left, right, top, bottom = box
        while left < right and top < bottom and before[left] == after[top]:
            found.append((left, top))
            left += 1
            top += 1
        while left < right and top < bottom and before[right - 1] == after[bottom - 1]:
            right -= 1
            bottom -= 1
            found.append((right, bottom))
        return _Box(left, right, top, bottom)

    def _split(self, box: _Box) -> tuple[int, int]:
        """A point on a shortest path through the box, from searches that start at both ends."""
        forward = _Front(box, self._before, self._after)
        backward = _Front(_mirrored(box), self._before, self._after, direction=-1)
        is_odd = (box.right - box.left - box.bottom + box.top) % 2 == 1
        met: tuple[int, int] | None = None
        for _ in range(self._cost):
            if self._steps - forward.steps - backward.steps <= 0:
                break
            met = forward.advance(backward if is_odd else None)
            met = met or backward.advance(None if is_odd else forward)
            if met is not None:
                break
        self._steps -= forward.steps + backward.steps
        return met or self._furthest(box, forward, backward)

    def _furthest(self, box: _Box, forward: "_Front", backward: "_Front") -> tuple[int, int]:
        """The better of the points that two unfinished searches have reached."""
        ahead, behind = forward.furthest(), backward.furthest()
        gained = ahead[0] - box.left + ahead[1] - box.top
        lost = box.right - behind[0] + box.bottom - behind[1]
        return ahead if gained >= lost else behind


def _mirrored(box: _Box) -> _Box:
    return _Box(box.right, box.left, box.bottom, box.top)


class _Front:
    """How far a search has come on each diagonal; backwards, everything runs the other way.

    A diagonal is the number of lines gone in one text less those gone in the other.
    """

    def __init__(
        self, box: _Box, before: Sequence[int], after: Sequence[int], direction: int = 1
    ) -> None:
        self._box = box
        self._before = before
        self._after = after
        self._direction = direction
        self._width = abs(box.right - box.left)
        self._height = abs(box.bottom - box.top)
        self._reached = {0: 0}
        self._cost = 0
        self.steps = 0
        """Diagonals looked at, and lines gone along: what this has cost."""

    def advance(self, other: "_Front | None") -> tuple[int, int] | None:
        """Allow one more difference; a point where this meets `other`, if it does."""
        self._cost += 1
        low, high = max(-self._cost, -self._height), min(self._cost, self._width)
        low += (low - self._cost) % 2
        high -= (high - self._cost) % 2
        reached = self._reached
        new: dict[int, int] = {}
        for diagonal in range(high, low - 1, -2):
            right = reached.get(diagonal - 1, -2) + 1
            down = reached.get(diagonal + 1, -2)
            x = self._slid(max(right, down), diagonal)
            new[diagonal] = x
            if other is not None and self._meets(other, diagonal, x):
                self._reached = new
                return self._point(x, diagonal)
        self._reached = new
        return None

    def _slid(self, x: int, diagonal: int) -> int:
        """Go along equal lines."""
        start = x
        before, after, width, height = self._before, self._after, self._width, self._height
        left, top, step = self._box.left, self._box.top, self._direction
        y = x - diagonal
        if step > 0:
            while x < width and y < height and before[left + x] == after[top + y]:
                x += 1
                y += 1
        else:
            while x < width and y < height and before[left - 1 - x] == after[top - 1 - y]:
                x += 1
                y += 1
        self.steps += 1 + x - start
        return x

    def _meets(self, other: "_Front", diagonal: int, x: int) -> bool:
        facing = other._reached.get(self._width - self._height - diagonal)
        return facing is not None and x + facing >= self._width

    def _point(self, x: int, diagonal: int) -> tuple[int, int]:
        step = self._direction
        return self._box.left + step * x, self._box.top + step * (x - diagonal)

    def furthest(self) -> tuple[int, int]:
        """The point with most lines behind it, inside the box."""
        inside = [
            (2 * x - diagonal, x, diagonal)
            for diagonal, x in self._reached.items()
            if 0 <= x <= self._width and 0 <= x - diagonal <= self._height
        ]
        _, x, diagonal = max(inside, default=(0, 0, 0))
        return self._point(x, diagonal)
