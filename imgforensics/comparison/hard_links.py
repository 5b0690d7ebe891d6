"""Which names are one file."""

from collections import defaultdict
from collections.abc import Mapping

from imgforensics.comparison.sides import Side

Names = tuple[bytes, ...]


def linked_names(side: Side) -> Mapping[bytes, Names]:
    """For each path that is one of several names of a file: all of them, in byte order."""
    groups: defaultdict[int, set[bytes]] = defaultdict(set)
    tree = side.tree
    for path in set(side.link_names()):
        node = tree.get(path)
        if node is not None and not node.is_directory:
            groups[id(node)].add(path)
    return {
        path: tuple(sorted(names)) for names in groups.values() if len(names) > 1 for path in names
    }
