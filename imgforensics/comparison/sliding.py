"""Where a run of changed lines is put when it could stand in several places.

After `}` and a blank line were added, either brace of two can be the new one. As git does, a
run goes where the other text changes, too; else to where the lines around it read as a
boundary (git's `--indent-heuristic`, on by default since 2.14; its weights are those of
https://github.com/mhagger/diff-slider-tools); else as far down as it can.
"""

from collections.abc import Hashable, Sequence

_MOST_INDENTED = 200
_MOST_BLANKS = 20
_LONGEST_SLIDE = 100
_STEPS_PER_LINE = 20
_LEAST_STEPS = 100_000
"""Lines that all runs of a text together are moved by, up or down; then they stay."""
_START_OF_TEXT, _END_OF_TEXT = 1, 21
_TOTAL_BLANKS, _BLANKS_AFTER = -30, 6
_INDENTED, _INDENTED_AFTER_BLANK = -4, 10
_OUTDENTED, _OUTDENTED_AFTER_BLANK = 24, 17
_DEDENTED, _DEDENTED_AFTER_BLANK = 23, 17
_INDENT_WEIGHT = 60


def slide(lines: Sequence[Hashable], changed: list[bool], changed_other: Sequence[bool]) -> None:
    """Move the runs of changed lines of one text, in place, to where they read best."""
    gaps = _gaps(changed_other)
    start = rank = 0
    steps = _LEAST_STEPS + _STEPS_PER_LINE * len(lines)
    while start < len(lines):
        if not changed[start]:
            start += 1
            rank += 1
            continue
        run = _Run(lines, changed, start, rank, steps)
        run.place(gaps)
        start, rank, steps = run.end, run.rank, run.steps


def _gaps(changed: Sequence[bool]) -> list[bool]:
    """Between which unchanged lines, counted from 0, there are changed ones."""
    gaps = [False]
    for is_changed in changed:
        if is_changed:
            gaps[-1] = True
        else:
            gaps.append(False)
    return gaps


class _Run:
    """A run of changed lines, and how many unchanged lines stand above it."""

    def __init__(
        self,
        lines: Sequence[Hashable],
        changed: list[bool],
        start: int,
        rank: int,
        steps: int,
    ) -> None:
        self._lines = lines
        self._changed = changed
        self._start = start
        self.end = start
        self.rank = rank
        self.steps = steps
        self._take_in()

    def place(self, gaps: Sequence[bool]) -> None:
        """Slide it up and down as far as it goes, runs it meets and all, then to its place."""
        facing: int | None = None
        while True:
            size = self.end - self._start
            while self.steps > 0 and self._up():
                pass
            highest = self.end
            facing = self.end if gaps[self.rank] else None
            while self._down():
                if gaps[self.rank]:
                    facing = self.end
            if self.end - self._start == size or self.steps <= 0:
                break
        if self.end == highest:
            return
        best = self._best_end(highest) if facing is None else facing
        while self.end > best and self._up():
            pass

    def _take_in(self) -> None:
        """Changed lines right above and below belong to the run."""
        while self._start > 0 and self._changed[self._start - 1]:
            self._start -= 1
        while self.end < len(self._lines) and self._changed[self.end]:
            self.end += 1

    def _up(self) -> bool:
        start, end = self._start - 1, self.end - 1
        self.steps -= 1
        if start < 0 or self._lines[start] != self._lines[end]:
            return False
        self._changed[start], self._changed[end] = True, False
        self._start, self.end = start, end
        self.rank -= 1
        self._take_in_above()
        return True

    def _take_in_above(self) -> None:
        while self._start > 0 and self._changed[self._start - 1]:
            self._start -= 1

    def _down(self) -> bool:
        start, end = self._start, self.end
        self.steps -= 1
        if self.steps <= 0 or end >= len(self._lines) or self._lines[start] != self._lines[end]:
            return False
        self._changed[start], self._changed[end] = False, True
        self._start, self.end = start + 1, end + 1
        self.rank += 1
        while self.end < len(self._lines) and self._changed[self.end]:
            self.end += 1
        return True

    def _best_end(self, highest: int) -> int:
        """The end that reads best; the lowest of equals."""
        size = self.end - self._start
        first = max(highest, self.end - size - 1, self.end - _LONGEST_SLIDE)
        best, best_score = self.end, None
        for end in range(first, self.end + 1):
            score = _score(self._lines, end), _score(self._lines, end - size)
            total = (score[0][0] + score[1][0], score[0][1] + score[1][1])
            if best_score is None or _is_no_worse(total, best_score):
                best, best_score = end, total
        return best


def _is_no_worse(score: tuple[int, int], other: tuple[int, int]) -> bool:
    """Indentation decides first, and then the penalties."""
    order = (score[0] > other[0]) - (score[0] < other[0])
    return _INDENT_WEIGHT * order + score[1] - other[1] <= 0


def _score(lines: Sequence[Hashable], split: int) -> tuple[int, int]:
    """Effective indentation and penalty of a boundary ahead of line `split`."""
    is_end = split >= len(lines)
    indent = -1 if is_end else _indent(lines[split])
    blanks_before, before = _around(lines, range(split - 1, -1, -1))
    blanks_after, after = _around(lines, range(split + 1, len(lines)))
    blanks_after_split = 0 if indent >= 0 else 1 + blanks_after
    penalty = _START_OF_TEXT if before == -1 and blanks_before == 0 else 0
    penalty += _END_OF_TEXT if is_end else 0
    total = blanks_before + blanks_after_split
    penalty += _TOTAL_BLANKS * total + _BLANKS_AFTER * blanks_after_split
    effective = indent if indent != -1 else after
    penalty += _step_penalty(effective, before, after, has_blank=total != 0)
    return effective, penalty


def _around(lines: Sequence[Hashable], indexes: range) -> tuple[int, int]:
    """Blank lines in a row, and the indentation of what follows them; -1 for nothing."""
    blanks = 0
    for index in indexes:
        indent = _indent(lines[index])
        if indent != -1:
            return blanks, indent
        blanks += 1
        if blanks == _MOST_BLANKS:
            return blanks, 0
    return blanks, -1


def _step_penalty(indent: int, before: int, after: int, *, has_blank: bool) -> int:
    if indent == -1 or before in (-1, indent):
        return 0
    if indent > before:
        return _INDENTED_AFTER_BLANK if has_blank else _INDENTED
    if after != -1 and after > indent:
        return _OUTDENTED_AFTER_BLANK if has_blank else _OUTDENTED
    return _DEDENTED_AFTER_BLANK if has_blank else _DEDENTED


def _indent(line: Hashable) -> int:
    """Columns of blanks ahead of a line's text, tabs to the next eighth; -1 for a blank line."""
    if not isinstance(line, bytes):
        return 0
    columns = 0
    for byte in line:
        if byte == 0x20:
            columns += 1
        elif byte == 0x09:
            columns += 8 - columns % 8
        elif byte not in b"\n\r\v\f":
            return min(columns, _MOST_INDENTED)
        if columns >= _MOST_INDENTED:
            return _MOST_INDENTED
    return -1
