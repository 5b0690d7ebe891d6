"""Which of two versions is the newer one.

Exact for dpkg (deb-version(7)) and rpm (rpm's `rpmvercmp`, told in
https://rpm-software-management.github.io/rpm/manual/more/versioning.html). The others are
compared number by number and word by word, with words that mean a release to come (`rc`,
`beta`, `dev`) before its end, as PEP 440, semantic versions and apk agree on.
"""

import re
from collections.abc import Callable
from itertools import zip_longest

from imgforensics.scanners.packages.package import Ecosystem

_NUMBERS = re.compile(r"(\d+)")
_SEGMENTS = re.compile(r"\d+|[A-Za-z]+|~|\^")
_TO_COME = ("dev", "alpha", "a", "beta", "b", "pre", "preview", "c", "rc")
_LONGEST = 1_000
"""Characters of a version that are looked at: numbers cost more than their length."""


def compare_versions(ecosystem: Ecosystem, one: str, other: str) -> int:
    """Below zero where `one` is the older, above zero where it is the newer, else zero."""
    one, other = one[:_LONGEST], other[:_LONGEST]
    if ecosystem is Ecosystem.DPKG:
        return _compare_with_epochs(one, other, _compare_dpkg)
    if ecosystem is Ecosystem.RPM:
        return _compare_with_epochs(one, other, _compare_rpm)
    return _sign(_general_key(one), _general_key(other))


def _compare_with_epochs(one: str, other: str, compare: Callable[[str, str], int]) -> int:
    """Epoch, version and release, each by itself: `1:2.36-9` are three."""
    for part, other_part in zip(_parts(one), _parts(other), strict=True):
        outcome = compare(part, other_part)
        if outcome:
            return outcome
    return 0


def _parts(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, release = rest.rpartition("-")
    return (epoch, upstream, release) if dash else (epoch, rest, "")


def _compare_dpkg(one: str, other: str) -> int:
    pairs = zip_longest(_NUMBERS.split(one), _NUMBERS.split(other), fillvalue="")
    for position, (part, other_part) in enumerate(pairs):
        if position % 2:
            outcome = _sign((int(part or 0),), (int(other_part or 0),))
        else:
            outcome = _sign(_dpkg_order(part), _dpkg_order(other_part))
        if outcome:
            return outcome
    return 0


def _dpkg_order(text: str) -> tuple[int, ...]:
    """`~` comes before the end, the end before letters, letters before everything else."""
    order = [
        -1 if character == "~" else ord(character) + (0 if character.isalpha() else 0x110000)
        for character in text
    ]
    return (*order, 0)


def _compare_rpm(one: str, other: str) -> int:
    for part, other_part in zip_longest(_SEGMENTS.findall(one), _SEGMENTS.findall(other)):
        outcome = _sign(_rpm_order(part), _rpm_order(other_part))
        if outcome:
            return outcome
    return 0


def _rpm_order(segment: str | None) -> tuple[int, int, str]:
    """`~` before the end, the end before `^`, that before words, words before numbers."""
    if segment == "~":
        return (0, 0, "")
    if segment is None:
        return (1, 0, "")
    if segment == "^":
        return (2, 0, "")
    return (4, int(segment), "") if segment.isdigit() else (3, 0, segment)


def _general_key(version: str) -> tuple[tuple[int, int, str], ...]:
    public = version.partition("+")[0].lower()
    found = re.findall(r"[0-9]+|[a-z]+", public)
    return (*map(_general_order, found), (1, 0, ""))


def _general_order(segment: str) -> tuple[int, int, str]:
    if segment.isdigit():
        return (3, int(segment), "")
    return (0, _TO_COME.index(segment), "") if segment in _TO_COME else (2, 0, segment)


def _sign(one: tuple[object, ...], other: tuple[object, ...]) -> int:
    return (one > other) - (one < other)
