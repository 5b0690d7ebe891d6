"""`extract`: the filesystem that a container would see, as files."""

import functools
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from imgforensics.extraction.files import FileWriter
from imgforensics.extraction.first_stage import FirstStage
from imgforensics.extraction.output import OutputDirectory
from imgforensics.extraction.plan import make_plan, require_layers, top_layer
from imgforensics.extraction.record import ExtractionRecord, Form, Tally, record_of
from imgforensics.extraction.restore import Restorer
from imgforensics.extraction.second_stage import SecondStage
from imgforensics.extraction.selection import EVERYTHING, Selection
from imgforensics.extraction.target import DirectoryTarget, make_directory
from imgforensics.filesystem.apply import apply_layer
from imgforensics.filesystem.rules import OVERLAYFS, RAW, ApplyRules
from imgforensics.filesystem.tree import EMPTY_TREE, FileTree
from imgforensics.garbage import no_cycle_search
from imgforensics.image import Image
from imgforensics.layer.entry import LayerEntry
from imgforensics.layer.layer import Layer
from imgforensics.problems import ProblemLog

Progress = Callable[[int], None]


def extract(
    image: Image,
    output: str | os.PathLike[str],
    *,
    layer: int | None = None,
    selection: Selection = EVERYTHING,
    special: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> ExtractionRecord:
    """Write the merged filesystem after `layer` (the top one if not given) to `output`.

    Owners, modes, times, xattrs, hard links and holes are restored as far as this user may;
    devices, setuid bits and file capabilities only with `special`. What differs is in the
    record, which also stands beside the output as `OUTPUT.extraction.json`. Work happens in
    `OUTPUT.partial`, which takes its name only if every byte was there and verified.
    `progress` is told stored bytes as they are read.

    With `force`, what an earlier run wrote is replaced, whole or partial, and so is a file. A
    directory that holds anything is replaced only where its record stands beside it, or where
    it holds a recovered Dockerfile and nothing else; the working directory and those above it
    never.

    Raises `UnsafeOutputError`, `OutputFailedError`, `LimitExceededError`, `MissingBlobError`, and
    `IndexError` where there is no such layer.
    """
    top = top_layer(image, layer)
    require_layers(image, top)
    target = DirectoryTarget(Path(output), image.source.description, force=force)
    tally = Tally(image.limits)
    with closing(OutputDirectory(str(target.begin()))) as directory:
        writer = _TreeWriter(directory, tally, selection, special=special)
        writer.write(image.layers[: top + 1], lambda: image.filesystem_at(top), progress)
    return target.finish(
        record_of(image, top, Form.FILESYSTEM, tally, {"special": special, **selection.to_json()})
    )


def extract_layers(
    image: Image,
    output: str | os.PathLike[str],
    *,
    layer: int | None = None,
    selection: Selection = EVERYTHING,
    special: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> ExtractionRecord:
    """Write each layer up to `layer` as it is, whiteout files kept, to `output/layer-NNN`.

    Hard links to files of lower layers have nothing to link to and are recorded. A layer that
    the source does not hold is left out, and the result stays `OUTPUT.partial`. All else is as
    in :func:`extract`.
    """
    top = top_layer(image, layer)
    target = DirectoryTarget(Path(output), image.source.description, force=force)
    tally = Tally(image.limits)
    partial = target.begin()
    for each in image.layers[: top + 1]:
        if not each.is_present:
            tally.problems.append(each.absence("left out of the output"))
            continue
        folder = make_directory(partial / f"layer-{each.index:03d}")
        tally.folder = folder.name.encode() + b"/"
        with closing(OutputDirectory(str(folder))) as directory:
            writer = _TreeWriter(directory, tally, selection, special=special, rules=RAW)
            writer.write((each,), functools.partial(_raw_tree, each, tally), progress)
    target.let_others_in()
    return target.finish(
        record_of(image, top, Form.LAYERS, tally, {"special": special, **selection.to_json()})
    )


def _raw_tree(layer: Layer, tally: Tally) -> FileTree:
    below = FileTree(EMPTY_TREE.root, layer.index - 1)
    log = ProblemLog(layer.where)
    tree = apply_layer(below, layer.entries, log, RAW)
    tally.problems.extend(log)
    return tree


class _TreeWriter:
    """Both stages, into one directory."""

    def __init__(
        self,
        directory: OutputDirectory,
        tally: Tally,
        selection: Selection,
        *,
        special: bool,
        rules: ApplyRules = OVERLAYFS,
    ) -> None:
        self._directory = directory
        self._tally = tally
        self._selection = selection
        self._special = special
        self._rules = rules
        self._restorer = Restorer(directory, tally, special=special)
        self._files = FileWriter(directory, self._restorer, tally)

    def write(
        self, layers: Sequence[Layer], tree: Callable[[], FileTree], progress: Progress | None
    ) -> None:
        """Write what `tree`, asked for when all `layers` have been read, shows."""
        with no_cycle_search():
            # What only one step needs is gone before the next one: this is where memory peaks.
            written = self._first_stage(layers, progress)
            plan = make_plan(tree(), self._selection.matcher(), self._directory.takes, written)
            del written
            second = SecondStage(
                plan,
                self._directory,
                self._files,
                self._restorer,
                self._tally,
                special=self._special,
            )
            second.run({layer.index: layer for layer in layers})

    def _first_stage(
        self, layers: Sequence[Layer], progress: Progress | None
    ) -> dict[bytes, LayerEntry]:
        """Read all layers; what stands in the output now."""
        first = FirstStage(
            self._files, self._selection.matcher(), self._rules, self._tally.problems
        )
        for layer in reversed(layers):
            first.read(layer, progress)
        return first.written
