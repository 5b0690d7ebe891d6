"""`diff`: what differs between two images, two moments of one, or an image and a directory."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imgforensics.comparison import (
    REPRODUCIBLE,
    DirectoryTree,
    ImageDiff,
    Rule,
    diff,
    parse_attributes,
    parse_rules,
)
from imgforensics.comparison.document import diff_to_json
from imgforensics.comparison.patch import content_lines, patch_pieces
from imgforensics.comparison.rules import EVERYTHING
from imgforensics.comparison.tables import Table, directory_table, tables
from imgforensics.comparison.wording import MARKS, path_text
from imgforensics.errors import AmbiguousImageError, NotAnImageError, RootFilesystemError
from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics.problems import display
from imgforensics_cli.failures import Status
from imgforensics_cli.options import refuse_without
from imgforensics_cli.output import table, write_document, write_lines
from imgforensics_cli.progress import counting
from imgforensics_cli.request import Request, layer_of

EXAMPLES = (
    "imgforensics diff shipped.tar running.tar",
    "imgforensics diff image.tar --layers 2..5",
    "imgforensics diff image.tar --layer 4 --content-of '/etc/**'",
    "imgforensics diff image.tar rootfs/ --ignore mtime --ignore-path /var/log",
    "imgforensics diff first.tar second.tar --reproducible --stat",
)

_EVERY_PATH = "**"


class Format(StrEnum):
    """How the answer is laid out."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    PATCH = "patch"


def run(
    request: Request,
    *,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER",
            show_default=False,
            help="What SOURCE is compared with: another source, or a directory tree on disk.",
        ),
    ] = None,
    other_image: Annotated[
        str | None,
        typer.Option(
            "--other-image",
            metavar="NAME|DIGEST|N",
            help="Which image of OTHER; of SOURCE, if no OTHER is given.",
        ),
    ] = None,
    other_platform: Annotated[
        str | None,
        typer.Option(
            "--other-platform", metavar="OS/ARCH[/VARIANT]", help="Which platform of that image."
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers", metavar="[N]..[M]", help="One image after its layers N and M, from 0."
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option("--layer", metavar="N", min=0, help="What layer N of one image did."),
    ] = None,
    content: Annotated[
        bool, typer.Option("--content", help="Tell how the contents of files differ.")
    ] = False,
    content_of: Annotated[
        list[str] | None,
        typer.Option(
            "--content-of", metavar="GLOB", help="The same for files that match; repeatable."
        ),
    ] = None,
    decompress: Annotated[
        bool,
        typer.Option("--decompress", help="Compare contents inside of gzip, zip, jar and others."),
    ] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore", metavar="WHAT[,WHAT]", help="Differences to ignore: mtime,owner,…"
        ),
    ] = None,
    ignore_path: Annotated[
        list[str] | None,
        typer.Option("--ignore-path", metavar="GLOB", help="Paths to ignore; repeatable."),
    ] = None,
    reproducible: Annotated[
        bool,
        typer.Option(
            "--reproducible",
            help="Ignore what two builds of the same differ in: times, caches, logs.",
        ),
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", dir_okay=False, help="A file of such rules."),
    ] = None,
    stat: Annotated[
        bool, typer.Option("--stat", help="The summary, and changes rolled up by directory.")
    ] = False,
    layout: Annotated[
        Format, typer.Option("--format", help="How the answer is laid out.")
    ] = Format.TEXT,
) -> int:
    """Show what differs: files to the last attribute, configuration, packages, layers, history.

    The exit status is 0 if files and configuration are the same, 1 if they differ.
    """
    if layout is not Format.TEXT and (request.json or stat):
        raise typer.BadParameter("goes without --json and --stat", param_hint="--format")
    everything = content or (layout is Format.PATCH and not content_of)
    if not everything and not content_of:
        refuse_without("--content or --content-of", {"--decompress": decompress})
    question = _Question(
        other=other,
        other_image=other_image,
        other_platform=other_platform,
        layers=_layers(layers, layer),
        rules=_rules(ignore or (), ignore_path or (), rules, reproducible=reproducible),
        content=(_EVERY_PATH,) if everything else tuple(content_of or ()),
        decompress=decompress,
    )
    with ExitStack() as opened:
        answer = question.ask(request, opened)
        _write(answer, layout, as_json=request.json, stat=stat)
    status = Status.DONE if answer.is_same else Status.NO
    status = request.conclude(answer.problems, status)
    return status if answer.is_complete else Status.DAMAGED


# What is asked.


def _layers(layers: str | None, layer: int | None) -> tuple[int, int | None] | None:
    """From which layer to which, None for the top one; or None for other sources."""
    if layer is not None:
        if layers is not None:
            raise typer.BadParameter("one of --layer and --layers", param_hint="--layer")
        return layer - 1, layer
    if layers is None:
        return None
    start, dots, end = layers.partition("..")
    if not dots or not all(part == "" or part.isdecimal() for part in (start, end)):
        raise typer.BadParameter(
            f"{layers!r} is not two layers, as in 2..5; ..5 begins with no layer at all, "
            "2.. ends with the top one",
            param_hint="--layers",
        )
    return int(start) if start else -1, int(end) if end else None


def _rules(
    ignore: Sequence[str], ignore_path: Sequence[str], rules: Path | None, *, reproducible: bool
) -> tuple[Rule, ...]:
    try:
        found = [Rule(parse_attributes(words)) for words in ignore]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--ignore") from error
    found += [Rule(EVERYTHING, pattern) for pattern in ignore_path]
    if reproducible:
        found += REPRODUCIBLE
    if rules is not None:
        try:
            found += parse_rules(rules.read_text(errors="surrogateescape"))
        except ValueError as error:
            raise typer.BadParameter(f"{rules}: {error}", param_hint="--rules") from error
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Question:
    """Both sides, and how they are compared."""

    other: str | None
    other_image: str | None
    other_platform: str | None
    layers: tuple[int, int | None] | None
    rules: tuple[Rule, ...]
    content: tuple[str, ...]
    decompress: bool

    def ask(self, request: Request, opened: ExitStack) -> ImageDiff:
        """Open what is to be compared, and compare it."""
        if self.layers is not None:
            self._refuse_another()
            return self._between_layers(request, opened, *self.layers)
        if self.other is None and self.other_image is None and self.other_platform is None:
            raise typer.BadParameter(
                "what is it compared with? Give another source, --other-image, --layers or --layer",
                param_hint="OTHER",
            )
        if request.source == "-" and self.other in (None, "-"):
            raise typer.BadParameter("standard input is one image", param_hint="OTHER")
        first = _opened(request, opened)
        source = self.other
        if source is None:
            source = self._name_of_another(request.source, first)
        asked_of_other = replace(
            request, source=source, image=self.other_image, platform=self.other_platform
        )
        try:
            other = _opened(asked_of_other, opened)
        except AmbiguousImageError as error:
            raise _of_other(error) from error
        return self._compare(request, first, other)

    def _name_of_another(self, source: str, first: Image | DirectoryTree) -> str:
        """The source's name, without the image behind it (`oci:DIR:TAG`) if another is named."""
        reference = first.source.reference if isinstance(first, Image) else None
        if reference is None or self.other_image is None:
            return source
        return source.removesuffix(f":{reference}")

    def _refuse_another(self) -> None:
        if (self.other, self.other_image, self.other_platform) != (None, None, None):
            raise typer.BadParameter("layers are of one image alone", param_hint="OTHER")

    def _between_layers(
        self, request: Request, opened: ExitStack, start: int, end: int | None
    ) -> ImageDiff:
        image = opened.enter_context(request.open(Need.CONTENTS))
        top = image.top if end is None else layer_of(image, end)
        return self._compare(request, image, layer_of(image, start), top)

    def _compare(
        self,
        request: Request,
        a: Image | DirectoryTree,
        b: Image | DirectoryTree | int,
        to_layer: int | None = None,
    ) -> ImageDiff:
        sides = (side for side in (a, b) if isinstance(side, Image))
        size = sum(_stored_size(side) for side in sides)
        with counting(2 * size, "B", shown=not request.quiet) as advance:
            return diff(
                a,
                b,
                to_layer,
                rules=self.rules,
                content=self.content,
                decompress=self.decompress,
                spool_directory=request.tmpdir,
                progress=advance,
            )


def _opened(request: Request, opened: ExitStack) -> Image | DirectoryTree:
    """An image; or a directory tree, where a directory is none.

    With `--as-rootfs`, either side may be an image all the same.
    """
    if request.as_rootfs and request.source != "-":
        with suppress(RootFilesystemError):
            return opened.enter_context(replace(request, as_rootfs=False).open(Need.CONTENTS))
    try:
        return opened.enter_context(request.open(Need.CONTENTS))
    except NotAnImageError:
        if not Path(request.source).is_dir():
            raise
    return opened.enter_context(DirectoryTree(request.source))


def _of_other(error: AmbiguousImageError) -> AmbiguousImageError:
    """With the options that choose among the images of the other source."""
    how, _, choices = str(error).partition("\n")
    how = how.replace("with --image (", "with --other-image (")
    how = how.replace("or --platform:", "or --other-platform:")
    return AmbiguousImageError(f"{how}\n{choices}")


def _stored_size(image: Image) -> int:
    return sum(layer.stored_size for layer in image.layers if layer.is_present)


# What is answered.


def _write(answer: ImageDiff, layout: Format, *, as_json: bool, stat: bool) -> None:
    if as_json:
        write_document("diff", diff_to_json(answer))
    elif layout is Format.PATCH:
        _write_patch(answer)
    elif layout is Format.TEXT:
        write_lines(_stat_lines(answer) if stat else _lines(answer))
    else:
        report = answer.to_html() if layout is Format.HTML else answer.to_markdown()
        sys.stdout.write(report)


def _write_patch(answer: ImageDiff) -> None:
    """Bytes as they are; on a terminal, what would move its cursor is escaped."""
    if sys.stdout.isatty():
        write_lines(map(_visible, b"".join(patch_pieces(answer)).split(b"\n")))
        return
    sys.stdout.flush()
    for piece in patch_pieces(answer):
        sys.stdout.buffer.write(piece)


def _visible(line: bytes) -> str:
    return "\t".join(map(display, line.split(b"\t")))


def _stat_lines(answer: ImageDiff) -> Iterator[str]:
    yield answer.summary()
    directories = directory_table(answer)
    if directories.rows:
        yield from _table_lines(directories)


def _lines(answer: ImageDiff) -> Iterator[str]:
    yield answer.summary()
    for each in tables(answer):
        yield from _table_lines(each)
    for change in answer.files:
        lines = list(content_lines(change.content)) if change.content else []
        if lines:
            yield ""
            yield f"{MARKS[change.verdict]} {path_text(change)}"
            yield from (_visible(line.removesuffix(b"\n")) for line in lines)


def _table_lines(each: Table) -> Iterator[str]:
    yield ""
    yield each.title
    yield from table(each.heads, each.rows, each.numbers)
