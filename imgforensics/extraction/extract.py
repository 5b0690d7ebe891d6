"""`extract`: the filesystem that a container would see, as files."""

import os
from collections.abc import Callable
from pathlib import Path

from imgforensics.extraction.files import FileWriter
from imgforensics.extraction.first_stage import FirstStage
from imgforensics.extraction.output import OutputDirectory
from imgforensics.extraction.plan import make_plan
from imgforensics.extraction.record import ExtractionRecord, Form, Tally
from imgforensics.extraction.restore import Restorer
from imgforensics.extraction.second_stage import SecondStage
from imgforensics.extraction.selection import Selection
from imgforensics.extraction.target import Target
from imgforensics.image import Image

Progress = Callable[[int], None]

EVERYTHING = Selection()


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
    `OUTPUT.partial`, which takes its name only if every byte was there and verified. With
    `force`, an existing output is replaced. `progress` is told stored bytes as they are read.

    Raises `UnsafeOutputError`, `OutputFailedError`, `LimitExceededError`, `MissingBlobError`.
    """
    top = image.top if layer is None else layer
    target = Target(Path(output), force=force)
    directory = OutputDirectory(target.begin())
    tally = Tally()
    try:
        restorer = Restorer(directory, tally, special=special)
        files = FileWriter(directory, restorer, tally, image.limits)
        first = FirstStage(files, selection.matcher())
        for each in reversed(image.layers[: top + 1]):
            first.read(each, progress)
        plan = make_plan(image.filesystem_at(top), selection.matcher(), first.written)
        second = SecondStage(plan, directory, files, restorer, tally, special=special)
        second.run(image.layers)
    finally:
        directory.close()
    record = ExtractionRecord(
        image=image,
        output=str(target.partial),
        layer=top,
        form=Form.FILESYSTEM,
        options={"special": special, **selection.to_json()},
        counts=dict(tally.counts),
        content_bytes=tally.content_bytes,
        deviations=tuple(tally.deviations),
        problems=image.problems,
    )
    return target.finish(record)
