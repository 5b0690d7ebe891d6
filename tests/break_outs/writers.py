"""Everything that writes, each as one way to deal with an image next to a watched place."""

import io
import lzma
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from imgforensics import extract, extract_layers, open_image, write_tar
from tests.break_outs.sentinel import Place
from tests.cli.running import run
from tests.extraction.as_nobody import as_nobody

Writer = Callable[[Path, Place], None]
"""Given an image's archive, it writes to `place.target`, its record beside that."""


def _extract(source: Path, place: Place) -> None:
    """After every content was looked at by its path in the image."""
    with open_image(source) as image:
        for path, node in image.filesystem.walk():
            if b"\0" not in path and not node.is_directory:
                with suppress(OSError):
                    image.path(b"/" + path).read_bytes()
        extract(image, place.target)


def _extract_as_nobody(source: Path, place: Place) -> None:
    def work() -> None:
        with open_image(source) as image:
            extract(image, place.target, special=True)

    as_nobody(work)


def _extract_layers(source: Path, place: Place) -> None:
    with open_image(source) as image:
        extract_layers(image, place.target, special=True)


def _replace(source: Path, place: Place) -> None:
    """What an earlier extraction left, whole or partial, is as hostile as the image."""
    with open_image(source) as image:
        extract(image, place.target)
        place.target.rename(place.target.with_name("out.partial"))
        extract_layers(image, place.target, force=True)
        extract(image, place.target, force=True)


def _spool(source: Path, place: Place) -> None:
    """From a stream that can be read once, copied beside the target."""
    stream = io.BytesIO(lzma.compress(source.read_bytes(), preset=0))
    with open_image(stream, spool_directory=place.target.parent) as image:
        extract(image, place.target, special=True)


def _command(source: Path, place: Place) -> None:
    done = run("extract", str(source), "-o", str(place.target), "--special", "--quiet")
    assert done.status == 0, done.said


def _tar(source: Path, place: Place) -> Path:
    """The archive; its record stands where that of an extraction would."""
    archive = place.target.with_name("out.tar")
    with open_image(source) as image:
        write_tar(image, archive)
    archive.with_name("out.tar.extraction.json").rename(
        place.target.with_name("out.extraction.json")
    )
    return archive


def _tar_by_gnu_tar(source: Path, place: Place) -> None:
    _unpack(place, "tar", "-xpf", _tar(source, place), "--xattrs", "--xattrs-include=*")


def _tar_by_bsdtar(source: Path, place: Place) -> None:
    _unpack(place, "bsdtar", "-xpf", _tar(source, place))


def _unpack(place: Place, *command: str | Path) -> None:
    place.target.mkdir()
    # Where a path is too long for it, it says so and goes on.
    subprocess.run([*command, "-C", place.target], capture_output=True, check=False)


def _tar_by_python(source: Path, place: Place) -> None:
    """Member by member, so that a refusal by the filter does not keep it from the others."""
    with tarfile.open(_tar(source, place)) as archive:
        for member in archive:
            with suppress(tarfile.TarError, OSError, KeyError):
                archive.extract(member, place.target, filter="data")


def _tar_read_back(source: Path, place: Place) -> None:
    with open_image(_tar(source, place), as_rootfs=True) as image:
        extract(image, place.target.with_name("back"), special=True)
    place.target.with_name("back").rename(place.target)
    place.target.with_name("back.extraction.json").unlink()


# Python's own filters are in 3.11.4 and later.
_BY_PYTHON = {"--tar, by Python": _tar_by_python} if hasattr(tarfile, "data_filter") else {}

WRITERS: Mapping[str, Writer] = {
    "extract": _extract,
    "extract, as nobody": _extract_as_nobody,
    "extract --layers": _extract_layers,
    "extract --force": _replace,
    "extract -": _spool,
    "the command": _command,
    "--tar, by GNU tar": _tar_by_gnu_tar,
    "--tar, by bsdtar": _tar_by_bsdtar,
    **_BY_PYTHON,
    "--tar, by us": _tar_read_back,
}
NEEDED_TOOL = {"--tar, by GNU tar": "tar", "--tar, by bsdtar": "bsdtar"}
NEEDS_ROOT = "extract, as nobody"
