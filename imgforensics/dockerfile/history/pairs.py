"""`NAME=value` lists that were printed without quotes: where each value ends."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imgforensics.dockerfile.words import quote

_NAME = re.compile(r"(?:^|(?<=\s))([^\s=\"']+)=")
_READS_LIKE_A_NAME = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z][a-z0-9_]*(?:[.-][a-z0-9_]+)+")
_LONGEST_NAME = 1_000
_MOST_SPACED = 100


class Pair(NamedTuple):
    """A name and its value, unquoted."""

    name: str
    value: str


class KnownPairs:
    """The pairs that an image has in the end."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        spaced = [name for name in values if " " in name and len(name) < _LONGEST_NAME]
        self.spaced = tuple(spaced[:_MOST_SPACED])
        """Names with blanks, of which not too many are looked for."""


def split_pairs(text: str, known: KnownPairs) -> list[Pair]:
    """The pairs of `A=1 B=2 3 C=4`.

    A value ends where the image's final value of that name does, else before the next name
    that the image knows or that reads like one. Raises nothing: what is no pair at all comes
    back as a name with an empty value.
    """
    starts = _starts(text, known)
    if not starts or starts[0][0] != 0:
        name, _, value = text.partition("=")
        return [Pair(name, value)]
    ends = {start for start, _ in starts}
    pairs: list[Pair] = []
    covered = 0
    for position, (start, name) in enumerate(starts):
        if start < covered:
            continue
        value_at = start + len(name) + 1
        covered = _end(text, known.values.get(name), value_at, ends)
        if covered < 0:
            covered = _next_name(starts, position + 1, known.values, len(text))
        value_end = covered - 1 if covered < len(text) else covered
        pairs.append(Pair(name, text[value_at:value_end]))
    return pairs


def _starts(text: str, known: KnownPairs) -> list[tuple[int, str]]:
    """Where a pair may begin, and the name it would have; known names may have blanks."""
    names = [(match.start(), match[1]) for match in _NAME.finditer(text)]
    for name in known.spaced:
        at = text.find(f"{name}=")
        if at == 0 or (at > 0 and text[at - 1] == " "):
            inside = range(at, at + len(name) + 1)
            names = [found for found in names if found[0] not in inside] + [(at, name)]
    return sorted(names)


def _end(text: str, value: str | None, value_at: int, starts: set[int]) -> int:
    """Where the pair after a value that is known begins; -1 where the value is another one."""
    if value is None or not text.startswith(value, value_at):
        return -1
    end = value_at + len(value)
    if end == len(text):
        return end
    return end + 1 if text[end] == " " and end + 1 in starts else -1


def _next_name(
    starts: Sequence[tuple[int, str]], place: int, known: Mapping[str, str], otherwise: int
) -> int:
    for following in range(place, len(starts)):
        start, name = starts[following]
        if name in known or _READS_LIKE_A_NAME.fullmatch(name):
            return start
    return otherwise


def pairs_text(pairs: list[Pair]) -> str:
    """Pairs as ENV, LABEL and ARG take them."""
    return " ".join(f"{quote(pair.name)}={_value(pair.value)}" for pair in pairs)


def _value(value: str) -> str:
    return quote(value) if value else '""'
