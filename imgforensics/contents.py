"""Contents of files, layer by layer: the one way in which questions about contents read them.

Each layer is read once, from its first byte to its last, and files come in the order of its
tar. A layer that was not read before is verified on the way and its entries are kept; one that
was must have the same bytes again.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing

from imgforensics.digests import Hasher
from imgforensics.errors import LimitExceededError
from imgforensics.image import Image
from imgforensics.layer import EntryKind, Layer, LayerEntry
from imgforensics.layer.keeping import kept_entries
from imgforensics.problems import Location, Problem, ProblemCode
from imgforensics.tarstream.sparse import logical_content

Wanted = Callable[[LayerEntry], object]
"""Whether a file's content is to be read; asked of entries of kind `FILE` alone."""


class Content:
    """One file entry and its content, to be used before the next one is asked for."""

    __slots__ = ("_hashers", "_size", "entry", "pieces")

    def __init__(
        self, entry: LayerEntry, stored: Iterable[memoryview], algorithms: Sequence[str] = ()
    ) -> None:
        self.entry = entry
        if entry.member.extents is not None:
            stored = logical_content(entry.member, stored)
        if algorithms:
            self._size = 0
            self._hashers: dict[str, Hasher] = {name: hashlib.new(name) for name in algorithms}
            stored = self._hashed(stored)
        self.pieces = stored
        """The content as a reader of the file sees it, holes as zeros, in pieces of at most a
        mebibyte or so, to be gone through once. Where the layer ends early, so do they."""

    def _hashed(self, pieces: Iterable[memoryview]) -> Iterator[memoryview]:
        hashers = tuple(self._hashers.values())
        for piece in pieces:
            self._size += len(piece)
            for hasher in hashers:
                hasher.update(piece)
            yield piece

    def digests(self) -> dict[str, str] | None:
        """Hexadecimal hashes by algorithm, those that were asked for; some must have been.

        Reads what is left of the content; None where the layer ends before it does.
        """
        for _ in self.pieces:
            pass
        if self._size < self.entry.member.size:
            return None
        return {name: hasher.hexdigest() for name, hasher in self._hashers.items()}


def contents_of(
    image: Image,
    wanted: Wanted,
    problems: list[Problem],
    *,
    layers: Iterable[Layer] | None = None,
    algorithms: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Generator[Content, None, None]:
    """The content of every wanted file entry, layer after layer, in the order of each tar.

    Layers come in the order given, top layer first if none is; a layer that was read before and
    holds nothing wanted is left out. Duplicates and what stands behind a tar's end are entries
    like others; hard links are not, for the entry that they lead to has the content.
    `algorithms` are those of `hashlib`, computed while the content passes. `progress` is told
    the size of every piece of a stored blob that was read.

    What could not be read is added to `problems`: layers that are absent or reach a limit,
    files with too many holes, and a layer with other bytes than when it was read before. What
    is wrong inside a layer is told by its own :attr:`~imgforensics.layer.Layer.problems`.
    To be closed when left early.
    """
    for layer in reversed(image.layers) if layers is None else layers:
        if not layer.is_present:
            problems.append(layer.absence("its contents were not read"))
            continue
        try:
            yield from _contents_of_layer(
                image, layer, wanted, problems, algorithms=algorithms, progress=progress
            )
        except LimitExceededError as error:
            problems.append(_stopped(layer, error))


def _contents_of_layer(
    image: Image,
    layer: Layer,
    wanted: Wanted,
    problems: list[Problem],
    *,
    algorithms: Sequence[str],
    progress: Callable[[int], None] | None,
) -> Iterator[Content]:
    most_holes = image.limits.hole_bytes
    if layer.is_scanned and not any(map(wanted, _files(layer.entries))):
        return
    with closing(layer.begin_pass(threads=True, progress=progress)) as layer_pass:
        for entry in _files(kept_entries(layer, layer_pass, problems)):
            if wanted(entry):
                if entry.size - entry.member.stored_size > most_holes:
                    problems.append(_too_many_holes(layer, entry, most_holes))
                else:
                    pieces = layer_pass.content()
                    if isinstance(pieces, tuple):  # in memory already
                        yield Content(entry, pieces, algorithms)
                    else:
                        stored = _UpToLimit(pieces)
                        yield Content(entry, stored, algorithms)
                        stored.check()


class _UpToLimit:
    """Stored content that ends where a limit stops its layer."""

    def __init__(self, pieces: Iterable[memoryview]) -> None:
        self._pieces = pieces
        self._error: LimitExceededError | None = None

    def __iter__(self) -> Iterator[memoryview]:
        try:
            yield from self._pieces
        except LimitExceededError as error:
            self._error = error

    def check(self) -> None:
        """Raise what ended it."""
        if self._error is not None:
            raise self._error


def _files(entries: Iterable[LayerEntry]) -> Iterator[LayerEntry]:
    for entry in entries:
        if entry.member.kind is EntryKind.FILE:
            yield entry


def _stopped(layer: Layer, error: LimitExceededError) -> Problem:
    return Problem(
        ProblemCode.LIMIT_REACHED,
        layer.where,
        error.explanation,
        "the rest of the layer was not read",
    )


def _too_many_holes(layer: Layer, entry: LayerEntry, most: int) -> Problem:
    where = Location(
        layer.where.source,
        layer.where.blob,
        entry.path,
        entry.member.header_offset,
        layer.index,
    )
    holes = entry.size - entry.member.stored_size
    detail = f"holes of {holes} bytes: over the limit hole_bytes={most}"
    return Problem(ProblemCode.LIMIT_REACHED, where, detail, "the file's content was not read")
