"""Which names are one file."""

from collections import defaultdict
from collections.abc import Mapping

from imgforensics.comparison.sides import Side

Names = tuple[bytes, ...]


def linked_names(before: Side, after: Side) -> tuple[Mapping[bytes, Names], Mapping[bytes, Names]]:
    """For each path of either side that is one of several names of a file: all of them.

    They are in byte order. Groups that are equal are one object, however many paths have them:
    a file may have a hundred thousand names.
    """
    known: dict[Names, Names] = {}
    old, new = (_names_by_path(side, known) for side in (before, after))
    return old, new


def _names_by_path(side: Side, known: dict[Names, Names]) -> Mapping[bytes, Names]:
    groups: defaultdict[int, set[bytes]] = defaultdict(set)
    tree = side.tree
    for path in set(side.link_names()):
        node = tree.get(path)
        if node is not None and not node.is_directory:
            groups[id(node)].add(path)
    found: dict[bytes, Names] = {}
    for names in groups.values():
        if len(names) > 1:
            group = tuple(sorted(names))
            found.update(dict.fromkeys(group, known.setdefault(group, group)))
    return found
