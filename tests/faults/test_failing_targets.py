"""Targets that cannot take what is written end the work with an error that says what to do."""

import errno
import os
import resource
from pathlib import Path

import pytest

from imgforensics import Image, extract, extract_layers, open_image, write_tar
from imgforensics.errors import OutputFailedError
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    archive,
    directory,
    docker_layout,
    file,
    symlink,
)
from tests.extraction.as_nobody import as_nobody
from tests.extraction.building import (
    EVERY_FORM,
    MEMBERS,
    Extraction,
    image_of,
    mounted,
    needs_root,
    reasons,
)
from tests.faults.folding import fold_names


@EVERY_FORM
@needs_root[0]
@needs_root[1]
@pytest.mark.parametrize("options", ["size=1m", "size=64k", "nr_inodes=6"])
def test_a_full_filesystem(form: Extraction, options: str, tmp_path: Path) -> None:
    members = [file(f"f{number}", os.urandom(50_000)) for number in range(40)]
    target = tmp_path / "small"
    target.mkdir()
    if form is write_tar and "inodes" in options:
        pytest.skip("one file needs one inode")
    with (
        mounted("-t", "tmpfs", "-o", options, "none", target),
        image_of(tmp_path, members) as image,
        pytest.raises(OutputFailedError, match=r"space|full"),
    ):
        form(image, target / "out")
    assert not (target / "out").exists()


@needs_root[0]
@needs_root[1]
def test_a_filesystem_full_from_the_beginning(tmp_path: Path, image: Image) -> None:
    (tmp_path / "small").mkdir()
    with (
        mounted("-t", "tmpfs", "-o", "nr_inodes=2", "none", tmp_path / "small"),
        pytest.raises(OutputFailedError, match=r"space|full"),
    ):
        extract(image, tmp_path / "small" / "out")


@EVERY_FORM
@needs_root[0]
@needs_root[1]
def test_a_read_only_filesystem(form: Extraction, image: Image, tmp_path: Path) -> None:
    (tmp_path / "frozen").mkdir()
    with (
        mounted("-t", "tmpfs", "-o", "ro", "none", tmp_path / "frozen"),
        pytest.raises(OutputFailedError, match=r"[Rr]ead-only"),
    ):
        form(image, tmp_path / "frozen" / "out")


@needs_root[0]
@needs_root[1]
@EVERY_FORM
def test_a_directory_that_may_not_be_written_to(form: Extraction, tmp_path: Path) -> None:
    above = tmp_path
    while above != above.parent:
        above.chmod(above.stat().st_mode | 0o111)
        above = above.parent
    image_of(tmp_path, MEMBERS).close()
    (tmp_path / "image.tar").chmod(0o644)

    def work() -> str:
        with open_image(tmp_path / "image.tar") as image:
            try:
                form(image, tmp_path / "out")
            except OutputFailedError as error:
                return str(error)
        return ""

    assert "Permission denied" in as_nobody(work)


@pytest.mark.parametrize("form", [extract, extract_layers, write_tar])
def test_a_bound_on_the_size_of_files(form: Extraction, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with image_of(tmp_path, [file("large", os.urandom(300_000))]) as image:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        try:
            with pytest.raises(OutputFailedError, match="File too large"):
                form(image, tmp_path / "out")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "out").exists()


FOLDED: dict[str, list[Entry]] = {
    "files": [file("Name", b"1"), file("name", b"2")],
    "directories": [file("Name/a", b"1"), file("name/b", b"2")],
    "empty-directories": [directory("Name"), directory("name")],
    "file-and-directory": [file("Name", b"1"), directory("name"), file("name/b", b"2")],
    "file-and-symlink": [file("Name", b"1"), symlink("name", "x")],
    "symlinks": [symlink("Name", "x"), symlink("name", "x")],
    "symlink-and-directory": [symlink("Name", "x"), directory("name")],
    "moved-file": [
        directory("real"),
        symlink("l", "real"),
        file("real/Name", b""),
        file("l/name", b""),
    ],
}


@pytest.mark.parametrize("case", FOLDED)
def test_a_filesystem_that_folds_letter_case(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As such filesystems look to a program: every name that is used is used in lower case."""
    with image_of(tmp_path, FOLDED[case]) as image:
        fold_names(monkeypatch)
        with pytest.raises(OutputFailedError, match="another spelling"):
            extract(image, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_filesystem_that_takes_shorter_names_than_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file, written where its parent was not yet known to be a link, is not left over."""
    move = os.rename

    def refuse(source: bytes, name: bytes, **directories: int) -> None:
        if name == b"name":
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        move(source, name, **directories)

    monkeypatch.setattr(os, "rename", refuse)
    members = [directory("real"), symlink("l", "real"), file("l/name", b"1"), file("f", b"2")]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    assert reasons(record.deviations) == {b"real/name": ["name-too-long"]}
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["f", "l", "real"]
    assert record.counts["file"] == 1


def test_docker_layouts_are_extracted_too(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(
        archive(docker_layout(ImageBuilder([MEMBERS], tags=["a:1"])))
    )
    with open_image(tmp_path / "image.tar") as image:
        record = extract(image, tmp_path / "out")
    assert record.to_json()["image"]["names"]
