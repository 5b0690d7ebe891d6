"""Matching lines of contents, and of what is inside them."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice

from imgforensics.contents import Content, contents_of
from imgforensics.image import Image
from imgforensics.layer import Layer, LayerEntry
from imgforensics.problems import Problem, ProblemLog
from imgforensics.searching.inside import Spool, contents_inside
from imgforensics.searching.lines import Hit, LineSearch
from imgforensics.searching.patterns import Patterns
from imgforensics.searching.query import Query
from imgforensics.side_by_side import Check, side_by_side

FileHit = tuple[LayerEntry, Hit]
"""A matching line, and the entry that has the content."""

_HEAD_BYTES = 512


class TextSearch:
    """Reads the contents of an image for a query's `content`.

    Raises `QuestionError` where a pattern does not compile.
    """

    def __init__(self, image: Image, query: Query, problems: list[Problem]) -> None:
        self._image = image
        self._query = query
        self._patterns = Patterns(query)
        self._problems = problems

    def hits(
        self,
        wanted: Callable[[LayerEntry], object],
        layers: Sequence[Layer],
        progress: Callable[[int], None] | None,
    ) -> Generator[tuple[Layer, Iterator[FileHit]], None, None]:
        """Each layer with the matching lines of its wanted files, several layers at a time."""

        def work(layer: Layer, check: Check) -> Iterator[FileHit]:
            def advance(size: int) -> None:
                check()
                if progress is not None:
                    progress(size)

            lines = LineSearch(self._query, self._patterns)
            search = _LayerSearch(self._image, lines, self._query.decompress, self._problems)
            return search.hits(wanted, layer, advance)

        return side_by_side(layers, work)


class _LayerSearch:
    """Reads the contents of one layer, in a thread of its own."""

    def __init__(
        self, image: Image, lines: LineSearch, levels: int, problems: list[Problem]
    ) -> None:
        self._image = image
        self._lines = lines
        self._levels = levels
        self._problems = problems
        self._spool = Spool(image.limits, image.spool_directory)

    def hits(
        self,
        wanted: Callable[[LayerEntry], object],
        layer: Layer,
        progress: Callable[[int], None],
    ) -> Iterator[FileHit]:
        """Every matching line of the wanted files."""
        contents = contents_of(
            self._image, wanted, self._problems, layers=(layer,), progress=progress
        )
        with closing(contents):
            for content in contents:
                found = (
                    self._deep_hits(content) if self._levels else self._lines.hits(content.pieces)
                )
                for hit in found:
                    yield content.entry, hit

    def _deep_hits(self, content: Content) -> Iterator[Hit]:
        remaining = iter(content.pieces)
        start = list(islice(remaining, 1))
        head = b"".join(piece[:_HEAD_BYTES] for piece in start)
        pieces = chain(start, remaining)
        if not self._spool.may_hold_others(head):
            yield from self._lines.hits(pieces)
            return
        layer = self._image.layers[content.entry.layer_index]
        log = ProblemLog(replace(layer.where, path=content.entry.path))
        with self._spool.open() as file:
            copied = self._spool.copying(pieces, file, log)
            yield from self._lines.hits(copied)
            for _ in copied:
                pass
            for inner in contents_inside(file, self._levels, self._spool, self._image.limits, log):
                for hit in self._lines.hits(inner.pieces):
                    yield replace(hit, inside=inner.names)
        self._problems.extend(log)
