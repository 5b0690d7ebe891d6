"""The first stage: layers read once, top layer first, files written as they pass.

A regular file is written as soon as no upper layer claims its path. That is all the content
there is, in one pass; what this stage cannot know (content behind a hard link whose other name
is hidden above, a parent that is a link of the same layer, a path held twice) the second stage
puts right.
"""

from collections.abc import Callable, Iterable
from contextlib import closing

from imgforensics.extraction.claims import Claims
from imgforensics.extraction.files import FileWriter
from imgforensics.extraction.output import NameTooLong, NotADirectoryHere, TooLarge
from imgforensics.extraction.spares import Spares
from imgforensics.filesystem.rules import ApplyRules
from imgforensics.filesystem.whiteout import PREFIX, whiteout_of
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.layer.keeping import kept_entries
from imgforensics.layer.layer import Layer
from imgforensics.layer.stream import LayerPass
from imgforensics.problems import Problem
from imgforensics.tarstream.member import DIRECTORY, FILE, HARD_LINK

Selected = Callable[[bytes], bool]
Progress = Callable[[int], None]


class FirstStage:
    """One pass over the layers, top first: writes the files that nothing above claims."""

    def __init__(
        self, files: FileWriter, selected: Selected, rules: ApplyRules, problems: list[Problem]
    ) -> None:
        self._files = files
        self._selected = selected
        self._problems = problems
        self._whiteouts = rules.whiteouts
        self._claims = Claims()
        self._spares = Spares()
        self.written: dict[bytes, LayerEntry] = {}
        """What stands in the output, by path."""

    def read(self, layer: Layer, progress: Progress | None) -> None:
        """Read one layer from end to end; its entries stay with it."""
        with closing(layer.begin_pass(threads=True, progress=progress)) as layer_pass:
            self._meet(kept_entries(layer, layer_pass, self._problems), layer_pass)
        self._claims.settle()
        self._spares = Spares()

    def _meet(self, entries: Iterable[LayerEntry], layer_pass: LayerPass) -> None:
        claims, whiteouts = self._claims, self._whiteouts
        for entry in entries:
            _, path, member, is_past_end = entry
            kind = member.kind
            if is_past_end:
                pass
            elif whiteouts and path.find(PREFIX) >= 0 and (whiteout := whiteout_of(path)):
                claims.add_whiteout(whiteout)
            elif kind is DIRECTORY:
                claims.add_directory(path)
            else:
                claims.add(path)
                if kind is FILE:
                    self._file(entry, path, layer_pass.content())
                elif kind is HARD_LINK:
                    self._hard_link(entry)

    def _file(self, entry: LayerEntry, path: bytes, content: Iterable[memoryview]) -> None:
        if self._claims.is_free(path) and self._selected(path):
            self._write(path, entry, content)
        else:
            self._spares.keep(entry, content)

    def _hard_link(self, entry: LayerEntry) -> None:
        """Another name of a file that was passed over may be the one that survives."""
        spare = self._spares.get(normalise_path(entry.member.link_name))
        path = entry.path
        if spare is not None and self._claims.is_free(path) and self._selected(path):
            self._write(path, spare.entry, spare.content)
            self._spares.drop(spare)

    def _write(self, path: bytes, entry: LayerEntry, content: Iterable[memoryview]) -> None:
        if path in self.written or 0 in path or not path:
            return
        try:
            self._files.write(path, entry, content)
        except (FileExistsError, NotADirectoryHere, NameTooLong, TooLarge):
            return
        self.written[path] = entry
