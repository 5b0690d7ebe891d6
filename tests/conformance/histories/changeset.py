"""An overlay's upper directory as a layer: what was done on the mount, as the image spec tells it.

A character device 0/0 becomes ``.wh.NAME``, ``trusted.overlay.opaque`` becomes ``.wh..wh..opq``
(https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts). Tools tell one change
in several ways, and in any order: :func:`arrange` chooses at random among those that mean the same.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.conformance.tree_facts import PathFacts, Tree, walk

_OPAQUE_XATTR = "trusted.overlay.opaque"
_OPAQUE_MARKER = b".wh..wh..opq"
_WHITEOUT_DEVICE = (0, 0)


@dataclass(frozen=True, slots=True)
class Changes:
    """What an upper directory holds; paths are absolute, as in every tree."""

    added: Tree
    removed: list[bytes]
    opaque: list[bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """A member to be: of `path` if there are `facts`, else a whiteout of that name."""

    path: bytes
    facts: PathFacts | None = None
    link_to: bytes | None = None
    """The path of another item, whose file this is one more name of."""


def read_changes(upper: Path) -> Changes:
    """Read an upper directory that is not mounted at the moment."""
    found = walk(upper)
    removed = {path for path, facts in found.items() if facts.device == _WHITEOUT_DEVICE}
    return Changes(
        added={path: facts for path, facts in found.items() if path not in removed},
        removed=sorted(removed),
        opaque=[path for path, facts in found.items() if _is_opaque(upper, path, facts)],
    )


def arrange(changes: Changes, below: Tree, random: Random, *, links_first: bool) -> list[Item]:
    """Return the members of a layer over `below`, in an order of which the meaning is clear."""
    marks = [_whiteout(path) for path in changes.removed]
    for path in changes.opaque:
        marks += _tell_opaque(path, below, random)
    marks += _needless(changes, below, random)
    additions = [
        path
        for path in changes.added
        if not _may_be_implied(path, changes, below) or random.random() < 0.5
    ]
    random.shuffle(marks)
    return _mixed(
        [Item(mark) for mark in dict.fromkeys(marks)],
        _in_order(_linked(additions, changes.added, random), below, random, links_first),
        random,
    )


# Whiteouts.


def _is_opaque(upper: Path, path: bytes, facts: PathFacts) -> bool:
    return facts.kind == "d" and _OPAQUE_XATTR in os.listxattr(os.fsencode(upper) + path)


def _whiteout(path: bytes) -> bytes:
    parent, _, name = path.rpartition(b"/")
    return parent + b"/.wh." + name


def _tell_opaque(path: bytes, below: Tree, random: Random) -> list[bytes]:
    """A marker; or a whiteout for each name that is below; or one for the directory itself."""
    way = random.randrange(3)
    if way == 0:
        return [path + b"/" + _OPAQUE_MARKER]
    if way == 1:
        return [_whiteout(path)] if path in below else []
    return [_whiteout(each) for each in below if each.rpartition(b"/")[0] == path]


def _needless(changes: Changes, below: Tree, random: Random) -> list[bytes]:
    """Whiteouts of what is replaced anyway, or is not there."""
    replaced = [
        path
        for path, facts in changes.added.items()
        if path in below and {facts.kind, below[path].kind} != {"d"}
    ]
    absent = [path.rstrip(b"/") + b"/nothing" for path in changes.added if _is_dir(path, changes)]
    return [_whiteout(path) for path in [*replaced, *absent] if random.random() < 0.1]


def _is_dir(path: bytes, changes: Changes) -> bool:
    return changes.added[path].kind == "d"


# Additions.


def _may_be_implied(path: bytes, changes: Changes, below: Tree) -> bool:
    """Whether a directory is as the layers below have it, so that a layer need not name it."""
    if not _is_dir(path, changes) or below.get(path) != changes.added[path]:
        return False
    return not any(path == each or path.startswith(each + b"/") for each in changes.opaque)


def _linked(paths: list[bytes], added: Tree, random: Random) -> list[Item]:
    """The first name of a group in a shuffled order is the file, the others are links to it."""
    random.shuffle(paths)
    first_names: dict[bytes, bytes] = {}
    items: list[Item] = []
    for path in paths:
        group = added[path].hard_links
        first = first_names.setdefault(group[0], path) if group else path
        items.append(Item(path, added[path], None if first == path else first))
    return items


def _in_order(items: list[Item], below: Tree, random: Random, links_first: bool) -> list[Item]:
    order = random.choice(("parents first", "parents last", "any"))
    if order != "any":
        items.sort(key=lambda item: (item.link_to is not None, item.path))
        if order == "parents last":
            items.reverse()
            items.sort(key=lambda item: item.link_to is not None)
    if links_first:
        # What stands below under the target's name would be mistaken for it.
        items.sort(key=lambda item: item.link_to is None or item.link_to in below)
    return items


def _mixed(marks: list[Item], additions: list[Item], random: Random) -> list[Item]:
    way = random.randrange(3)
    if way == 0:
        return marks + additions
    if way == 1:
        return additions + marks
    mixed = list(additions)
    for mark in marks:
        mixed.insert(random.randint(0, len(mixed)), mark)
    return mixed
