"""Two trees, walked side by side; what they share is not entered."""

from collections.abc import Iterator
from typing import NamedTuple

from imgforensics.filesystem.node import Node


class Pair(NamedTuple):
    """A path, and what stands there in either tree; None for nothing."""

    path: bytes
    before: Node | None
    after: Node | None


def differing_pairs(before: Node, after: Node, *, shared_too: bool = False) -> Iterator[Pair]:
    """Every path whose nodes are not one object: parents first, names in byte order.

    Snapshots of one image share the nodes of what did not change. With `shared_too`, paths
    with one node on both sides come, too.
    """
    pending = [Pair(b"", before, after)]
    while pending:
        pair = pending.pop()
        if pair.before is pair.after and not shared_too:
            continue
        yield pair
        pending.extend(_below(pair))


def _below(pair: Pair) -> list[Pair]:
    before = (pair.before and pair.before.children) or {}
    after = (pair.after and pair.after.children) or {}
    if not before and not after:
        return []
    prefix = pair.path + b"/" if pair.path else b""
    names = sorted(before.keys() | after.keys(), reverse=True)
    return [Pair(prefix + name, before.get(name), after.get(name)) for name in names]
