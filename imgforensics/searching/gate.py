"""Whether several expressions may match at all: quickly, and at worst yes where they do not.

RE2 finds what begins with plain text at memory's speed, and any number of other expressions
together as fast as one, at about 0.6 GB a second. Hyperscan (the extra `search`) takes three
times as many bytes; it is asked only what both take alike, and RE2 always has the last word.
"""

import re
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from imgforensics.errors import QuestionError
from imgforensics.searching.regex import Regex
from imgforensics.searching.syntax import common, loose

Data = bytes | memoryview
Gate = Callable[[Data], bool]

_PLAIN_START = re.compile(rb"(?:[A-Za-z0-9 _/@:=,<>'\"&%#!;~-]|\\[^A-Za-z0-9]){3}(?![*?{])")
_PLAIN_WIDE_START = re.compile(
    rb"(?:\(\?:(?:[A-Za-z0-9 _/@:=,<>'\"&%#!;~-]|\\[^A-Za-z0-9])\\x00\)){2}"
)
_MOST_APART = 4


def gate_for(expressions: Sequence[Sequence[bytes]], *, ignore_case: bool) -> Gate:
    """A test that is true of all data in which one of the expressions matches.

    Each is given in all its forms, which begin with the same byte if they begin plainly.
    """
    forms = [list(map(loose, forms)) for forms in expressions]
    every = [form for each in forms for form in each]
    if not ignore_case and len(forms) <= _MOST_APART and all(map(_begins_plainly, every)):
        return _any_of([Regex(_joined(each)) for each in forms])
    return _hyperscan(every, ignore_case=ignore_case) or _re2(every, ignore_case=ignore_case)


def _begins_plainly(expression: bytes) -> bool:
    starts = _PLAIN_START.match(expression) or _PLAIN_WIDE_START.match(expression)
    return b"|" not in expression and starts is not None


def _re2(expressions: Sequence[bytes], *, ignore_case: bool) -> Gate:
    try:
        return _any_of([Regex(_joined(expressions), ignore_case=ignore_case)])
    except QuestionError:
        # Together they may be too large, or use one group's name twice.
        return _any_of([Regex(one, ignore_case=ignore_case) for one in expressions])


def _joined(expressions: Sequence[bytes]) -> bytes:
    return b"|".join(b"(?:" + expression + b")" for expression in expressions)


def _any_of(regexes: Sequence[Regex]) -> Gate:
    return lambda data: any(regex.search(data, 0, len(data)) is not None for regex in regexes)


def _hyperscan(expressions: Sequence[bytes], *, ignore_case: bool) -> Gate | None:
    shared = [common(expression) for expression in expressions]
    try:
        hyperscan: Any = import_module("hyperscan")
    except ImportError:
        return None
    if None in shared:
        return None
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_ALLOWEMPTY
    if ignore_case:
        flags |= hyperscan.HS_FLAG_CASELESS
    database = hyperscan.Database()
    try:
        database.compile(
            expressions=shared, ids=list(range(len(shared))), flags=[flags] * len(shared)
        )
    except hyperscan.HyperscanError:
        return None
    own = threading.local()

    def may_match(data: Data) -> bool:
        if not hasattr(own, "scratch"):
            own.scratch = hyperscan.Scratch(database)
        try:
            database.scan(data, match_event_handler=_end, scratch=own.scratch)
        except hyperscan.ScanTerminated:
            return True
        return False

    return may_match


def _end(*_: object) -> bool:
    return True
