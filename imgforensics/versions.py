"""Every version of every path that an image's layers held, and which of them a container sees.

A version is what a layer put at a path and its snapshot shows there. So one file is as many
versions as it has names, and an unchanged one that an upper layer stores again is another.
What a layer stores and no snapshot ever shows (a duplicate that a later one of the same layer
replaced, what stands behind the end of its tar, content in a whiteout) is a version as well.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from imgforensics.errors import LimitExceededError, MissingBlobError
from imgforensics.filesystem.apply import apply_layer
from imgforensics.filesystem.changes import ended_nodes, is_same, new_nodes
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import EMPTY_TREE, FileTree
from imgforensics.filesystem.whiteout import whiteout_of
from imgforensics.image import Image
from imgforensics.layer import EntryKind, Layer, LayerEntry
from imgforensics.problems import Problem, ProblemCode, ProblemLog


class InFinalImage(StrEnum):
    """Whether a container would see a version at its path."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """A layer above it is absent, or could not be read to its end."""


@dataclass(frozen=True, slots=True)
class Version:
    """One thing that a layer put at a path."""

    path: bytes
    layer: int | None
    """Index of the layer that put it there; None for a directory of which only what is below
    is known."""
    node: Node
    is_applied: bool = True
    """Whether any snapshot shows it."""

    @property
    def is_further_name(self) -> bool:
        """Whether the path is a name that a hard link gave to the file."""
        entry = self.node.entry
        return entry is not None and not self.node.is_directory and entry.path != self.path


class Fate(StrEnum):
    """Why a container does not see a version."""

    DELETED = "deleted"
    """A whiteout or an opaque marker, of the path or of a directory above it."""
    OVERWRITTEN = "overwritten"
    """Something else stands at the path, be it with the same content."""
    HIDDEN = "hidden"
    """Something that is no directory took the place of a directory above it."""
    NEVER_SHOWN = "never-shown"
    """No snapshot shows it: see :mod:`imgforensics.versions`."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A version that a container does not see, and what became of it."""

    version: Version
    fate: Fate
    by: int | None = None
    """Index of the layer that did it; None for what was never shown."""


class Versions:
    """The versions that the layers of an image hold which have been read by now.

    Layers that are absent, or were not read, divide the others into runs. What happens inside
    a run is known; what is still there at the end of one may or may not be hidden above it.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        self._runs = _runs(image.layers)
        top = self._runs[-1] if self._runs and self._runs[-1][-1].index == image.top else None
        self._lasts: dict[int, FileTree] = {}
        self.has_open_links = False
        """Whether hard links lead to what layers may hold that were not read. If that is a
        directory, they have no effect; here they have taken their path."""
        self.final = EMPTY_TREE if top is None and not image.layers else None
        """The filesystem that a container would see, as far as its layers are known; None where
        the top layer is not."""
        for run in self._runs:
            last = deque(self._trees(run), maxlen=1).pop()
            self._lasts.update({layer.index: last for layer in run})
            if run is top:
                self.final = last

    def in_final_image(self, version: Version) -> InFinalImage:
        """Whether a container would see the version at its path."""
        if not version.is_applied:
            return InFinalImage.NO
        last = self.final if version.layer is None else self._lasts.get(version.layer)
        if last is None:
            return InFinalImage.UNKNOWN
        if not _shows(last, version):
            return InFinalImage.NO
        return InFinalImage.YES if last is self.final else InFinalImage.UNKNOWN

    def __iter__(self) -> Iterator[Version]:
        """Every version, bottom layer first, by path."""
        for run in self._runs:
            for layer, (below, above) in zip(run, pairwise(self._trees(run)), strict=True):
                yield from _versions_of(layer, below, above)

    def deleted(self) -> Iterator[Ending]:
        """Every version that a container does not see, in the order of the layers that ended it."""
        for run in self._runs:
            givers: dict[bytes, int] = {}
            for layer, (below, above) in zip(run, pairwise(self._trees(run)), strict=True):
                for path, node, successor, is_hidden in ended_nodes(below, above):
                    fate = Fate.OVERWRITTEN if successor else Fate.DELETED
                    fate = Fate.HIDDEN if is_hidden else fate
                    version = Version(path, givers.get(path, node.layer_index), node)
                    if self.in_final_image(version) is InFinalImage.NO:
                        yield Ending(version, fate, layer.index)
                for version in _versions_of(layer, below, above):
                    if not version.is_applied:
                        yield Ending(version, Fate.NEVER_SHOWN)
                    elif version.node.layer_index != layer.index:
                        # A further name, or a directory that is only implied.
                        givers[version.path] = layer.index
                    else:
                        givers.pop(version.path, None)

    def shown_by(self, layer: int) -> Iterator[Version]:
        """What the filesystem after `layer` shows, by path.

        Raises `MissingBlobError` where a layer that it needs is absent.
        """
        for path, node in self._image.filesystem_at(layer).walk():
            yield Version(path, node.layer_index, node)

    def _trees(self, run: Sequence[Layer]) -> Iterator[FileTree]:
        """The snapshot below a run, which is empty, and that after each of its layers."""
        if run[0].index == 0:
            yield from (self._image.filesystem_at(index) for index in range(-1, len(run)))
            return
        tree = FileTree(EMPTY_TREE.root, run[0].index - 1)
        yield tree
        for layer in run:
            log = ProblemLog(layer.where)
            tree = apply_layer(tree, layer.entries, log)
            codes = {problem.code for problem in log}
            self.has_open_links = self.has_open_links or ProblemCode.HARD_LINK_BROKEN in codes
            yield tree


def read_all_layers(image: Image, problems: list[Problem]) -> None:
    """Read every layer that is there; those that are not, or reach a limit, are problems."""
    for layer in image.layers:
        if not layer.is_present:
            problems.append(layer.absence("what it does is unknown"))
    try:
        image.scan_layers()
    except LimitExceededError:
        for layer in image.layers:
            _read(layer, problems)


def _read(layer: Layer, problems: list[Problem]) -> None:
    try:
        layer.scan()
    except MissingBlobError:
        pass
    except LimitExceededError as error:
        problems.append(
            Problem(
                ProblemCode.LIMIT_REACHED, layer.where, error.explanation, "the layer is not known"
            )
        )


def _runs(layers: Sequence[Layer]) -> list[list[Layer]]:
    """Layers that have been read, those together that stand on one another."""
    runs: list[list[Layer]] = []
    for layer in layers:
        if not layer.is_scanned:
            continue
        if runs and runs[-1][-1].index == layer.index - 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return runs


def _versions_of(layer: Layer, below: FileTree, above: FileTree) -> Iterator[Version]:
    shown: set[int] = set()
    for path, node in new_nodes(below, above):
        if node.entry is not None and node.entry.layer_index == layer.index:
            shown.add(node.entry.member.ordinal)
        yield Version(path, layer.index, node)
    for entry in layer.entries:
        if entry.member.ordinal not in shown and _is_never_shown(entry):
            yield Version(entry.path, layer.index, Node(entry), is_applied=False)


def _is_never_shown(entry: LayerEntry) -> bool:
    """Of an entry whose node is not new: whether it holds something that is shown nowhere."""
    if whiteout_of(entry.path) is not None:
        return entry.size > 0
    return entry.is_past_end or entry.kind in _OF_THEIR_OWN


_OF_THEIR_OWN = frozenset(EntryKind) - {EntryKind.DIRECTORY, EntryKind.HARD_LINK}
"""Kinds of which each entry that is applied is a node of its own: directories merge, hard links
are names of others."""


def _shows(tree: FileTree, version: Version) -> bool:
    """Whether it stands at its path; a directory does, whatever its attributes are by now."""
    node = tree.get(version.path)
    if node is None:
        return False
    return is_same(node, version.node) or (node.is_directory and version.node.is_directory)
