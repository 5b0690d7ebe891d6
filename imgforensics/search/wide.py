r"""A regular expression's other form: the same text where it is stored as UTF-16.

Characters of one byte are followed there (little-endian) or preceded (big-endian) by a zero,
so `A\x00B\x00` finds `AB` in both, but for the very end of a big-endian text. It is what
YARA calls `wide`. Anchors and word boundaries would look at zeros and are left out.
"""

import re

_ZERO = rb"\x00"
_QUANTIFIER = re.compile(rb"[*+?]\??|\{\d+(?:,\d*)?\}\??")
_GROUP = re.compile(rb"\((?:\?(?:P?<\w+>|[A-Za-z-]*[:)]))?")
_ESCAPE = re.compile(
    rb"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})|[0-7]{1,3}|.)", re.DOTALL
)
_CLASS = re.compile(rb"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_LITERAL = re.compile(rb"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
_ASSERTIONS = frozenset((rb"\A", rb"\z", rb"\b", rb"\B", b"^", b"$"))
_NON_ASCII = re.compile(rb"[\x80-\xff]+")


def wide(expression: bytes) -> bytes:
    """The expression for UTF-16; of one that does not compile, neither does what this makes."""
    parts: list[bytes] = []
    position = 0
    while position < len(expression):
        part, position = _part(expression, position)
        parts.append(part)
    return b"".join(parts)


def wide_text(text: bytes) -> bytes:
    """The expression that finds a fixed string in UTF-16."""
    return b"".join(_characters(text))


def _part(expression: bytes, position: int) -> tuple[bytes, int]:
    """The wide form of what stands at a position, and where the next one begins."""
    if literal := _LITERAL.match(expression, position):
        return wide_text(literal[1]), literal.end()
    if kept := _QUANTIFIER.match(expression, position) or _GROUP.match(expression, position):
        return kept[0], kept.end()
    atom = _ESCAPE.match(expression, position) or _CLASS.match(expression, position)
    if atom is None and (text := _NON_ASCII.match(expression, position)):
        return wide_text(text[0]), text.end()
    word = atom[0] if atom else expression[position : position + 1]
    end = position + len(word)
    if word in _ASSERTIONS:
        return b"", end
    if word in (b"|", b")"):
        return word, end
    return b"(?:" + word + _ZERO + b")", end


def _characters(text: bytes) -> list[bytes]:
    """Each character as two bytes; what is not UTF-8, byte by byte."""
    try:
        units = text.decode().encode("utf-16-le")
    except UnicodeDecodeError:
        units = text.decode("latin-1").encode("utf-16-le")
    return [
        b"(?:%s%s)" % (re.escape(units[i : i + 1]), b"\\x%02x" % units[i + 1])
        for i in range(0, len(units), 2)
    ]
