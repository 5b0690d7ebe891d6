"""Apply one layer's entries to the snapshot below it.

Two phases, so the order inside the tar never matters between them: first every whiteout
against the snapshot below, then the additions in order. A sibling that the same layer adds
always survives. Source: https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Final

from imgforensics.filesystem.node import Node
from imgforensics.filesystem.rules import OVERLAYFS, ApplyRules, Duplicates, SymlinkParents
from imgforensics.filesystem.tree import FileTree
from imgforensics.filesystem.whiteout import PREFIX, Whiteout, WhiteoutKind, whiteout_of
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.member import EntryKind

Children = dict[bytes, Node]

MAXIMUM_LINKS: Final = 40
"""Symbolic links followed in one lookup, as Linux does (path_resolution(7))."""
_MAXIMUM_STEPS: Final = 4_096
"""Path components walked in one lookup, links' targets included."""


def apply_layer(
    below: FileTree,
    entries: Iterable[LayerEntry],
    log: ProblemLog,
    rules: ApplyRules = OVERLAYFS,
) -> FileTree:
    """The snapshot after one more layer; `below` is left as it is.

    Whatever cannot be applied is reported to `log` and stays visible as an entry.
    """
    application = _Application(below, log, rules)
    additions = []
    for entry in entries:
        if entry.is_past_end:
            continue
        if rules.whiteouts and PREFIX in entry.path and (whiteout := whiteout_of(entry.path)):
            application.white_out(entry, whiteout)
            if rules.whiteouts_hide_own_layer:
                additions.append(entry)
        else:
            additions.append(entry)
    for entry in additions:
        application.add(entry)
    application.link_late()
    return application.result()


class _Application:
    """One layer being applied: copies a directory of the snapshot below when it changes it."""

    def __init__(self, below: FileTree, log: ProblemLog, rules: ApplyRules) -> None:
        self._index = below.layer_index + 1
        self._log = log
        self._rules = rules
        self._root = below.root
        # Children of directories that belong to the new snapshot alone, by identity; held
        # here so that an id is never used again.
        self._own: dict[int, Children] = {}
        # Directories reached lately, by the path that led there.
        self._reached: dict[bytes, Children] = {}
        self._names: dict[Node, list[tuple[Children, bytes]]] = {}
        self._set_aside: dict[bytes, Node] = {}
        self._hidden: set[bytes] = set()
        self._late: list[LayerEntry] = []

    def result(self) -> FileTree:
        return FileTree(self._root, self._index)

    # Whiteouts.

    def white_out(self, entry: LayerEntry, whiteout: Whiteout) -> None:
        """Delete from the snapshot below what a whiteout entry says."""
        if whiteout.kind is WhiteoutKind.PLAIN:
            self._delete(whiteout.path)
        elif whiteout.kind is WhiteoutKind.OPAQUE:
            if self._rules.opaque_directories:
                self._delete_all_in(whiteout.path)
        elif whiteout.kind is WhiteoutKind.BOOKKEEPING:
            # Docker's AUFS archives hard-link into .wh..wh.plnk: its files are link targets.
            self._set_aside[entry.path] = Node(entry)
            self._report(entry, ProblemCode.WHITEOUT_METADATA, "AUFS bookkeeping")
        elif whiteout.kind is WhiteoutKind.INVALID:
            self._report(entry, ProblemCode.WHITEOUT_INVALID, "names nothing to delete")
        else:
            self._report(entry, ProblemCode.WHITEOUT_NAME_AS_PARENT, "stands below a whiteout")

    def _delete(self, path: bytes) -> None:
        parent, _, name = path.rpartition(b"/")
        children = self._directory(parent, create=False)
        if children is not None and name in children:
            del children[name]
            self._reached.clear()

    def _delete_all_in(self, path: bytes) -> None:
        children = self._directory(path, create=False)
        if children:
            children.clear()
            self._reached.clear()

    # Additions.

    def add(self, entry: LayerEntry) -> None:
        """Add one entry, in its turn."""
        member, path = entry.member, entry.path
        if self._rules.whiteouts_hide_own_layer and self._is_hidden(entry):
            return
        if b"\0" in path:
            self._report(entry, ProblemCode.ENTRY_NAME_INVALID, "its name holds a NUL byte")
        elif not path:
            self._replace_root(entry)
        elif member.kind is EntryKind.DIRECTORY:
            self._add_directory(entry)
        elif member.kind is EntryKind.HARD_LINK:
            if not self._link(entry):
                self._late.append(entry)
        elif member.kind is EntryKind.UNKNOWN:
            flag = member.type_flag.decode("latin-1")
            self._report(entry, ProblemCode.ENTRY_TYPE_UNKNOWN, f"its type flag is {flag!r}")
        else:
            self._place(entry, Node(entry))

    def link_late(self) -> None:
        """Link what preceded its target; what has none stays as a link without content."""
        waiting: defaultdict[bytes, list[LayerEntry]] = defaultdict(list)
        for entry in self._late:
            waiting[normalise_path(entry.member.link_name)].append(entry)
        ready = deque(waiting)
        while ready:
            target = ready.popleft()
            if self._find(target) is None:
                continue
            for entry in waiting.pop(target, ()):
                if not self._is_superseded(entry) and self._link(entry):
                    self._report(entry, ProblemCode.HARD_LINK_BEFORE_TARGET, "its target follows")
                    ready.append(entry.path)
        for entries in waiting.values():
            for entry in entries:
                if not self._is_superseded(entry):
                    self._report(entry, ProblemCode.HARD_LINK_BROKEN, "its target is in no layer")
                    self._place(entry, Node(entry))

    def _replace_root(self, entry: LayerEntry) -> None:
        if entry.member.kind is EntryKind.DIRECTORY:
            self._root = Node(entry, None, self._root.children)
        else:
            detail = f"a {entry.member.kind} is named as the root"
            self._report(entry, ProblemCode.ROOT_NOT_A_DIRECTORY, detail)

    def _add_directory(self, entry: LayerEntry) -> None:
        parent, _, name = entry.path.rpartition(b"/")
        siblings = self._directory(parent)
        existing = siblings.get(name) if siblings is not None else None
        if existing is not None and existing.children is not None:
            self._place(entry, Node(entry, None, existing.children))
        else:
            self._place(entry, Node(entry, None, self._new_children()))

    def _place(self, entry: LayerEntry, node: Node) -> tuple[Children, bytes] | None:
        parent, _, name = entry.path.rpartition(b"/")
        children = self._directory(parent)
        if children is None:
            detail = "its own layer made no directory of its parent, or of a link on the way"
            self._report(entry, ProblemCode.PARENT_NOT_A_DIRECTORY, detail)
            return None
        existing = children.get(name)
        if existing is not None and not self._makes_way(entry, existing, node):
            return None
        children[name] = node
        return children, name

    def _makes_way(self, entry: LayerEntry, existing: Node, node: Node) -> bool:
        merges = existing.children is not None and node.children is not None
        if self._is_own(existing):
            if not merges:
                self._report(
                    entry,
                    ProblemCode.ENTRY_DUPLICATED,
                    "its layer holds this path already",
                    f"the {self._rules.duplicates.value} one counts",
                )
            if self._rules.duplicates is Duplicates.FIRST:
                return False
        if not merges and (existing.children is not None or existing.kind is EntryKind.SYMLINK):
            self._reached.clear()
        return True

    def _is_own(self, node: Node) -> bool:
        return node.entry is not None and node.entry.layer_index == self._index

    def _is_superseded(self, entry: LayerEntry) -> bool:
        node = self._find(entry.path)
        return (
            node is not None
            and node.entry is not None
            and self._is_own(node)
            and node.entry.member.ordinal > entry.member.ordinal
        )

    def _is_hidden(self, entry: LayerEntry) -> bool:
        whiteout = whiteout_of(entry.path)
        if whiteout is not None:
            existing = self._find(whiteout.path) if whiteout.kind is WhiteoutKind.PLAIN else None
            if whiteout.kind is WhiteoutKind.PLAIN and not (existing and self._is_own(existing)):
                self._hidden.add(whiteout.path)
            return True
        if not self._hidden:
            return False
        path = entry.path
        while path and path not in self._hidden:
            path = path.rpartition(b"/")[0]
        return bool(path)

    # Hard links.

    def _link(self, entry: LayerEntry) -> bool:
        """Give the target's node one more name; False when there is no target (yet)."""
        target = normalise_path(entry.member.link_name)
        node = self._set_aside.get(target) or self._find(target)
        if node is None or self._is_broken(node):
            return False
        if node.children is not None:
            self._report(entry, ProblemCode.HARD_LINK_TO_DIRECTORY, "its target is a directory")
            return True
        names = self._names.pop(node, None) or self._only_name(target)
        node = self._with_attributes(node, entry, names)
        placed = self._place(entry, node)
        if placed is not None:
            names.append(placed)
        self._names[node] = names
        return True

    def _is_broken(self, node: Node) -> bool:
        return self._is_own(node) and node.kind is EntryKind.HARD_LINK

    def _only_name(self, path: bytes) -> list[tuple[Children, bytes]]:
        parent, _, name = path.rpartition(b"/")
        children = self._directory(parent, create=False)
        return [] if children is None else [(children, name)]

    def _with_attributes(
        self, node: Node, entry: LayerEntry, names: list[tuple[Children, bytes]]
    ) -> Node:
        """Engines apply a link's own header to the file, under all its names."""
        if _same_attributes(node, entry):
            return node
        changed = Node(node.entry, entry)
        for children, name in names:
            if children.get(name) is node:
                children[name] = changed
        return changed

    # Walking.

    def _find(self, path: bytes) -> Node | None:
        if not path:
            return self._root
        parent, _, name = path.rpartition(b"/")
        children = self._directory(parent, create=False)
        return None if children is None else children.get(name)

    def _directory(self, path: bytes, *, create: bool = True) -> Children | None:
        """Children, free to change, of the directory that `path` leads to; None if none does.

        With `create`, missing directories are implied, and so is one where a lower layer
        holds something else.
        """
        children = self._reached.get(path)
        if children is None:
            children = self._walk(path, create=create)
            if children is not None:
                self._reached[path] = children
        return children

    def _walk(self, path: bytes, *, create: bool) -> Children | None:
        trail = [self._own_root()]
        remaining = path.split(b"/")[::-1] if path else []
        links = steps = 0
        while remaining:
            name = remaining.pop()
            steps += 1
            if name == b"..":
                del trail[max(1, len(trail) - 1) :]
            elif name not in (b"", b"."):
                child = trail[-1].get(name)
                if child is not None and self._follows(child):
                    links += 1
                    if child.link_target.startswith(b"/"):
                        del trail[1:]
                    remaining.extend(child.link_target.split(b"/")[::-1])
                else:
                    children = self._enter(trail[-1], name, child, create=create)
                    if children is None:
                        return None
                    trail.append(children)
            if links > MAXIMUM_LINKS or (links and steps > _MAXIMUM_STEPS):
                return None
        return trail[-1]

    def _enter(
        self, parent: Children, name: bytes, child: Node | None, *, create: bool
    ) -> Children | None:
        if child is not None and child.children is not None:
            return self._own_children(parent, name, child)
        if not create or (child is not None and self._is_own(child)):
            return None
        children = self._new_children()
        parent[name] = Node(None, None, children)
        return children

    def _follows(self, node: Node) -> bool:
        if node.kind is not EntryKind.SYMLINK:
            return False
        parents = self._rules.symlink_parents
        return parents is SymlinkParents.EVERY_LAYER or (
            parents is SymlinkParents.SAME_LAYER and self._is_own(node)
        )

    def _own_root(self) -> Children:
        children = self._root.children
        if id(children) in self._own:
            return self._own[id(children)]
        copy = self._new_children(children)
        self._root = Node(self._root.entry, self._root.attributes, copy)
        return copy

    def _own_children(self, parent: Children, name: bytes, node: Node) -> Children:
        own = self._own.get(id(node.children))
        if own is None:
            own = self._new_children(node.children)
            parent[name] = Node(node.entry, node.attributes, own)
        return own

    def _new_children(self, like: Mapping[bytes, Node] | None = None) -> Children:
        children = dict(like or {})
        self._own[id(children)] = children
        return children

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


def _same_attributes(node: Node, entry: LayerEntry) -> bool:
    member = entry.member
    return (node.mode, node.uid, node.gid, node.mtime_ns) == (
        member.mode,
        member.uid,
        member.gid,
        member.mtime_ns,
    ) and node.xattrs.items() >= member.xattrs.items()
