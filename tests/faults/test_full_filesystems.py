"""A filesystem fills up, in the first stage, the second, at the record, or under a copy."""

import lzma
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgforensics import open_image
from imgforensics.errors import OutputFailedError
from imgforensics.testing import ImageBuilder, file
from tests.cli.images import save
from tests.cli.running import run
from tests.conformance.tree_facts import Tree
from tests.extraction.building import mounted, needs_root
from tests.faults.everything import FORMS, write_image, written
from tests.faults.leftovers import half_looking

pytestmark = needs_root
SIZE = 4 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of some megabytes."""
    target = tmp_path / "small"
    target.mkdir()
    with mounted("-t", "tmpfs", "-o", f"size={SIZE}", "none", target):
        yield target


def leave(room: int, small: Path) -> Path:
    """Fill the filesystem up but for some bytes."""
    filler = small / "filler"
    with filler.open("wb") as opened:
        free = os.statvfs(small).f_bavail * os.statvfs(small).f_bsize
        os.posix_fallocate(opened.fileno(), 0, max(free - room, 1))
    return filler


@pytest.mark.parametrize("form", FORMS)
def test_room_for_a_part_of_it(form: str, small: Path, tmp_path: Path) -> None:
    """From none to enough, in steps: an error that names the reason, or the whole result."""
    (small / "work").mkdir()
    with open_image(write_image(tmp_path / "image.tar")) as image:
        expected = written(form, image, tmp_path / "whole")
        ends = [
            _end(lambda output: FORMS[form](image, output), expected, leave(room, small))
            for room in range(0, 3 << 20, 200 << 10)
        ]
    # What is too little is too little for less, too.
    assert ends == sorted(ends)
    assert set(ends) == {"full", "whole"}


def _end(form: Callable[[Path], object], expected: Tree, filler: Path) -> str:
    output = filler.parent / "work" / "out"
    try:
        form(output)
    except OutputFailedError as error:
        said = str(error)
    else:
        said = ""
    assert not half_looking(output, expected, older=False)
    assert output.exists() != ("No space left" in said), said
    filler.unlink()
    for left in output.parent.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return "full" if said else "whole"


def test_no_room_for_the_record(small: Path, tmp_path: Path) -> None:
    """The result is whole and has no record, so it does not get its name."""
    many = [file(f"{number:050}", mtime=-1, xattrs={"user.\0": b"1"}) for number in range(2_000)]
    source = save(tmp_path, ImageBuilder([many]))
    leave(100 << 10, small)
    for number, options in enumerate((["-o"], ["--tar", "--record"])):
        output = small / f"out{number}"
        arguments = [*options[:1], str(output), *options[1:]]
        if "--record" in options:
            arguments = ["--tar", str(tmp_path / "out.tar"), "--record", str(output)]
        done = run("extract", source, *arguments)
        assert (done.status, "No space left" in done.said) == (6, True), done.said
        assert not output.exists()


@pytest.mark.parametrize("form", FORMS)
def test_no_room_for_the_copy_of_a_stream(form: str, small: Path, tmp_path: Path) -> None:
    """Nothing is left where it would have been, and nothing was written."""
    source = write_image(tmp_path / "image.tar")
    packed = tmp_path / "image.tar.xz"
    packed.write_bytes(lzma.compress(source.read_bytes(), preset=0))
    leave(8_192, small)
    option = {"extract": ["-o"], "layers": ["--layers", "-o"], "tar": ["--tar"]}[form]
    where = [str(tmp_path / "out"), "--tmpdir", str(small)]
    done = run("extract", str(packed), *option, *where)
    assert (done.status, "No space left" in done.said) == (6, True), done.said
    assert [path.name for path in small.iterdir()] == ["filler"]
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("command", [["cat"], ["history"]])
def test_no_room_for_a_copy_to_look_into(command: list[str], small: Path, tmp_path: Path) -> None:
    source = write_image(tmp_path / "image.tar")
    leave(8_192, small)
    stream = lzma.compress(source.read_bytes(), preset=0)
    done = run(*command, "-", "/d/f", "--tmpdir", str(small), given=stream)
    assert (done.status, "No space left" in done.said) == (6, True), done.said
    assert [path.name for path in small.iterdir()] == ["filler"]
