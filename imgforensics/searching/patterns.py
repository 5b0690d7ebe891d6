"""Several expressions looked for at once, as they are and in UTF-16."""

import re
from typing import NamedTuple

from imgforensics.errors import QuestionError
from imgforensics.searching.gate import Data, gate_for
from imgforensics.searching.query import Query, words
from imgforensics.searching.regex import Regex
from imgforensics.searching.syntax import wide as wide_form
from imgforensics.searching.syntax import wide_text

_MARKS = (b"\xff\xfe", b"\xfe\xff")
_WIDE_LINE_END = b"\n\0"
_LINE_BYTES = 4 << 10
"""Of a longer line in UTF-16, as many are looked at on either side of a match."""


class Found(NamedTuple):
    """One match in a piece of content."""

    start: int
    end: int
    pattern: int
    """Position of the expression in the query."""
    is_wide: bool


class _WideRegex(Regex):
    """An expression's form for UTF-16, which lost its anchors: then the text is looked at."""

    __slots__ = ("_narrow",)

    def __init__(self, source: bytes, narrow: Regex, *, ignore_case: bool) -> None:
        super().__init__(source, ignore_case=ignore_case)
        self._narrow = narrow

    def search(self, data: Data, start: int, end: int) -> tuple[int, int] | None:
        """As :meth:`Regex.search`."""
        span = super().search(data, start, end)
        while span is not None:
            text, line_end = _wide_line(bytes(data), span[0])
            if self._narrow.search(text, 0, len(text)) is not None:
                return span
            span = super().search(data, min(line_end, end), end)
        return None


def _wide_line(data: bytes, position: int) -> tuple[bytes, int]:
    """The line around a position in UTF-16, as UTF-8, and where it ends in the data."""
    start = max(len(_MARKS[0]) if data.startswith(_MARKS) else 0, position - _LINE_BYTES)
    line_end = data.rfind(_WIDE_LINE_END, start, position)
    start = start if line_end < 0 else line_end + len(_WIDE_LINE_END)
    start += (position - start) % 2
    end = data.find(_WIDE_LINE_END, position, position + _LINE_BYTES)
    end = min(len(data), position + _LINE_BYTES) if end < 0 else end
    text = data[start:end].decode("utf-16-le", "replace")
    return text.encode(), max(end, position + 1)


class Patterns:
    """The expressions of one query; raises `QuestionError` where one does not compile."""

    def __init__(self, query: Query) -> None:
        sources = words(query.content)
        fold = query.ignore_case
        narrow = [re.escape(one) for one in sources] if query.fixed else sources
        widened = [wide_text(one) if query.fixed else wide_form(one) for one in sources]
        self._regexes: list[tuple[int, Regex, bool]]
        self._regexes = [(n, Regex(one, ignore_case=fold), False) for n, one in enumerate(narrow)]
        forms = [[one] for one in narrow]
        for number, one in enumerate(widened):
            try:
                plain = self._regexes[number][1]
                regex = _WideRegex(one, plain, ignore_case=fold)
                self._regexes.append((number, regex, True))
                forms[number].append(one)
            except QuestionError:
                # RE2 bounds how large an expression may be, and this one is twice as large.
                continue
        self.may_match = gate_for(forms, ignore_case=fold)
        """Whether there may be a match in some data."""

    def matches(self, data: Data, start: int, *, narrow: bool, wide: bool) -> "Matches":
        """The matches from `start` on, in order: of text as it is, of text in UTF-16."""
        regexes = [each for each in self._regexes if (wide if each[2] else narrow)]
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
