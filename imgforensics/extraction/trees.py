"""Trees that were put together from versions of files, each written to a folder of its layer."""

import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from imgforensics.extraction.files import FileWriter
from imgforensics.extraction.output import OutputDirectory
from imgforensics.extraction.plan import make_plan
from imgforensics.extraction.record import ExtractionRecord, Form, Tally, record_of
from imgforensics.extraction.restore import Restorer
from imgforensics.extraction.second_stage import SecondStage
from imgforensics.extraction.selection import EVERYTHING, Selection
from imgforensics.extraction.target import DirectoryTarget, make_directory
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.problems import Problem


def extract_trees(
    image: Image,
    output: str | os.PathLike[str],
    trees: Mapping[int, FileTree],
    form: Form,
    problems: Iterable[Problem],
    *,
    selection: Selection,
    special: bool = False,
    force: bool = False,
) -> ExtractionRecord:
    """Write each tree to `output/layer-NNN`, NNN being its key.

    All of each tree is written; the record says that it was chosen by `selection`, and has the
    `problems` that were met on the way to them.
    Contents may come from any layer; they are read a second time, once for each folder that
    needs some of a layer. All else, and what is raised, is as in
    :func:`~imgforensics.extraction.extract`.
    """
    target = DirectoryTarget(Path(output), image.source.description, force=force)
    tally = Tally(image.limits)
    tally.problems.extend(problems)
    partial = target.begin()
    layers = dict(enumerate(image.layers))
    for index, tree in sorted(trees.items()):
        folder = make_directory(partial / f"layer-{index:03d}")
        tally.folder = folder.name.encode() + b"/"
        with closing(OutputDirectory(str(folder))) as directory:
            plan = make_plan(tree, EVERYTHING.matcher(), directory.takes)
            restorer = Restorer(directory, tally, special=special)
            files = FileWriter(directory, restorer, tally)
            SecondStage(plan, directory, files, restorer, tally, special=special).run(layers)
    target.let_others_in()
    return target.finish(
        record_of(image, image.top, form, tally, {"special": special, **selection.to_json()})
    )
