"""Several expressions looked for at once, as they are and in UTF-16."""

import re
from typing import NamedTuple

from imgforensics.errors import QuestionError
from imgforensics.searching.gate import Data, gate_for
from imgforensics.searching.query import Query, raw
from imgforensics.searching.regex import Regex
from imgforensics.searching.syntax import wide, wide_text


class Found(NamedTuple):
    """One match in a piece of content."""

    start: int
    end: int
    pattern: int
    """Position of the expression in the query."""
    is_wide: bool


class Patterns:
    """The expressions of one query; raises `QuestionError` where one does not compile."""

    def __init__(self, query: Query) -> None:
        sources = [raw(one) for one in query.content]
        fold = query.ignore_case
        narrow = [re.escape(one) for one in sources] if query.fixed else sources
        widened = [wide_text(one) if query.fixed else wide(one) for one in sources]
        self._regexes = [(n, Regex(one, ignore_case=fold), False) for n, one in enumerate(narrow)]
        gated = list(narrow)
        for number, one in enumerate(widened):
            try:
                self._regexes.append((number, Regex(one, ignore_case=fold), True))
                gated.append(one)
            except QuestionError:
                # RE2 bounds how large an expression may be, and this one is twice as large.
                continue
        self.may_match = gate_for(gated, ignore_case=fold)
        """Whether there may be a match in some data."""

    def matches(self, data: Data, start: int, *, with_wide: bool) -> "Matches":
        """The matches from `start` on, in order."""
        return Matches(data, start, [each for each in self._regexes if with_wide or not each[2]])


class Matches:
    """Goes through the matches of several expressions, the first one first."""

    def __init__(self, data: Data, start: int, regexes: list[tuple[int, Regex, bool]]) -> None:
        self._data = data
        self._end = len(data)
        self._next: list[tuple[Found, Regex]] = []
        for pattern, regex, is_wide in regexes:
            if (span := regex.search(data, start, self._end)) is not None:
                self._next.append((Found(*span, pattern, is_wide), regex))

    def first_from(self, start: int) -> Found | None:
        """The first match that begins at `start` or behind it; never asked for an earlier one."""
        for position, (found, regex) in reversed(list(enumerate(self._next))):
            if found.start >= start:
                continue
            span = regex.search(self._data, start, self._end) if start <= self._end else None
            if span is None:
                del self._next[position]
            else:
                self._next[position] = (Found(*span, found.pattern, found.is_wide), regex)
        return min((found for found, _ in self._next), default=None)
