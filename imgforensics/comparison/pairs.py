"""Two trees, walked side by side; what they share is not entered."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from imgforensics.filesystem.node import Node

_NOTHING: Mapping[bytes, Node] = {}


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
    pending = [Pair(b"", before, after)] if shared_too or before is not after else []
    while pending:
        pair = pending.pop()
        yield pair
        pending.extend(_below(pair, shared_too=shared_too))


def _below(pair: Pair, *, shared_too: bool) -> list[Pair]:
    before = (pair.before and pair.before.children) or _NOTHING
    after = (pair.after and pair.after.children) or _NOTHING
    if before is after and not shared_too:
        return []
    prefix = pair.path + b"/" if pair.path else b""
    names = before.keys() | after.keys()
    if not shared_too:
        names = {name for name in names if before.get(name) is not after.get(name)}
    return [
        Pair(prefix + name, before.get(name), after.get(name))
        for name in sorted(names, reverse=True)
    ]
