"""A target has its name only when it is whole, and nothing else is touched on the way."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgforensics import ExtractionRecord, Image, extract, extract_layers, open_image, write_tar
from imgforensics.errors import MissingBlobError, OutputFailedError, UnsafeOutputError
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    directory,
    docker_layout,
    file,
    oci_layout,
    pack,
    symlink,
    tar,
    write_layout,
)
from tests.extraction.as_nobody import as_nobody
from tests.extraction.building import image_of, needs_root

MEMBERS = [directory("d"), file("d/f", b"content"), symlink("l", "d/f")]

Extraction = Callable[..., ExtractionRecord]
EVERY_FORM = pytest.mark.parametrize("form", [extract, extract_layers, write_tar])


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    (tmp_path / "source").mkdir()
    with image_of(tmp_path / "source", MEMBERS) as opened:
        yield opened


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# A whole result.


@EVERY_FORM
def test_the_record_stands_beside(form: Extraction, image: Image, tmp_path: Path) -> None:
    record = form(image, tmp_path / "out")
    assert names(tmp_path) == ["out", "out.extraction.json", "source"]
    document = json.loads((tmp_path / "out.extraction.json").read_text())
    assert document == json.loads(json.dumps(record.to_json()))
    assert document["schema"] == "imgforensics.extraction/1"
    assert document["complete"] is True
    assert document["output"] == str(tmp_path / "out")
    assert document["source"] == str(tmp_path / "source" / "image.tar")
    assert document["image"]["digest"] == str(image.digest)
    assert [layer["diff_id"] for layer in document["image"]["layers"]] == [
        str(image.layers[0].diff_id)
    ]
    assert document["rules"] == ("raw" if form is extract_layers else "overlayfs")
    assert document["counts"]["file"] == 1
    assert document["content_bytes"] == len(b"content")


def test_parents_are_made(image: Image, tmp_path: Path) -> None:
    extract(image, tmp_path / "a" / "b" / "out")
    assert (tmp_path / "a" / "b" / "out" / "d" / "f").read_bytes() == b"content"


def test_a_relative_target(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = extract(image, "out")
    assert record.output == str(tmp_path / "out")


@pytest.mark.parametrize("form", [extract, extract_layers])
def test_an_empty_directory_is_taken(form: Extraction, image: Image, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    form(image, tmp_path / "out")
    assert names(tmp_path / "out") in (["d", "l"], ["layer-000"])


# What exists.


@EVERY_FORM
@pytest.mark.parametrize("ending", ["", ".partial"])
@pytest.mark.parametrize("kind", ["full", "file", "link", "broken-link"])
def test_what_exists_is_refused_and_replaced_by_force(
    form: Extraction, ending: str, kind: str, image: Image, tmp_path: Path
) -> None:
    existing = tmp_path / f"out{ending}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"kept")
    if kind == "full":
        existing.mkdir()
        (existing / "old").write_bytes(b"old")
    elif kind == "file":
        existing.write_bytes(b"old")
    else:
        existing.symlink_to(elsewhere if kind == "link" else "nowhere")
    before = names(tmp_path)
    with pytest.raises(UnsafeOutputError, match="exists"):
        form(image, tmp_path / "out")
    assert names(tmp_path) == before
    form(image, tmp_path / "out", force=True)
    assert names(tmp_path) == ["elsewhere", "out", "out.extraction.json", "source"]
    assert not (tmp_path / "out").is_symlink()
    assert not (tmp_path / "out" / "old").exists()
    assert names(elsewhere) == ["kept"]


def test_force_replaces_what_is_too_deep_for_recursion(tmp_path: Path) -> None:
    members = [file(b"d/" * 1_900 + b"f", b"deep"), directory(".removed-0"), file("x", b"")]
    with image_of(tmp_path, members) as image:
        extract(image, tmp_path / "out")
        extract(image, tmp_path / "out", layer=-1, force=True)
    assert names(tmp_path / "out") == []


@needs_root[0]
@needs_root[1]
def test_force_replaces_what_its_owner_may_not_write_to(tmp_path: Path) -> None:
    above = tmp_path
    while above != above.parent:
        above.chmod(above.stat().st_mode | 0o111)
        above = above.parent
    tmp_path.chmod(0o777)
    image_of(
        tmp_path, [directory("d", mode=0o555), directory("d/e", mode=0), file("d/f", b"")]
    ).close()
    (tmp_path / "image.tar").chmod(0o644)

    def work() -> list[str]:
        with open_image(tmp_path / "image.tar") as image:
            extract(image, tmp_path / "out")
            extract(image, tmp_path / "out", layer=-1, force=True)
        return names(tmp_path / "out")

    assert as_nobody(work) == []


@needs_root[0]
@needs_root[1]
def test_force_deletes_nothing_that_is_mounted_in_the_target(image: Image, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_bytes(b"data")
    inside = tmp_path / "out" / "d" / "mnt"
    inside.mkdir(parents=True)
    with mounted("--bind", precious, inside):
        with pytest.raises(OutputFailedError):
            extract(image, tmp_path / "out", force=True)
        assert (precious / "data").read_bytes() == b"data"


@needs_root[0]
@needs_root[1]
def test_a_mount_point_is_no_target(image: Image, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with mounted("-t", "tmpfs", "none", tmp_path / "out"):
        for force in (False, True):
            with pytest.raises(UnsafeOutputError, match="mount point"):
                extract(image, tmp_path / "out", force=force)


@pytest.mark.parametrize("target", ["/", "..", "a/.."])
def test_names_that_are_no_target(
    target: str, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    for force in (False, True):
        with pytest.raises(UnsafeOutputError):
            extract(image, target, force=force)
    assert names(tmp_path) == ["source", "work"]


@EVERY_FORM
def test_a_record_that_is_a_link_is_replaced_not_followed(
    form: Extraction, image: Image, tmp_path: Path
) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "out.extraction.json").symlink_to("victim")
    form(image, tmp_path / "out")
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert json.loads((tmp_path / "out.extraction.json").read_text())["complete"]


# The evidence.


@EVERY_FORM
@pytest.mark.parametrize("packing", [Packing.NONE, Packing.XZ])
def test_the_source_is_not_altered(form: Extraction, packing: Packing, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    source = folder / "image.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder([MEMBERS])), packing=packing))
    os.utime(source, ns=(1, 2))
    facts = source.stat()
    before = (facts.st_atime_ns, facts.st_mtime_ns, facts.st_ctime_ns, source.stat().st_size)
    with open_image(source) as image:
        form(image, tmp_path / "out")
    facts = source.stat()
    assert (facts.st_atime_ns, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size) == before
    assert names(folder) == ["image.tar"]


@EVERY_FORM
def test_a_source_directory_is_not_altered(form: Extraction, tmp_path: Path) -> None:
    source = tmp_path / "layout"
    write_layout(oci_layout(ImageBuilder([MEMBERS])), source)
    paths = [source, *source.rglob("*")]
    for path in reversed(paths):
        os.utime(path, ns=(1, 2))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in paths}
    files = [path for path in paths if path.is_file()]
    with open_image(source) as image:
        form(image, tmp_path / "out")
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in paths} == before
    assert [source, *source.rglob("*")] == paths
    assert {path.stat().st_atime_ns for path in files} == {1}


@EVERY_FORM
@pytest.mark.parametrize("target", ["source", "source/image.tar", "source/..", "link"])
def test_a_target_that_would_replace_the_source_is_refused(
    form: Extraction, target: str, image: Image, tmp_path: Path
) -> None:
    content = (tmp_path / "source" / "image.tar").read_bytes()
    (tmp_path / "link").symlink_to("source/image.tar")
    if target == "link":
        # A link to the source may go; the source may not.
        form(image, tmp_path / target, force=True)
    else:
        with pytest.raises(UnsafeOutputError):
            form(image, tmp_path / target, force=True)
    assert (tmp_path / "source" / "image.tar").read_bytes() == content


@EVERY_FORM
@pytest.mark.parametrize("name", ["out.partial", "out.extraction.json"])
def test_a_source_with_a_name_of_ours_is_not_replaced(
    form: Extraction, name: str, tmp_path: Path
) -> None:
    source = tmp_path / name
    source.write_bytes(archive(oci_layout(ImageBuilder([MEMBERS]))))
    content = source.read_bytes()
    with open_image(source) as image, pytest.raises(UnsafeOutputError, match="source"):
        form(image, tmp_path / "out", force=True)
    assert source.read_bytes() == content
    assert names(tmp_path) == [name]


@EVERY_FORM
def test_a_target_inside_the_source_is_refused(form: Extraction, tmp_path: Path) -> None:
    source = tmp_path / "layout"
    write_layout(oci_layout(ImageBuilder([MEMBERS])), source)
    before = sorted(source.rglob("*"))
    with open_image(source) as image, pytest.raises(UnsafeOutputError, match="source"):
        form(image, source / "blobs" / "out")
    assert sorted(source.rglob("*")) == before


# Damage and interruption.


def wrong_diff_id() -> LayerSpec:
    return LayerSpec(MEMBERS, diff_id="sha256:" + "0" * 64)


def truncated() -> LayerSpec:
    blob = pack([tar([file("a", b"a"), file("b", os.urandom(50_000))])], Packing.GZIP)
    return LayerSpec(blob=blob[: len(blob) // 2], diff_id="sha256:" + "0" * 64)


@EVERY_FORM
@pytest.mark.parametrize("layer", [wrong_diff_id(), truncated()], ids=["diff-id", "truncated"])
@pytest.mark.parametrize("force", [False, True])
def test_damage_leaves_a_partial_result(
    form: Extraction, layer: LayerSpec, force: bool, tmp_path: Path
) -> None:
    if force:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").touch()
    with image_of(tmp_path, [file("below", b"below")], layer) as image:
        record = form(image, tmp_path / "out", force=force)
    assert not record.is_complete
    assert record.output == str(tmp_path / "out.partial")
    assert (tmp_path / "out.partial").exists()
    assert (tmp_path / "out" / "old").exists() == force
    assert (tmp_path / "out").exists() == force
    document = json.loads((tmp_path / "out.extraction.json").read_text())
    assert document["complete"] is False
    assert any(problem["severity"] == "error" for problem in document["problems"])


def test_content_that_is_cut_short_is_recorded(tmp_path: Path) -> None:
    with image_of(tmp_path, truncated()) as image:
        record = extract(image, tmp_path / "out")
        write_tar(image, tmp_path / "out.tar")
    assert [(d.path, d.reason.value) for d in record.deviations] == [(b"b", "content-cut-short")]
    assert (tmp_path / "out.partial" / "a").read_bytes() == b"a"
    assert 0 < (tmp_path / "out.partial" / "b").stat().st_size < 50_000


@EVERY_FORM
def test_a_wrong_digest_leaves_a_partial_result(form: Extraction, tmp_path: Path) -> None:
    layout = oci_layout(ImageBuilder([MEMBERS, [file("x", b"x")]]))
    index = json.loads(str(layout["index.json"], "utf-8"))  # type: ignore[arg-type]
    manifest = "blobs/" + index["manifests"][0]["digest"].replace(":", "/")
    lowest = json.loads(str(layout[manifest], "utf-8"))["layers"][0]["digest"]  # type: ignore[arg-type]
    layout["blobs/" + lowest.replace(":", "/")] = pack([tar([file("other", b"")])], Packing.GZIP)
    (tmp_path / "image.tar").write_bytes(archive(layout))
    with open_image(tmp_path / "image.tar") as image:
        record = form(image, tmp_path / "out")
    assert not record.is_complete
    assert not (tmp_path / "out").exists()
    assert {"digest-mismatch"} <= {problem.code.label for problem in record.problems}


@EVERY_FORM
def test_an_absent_layer_leaves_no_result(form: Extraction, tmp_path: Path) -> None:
    with (
        image_of(tmp_path, MEMBERS, LayerSpec(MEMBERS, absent=True)) as image,
        pytest.raises(MissingBlobError, match="layer 1"),
    ):
        form(image, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with image_of(tmp_path, MEMBERS, LayerSpec(MEMBERS, absent=True)) as image:
        assert form(image, tmp_path / "out", layer=0, force=True).form


@EVERY_FORM
def test_an_interruption_leaves_a_partial_result(form: Extraction, tmp_path: Path) -> None:
    members = [file(f"f{number}", os.urandom(100_000)) for number in range(40)]

    def interrupt(size: int) -> None:
        raise KeyboardInterrupt

    with image_of(tmp_path, members) as image, pytest.raises(KeyboardInterrupt):
        form(image, tmp_path / "out", progress=interrupt)
    assert names(tmp_path) == ["image.tar", "out.partial"]


CHILD = """
import sys, time
from pathlib import Path
from imgforensics import extract, open_image
source, output = map(Path, sys.argv[1:])
def slow(size):
    print("reading", flush=True)
    time.sleep(0.2)
with open(source, "rb") as file:
    extract(open_image(file, spool_directory=output.parent), output, progress=slow)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_kill_leaves_a_partial_result_and_no_spool(tmp_path: Path, number: int) -> None:
    members = [file(f"f{index}", os.urandom(400_000)) for index in range(10)]
    source = tmp_path / "image.tar.xz"
    source.write_bytes(archive(oci_layout(ImageBuilder([members])), packing=Packing.XZ))
    (tmp_path / "work").mkdir()
    command = [sys.executable, "-c", CHILD, source, tmp_path / "work" / "out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.readline()
        time.sleep(0.05)
        child.send_signal(number)
        assert child.wait(20) != 0
    assert names(tmp_path / "work") == ["out.partial"]


# Targets that cannot take it.


@contextlib.contextmanager
def mounted(*arguments: str | Path) -> Iterator[None]:
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode(errors='replace').strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


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
        pytest.raises(OutputFailedError, match="space|full"),
    ):
        form(image, target / "out")
    assert not (target / "out").exists()


@needs_root[0]
@needs_root[1]
def test_a_filesystem_full_from_the_beginning(tmp_path: Path, image: Image) -> None:
    (tmp_path / "small").mkdir()
    with mounted("-t", "tmpfs", "-o", "nr_inodes=2", "none", tmp_path / "small"):
        with pytest.raises(OutputFailedError, match="space|full"):
            extract(image, tmp_path / "small" / "out")


@EVERY_FORM
@needs_root[0]
@needs_root[1]
def test_a_read_only_filesystem(form: Extraction, image: Image, tmp_path: Path) -> None:
    (tmp_path / "frozen").mkdir()
    with mounted("-t", "tmpfs", "-o", "ro", "none", tmp_path / "frozen"):
        with pytest.raises(OutputFailedError, match="[Rr]ead-only"):
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


FOLDED = {
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


def fold_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def folding(function: Callable[..., object], position: int) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            values = list(arguments)
            if options and isinstance(values[position], bytes):
                values[position] = values[position].lower()
            return function(*values, **options)

        return call

    for name, position in (
        ("open", 0),
        ("mkdir", 0),
        ("lstat", 0),
        ("unlink", 0),
        ("rmdir", 0),
        ("symlink", 1),
        ("link", 1),
        ("mknod", 0),
        ("rename", 1),
    ):
        monkeypatch.setattr(os, name, folding(getattr(os, name), position))


@needs_root[0]
@needs_root[1]
@pytest.mark.parametrize("case", ["files", "directories", "symlinks"])
def test_a_real_filesystem_that_folds_letter_case(case: str, tmp_path: Path) -> None:
    disk, target = tmp_path / "disk", tmp_path / "mounted"
    target.mkdir()
    with disk.open("wb") as made:
        made.truncate(20 << 20)
    done = subprocess.run(["mkfs.vfat", disk], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mkfs.vfat does not work here")
    with mounted("-o", "loop", disk, target), image_of(tmp_path, FOLDED[case]) as image:
        with pytest.raises(OutputFailedError, match="another spelling|choose"):
            extract(image, target / "out")
        assert not (target / "out").exists()


def test_docker_layouts_are_extracted_too(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(
        archive(docker_layout(ImageBuilder([MEMBERS], tags=["a:1"])))
    )
    with open_image(tmp_path / "image.tar") as image:
        record = extract(image, tmp_path / "out")
    assert record.to_json()["image"]["names"]
