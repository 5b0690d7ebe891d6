"""Every break-out through everything that writes: nothing outside of the target changes."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator

from imgforensics import extract
from imgforensics.filesystem.node import Node
from imgforensics.tarstream.member import EntryKind
from tests.break_outs.accounting import unaccounted
from tests.break_outs.catalogue import NAMES, WALKABLE
from tests.break_outs.conftest import Attack
from tests.break_outs.writers import NEEDED_TOOL, NEEDS_ROOT, WRITERS
from tests.conformance.tree_facts import compare, walk
from tests.extraction.building import expected_tree

FEWEST_CASES = 50


def test_there_are_enough_cases() -> None:
    assert len(set(NAMES)) == len(NAMES) >= FEWEST_CASES


def test_nothing_outside_changes(attack: Attack) -> None:
    """Whoever writes; and what is refused, or kept in, is in the record."""
    for writer in _possible_writers(attack):
        WRITERS[writer](attack.source, attack.place)
        assert attack.place.watched() == attack.before, writer
        assert not unaccounted(attack.image, attack.place.record), writer
        attack.place.clear()


def _possible_writers(attack: Attack) -> Iterator[str]:
    for writer in WRITERS:
        needs_root, tool = writer == NEEDS_ROOT, NEEDED_TOOL.get(writer)
        # tarfile before 3.11.13 follows a hard link to a symbolic link that it refused.
        is_outwitted = "Python" in writer and _has_linked_symlinks(attack)
        if (
            (not needs_root or os.geteuid() == 0)
            and (tool is None or shutil.which(tool))
            and not is_outwitted
        ):
            yield writer


def _has_linked_symlinks(attack: Attack) -> bool:
    """Whether a symbolic link has several names (CVE-2025-4330)."""
    nodes: Counter[Node] = Counter(
        node for _, node in attack.image.filesystem.walk() if node.kind is EntryKind.SYMLINK
    )
    return any(count > 1 for count in nodes.values())


def test_what_is_inside_is_the_snapshot(attack: Attack) -> None:
    """The paths are kept in, not left out, unless the record says so."""
    if attack.name not in WALKABLE:
        return
    record = extract(attack.image, attack.place.target, special=True)
    withheld = {d.path for d in record.deviations if d.reason.withholds}
    expected = expected_tree(
        attack.image, attack.image.filesystem, lambda path: path not in withheld
    )
    ignored = () if os.geteuid() == 0 else ("uid", "gid")
    # Xattrs of the class `user` and capabilities cannot be given to links.
    differences = compare(expected, walk(attack.place.target), ignore=(*ignored, "xattrs"))
    assert not differences, "\n".join(map(str, differences))
