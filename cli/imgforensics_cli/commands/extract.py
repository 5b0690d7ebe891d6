"""`extract`: the filesystem that a container would see, written safely."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from imgforensics.extraction import (
    ArchiveTarget,
    DirectoryTarget,
    ExtractionRecord,
    RecordFile,
    Selection,
    extract,
    extract_layers,
    write_tar,
)
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics_cli.extractions import conclude, telling_of_partial
from imgforensics_cli.options import LayerNumber
from imgforensics_cli.progress import Advance, counting
from imgforensics_cli.request import Request, layer_of

EXAMPLES = (
    "imgforensics extract suspect.tar -o rootfs",
    "docker save web | imgforensics extract - -o rootfs --special",
    "imgforensics extract oci:layout:web --platform linux/arm64 -o rootfs",
    "imgforensics extract suspect.tar -o etc --include /etc --exclude '*.pem'",
    "imgforensics extract suspect.tar --layers -o layers",
    "imgforensics extract suspect.tar --tar - | tar -tv",
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be written, and where."""

    target: Path | None
    """Absolute; None for standard output."""
    is_archive: bool
    each_layer: bool
    layer: int | None
    selection: Selection
    special: bool
    force: bool

    @property
    def spool_directory(self) -> Path | None:
        """The nearest directory above the target that is there."""
        if self.target is None:
            return None
        return next(above for above in self.target.parents if above.is_dir())

    def check_target(self, source: str, record: RecordFile | None) -> None:
        """Refuse what would be refused later, before a stream is copied for nothing."""
        target = None
        if self.target is not None:
            kind = ArchiveTarget if self.is_archive else DirectoryTarget
            target = kind(self.target, source, force=self.force)
            target.check()
        if record is not None:
            record.check(source, target)

    def write(self, image: Image, progress: Advance) -> ExtractionRecord:
        """Write it."""
        if self.is_archive:
            return write_tar(
                image,
                self.target or sys.stdout.buffer,
                layer=self.layer,
                selection=self.selection,
                force=self.force,
                progress=progress,
            )
        if self.target is None:
            raise ValueError("only an archive can be written to standard output")
        work = extract_layers if self.each_layer else extract
        return work(
            image,
            self.target,
            layer=self.layer,
            selection=self.selection,
            special=self.special,
            force=self.force,
            progress=progress,
        )


def run(
    request: Request,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Write files below this directory."),
    ] = None,
    tar: Annotated[
        Path | None,
        typer.Option(
            "--tar",
            metavar="FILE|-",
            help="Write one tar instead, compressed by its suffix (.gz .zst .xz .bz2); unpack it "
            "with `tar --delay-directory-restore`, which keeps the times of directories.",
        ),
    ] = None,
    layer: LayerNumber = None,
    layers: Annotated[
        bool,
        typer.Option("--layers", help="Each layer as it is, whiteouts kept, in its own folder."),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Only what matches; repeatable. A directory "
            "brings what is below it; a pattern without a slash matches at any depth.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="GLOB", help="Not what matches; repeatable; wins."),
    ] = None,
    special: Annotated[
        bool,
        typer.Option("--special", help="Also devices, setuid bits and file capabilities."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what an earlier run wrote.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="Write the record here, too."),
    ] = None,
) -> int:
    """Write the filesystem that a container would see, as files or as one tar.

    What is refused or altered, and why, stands in OUTPUT.extraction.json beside the output.
    Work happens in OUTPUT.partial, which takes its name when every byte was there and
    verified.
    """
    target = _target(request, output, tar, layers=layers)
    asked_record = None if record is None else RecordFile(record, force=force)
    selection = Selection(tuple(include or ()), tuple(exclude or ()))
    plan = _Plan(target, tar is not None, layers, layer, selection, special, force)
    plan.check_target(request.source, asked_record)
    with request.open(Need.CONTENTS, spool_directory=plan.spool_directory) as image:
        if layer is not None:
            layer_of(image, layer)
        done = _write(request, plan, image)
        if asked_record is not None:
            asked_record.write(done)
        return conclude(request, done, plan.target, record=record)


def _target(
    request: Request, output: Path | None, tar: Path | None, *, layers: bool
) -> Path | None:
    """Where to write, None for standard output; usage errors for options that exclude others."""
    if (output is None) == (tar is None):
        raise typer.BadParameter("exactly one is needed", param_hint="--output or --tar")
    if tar is not None and layers:
        raise typer.BadParameter("cannot be one tar; use it with --output", param_hint="--layers")
    target = output or tar
    if target is not None and str(tar) != "-":
        return target.absolute()
    if request.json:
        raise typer.BadParameter(
            "standard output is taken by --tar -; use --record FILE", param_hint="--json"
        )
    if sys.stdout.isatty():
        raise typer.BadParameter("standard output is a terminal", param_hint="--tar")
    return None


def _write(request: Request, plan: _Plan, image: Image) -> ExtractionRecord:
    top = image.top if plan.layer is None else plan.layer
    total = sum(layer.stored_size for layer in image.layers[: top + 1] if layer.is_present)
    with (
        telling_of_partial(plan.target),
        counting(total, "B", shown=not request.quiet) as progress,
    ):
        return plan.write(image, progress)
