"""The second stage: whatever the first one wrote becomes what the snapshot says.

The snapshot is built from the very entries that passed, by the same code that answers every
other question. Files that stand where they should stay; others are moved to their place, read
again or removed; directories, links and devices, which have no content, are made from the
snapshot alone. So the output equals the snapshot by construction, not by the first stage's
cleverness.
"""

import stat
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from itertools import count

from imgforensics.extraction.contents import node_contents, place_in_layers
from imgforensics.extraction.files import FileWriter
from imgforensics.extraction.output import (
    NameTooLong,
    NodeRefused,
    NotADirectoryHere,
    OutputDirectory,
    TooLarge,
    TooManyNames,
)
from imgforensics.extraction.plan import Plan
from imgforensics.extraction.record import Reason, Tally
from imgforensics.extraction.restore import Restorer
from imgforensics.filesystem.node import Node
from imgforensics.layer.layer import Layer
from imgforensics.tarstream.member import EntryKind

_FILE_TYPES = {
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
    EntryKind.FIFO: stat.S_IFIFO,
}
_TARGET_BYTES = 4096
"""Linux's bound on a path, and so on a link's target, the NUL at its end included."""


class SecondStage:
    """Carries out a plan."""

    def __init__(
        self,
        plan: Plan,
        output: OutputDirectory,
        files: FileWriter,
        restorer: Restorer,
        tally: Tally,
        *,
        special: bool,
    ) -> None:
        self._plan = plan
        self._output = output
        self._files = files
        self._restorer = restorer
        self._tally = tally
        self._special = special
        self._missing: set[Node] = set()
        self._copies: dict[Node, bytes] = {}
        self._refused: set[bytes] = set()

    def run(self, layers: Mapping[int, Layer]) -> None:
        """Do everything; `layers`, by index, are read again only for content still absent."""
        for path in self._plan.refused:
            self._tally.deviate(path, Reason.NAME_TOO_LONG)
        moved = self._clear_the_way()
        for path, _ in self._plan.directories:
            self._make_directory(path)
        self._put_in_place(moved)
        self._read_again(layers, moved)
        for node, path in self._plan.others.items():
            self._attempt(path, partial(self._make, path, node), node)
        for path, node in self._plan.links:
            self._attempt(path, partial(self._link, path, node))
        self._set_attributes()

    def _clear_the_way(self) -> dict[Node, bytes]:
        """Take what is misplaced out of the way, keeping what belongs elsewhere."""
        plan, output = self._plan, self._output
        wanted = {place_in_layers(node): node for node in plan.absent}
        aside = self._unused_name()
        moved: dict[Node, bytes] = {}
        for path, entry in plan.misplaced.items():
            node = wanted.pop((entry.layer_index, entry.member.ordinal), None)
            if node is None:
                self._remove(path)
            else:
                moved[node] = b"%s/%d" % (aside, len(moved))
                output.move(path, moved[node])
        planned = {path for path, _ in plan.directories} | {aside}
        for path in sorted(output.directories - planned, reverse=True):
            output.remove_directory(path)
        return moved

    def _remove(self, path: bytes) -> None:
        self._output.remove(path)
        self._tally.take_back(EntryKind.FILE)

    def _unused_name(self) -> bytes:
        taken = {path.partition(b"/")[0] for path in self._plan.misplaced}
        taken.update(self._plan.directories[0][1].children or ())
        names = (b".imgforensics-%d" % number for number in count())
        return next(name for name in names if name not in taken)

    def _put_in_place(self, moved: dict[Node, bytes]) -> None:
        # One directory after the other: each that is not at hand has to be entered anew.
        for node, staged in sorted(moved.items(), key=lambda move: self._plan.absent[move[0]]):
            path = self._plan.absent[node]
            self._attempt(path, partial(self._output.move, staged, path), node)
            if node in self._missing:
                self._remove(staged)
        if moved:
            self._output.remove_directory(next(iter(moved.values())).partition(b"/")[0])

    def _read_again(self, layers: Mapping[int, Layer], moved: dict[Node, bytes]) -> None:
        absent = self._plan.absent
        nodes = (node for node in absent if node not in moved)
        with closing(node_contents(nodes, layers, self._tally, self._output.path)) as contents:
            for node, entry, pieces in contents:
                path = absent[node]
                self._attempt(path, partial(self._files.write, path, entry, pieces), node)

    def _make_directory(self, path: bytes) -> None:
        if not path:
            return
        self._tally.make_room(path)
        if self._attempt(path, partial(self._output.directory, path)):
            self._tally.count(EntryKind.DIRECTORY)
        else:
            self._refused.add(path)

    def _make(self, path: bytes, node: Node) -> None:
        self._tally.make_room(path)
        if node.kind is EntryKind.SYMLINK:
            if not self._make_symlink(path, node):
                return
        elif node.kind is EntryKind.HARD_LINK:
            self._miss(path, node, Reason.HARD_LINK_BROKEN)
            return
        elif node.kind is not EntryKind.FIFO and not self._special:
            self._miss(path, node, Reason.SPECIAL_WITHHELD)
            return
        elif not self._make_special(path, node):
            return
        self._tally.count(node.kind)

    def _make_symlink(self, path: bytes, node: Node) -> bool:
        target = node.link_target
        if not 0 < len(target) < _TARGET_BYTES or b"\0" in target:
            self._miss(path, node, Reason.LINK_TARGET_INVALID)
            return False
        self._output.symlink(path, target)
        self._restorer.symlink(path, node)
        return True

    def _make_special(self, path: bytes, node: Node) -> bool:
        try:
            self._output.node(path, _FILE_TYPES[node.kind] | 0o600, node.device)
        except NodeRefused as error:
            self._miss(path, node, Reason.DEVICE_NOT_RESTORED, str(error))
            return False
        self._restorer.special(path, node)
        return True

    def _link(self, path: bytes, node: Node) -> None:
        if node in self._missing:
            self._tally.deviate(path, Reason.LINK_TO_WITHHELD)
        else:
            self._tally.make_room(path)
            home = self._copies.get(node) or self._plan.home_of(node)
            try:
                self._output.link(path, home)
                self._tally.count(EntryKind.HARD_LINK)
            except TooManyNames:
                self._copy(path, node, home)

    def _copy(self, path: bytes, node: Node, home: bytes) -> None:
        """Begin another file like the one that can have no more names."""
        if node.entry is not None and node.kind is EntryKind.FILE:
            self._files.copy(path, home, node.entry.member.stored_size)
            self._restorer.changed_file(path, node)
            self._tally.count(EntryKind.FILE)
        else:
            self._make(path, node)
        self._copies[node] = path
        detail = "the filesystem gives one file no more names; those after it are its names"
        self._tally.deviate(path, Reason.HARD_LINK_COPIED, detail)

    def _miss(self, path: bytes, node: Node, reason: Reason, detail: str = "") -> None:
        self._missing.add(node)
        if node.kind in _FILE_TYPES and not detail:
            detail = f"{node.kind} {node.device[0]}:{node.device[1]}"
        self._tally.deviate(path, reason, detail)

    def _set_attributes(self) -> None:
        for homes in (self._plan.standing, self._plan.absent):
            for node, path in homes.items():
                if node.attributes is not None and node not in self._missing:
                    self._restorer.changed_file(path, node)
        for path, node in reversed(self._plan.directories):
            if path not in self._refused:
                self._restorer.directory(path, node)

    def _attempt(self, path: bytes, action: Callable[[], object], node: Node | None = None) -> bool:
        """Do one thing; a name that is not taken after all is noted, and so all that needs it."""
        try:
            action()
        except (NameTooLong, TooLarge) as error:
            if node is not None:
                self._missing.add(node)
            is_name = isinstance(error, NameTooLong)
            self._tally.deviate(path, Reason.NAME_TOO_LONG if is_name else Reason.TOO_LARGE)
            return False
        except (NotADirectoryHere, FileExistsError) as error:
            # Nothing of the snapshot stands in the way of anything else of it.
            raise self._output.folded(path) from error
        return True
