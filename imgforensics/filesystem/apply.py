"""Apply one layer's entries to the snapshot below it.

Two phases, so the order inside the tar never matters between them: first every whiteout
against the snapshot below, then the additions in order. A sibling that the same layer adds
always survives. Source: https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from heapq import heapify, heappop, heappush
from itertools import chain

from imgforensics.filesystem.deletions import Deletion, sort_entries
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.rules import OVERLAYFS, ApplyRules
from imgforensics.filesystem.tree import FileTree
from imgforensics.filesystem.whiteout import WhiteoutKind
from imgforensics.filesystem.working_tree import BlockedError, Children, WorkingTree
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.member import DIRECTORY, HARD_LINK, UNKNOWN

_MAXIMUM_ROUNDS = 40
"""Times that late hard links are gone through: enough for any that is not made to be endless."""


def apply_layer(
    below: FileTree,
    entries: Iterable[LayerEntry],
    log: ProblemLog,
    rules: ApplyRules = OVERLAYFS,
) -> FileTree:
    """The snapshot after one more layer; `below` is left as it is.

    Whatever cannot be applied is reported to `log` and stays visible as an entry. What stands
    behind the end of the tar no engine reads, so it is not applied (docs/adr/0005).
    """
    application = _Application(below, log, rules)
    deletions, additions = sort_entries(entries, rules)
    for deletion in deletions:
        application.delete(deletion)
    for entry in additions:
        application.add(entry)
    application.link_late()
    for deletion in deletions:
        application.hide(deletion)
    application.share_attributes()
    return application.result()


class _Application:
    """One layer being applied: what each of its entries means."""

    def __init__(self, below: FileTree, log: ProblemLog, rules: ApplyRules) -> None:
        self._tree = WorkingTree(below, rules.symlink_parents)
        self._log = log
        self._whiteouts_are_files = rules.whiteouts_are_files
        self._set_aside: dict[bytes, Node] = {}
        self._late: list[LayerEntry] = []
        self._names: dict[Node, list[bytes]] = {}
        self._linked: dict[bytes, LayerEntry | None] = {}
        self._attributes: dict[Node, LayerEntry] = {}

    def result(self) -> FileTree:
        return replace(self._tree.snapshot(), linked=self._linked)

    # Whiteouts.

    def delete(self, deletion: Deletion) -> None:
        """Delete from the snapshot below what a whiteout entry says."""
        entry, whiteout, _ = deletion
        if whiteout.kind is WhiteoutKind.PLAIN:
            self._imply(whiteout.path.rpartition(b"/")[0])
            self._tree.remove(whiteout.path)
        elif whiteout.kind is WhiteoutKind.OPAQUE:
            self._imply(whiteout.path)
            self._tree.empty(whiteout.path)
        elif whiteout.kind is WhiteoutKind.BOOKKEEPING:
            # Docker's AUFS archives hard-link into .wh..wh.plnk: its files are link targets.
            self._set_aside[entry.path] = Node(entry)
            self._report(entry, ProblemCode.WHITEOUT_METADATA, "AUFS bookkeeping")
        elif whiteout.kind is WhiteoutKind.INVALID:
            self._report(entry, ProblemCode.WHITEOUT_INVALID, "names nothing to delete")
        else:
            self._report(entry, ProblemCode.WHITEOUT_NAME_AS_PARENT, "stands below a whiteout")

    def hide(self, deletion: Deletion) -> None:
        """Delete what the layer itself added before a whiteout that is a device."""
        entry = deletion.entry
        if not deletion.by_device:
            return
        standing = self._tree.entry_at(entry.path)
        if standing is not None and standing.member.ordinal < entry.member.ordinal:
            self._tree.remove(entry.path)
        detail = "a character device 0/0"
        self._report(entry, ProblemCode.WHITEOUT_DEVICE, detail, "deleted what is below, too")

    def _imply(self, directory: bytes) -> None:
        """Where a whiteout is a file, it needs a directory to stand in."""
        if self._whiteouts_are_files:
            self._tree.enter(directory)

    # Additions.

    def add(self, entry: LayerEntry) -> None:
        """Add one entry, in its turn."""
        member, path = entry.member, entry.path
        if 0 in path:
            self._report(entry, ProblemCode.ENTRY_NAME_INVALID, "its name holds a NUL byte")
        elif not path:
            self._add_root(entry)
        elif member.kind is HARD_LINK:
            if not self._link(entry):
                self._late.append(entry)
        elif member.kind is UNKNOWN:
            flag = member.type_flag.decode("latin-1")
            self._report(entry, ProblemCode.ENTRY_TYPE_UNKNOWN, f"its type flag is {flag!r}")
        else:
            self._place(entry, None if member.kind is DIRECTORY else Node(entry))

    def _add_root(self, entry: LayerEntry) -> None:
        if entry.kind is DIRECTORY:
            self._tree.put_root(entry)
        else:
            detail = f"a {entry.kind} is named as the root"
            self._report(entry, ProblemCode.ROOT_NOT_A_DIRECTORY, detail)

    def _place(self, entry: LayerEntry, node: Node | None) -> bool:
        """Let a node, or for None a directory, stand at the entry's path, if it can."""
        parent, _, name = entry.path.rpartition(b"/")
        try:
            siblings = self._tree.enter(parent)
        except BlockedError:
            detail = "its own layer made no directory of its parent, or of a link on the way"
            self._report(entry, ProblemCode.PARENT_NOT_A_DIRECTORY, detail)
            return False
        existing = siblings.get(name)
        node = node or self._directory(entry, existing)
        if existing is not None:
            self._report_duplicate(entry, siblings, name, node)
        self._tree.put(siblings, name, node, entry)
        return True

    def _directory(self, entry: LayerEntry, existing: Node | None) -> Node:
        if existing is not None and existing.children is not None:
            return Node(entry, None, existing.children)
        return Node(entry, None, self._tree.new_children())

    def _report_duplicate(
        self, entry: LayerEntry, siblings: Children, name: bytes, node: Node
    ) -> None:
        is_merge = siblings[name].children is not None and node.children is not None
        if self._tree.entry_in(siblings, name) is not None and not is_merge:
            detail = "its layer holds this path already"
            self._report(entry, ProblemCode.ENTRY_DUPLICATED, detail, "the last one counts")

    # Hard links.

    def _link(self, entry: LayerEntry) -> bool:
        """Give the target's node one more name; False when there is no target (yet)."""
        target = normalise_path(entry.link_name)
        node = self._set_aside.get(target) or self._tree.find(target)
        if node is None:
            return False
        if node.is_directory:
            self._report(entry, ProblemCode.HARD_LINK_TO_DIRECTORY, "its target is a directory")
            return True
        if node not in self._names:
            # Asked before the link stands, which may change where paths lead.
            self._names[node] = [self._tree.real_path(target)]
        if self._place(entry, node):
            self._linked.setdefault(self._names[node][0], None)
            name = self._tree.real_path(entry.path)
            self._names[node].append(name)
            self._linked[name] = entry
            if not _same_attributes(node, self._attributes.get(node), entry):
                self._attributes[node] = entry
        return True

    def link_late(self) -> None:
        """Link what preceded its target; what has none stays as a link without content."""
        waiting: defaultdict[bytes, list[LayerEntry]] = defaultdict(list)
        for entry in self._late:
            waiting[normalise_path(entry.link_name)].append(entry)
        # A target may be reached by another path than the one that was linked, through links of
        # the same layer: then it takes another round to be found.
        for _ in range(_MAXIMUM_ROUNDS):
            if not self._link_those_ready(waiting):
                break
        for entry in sorted(chain.from_iterable(waiting.values()), key=_ordinal):
            if not self._is_superseded(entry):
                detail = "its target is in no layer"
                self._report(entry, ProblemCode.HARD_LINK_BROKEN, detail, "kept, without content")
                self._place(entry, Node(entry))

    def _link_those_ready(self, waiting: defaultdict[bytes, list[LayerEntry]]) -> bool:
        """Link what waits for a target that now stands, and what waited for that in turn.

        It happens in the order of the tar, gone through again for what precedes its target.
        """
        ready = [
            (0, entry.member.ordinal, entry)
            for target in [target for target in waiting if self._tree.find(target) is not None]
            for entry in waiting.pop(target)
        ]
        heapify(ready)
        left: list[LayerEntry] = []
        any_linked = False
        while ready:
            turn, ordinal, entry = heappop(ready)
            if self._is_superseded(entry):
                continue
            if not self._link(entry):
                left.append(entry)  # another one took its target away
                continue
            any_linked = True
            self._report(
                entry,
                ProblemCode.HARD_LINK_BEFORE_TARGET,
                "its target follows",
                "linked all the same",
            )
            for each in waiting.pop(entry.path, ()):
                number = each.member.ordinal
                heappush(ready, (turn + (number < ordinal), number, each))
        for entry in left:
            waiting[normalise_path(entry.link_name)].append(entry)
        return any_linked

    def _is_superseded(self, entry: LayerEntry) -> bool:
        standing = self._tree.entry_at(entry.path)
        return standing is not None and standing.member.ordinal > entry.member.ordinal

    def share_attributes(self) -> None:
        """Give a file what its last link's header says: engines apply it, under all names."""
        for node, entry in self._attributes.items():
            changed = Node(node.entry, entry)
            for path in self._names[node]:
                if self._tree.find(path) is node:
                    parent, _, name = path.rpartition(b"/")
                    self._tree.enter(parent)[name] = changed

    def _report(
        self,
        entry: LayerEntry,
        code: ProblemCode,
        detail: str,
        action: str = "listed as an entry, not applied",
    ) -> None:
        self._log.report(
            code, detail, action=action, path=entry.path, offset=entry.member.header_offset
        )


def _ordinal(entry: LayerEntry) -> int:
    return entry.member.ordinal


def _same_attributes(node: Node, later: LayerEntry | None, entry: LayerEntry) -> bool:
    """Whether `entry` says of the file what it is already, by its own header or a later one."""
    standing = Node(node.entry, later) if later else node
    member = entry.member
    return (standing.mode, standing.uid, standing.gid, standing.mtime_ns) == (
        member.mode,
        member.uid,
        member.gid,
        member.mtime_ns,
    ) and standing.xattrs.items() >= member.xattrs.items()
