"""Shell patterns over paths as bytes."""

import re
from collections.abc import Callable
from functools import lru_cache


@lru_cache(maxsize=256)
def glob_matcher(pattern: bytes) -> Callable[[bytes], object]:
    """A test for whole relative paths.

    `*`, `?` and `[...]` match within one name; a part that is `**` spans any number of
    directories, and as the last part everything below.
    """
    parts = [part for part in pattern.split(b"/") if part not in (b"", b".")]
    expression = b""
    for number, part in enumerate(parts, 1):
        is_last = number == len(parts)
        if part == b"**":
            expression += b".+" if is_last else b"(?:[^/]+/)*"
        else:
            expression += _name_expression(part) + (b"" if is_last else b"/")
    return re.compile(expression, re.DOTALL).fullmatch


def _name_expression(part: bytes) -> bytes:
    expression = b""
    position = 0
    while position < len(part):
        character = part[position : position + 1]
        position += 1
        if character == b"*":
            # One star says as much as many, and many backtrack without end.
            expression += b"" if expression.endswith(b"[^/]*") else b"[^/]*"
        elif character == b"?":
            expression += b"[^/]"
        elif character == b"[" and (end := part.find(b"]", position + 1)) > 0:
            expression += _class_expression(part[position:end])
            position = end + 1
        else:
            expression += re.escape(character)
    return expression


def _class_expression(members: bytes) -> bytes:
    negated = members[:1] in (b"!", b"^")
    inside = re.sub(rb"([\\\[\]&~|^])", rb"\\\1", members[1:] if negated else members)
    return b"[" + (b"^/" if negated else b"") + inside + b"]"
