"""`NAME=value` lists that were printed without quotes: where each value ends."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from imgforensics.dockerfile.words import quote

_NAME = re.compile(r"(?:^|(?<=\s))([^\s=\"']+)=")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class Pair(NamedTuple):
    """A name and its value, unquoted."""

    name: str
    value: str


def split_pairs(text: str, known: Mapping[str, str]) -> list[Pair]:
    """The pairs of `A=1 B=2 3 C=4`.

    A value ends where the image's final value of that name does, else before the next name
    that the image knows or that reads like a variable. Raises nothing: what is no pair at
    all comes back as a name with an empty value.
    """
    starts = [(match.start(), match[1], match.end()) for match in _NAME.finditer(text)]
    if not starts or starts[0][0] != 0:
        name, _, value = text.partition(" ")
        return [Pair(name, value)]
    ends = {start for start, _, _ in starts}
    pairs: list[Pair] = []
    covered = 0
    for position, (start, name, value_at) in enumerate(starts):
        if start < covered:
            continue
        covered = _end(text, known.get(name), value_at, ends)
        if covered < 0:
            covered = _next_name(starts[position + 1 :], known, len(text))
        pairs.append(Pair(name, text[value_at : covered - 1 if covered < len(text) else covered]))
    return pairs


def _end(text: str, value: str | None, value_at: int, starts: set[int]) -> int:
    """Where the pair after a value that is known begins; -1 where the value is another one."""
    if value is None or not text.startswith(value, value_at):
        return -1
    end = value_at + len(value)
    if end == len(text):
        return end
    return end + 1 if text[end] == " " and end + 1 in starts else -1


def _next_name(
    following: list[tuple[int, str, int]], known: Mapping[str, str], otherwise: int
) -> int:
    for start, name, _ in following:
        if name in known or _VARIABLE.fullmatch(name):
            return start
    return otherwise


def pairs_text(pairs: list[Pair]) -> str:
    """Pairs as ENV, LABEL and ARG take them."""
    return " ".join(f"{quote(pair.name)}={_value(pair.value)}" for pair in pairs)


def _value(value: str) -> str:
    return quote(value) if value else '""'
