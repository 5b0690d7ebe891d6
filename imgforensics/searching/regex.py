"""Regular expressions over bytes, in time linear in what is searched: RE2.

Syntax: https://github.com/google/re2/wiki/Syntax ; no look-around, no back-references, which
is what makes the time linear. `.` and classes match single bytes.
"""

import re2

from imgforensics.errors import QuestionError
from imgforensics.problems import display

_MEMORY_BYTES = 64 << 20
"""For one expression's automata; past it, RE2 goes on more slowly."""


class Regex:
    """One compiled expression; raises `QuestionError` where it does not compile.

    With `lines`, no match holds a line break, whatever the expression says.
    """

    __slots__ = ("_match", "source")

    def __init__(self, source: bytes, *, ignore_case: bool = False, lines: bool = True) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.never_nl = lines
        options.log_errors = False
        options.case_sensitive = not ignore_case
        options.max_mem = _MEMORY_BYTES
        self.source = source
        try:
            compiled = re2.compile(b"(?m)" + source, options)
        except re2.error as error:
            reason = error.args[0] if error.args else b""
            if isinstance(reason, bytes):
                as_given = reason.replace(b"(?m)" + source, source)
                reason = as_given.decode("utf-8", "backslashreplace")
            raise QuestionError(
                f"the pattern {display(source)} does not compile: {reason} (RE2's syntax: "
                "without look-around and back-references)"
            ) from None
        # What compiled.search() does, without the objects around it.
        self._match = compiled._regexp.Match

    def search(self, data: bytes | memoryview, start: int, end: int) -> tuple[int, int] | None:
        r"""Where the first match inside `data[start:end]` begins and ends; None without one.

        What precedes `start` counts for `^` and `\b`.
        """
        span: tuple[int, int] = self._match(_UNANCHORED, data, start, end)[0]
        return None if span[0] < 0 else span

    def matches_whole(self, data: bytes) -> bool:
        """Whether all of `data` is one match."""
        found: tuple[int, int] = self._match(_WHOLE, data, 0, len(data))[0]
        return found[0] >= 0


_UNANCHORED = re2._Anchor.UNANCHORED
_WHOLE = re2._Anchor.ANCHOR_BOTH
