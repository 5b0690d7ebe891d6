"""Somebody else, on the same machine, plants links while an extraction is at work."""

import os
from pathlib import Path

import pytest

from imgforensics import extract
from imgforensics.errors import OutputFailedError
from imgforensics.testing import Entry, directory, fifo, file, hard_link
from tests.break_outs.sentinel import EVIL, Place
from tests.extraction.building import image_of, reasons


@pytest.mark.parametrize(
    "below",
    [[], [file("d/secret", EVIL)], [file("d/new", EVIL)], [fifo("d/new")]],
    ids=["nothing", "file-that-is-there", "new-file", "fifo"],
)
def test_a_link_planted_for_a_new_directory_is_not_followed(
    below: list[Entry], place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else puts a link where a directory was made a moment ago."""
    before = place.watched()
    make = os.mkdir

    def make_and_swap(path: bytes, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        make(path, mode, dir_fd=dir_fd)
        if path == b"d":
            os.rmdir(path, dir_fd=dir_fd)
            os.symlink(place.outside, path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", make_and_swap)
    members = [directory("d", mode=0o777, uid=9), *below]
    with image_of(tmp_path, members) as image, pytest.raises(OutputFailedError):
        extract(image, place.target)
    assert place.watched() == before


def test_a_link_planted_for_a_changed_file_is_not_followed(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else puts a link where a file was written, before its attributes change."""
    before = place.watched()
    link = os.link

    def link_and_swap(
        source: bytes, name: bytes, *, src_dir_fd: int, dst_dir_fd: int, follow_symlinks: bool
    ) -> None:
        link(
            source,
            name,
            src_dir_fd=src_dir_fd,
            dst_dir_fd=dst_dir_fd,
            follow_symlinks=follow_symlinks,
        )
        os.unlink(source, dir_fd=src_dir_fd)
        os.symlink(place.outside + b"/secret", source, dir_fd=src_dir_fd)

    monkeypatch.setattr(os, "link", link_and_swap)
    members = [file("a", EVIL), hard_link("b", "a", mode=0o777, mtime=5, xattrs={"user.a": b"1"})]
    with image_of(tmp_path, members) as image:
        record = extract(image, place.target)
    assert place.watched() == before
    assert "mode-not-restored" in reasons(record.deviations)[b"a"]
