"""Several expressions looked for at once, as they are and in UTF-16."""

import re
from typing import NamedTuple

from imgforensics.errors import QuestionError
from imgforensics.search.query import Query, raw
from imgforensics.search.regex import Regex
from imgforensics.search.wide import wide, wide_text

Data = bytes | memoryview

_PLAIN_START = re.compile(rb"[A-Za-z0-9 _/@:=,<>'\"&%#!;~-]{3}(?![*?{])")
_MOST_APART = 4


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
        self._narrow = [Regex(one, ignore_case=fold) for one in narrow]
        self._wide = [
            _wide_form(wide_text(one) if query.fixed else wide(one), ignore_case=fold)
            for one in sources
        ]
        self._gates = _gates(narrow, self._narrow, fold)
        widened = [one for one in self._wide if one is not None]
        if len(self._gates) == len(self._narrow):
            self._gates_with_wide = (*self._gates, *widened)
        else:
            both = [*narrow, *(one.source for one in widened)]
            self._gates_with_wide = _gates(both, [*self._narrow, *widened], fold)

    def occur_in(self, data: Data, *, with_wide: bool) -> bool:
        """Whether there is any match at all."""
        end = len(data)
        gates = self._gates_with_wide if with_wide else self._gates
        return any(gate.search(data, 0, end) is not None for gate in gates)

    def matches(self, data: Data, start: int, *, with_wide: bool) -> "Matches":
        """The matches from `start` on, in order."""
        regexes = [(number, regex, False) for number, regex in enumerate(self._narrow)]
        if with_wide:
            regexes += [(n, regex, True) for n, regex in enumerate(self._wide) if regex is not None]
        return Matches(data, start, regexes)


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


def _wide_form(expression: bytes, *, ignore_case: bool) -> Regex | None:
    try:
        return Regex(expression, ignore_case=ignore_case)
    except QuestionError:
        # RE2 bounds how large an expression may be, and this one is twice as large.
        return None


def _gates(sources: list[bytes], regexes: list[Regex], fold: bool) -> tuple[Regex, ...]:
    """What tells quickest whether any of the expressions matches.

    RE2 finds an expression that begins with plain text at memory's speed, and any number of
    others together as fast as one.
    """
    if len(sources) <= _MOST_APART and not fold and all(map(_begins_plainly, sources)):
        return tuple(regexes)
    try:
        joined = b"|".join(b"(?:" + source + b")" for source in sources)
        return (Regex(joined, ignore_case=fold),)
    except QuestionError:
        return tuple(regexes)


def _begins_plainly(source: bytes) -> bool:
    return b"|" not in source and bool(_PLAIN_START.match(source.replace(b"\\", b"")))
