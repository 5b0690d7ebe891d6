"""`diff`: two images, two moments of one, or an image and a directory."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from imgforensics.catalogue import Layout
from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.config import ConfigChange, compare_configs
from imgforensics.comparison.directory import DirectoryTree
from imgforensics.comparison.files import Options, compare_files
from imgforensics.comparison.history import HistoryStep, align_histories
from imgforensics.comparison.layers import LayerMatch, match_layers
from imgforensics.comparison.result import ImageDiff
from imgforensics.comparison.rules import Rule
from imgforensics.comparison.sharing import share_lower_layers
from imgforensics.comparison.sides import DirectorySide, ImageSide, Side
from imgforensics.extraction.selection import patterns_of
from imgforensics.image import Image
from imgforensics.layer.layer import Layer
from imgforensics.problems import Location, Problem
from imgforensics.scanners.packages import PackageChange, compare_packages, packages_in

Progress = Callable[[int], None]


def diff(
    a: Image | DirectoryTree,
    b: Image | DirectoryTree | int,
    to_layer: int | None = None,
    /,
    *,
    rules: Iterable[Rule] = (),
    content: Iterable[str] = (),
    decompress: bool = False,
    spool_directory: Path | None = None,
    progress: Progress | None = None,
) -> ImageDiff:
    """Compare two images, two moments of one, or an image and a directory on disk.

    ::

        diff(image, other)           # two images
        diff(image, 2, 5)            # one image after its layers 2 and 5; -1 is before all
        diff(image, 3, 4)            # what layer 4 did
        diff(image, DirectoryTree("rootfs"))

    Every path is compared in type, content, mode, owner, time, extended attributes, link
    target, device numbers and names; files of one size are hashed unless they are known to be
    the same. Lower layers that both images hold are read once and not compared.

    `rules` say which differences are noise. `content` is a pattern, or several: how the contents
    of files that match differ is told line by line, inside of compressed files and zips with
    `decompress`; they are held in an unnamed file in `spool_directory` meanwhile. `progress`
    is told bytes of stored blobs as they are read.

    Damage is no exception: what it leaves open has the verdict `unknown`, and the result is
    not complete. Raises `IndexError` for a layer that is not there, `LimitExceededError`,
    `OutputFailedError` where contents cannot be held, and `SourceUnreadableError`.
    """
    options = Options(tuple(rules), patterns_of(content), decompress, spool_directory)
    if isinstance(b, int):
        if not isinstance(a, Image):
            raise TypeError("two layers are of an image, not of a directory")
        return _between_layers(a, b, a.top if to_layer is None else to_layer, options, progress)
    for side in (a, b):
        if not isinstance(side, (Image, DirectoryTree)):
            raise TypeError(f"an Image, a layer's number or a DirectoryTree, not {side!r}")
    if to_layer is not None:
        raise TypeError("layers are two numbers after one image: diff(image, 2, 5)")
    return _between(a, b, options, progress)


def _between_layers(
    image: Image, before: int, after: int, options: Options, progress: Progress | None
) -> ImageDiff:
    for layer in (before, after):
        if not -1 <= layer <= image.top:
            raise IndexError(f"layer {layer}: the image has {len(image.layers)}, counted from 0")
    _scan(image, image.layers[: max(before, after) + 1], progress)
    sides = ImageSide(image, before), ImageSide(image, after)
    return _result(*sides, min(before, after) + 1, options, progress)


def _between(
    a: Image | DirectoryTree,
    b: Image | DirectoryTree,
    options: Options,
    progress: Progress | None,
) -> ImageDiff:
    shared = 0
    if isinstance(a, Image):
        _scan(a, a.layers, progress)
    if isinstance(b, Image):
        if isinstance(a, Image):
            shared = _share(a, b, progress)
        _scan(b, b.layers, progress)
    return _result(_side(a), _side(b), shared, options, progress)


def _side(of: Image | DirectoryTree) -> Side:
    return ImageSide(of, of.top) if isinstance(of, Image) else DirectorySide(of)


def _share(a: Image, b: Image, progress: Progress | None) -> int:
    if a is b:
        return len(a.layers)
    return share_lower_layers(b, a, len(a.layers), _of_layers(progress))


def _scan(image: Image, layers: Iterable[Layer], progress: Progress | None) -> None:
    image.scan_layers(_of_layers(progress), tuple(layers))


def _of_layers(progress: Progress | None) -> Callable[[Layer], None] | None:
    if progress is None:
        return None
    return lambda layer: progress(layer.stored_size)


def _result(
    before: Side, after: Side, shared: int, options: Options, progress: Progress | None
) -> ImageDiff:
    image, image_after = _image(before), _image(after)
    is_one_image = image is not None and image is image_after
    read_in_before = len(image.layers) if image and is_one_image else shared
    compared = compare_files(before, after, read_in_before, options, progress)
    packages, package_problems = _packages(before, after)
    documents = _documents(image, image_after, options.rules)
    found = (*before.problems, *after.problems, *compared.problems, *package_problems)
    return ImageDiff(
        before=before,
        after=after,
        files=compared.changes,
        config=documents.config,
        history=documents.history,
        layers=documents.layers,
        packages=packages,
        ignored=compared.ignored,
        problems=tuple(dict.fromkeys(found)),
        shared_layers=shared,
    )


def _image(side: Side) -> Image | None:
    return side.image if isinstance(side, ImageSide) else None


@dataclass(frozen=True, slots=True)
class _Documents:
    """What the documents of two images tell; nothing, where one side has none by its nature."""

    config: tuple[ConfigChange, ...] = ()
    history: tuple[HistoryStep, ...] = ()
    layers: tuple[LayerMatch, ...] = ()


def _documents(before: Image | None, after: Image | None, rules: Iterable[Rule]) -> _Documents:
    if before is None or after is None or before is after:
        return _Documents()
    if any(Layout.ROOT_FILESYSTEM in image.record.layouts for image in (before, after)):
        return _Documents()
    with_times = not any(Attribute.CREATED in rule.attributes for rule in rules)
    return _Documents(
        compare_configs(before.config, after.config, with_times=with_times),
        align_histories(before.config, after.config, with_times=with_times),
        match_layers(before.record.layers, after.record.layers),
    )


def _packages(before: Side, after: Side) -> tuple[tuple[PackageChange, ...], tuple[Problem, ...]]:
    old, new = (
        packages_in(side.tree, side.open_content, Location(source=side.name), besides=other.tree)
        for side, other in ((before, after), (after, before))
    )
    return compare_packages(old.packages, new.packages), (*old.problems, *new.problems)
