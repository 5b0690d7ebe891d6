r"""Other forms of a regular expression: for UTF-16, without anchors, for another engine.

In UTF-16, characters of one byte are followed (little-endian) or preceded (big-endian) by a
zero, so `A\x00B\x00` finds `AB` in both, but for the very end of a big-endian text. It is what
YARA calls `wide`. Anchors and word boundaries would look at zeros and are left out.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto

_QUANTIFIER = re.compile(rb"[*+?]\??|\{(\d+)(?:,(\d*))?\}\??")
_GROUP = re.compile(rb"\((?:\?(?:P?<\w+>|[A-Za-z-]*[:)]))?")
_ESCAPE = re.compile(
    rb"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})|[0-7]{1,3}|.)", re.DOTALL
)
_CLASS = re.compile(rb"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_QUOTED = re.compile(rb"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
_NON_ASCII = re.compile(rb"[\x80-\xff]+")
_ASSERTIONS = frozenset((rb"\A", rb"\z", rb"\b", rb"\B", b"^", b"$"))

_COMMON_ATOM = re.compile(rb"[ -~]|\\[^A-Za-z0-9]|\\x[0-9A-Fa-f]{2}|\\[dDwW]")
_COMMON_CLASS = re.compile(rb"\[\^?(?:[ -Z^-~]|\\[^A-Za-z0-9]|\\x[0-9A-Fa-f]{2}|\\[dw])+\]")
_COMMON_GROUP = re.compile(rb"\((?:\?(?:[is]*[:)]|P<\w+>))?")
_SPACES = {rb"\s": rb"[\t\n\f\r ]", rb"\S": rb"[^\t\n\f\r ]"}
_MOST_REPEATS = 256


class _Token(Enum):
    ATOM = auto()
    """Matches one byte."""
    TEXT = auto()
    """Text that stands for itself, as it is looked for."""
    ASSERTION = auto()
    """Matches no byte."""
    STRUCTURE = auto()
    """Groups, alternatives, quantifiers."""


def wide(expression: bytes) -> bytes:
    """The expression for UTF-16; of one that does not compile, neither does what this makes."""
    parts = []
    for kind, word in _tokens(expression):
        if kind is _Token.ATOM:
            parts.append(b"(?:" + word + rb"\x00)")
        elif kind is _Token.TEXT:
            parts.append(wide_text(word))
        elif kind is _Token.STRUCTURE:
            parts.append(word)
    return b"".join(parts)


def wide_text(text: bytes) -> bytes:
    """The expression that finds a fixed string in UTF-16; what is not UTF-8, byte by byte."""
    try:
        units = text.decode().encode("utf-16-le")
    except UnicodeDecodeError:
        units = text.decode("latin-1").encode("utf-16-le")
    return b"".join(
        b"(?:%s\\x%02x)" % (re.escape(units[i : i + 1]), units[i + 1])
        for i in range(0, len(units), 2)
    )


def loose(expression: bytes) -> bytes:
    """The expression without anchors: it matches wherever the expression does, and elsewhere."""
    return b"".join(
        re.escape(word) if kind is _Token.TEXT else word
        for kind, word in _tokens(expression)
        if kind is not _Token.ASSERTION
    )


def common(expression: bytes) -> bytes | None:
    """The expression as RE2 and PCRE take it alike; None where they may differ."""
    parts = []
    for kind, word in _tokens(expression):
        if kind is _Token.TEXT:
            parts.append(b"".join(b"\\x%02x" % byte for byte in word))
        elif kind is _Token.ASSERTION or not _is_common(kind, word):
            return None
        else:
            parts.append(_SPACES.get(word, word))
    return b"".join(parts)


def _is_common(kind: _Token, word: bytes) -> bool:
    if kind is _Token.ATOM:
        is_class = word.startswith(b"[")
        known = (_COMMON_CLASS if is_class else _COMMON_ATOM).fullmatch(word)
        return known is not None or word in _SPACES
    if quantifier := _QUANTIFIER.fullmatch(word):
        return all(int(bound or 0) <= _MOST_REPEATS for bound in quantifier.groups())
    return word in (b"|", b")") or _COMMON_GROUP.fullmatch(word) is not None


def _tokens(expression: bytes) -> Iterator[tuple[_Token, bytes]]:
    position = 0
    while position < len(expression):
        kind, word, position = _token(expression, position)
        yield kind, word


def _token(expression: bytes, position: int) -> tuple[_Token, bytes, int]:
    if quoted := _QUOTED.match(expression, position):
        return _Token.TEXT, quoted[1], quoted.end()
    if found := _QUANTIFIER.match(expression, position) or _GROUP.match(expression, position):
        return _Token.STRUCTURE, found[0], found.end()
    if text := _NON_ASCII.match(expression, position):
        return _Token.TEXT, text[0], text.end()
    atom = _ESCAPE.match(expression, position) or _CLASS.match(expression, position)
    word = atom[0] if atom else expression[position : position + 1]
    end = position + len(word)
    if word in _ASSERTIONS:
        return _Token.ASSERTION, b"", end
    return (_Token.STRUCTURE if word in (b"|", b")") else _Token.ATOM), word, end
