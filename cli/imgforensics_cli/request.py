"""What every command is told, and how it opens its source."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from imgforensics.errors import LimitExceededError
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.opening import Need, OpenedSource, open_catalogue
from imgforensics.problems import Problem, Severity
from imgforensics_cli.failures import Status
from imgforensics_cli.output import tell_problems
from imgforensics_cli.progress import counting


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments and options that all commands share."""

    source: str
    image: str | None = None
    platform: str | None = None
    as_rootfs: bool = False
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    limits: Limits = DEFAULT_LIMITS
    tmpdir: Path | None = None

    def catalogue(self, need: Need, *, spool_directory: Path | None = None) -> OpenedSource:
        """Open the source and read its documents; raises what `open_catalogue` raises.

        `--tmpdir` wins over `spool_directory`.
        """
        if self.source == "-" and sys.stdin.isatty():
            raise typer.BadParameter(
                "standard input is a terminal; pipe an image into it", param_hint="SOURCE"
            )
        return open_catalogue(
            self.source,
            need=need,
            as_rootfs=self.as_rootfs,
            limits=self.limits,
            spool_directory=self.tmpdir or spool_directory,
        )

    def open(self, need: Need, *, spool_directory: Path | None = None) -> Image:
        """Open the image that is meant; raises what `open_image` raises."""
        return self.catalogue(need, spool_directory=spool_directory).open_image(
            self.image, self.platform
        )

    def tree(self, image: Image, layer: int | None) -> FileTree:
        """The filesystem after a layer, the top one if not given."""
        if layer is not None:
            return image.filesystem_at(layer_of(image, layer))
        self.scan(image)
        return image.filesystem

    def scan(self, image: Image) -> None:
        """Read all layers, showing how far it is."""
        with counting(len(image.layers), "layers", shown=not self.quiet) as advance:
            image.scan_layers(lambda _: advance(1))

    def scan_what_can_be(self, image: Image) -> None:
        """`scan`, for whoever goes on without a layer that reaches a limit, and tells it."""
        with suppress(LimitExceededError):
            self.scan(image)

    def conclude(self, problems: Iterable[Problem], status: Status = Status.DONE) -> Status:
        """Tell the problems; what they make of the status."""
        found = tuple(problems)
        sys.stdout.flush()
        tell_problems(found, quiet=self.quiet, verbose=self.verbose)
        is_damaged = any(problem.severity is Severity.ERROR for problem in found)
        return Status.DAMAGED if is_damaged else status


def layer_of(image: Image, layer: int) -> int:
    """A layer's number, if the image has it; a usage error otherwise."""
    if layer > image.top:
        raise typer.BadParameter(
            f"the image has {len(image.layers)} layers, counted from 0", param_hint="--layer"
        )
    return layer
