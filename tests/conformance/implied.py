"""Directories that layers imply without an entry: nothing in the image says all of their facts."""

import codecs
import os
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.commands import run


@dataclass(frozen=True, slots=True)
class Implied:
    """`by_all`: no layer has an entry for it. `by_some`: one layer has, another only implies it."""

    by_all: frozenset[bytes]
    by_some: frozenset[bytes]


def implied_directories(tars: list[Path]) -> Implied:
    """Return what the layers imply; without layers that is the root."""
    listed: set[bytes] = set()
    implied = {b"/"}
    for tar in tars:
        here = listed_paths(tar)
        listed |= here
        implied |= {parent for path in here for parent in _parents(path)} - here
    return Implied(by_all=frozenset(implied - listed), by_some=frozenset(implied & listed))


def listed_paths(tar: Path) -> set[bytes]:
    """Return the absolute path of every member, as GNU tar lists them."""
    listing = run("tar", "--list", "--quoting-style=escape", "--force-local", "--file", tar)
    return {_absolute(codecs.escape_decode(line)[0]) for line in listing.splitlines()}


def _absolute(name: bytes) -> bytes:
    return b"/" + b"/".join(part for part in name.split(b"/") if part not in (b"", b"."))


def _parents(path: bytes) -> set[bytes]:
    found: set[bytes] = set()
    while path != b"/":
        path = os.path.dirname(path)  # noqa: PTH120 - a path of bytes
        found.add(path)
    return found
