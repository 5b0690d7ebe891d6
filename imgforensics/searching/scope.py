"""Among which versions is searched, and which of them a content belongs to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from imgforensics.errors import QuestionError
from imgforensics.filesystem.node import Node
from imgforensics.image import Image
from imgforensics.layer import EntryKind, LayerEntry
from imgforensics.problems import Problem
from imgforensics.versions import Version, Versions, read_all_layers

TOP, ALL, DELETED = "top", "all", "deleted"

Among = str | int
Place = tuple[int, int]
"""Layer index and ordinal of an entry."""

_GROWTH = 2
"""Entries that have been read since versions were last told apart, by those before: all of it
together costs no more than the last time, twice."""


def check_scope(image: Image, among: Among) -> None:
    """Raise `QuestionError` for a scope that is none, `MissingBlobError` for an unknown one."""
    if not isinstance(among, int):
        if among not in (TOP, ALL, DELETED):
            raise QuestionError(f"{among!r}: search among top, all, deleted, or a layer's number")
        if among != TOP:
            return
    elif not 0 <= among <= image.top:
        raise QuestionError(f"layer {among}: the image has {len(image.layers)}, counted from 0")
    for layer in image.layers[: last_layer(image, among) + 1]:
        _ = layer.stored_size


def last_layer(image: Image, among: Among) -> int:
    """Index of the topmost layer that may hold what is asked about."""
    return image.top if isinstance(among, str) else among


def versions_among(image: Image, versions: Versions, among: Among) -> Iterator[Version]:
    """The versions in a scope; raises `MissingBlobError` and `LimitExceededError`."""
    if among == ALL:
        return iter(versions)
    if among == DELETED:
        return (ending.version for ending in versions.deleted())
    return versions.shown_by(last_layer(image, among))


def place_of(entry: LayerEntry) -> Place:
    """What tells an entry from all others of an image."""
    return entry.layer_index, entry.member.ordinal


def by_content(versions: Iterable[Version]) -> dict[Place, list[Version]]:
    """Versions of regular files, by the entry that has their content."""
    found: defaultdict[Place, list[Version]] = defaultdict(list)
    for version in versions:
        entry = version.node.entry
        if entry is not None and entry.kind is EntryKind.FILE:
            found[place_of(entry)].append(version)
    return found


class Attribution:
    """Tells whose a content is, as far as the layers have been read by now.

    Layers are read from the top down. What those that were read make of one another is what
    it will be when the others are read, too: nothing below changes what stands above it, but
    for what hard links lead to.
    """

    def __init__(self, image: Image, among: Among, problems: list[Problem]) -> None:
        self._image = image
        self._among = among
        self._problems = problems
        self._entries = 0
        self._by_content: dict[Place, list[Version]] = {}
        self.versions = Versions(image)
        self.is_complete = False
        """Whether every layer that can be read has been."""

    def is_due(self) -> bool:
        """Whether enough has been read to ask again."""
        return self._entries_read() >= max(1, _GROWTH * self._entries)

    def update(self) -> bool:
        """Take into account what has been read by now; False where that does not decide yet."""
        self._entries = self._entries_read()
        self.versions = Versions(self._image)
        if self.versions.has_open_links:
            return False
        if self._among == TOP:
            final = self.versions.final
            shown = () if final is None else final.walk()
            chosen: Iterable[Version] = (Version(p, node.layer_index, node) for p, node in shown)
        else:
            chosen = versions_among(self._image, self.versions, self._among)
        self._by_content = by_content(chosen)
        return True

    def complete(self) -> None:
        """Read every layer that was not; raises `LimitExceededError` where the answer needs one."""
        read_all_layers(self._image, self._problems)
        self._entries = self._entries_read()
        self.versions = Versions(self._image)
        self._by_content = by_content(versions_among(self._image, self.versions, self._among))
        self.is_complete = True

    def of(self, entry: LayerEntry) -> Iterable[Version]:
        """The versions in the scope that have the entry's content."""
        if not self._image.layers[entry.layer_index].is_scanned:
            # It was not read to its end: nobody knows what it makes of this entry.
            unknown = Version(entry.path, entry.layer_index, Node(entry))
            return () if self._among == DELETED else (unknown,)
        return self._by_content.get(place_of(entry), ())

    def _entries_read(self) -> int:
        return sum(len(layer.entries) for layer in self._image.layers if layer.is_scanned)
