"""Shell patterns over paths as bytes."""

import re
from collections.abc import Callable
from functools import lru_cache

_WILDCARDS = re.compile(rb"[*?[]")
_ANY_NAMES = b"(?:[^/]+/)*?"


def split_pattern(pattern: bytes) -> tuple[bytes, bytes]:
    """The names ahead of a pattern's first wildcard, and the pattern that remains."""
    parts = _parts(pattern)
    first = next((n for n, part in enumerate(parts) if _WILDCARDS.search(part)), len(parts))
    return b"/".join(parts[:first]), b"/".join(parts[first:])


@lru_cache(maxsize=256)
def glob_matcher(pattern: bytes) -> Callable[[bytes], object]:
    """A test for whole relative paths.

    `*`, `?` and `[...]` match within one name; a part that is `**` spans any number of
    directories, and as the last part everything below. Whatever the path, the time taken
    is at most its length times that of the pattern.
    """
    parts = _parts(pattern)
    spans_end = parts[-1:] == [b"**"]
    runs: list[list[bytes]] = [[]]
    for part in parts:
        if part == b"**":
            runs.append([])
        else:
            runs[-1].append(_name_expression(part))
    *inner, last = (b"/".join(run) for run in runs)
    expression = b""
    for number, run in enumerate(inner):
        # The first place where a run between two `**` fits is as good as any other: an
        # atomic group keeps to it, where plain backtracking would try all of them.
        ahead = _ANY_NAMES if number else b""
        expression += b"(?>" + ahead + run + b"/)" if run else b""
    if len(runs) > 1:
        expression += b".+" if spans_end else _ANY_NAMES
    return re.compile(expression + last, re.DOTALL).fullmatch


def _parts(pattern: bytes) -> list[bytes]:
    return [part for part in pattern.split(b"/") if part not in (b"", b".")]


def _name_expression(part: bytes) -> bytes:
    """One name's pattern; again, the first place for what follows a star is good enough."""
    pieces = [b""]
    position = 0
    while position < len(part):
        character = part[position : position + 1]
        position += 1
        if character == b"*":
            pieces.append(b"")
        elif character == b"?":
            pieces[-1] += b"[^/]"
        elif character == b"[" and (end := part.find(b"]", _class_start(part, position))) > 0:
            pieces[-1] += _class_expression(part[position:end])
            position = end + 1
        else:
            pieces[-1] += re.escape(character)
    first, *others = pieces
    if not others:
        return first
    *inner, last = others
    stars = b"".join(b"(?>[^/]*?" + piece + b")" for piece in inner if piece)
    return first + stars + b"[^/]*" + last


def _class_start(part: bytes, position: int) -> int:
    """Where a class's closing bracket may stand at the earliest: `[]]` and `[!]]` hold one."""
    return position + (2 if part[position : position + 1] in (b"!", b"^") else 1)


def _class_expression(members: bytes) -> bytes:
    negated = members[:1] in (b"!", b"^")
    allowed = _members_of(members[1:] if negated else members)
    inside = b"".join(b"\\x%02x" % member for member in sorted(allowed - {ord("/")}))
    if negated:
        return b"[^/" + inside + b"]"
    return b"[" + inside + b"]" if inside else b"(?!)"


def _members_of(members: bytes) -> set[int]:
    """The bytes of a class; a range that runs backwards is empty, as in a shell."""
    allowed: set[int] = set()
    position = 0
    while position < len(members):
        if members[position + 1 : position + 2] == b"-" and position + 2 < len(members):
            allowed.update(range(members[position], members[position + 2] + 1))
            position += 3
        else:
            allowed.add(members[position])
            position += 1
    return allowed
