"""One side of a comparison: a tree, where it comes from, and how its contents are read."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from itertools import chain
from typing import BinaryIO, Protocol

from imgforensics.comparison.directory import DirectoryTree
from imgforensics.contents import Content, contents_of
from imgforensics.errors import ImageForensicsError
from imgforensics.filesystem import OVERLAYFS, apply_layer
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.layer.entry import LayerEntry
from imgforensics.layer.layer import Layer
from imgforensics.problems import (
    Location,
    Problem,
    ProblemCode,
    ProblemLog,
    display,
    has_errors,
)

Progress = Callable[[int], None]
_PIECE = 1 << 20
_ALGORITHMS = ("sha256",)


class Side(Protocol):
    """What a comparison asks of either side."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def tree(self) -> FileTree:
        """What it holds, as far as it is known."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is odd or damaged, as far as it has been read."""

    def is_known(self, path: bytes, node: Node | None) -> bool:
        """Whether what stands at a path, or that nothing does, is beyond doubt."""

    def doubt(self) -> str:
        """Why something is not known; empty where everything is."""

    def origin(self, node: Node, /) -> object:
        """What two sides' nodes must have in common to hold the same bytes unread; or None."""

    def contents(
        self, entries: Iterable[LayerEntry], problems: list[Problem], progress: Progress | None
    ) -> Generator[Content, None, None]:
        """The content of each file entry, each layer read once; hashed with SHA-256."""

    def open_content(self, entry: LayerEntry) -> BinaryIO:
        """One file's content."""

    def link_names(self) -> Iterator[bytes]:
        """Paths that may be one of several names of a file."""


class ImageSide:
    """An image after one of its layers. What is absent or cut short leaves doubt, not a hole."""

    def __init__(self, image: Image, layer: int) -> None:
        self.image = image
        self.layer = layer
        self._gap_log = ProblemLog(Location(source=image.source.description))

    @property
    def name(self) -> str:
        """The image's name and source, and after which layer unless that is the top one."""
        image = self.image
        called = image.names[0] if image.names else str(image.digest or image.image_id or "")
        where = display(image.source.description)
        name = f"{display(called)} in {where}" if called else where
        if self.layer == image.top:
            return name
        moment = "before all layers" if self.layer < 0 else f"after layer {self.layer}"
        return f"{name}, {moment}"

    @property
    def layers(self) -> Sequence[Layer]:
        """Those that this side is made of, lowest first."""
        return self.image.layers[: self.layer + 1]

    @property
    def is_present(self) -> bool:
        """Whether the source holds all its layers."""
        return all(layer.is_present for layer in self.layers)

    @property
    def tree(self) -> FileTree:
        """The snapshot; with layers left out that are absent."""
        return self._trees[-1]

    @cached_property
    def _trees(self) -> Sequence[FileTree]:
        """The snapshot below all layers, and that after each, as far as they are known."""
        absent = (layer.index for layer in self.layers if not layer.is_present)
        known = next(absent, len(self.layers))
        trees = [self.image.filesystem_at(index) for index in range(-1, known)]
        for layer in self.layers[known:]:
            entries = layer.entries if layer.is_present else ()
            trees.append(apply_layer(trees[-1], entries, self._gap_log, OVERLAYFS))
        return trees

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The image's, up to this layer."""
        found = (*self.image.problems_up_to(self.layer), *self._gap_log)
        return tuple(dict.fromkeys(found))

    @cached_property
    def doubtful_layer(self) -> int:
        """The highest layer of which something is lost; -1 where nothing is."""
        doubtful = (layer.index for layer in self.layers if _is_incomplete(layer))
        return max(doubtful, default=-1)

    def is_known(self, path: bytes, node: Node | None) -> bool:
        """Known is what the lowest layer in doubt, or one above it, was seen to bring.

        Whatever stands below, a layer that was lost in part may have replaced or deleted; and
        it may have added what is not there.
        """
        if self.doubtful_layer < 0:
            return True
        if node is None or node.entry is None or node.header is None:
            return not path
        return min(node.entry.layer_index, node.header.layer_index) >= self.doubtful_layer

    def doubt(self) -> str:
        """Which layer is to blame."""
        if self.doubtful_layer < 0:
            return ""
        return f"layer {self.doubtful_layer} of {self.name} is not what it is declared to be"

    def origin(self, node: Node, /) -> object:
        """The tar that the content stands in, by its computed digest, and its place there."""
        entry = node.entry
        if entry is None or self._diff_ids[entry.layer_index] is None:
            return None
        return self._diff_ids[entry.layer_index], entry.member.ordinal

    @cached_property
    def _diff_ids(self) -> list[str | None]:
        return [
            None if _is_incomplete(layer) else str(layer.scan().facts.diff_id)
            for layer in self.layers
        ]

    def contents(
        self, entries: Iterable[LayerEntry], problems: list[Problem], progress: Progress | None
    ) -> Generator[Content, None, None]:
        """Layer after layer, in the order of each tar."""
        wanted = {id(entry) for entry in entries}
        indexes = {entry.layer_index for entry in entries}
        yield from contents_of(
            self.image,
            lambda entry: id(entry) in wanted,
            problems,
            layers=[self.image.layers[index] for index in sorted(indexes)],
            algorithms=_ALGORITHMS,
            progress=progress,
        )

    def open_content(self, entry: LayerEntry) -> BinaryIO:
        """As `Image.open_content`."""
        return self.image.open_content(entry)

    def link_names(self) -> Iterator[bytes]:
        """Names that the hard links of any layer made or found."""
        return chain.from_iterable(tree.linked for tree in self._trees)


def _is_incomplete(layer: Layer) -> bool:
    """Whether entries of a layer may be lost: it is absent, damaged, or not the one declared."""
    return not layer.is_present or has_errors(layer.problems)


class DirectorySide:
    """A directory on disk."""

    def __init__(self, directory: DirectoryTree) -> None:
        self.directory = directory

    @property
    def name(self) -> str:
        """Its path."""
        return display(str(self.directory.path))

    @property
    def tree(self) -> FileTree:
        """What was found when it was read."""
        return self.directory.tree

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read."""
        return self.directory.problems

    def is_known(self, path: bytes, node: Node | None) -> bool:
        """Not known is what is at and below a path that could not be read."""
        unread = self.directory.unread
        if not unread:
            return True
        if node is not None:
            return path not in unread
        while path not in unread and path:
            path = path.rpartition(b"/")[0]
        return path not in unread

    def doubt(self) -> str:
        """That there is something that could not be read."""
        return f"it could not be read in {self.name}" if self.directory.unread else ""

    def origin(self, _node: Node, /) -> object:
        """None: files on disk are always read."""
        return None

    def contents(
        self, entries: Iterable[LayerEntry], problems: list[Problem], progress: Progress | None
    ) -> Generator[Content, None, None]:
        """In the order given."""
        for entry in entries:
            try:
                with closing(self.open_content(entry)) as file:
                    yield Content(entry, _pieces(file, progress), _ALGORITHMS)
            except (ImageForensicsError, OSError) as error:
                where = Location(source=str(self.directory.path), path=entry.path)
                problems.append(
                    Problem(ProblemCode.NOT_READ, where, str(error), "its content is unknown")
                )

    def open_content(self, entry: LayerEntry) -> BinaryIO:
        """As `DirectoryTree.open_content`."""
        return self.directory.open_content(entry)

    def link_names(self) -> Iterator[bytes]:
        """Every name of a file that has several."""
        names: dict[int, list[bytes]] = {}
        for path, node in self.tree.walk():
            if not node.is_directory:
                names.setdefault(id(node), []).append(path)
        for paths in names.values():
            if len(paths) > 1:
                yield from paths


def _pieces(file: BinaryIO, progress: Progress | None) -> Iterator[memoryview]:
    while piece := file.read(_PIECE):
        if progress:
            progress(len(piece))
        yield memoryview(piece)
