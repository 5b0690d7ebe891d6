"""`search`: versions that match, of those that a container sees or of all that layers hold."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Any

from imgforensics.closing import Closing
from imgforensics.contents import contents_of
from imgforensics.errors import QuestionError
from imgforensics.filesystem.node import Node
from imgforensics.image import Image
from imgforensics.layer import Layer, LayerEntry
from imgforensics.problems import Problem
from imgforensics.searching.criteria import Criteria
from imgforensics.searching.examining import NOTHING_FOUND, Examination, Findings
from imgforensics.searching.lines import Hit
from imgforensics.searching.match import Match
from imgforensics.searching.query import Query
from imgforensics.searching.scope import (
    TOP,
    Among,
    Attribution,
    Place,
    by_content,
    check_scope,
    last_layer,
    place_of,
    versions_among,
)
from imgforensics.searching.text import TextSearch
from imgforensics.versions import Version, Versions, read_all_layers

_MOST_HELD = 20_000
_MOST_HELD_BYTES = 16 << 20


def search(
    image: Image,
    query: Query | None = None,
    *,
    among: Among = TOP,
    progress: Callable[[int], None] | None = None,
    **criteria: Any,  # noqa: ANN401 - the fields of Query
) -> "Search":
    """Look for versions of files; iterate over what this returns.

    Criteria are the fields of :class:`Query`, one by one or as a whole. `among` is `top` (what a
    container sees), a layer's number (the filesystem after it), `all` (every version that any
    layer held) or `deleted` (those that a container does not see). `progress` is told the size
    of every piece of a stored blob that is read for contents.

    Contents are read layer by layer, the top one first; everything else is answered by path, or
    from the bottom layer up. Raises `QuestionError` for what makes no sense and
    `MissingBlobError` where a filesystem is asked for that an absent layer is part of, both
    before anything is read. All else that cannot be read is in the result's `problems`.
    """
    if query is None:
        query = Query.of(criteria)
    elif not isinstance(query, Query):
        raise TypeError(f"a Query, or criteria by name like name='passwd', not {query!r}")
    elif criteria:
        raise QuestionError("give a query, or its criteria one by one, not both")
    return Search(image, query, among, progress)


class Search(Iterator[Match], Closing):
    """The matches of a query, found while one iterates."""

    def __init__(
        self,
        image: Image,
        query: Query,
        among: Among = TOP,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        check_scope(image, among)
        self.problems: list[Problem] = []
        """What could not be read, beside the image's own problems; complete at the end."""
        self._image = image
        self._query = query
        self._among = among
        self._progress = progress
        self._criteria = Criteria(query)
        self._examination = Examination(query)
        self._text = TextSearch(image, query, self.problems) if query.content else None
        self._matches = self._run()

    def __next__(self) -> Match:
        return next(self._matches)

    def close(self) -> None:
        """End it early; the layer that is being read is closed."""
        self._matches.close()

    def _run(self) -> Generator[Match, None, None]:
        is_known = all(layer.is_scanned for layer in self._image.layers if layer.is_present)
        if self._text and self._asks_only_for_text and not is_known:
            yield from self._while_reading(self._text)
            return
        read_all_layers(self._image, self.problems)
        if self._criteria.may_be_met(self._image.layers):
            versions = Versions(self._image)
            by = self._by_contents if self._query.asks_for_contents else self._by_facts
            yield from by(versions)

    @property
    def _asks_only_for_text(self) -> bool:
        """Whether nothing but lines decides, of versions that any layer may hold."""
        return isinstance(self._among, str) and self._query.asks_only_for_text

    # Layers are read before it begins.

    def _by_facts(self, versions: Versions) -> Iterator[Match]:
        for version in self._chosen(versions):
            yield self._match(versions, version)

    def _by_contents(self, versions: Versions) -> Iterator[Match]:
        candidates = by_content(self._chosen(versions))
        if self._query.max_size is not None:
            candidates = {p: v for p, v in candidates.items() if self._is_small(v[0].node)}
        findings: dict[Place, Findings] = {}
        if self._examination.is_needed:
            for place, found in self._examined(candidates):
                findings[place] = found
                if self._text is None:
                    yield from self._matches_of(versions, candidates[place], None, found)
            candidates = {place: candidates[place] for place in findings}
        if self._text is not None:
            layers = self._text.hits(
                lambda entry: place_of(entry) in candidates, self._layers, self._progress
            )
            with closing(layers):
                for entry, hit in chain.from_iterable(hits for _, hits in layers):
                    place = place_of(entry)
                    found = findings.get(place, NOTHING_FOUND)
                    yield from self._matches_of(versions, candidates[place], hit, found)

    def _examined(self, candidates: dict[Place, list[Version]]) -> Iterator[tuple[Place, Findings]]:
        contents = contents_of(
            self._image,
            lambda entry: place_of(entry) in candidates,
            self.problems,
            layers=self._layers,
            algorithms=self._examination.algorithms,
            progress=self._progress,
        )
        with closing(contents):
            for content in contents:
                found = self._examination.examine(content)
                if found is not None:
                    yield place_of(content.entry), found

    def _chosen(self, versions: Versions) -> Iterator[Version]:
        """The versions that are asked about, and fit by path and facts."""
        tests = self._criteria.tests(self._image)
        for version in versions_among(self._image, versions, self._among):
            if all(test(version) for test in tests):
                yield version

    # Layers are read for their contents at once: what is found waits until it is known whose it
    # is, and whether it is still there.

    def _while_reading(self, text: TextSearch) -> Iterator[Match]:
        attribution = Attribution(self._image, self._among, self.problems)
        held = _Held()
        with closing(text.hits(self._is_small, self._layers, self._progress)) as layers:
            for layer, hits in layers:
                for entry, hit in hits:
                    held.add(entry, hit)
                    if held.is_full and not attribution.is_complete:
                        attribution.complete()
                    if attribution.is_complete:
                        yield from self._attributed(held, attribution)
                is_due = held.found and layer.is_scanned and attribution.is_due()
                if is_due and attribution.update():
                    yield from self._attributed(held, attribution)
        if held.found:
            attribution.complete()
            yield from self._attributed(held, attribution)

    def _attributed(self, held: "_Held", attribution: Attribution) -> Iterator[Match]:
        for entry, hit in held.taken():
            yield from self._matches_of(attribution.versions, attribution.of(entry), hit)

    # Both ways.

    @property
    def _layers(self) -> Sequence[Layer]:
        """Those that may hold what is asked about, the top one first."""
        return self._image.layers[last_layer(self._image, self._among) :: -1]

    def _is_small(self, content: LayerEntry | Node) -> bool:
        return self._query.max_size is None or content.size <= self._query.max_size

    def _matches_of(
        self,
        versions: Versions,
        chosen: Iterable[Version],
        hit: Hit | None,
        findings: Findings = NOTHING_FOUND,
    ) -> Iterator[Match]:
        for version in chosen:
            yield self._match(versions, version, hit, findings)

    def _match(
        self,
        versions: Versions,
        version: Version,
        hit: Hit | None = None,
        findings: Findings = NOTHING_FOUND,
    ) -> Match:
        layer = None if version.layer is None else self._image.layers[version.layer]
        return Match(version, versions.in_final_image(version), layer, hit, findings)


class _Held:
    """What was found in contents of which it is not known yet whose they are."""

    def __init__(self) -> None:
        self.found: list[tuple[LayerEntry, Hit]] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        return len(self.found) >= _MOST_HELD or self._size >= _MOST_HELD_BYTES

    def add(self, entry: LayerEntry, hit: Hit) -> None:
        self.found.append((entry, hit))
        self._size += len(hit.line) + sum(map(len, (*hit.before, *hit.after)))

    def taken(self) -> list[tuple[LayerEntry, Hit]]:
        """All of it; nothing is left."""
        found = self.found
        self.found = []
        self._size = 0
        return found
