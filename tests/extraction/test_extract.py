"""`extract`: odd names, sizes, holes and links, and layers that are not there."""

import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from imgforensics import ExtractionRecord, Limits, Selection, extract, extract_layers, write_tar
from imgforensics.testing import (
    Entry,
    SparseFormat,
    directory,
    fifo,
    file,
    hard_link,
    sparse_file,
    symlink,
)
from tests.extraction.building import image_of, reasons


@pytest.mark.parametrize("sparse_format", SparseFormat)
def test_holes_stay_holes(tmp_path: Path, sparse_format: SparseFormat) -> None:
    size = 64 << 20
    extents = [(1 << 20, b"a" * 4096), (32 << 20, b"b" * 5000)]
    members = [
        sparse_file("middle", size, extents, sparse_format=sparse_format),
        sparse_file("empty", size, [], sparse_format=sparse_format),
        sparse_file("full", 5, [(0, b"12345")], sparse_format=sparse_format),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    out = tmp_path / "out"
    wanted = bytearray(size)
    for offset, data in extents:
        wanted[offset : offset + len(data)] = data
    assert (out / "middle").read_bytes() == bytes(wanted)
    assert (out / "middle").stat().st_blocks * 512 < 1 << 20
    assert ((out / "empty").stat().st_size, (out / "empty").stat().st_blocks) == (size, 0)
    assert (out / "full").read_bytes() == b"12345"
    assert record.content_bytes == 4096 + 5000 + 5


def test_names_of_every_length(tmp_path: Path) -> None:
    """What no filesystem takes is recorded; all else is there, other names of its files too."""
    long = b"n" * 256
    members = [
        file(b"n" * 255, b"fits"),
        file(long, b"does not"),
        hard_link("zz-other-name", long),
        directory(b"d/" + long),
        file(b"d/" + long + b"/below", b""),
        symlink(b"d/" + b"l" * 256, "x"),
        fifo(b"d/" + b"p" * 300),
        hard_link(b"d/" + b"h" * 256, "good"),
        file("good", b"good"),
    ]
    upper = [file("upper", b"upper"), hard_link(b"a" * 256, "upper"), file("upper", b"again")]
    with image_of(tmp_path, members, upper) as image:
        record = extract(image, tmp_path / "out")
    out = tmp_path / "out"
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == {
        "n" * 255: b"fits",
        "zz-other-name": b"does not",
        "good": b"good",
        "upper": b"again",
    }
    assert not list((out / "d").iterdir())
    refused = [long, b"a" * 256, b"d/" + long, b"d/" + long + b"/below", b"d/" + b"l" * 256]
    refused += [b"d/" + b"p" * 300, b"d/" + b"h" * 256]
    found = {
        path: why for path, why in reasons(record.deviations).items() if "name-too-long" in why
    }
    assert set(found) == set(refused)
    assert all(why.count("name-too-long") == 1 for why in found.values())


def test_paths_longer_than_path_max(tmp_path: Path) -> None:
    folders = [b"%03d-" % number + b"n" * 200 for number in range(25)]
    path = b"/".join(folders)
    members = [
        file(path + b"/file", b"deep", mtime=5),
        hard_link(path + b"/link", path + b"/file", mtime=5),
        symlink(path + b"/symlink", "file"),
        fifo(path + b"/fifo"),
        hard_link("shallow", path + b"/file", mtime=5),
    ]
    assert len(path) > 5_000
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    descriptor = os.open(tmp_path / "out", os.O_RDONLY)
    for folder in folders:
        below = os.open(folder, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    assert sorted(os.listdir(descriptor)) == ["fifo", "file", "link", "symlink"]  # noqa: PTH208
    facts = os.stat("file", dir_fd=descriptor)
    os.close(descriptor)
    assert (facts.st_nlink, facts.st_mtime_ns) == (3, 5 * 10**9)
    assert (tmp_path / "out" / "shallow").read_bytes() == b"deep"
    assert not any(deviation.reason.withholds for deviation in record.deviations)


def test_symlink_targets_that_cannot_be_are_recorded(tmp_path: Path) -> None:
    members = [
        symlink("empty", ""),
        symlink("nul", "x", pax=[("linkpath", b"a\0b")]),
        symlink("long", b"t" * 4_096),
        symlink("longest", b"t" * 4_095),
        hard_link("other", "empty"),
        file("f", b"f"),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    found = reasons(record.deviations)
    for path in (b"empty", b"nul", b"long"):
        assert found[path] == ["link-target-invalid"]
    assert found[b"other"] == ["link-to-withheld"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["f", "longest"]


@pytest.mark.parametrize("theirs", [".imgforensics-0", ".imgforensics-0/0"])
def test_the_name_of_the_directory_to_stage_in_is_nobodys(theirs: str, tmp_path: Path) -> None:
    """Written in the first stage, gone from the snapshot, and still there when files move."""
    deleted = [symlink("s", "."), file("s/.wh..imgforensics-0")]
    moved = [directory("d"), symlink("l", "d"), file("l/x", b"1")]
    with image_of(tmp_path, [file(theirs, b"a")], [*deleted, *moved]) as image:
        assert image.filesystem.get(b".imgforensics-0") is None
        assert extract(image, tmp_path / "out").is_complete
    assert (tmp_path / "out/d/x").read_bytes() == b"1"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["d", "l", "s"]


def test_files_that_move_take_no_longer_the_deeper_their_places_are(tmp_path: Path) -> None:
    deep = "/".join("d" * 900)
    chains = [directory(f"{top}/{deep}") for top in "ab"]
    links = [symlink(f"l{top}", f"{top}/{deep}") for top in "ab"]
    files = [file(f"l{'ab'[n % 2]}/f{n}") for n in range(1_500)]
    with image_of(tmp_path, [*chains, *links, *files]) as image:
        begun = process_time()
        assert extract(image, tmp_path / "out").is_complete
        assert process_time() - begun < 2


def test_what_was_staged_and_has_no_name_here_is_removed(tmp_path: Path) -> None:
    """A file whose only name left is too long, while another file took the name it came under."""
    members = [file("f", b"first"), hard_link(b"n" * 256, "f"), symlink("f", "g")]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["f"]
    assert sum(record.counts.values()) == 1
    assert reasons(record.deviations)[b"n" * 256] == ["name-too-long"]


@pytest.mark.parametrize("size", [1 << 62, (1 << 63) - 1])
def test_an_impossible_size_is_withheld(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    truncate = os.ftruncate

    def bounded(descriptor: int, length: int) -> None:
        if length > 1 << 44:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        truncate(descriptor, length)

    # Some filesystems hold it.
    monkeypatch.setattr(os, "ftruncate", bounded)
    members = [
        sparse_file("huge", size, [(0, b"x")], mode=0o4755),
        hard_link("also", "huge"),
        file("f", b"f"),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["f"]
    assert dict(record.counts) == {"file": 1}
    assert sorted(reasons(record.deviations).values()) == [["link-to-withheld"], ["too-large"]]


def links_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a filesystem that gives a file no more than three names."""
    link = os.link

    def bounded(old: bytes, new: bytes, **options: Any) -> None:
        facts = os.stat(old, dir_fd=options["src_dir_fd"], follow_symlinks=False)
        if facts.st_nlink >= 3:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        link(old, new, **options)

    monkeypatch.setattr(os, "link", bounded)


@pytest.mark.parametrize(
    "first",
    [
        file("n0", b"content", mode=0o040, mtime=7),
        file("n0", b"", mode=0o444, mtime=7),
        sparse_file("n0", 1 << 24, [(4096, b"x" * 512)], mode=0o000, mtime=7),
        symlink("n0", "target", mtime=7),
    ],
    ids=["file", "empty", "sparse", "symlink"],
)
def test_names_beyond_what_one_file_may_have_are_of_a_copy(
    first: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links_of_three(monkeypatch)
    members = [first, *(hard_link(f"n{n}", "n0", mode=first.mode, mtime=7) for n in range(1, 8))]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    facts = [(tmp_path / "out" / f"n{number}").lstat() for number in range(8)]
    assert [fact.st_nlink for fact in facts] == [3, 3, 3, 3, 3, 3, 2, 2]
    assert len({(f.st_mode, f.st_size, f.st_mtime, f.st_uid) for f in facts}) == 1
    assert all(fact.st_blocks * 512 < 1 << 20 for fact in facts)
    if stat.S_ISREG(facts[0].st_mode):
        assert len({(tmp_path / "out" / f"n{n}").read_bytes() for n in (0, 3, 6)}) == 1
    assert reasons(record.deviations) == {b"n3": ["hard-link-copied"], b"n6": ["hard-link-copied"]}
    assert sum(record.counts.values()) == 8
    assert record.counts["hard-link"] == 5


@pytest.mark.parametrize("form", [extract, extract_layers, write_tar])
@pytest.mark.parametrize("layer", [2, 99, -1, -2, -100])
def test_a_layer_that_is_not_there(
    tmp_path: Path, layer: int, form: Callable[..., ExtractionRecord]
) -> None:
    with (
        image_of(tmp_path, [file("a", b"")], [file("b", b"")]) as image,
        pytest.raises(IndexError, match="2 layers"),
    ):
        form(image, tmp_path / "out.tar", layer=layer)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.tar"]


@pytest.mark.parametrize("patterns", ["etc", ["etc"], iter(("etc",))])
def test_one_pattern_may_be_given_by_itself(tmp_path: Path, patterns: Iterable[str]) -> None:
    members = [file("etc/e", b""), file("e", b"")]
    kept, left = Selection(include=patterns), Selection(exclude="etc")
    with image_of(tmp_path, members) as image:
        assert extract(image, tmp_path / "kept", selection=kept).options["include"] == ["etc"]
        extract(image, tmp_path / "left", selection=left)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["etc"]
    assert [path.name for path in (tmp_path / "left").iterdir()] == ["e"]


def test_an_image_without_layers(tmp_path: Path) -> None:
    with image_of(tmp_path, limits=Limits()) as image:
        extract(image, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.oracle
@pytest.mark.parametrize("size", [3, 2 << 20])
def test_hard_links_that_an_upper_layer_parts(tmp_path: Path, size: int) -> None:
    """Changed under one name and not under the other, they are two files with one content."""
    old = b"old" * size
    lower = [file("x", old), hard_link("y", "x"), hard_link("w", "x"), hard_link("v", "x")]
    upper = [hard_link("z", "y", mode=0o600), file("x", b"new")]
    with image_of(tmp_path, lower, upper) as image:
        extract(image, tmp_path / "out")
        write_tar(image, tmp_path / "out.tar")
        trees = [tmp_path / "out", tmp_path / "unpacked"]
        trees[1].mkdir()
        command = ["tar", "-xpf", str(tmp_path / "out.tar"), "-C", str(trees[1])]
        subprocess.run(command, check=True, capture_output=True)
    for out in trees:
        assert {path.name: path.read_bytes() == old for path in out.iterdir()} == {
            "v": True,
            "w": True,
            "x": False,
            "y": True,
            "z": True,
        }
        assert (out / "y").samefile(out / "z")
        assert (out / "w").samefile(out / "v")
        assert not (out / "y").samefile(out / "w")
        assert stat.S_IMODE((out / "y").stat().st_mode) == 0o600
        assert stat.S_IMODE((out / "w").stat().st_mode) == 0o644
