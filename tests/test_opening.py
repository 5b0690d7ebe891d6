"""Opening: what passes by once answers as the file does; what is no image is named."""

import io
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgforensics import Image, Limits, ProblemCode, list_images, open_image
from imgforensics.errors import (
    AmbiguousImageError,
    ImageNotFoundError,
    LimitExceededError,
    NotAnImageError,
    OutputFailedError,
    RootFilesystemError,
    SourceUnreadableError,
)
from imgforensics.problems import Problem
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    Layout,
    Packing,
    archive,
    directory,
    docker_layout,
    docker_legacy_layout,
    file,
    hard_link,
    oci_layout,
    pack,
    symlink,
    tar,
    whiteout,
    write_layout,
)

# Above what a stream keeps of its members, so that the layers are read as they pass.
BULK = random.Random(4).randbytes((1 << 20) + 1000)
TWICE = LayerSpec([file("bulk", BULK), hard_link("twin", "bulk"), file("gone")])
LAYERS = [
    TWICE,
    LayerSpec([whiteout("gone"), file("d/f", b"1"), symlink("../climbs", "d")]),
    TWICE,
    LayerSpec([file("other", BULK[::-1]), file("other", BULK), hard_link("h", "bulk")]),
]
IMAGE = ImageBuilder(LAYERS, tags=["example:1"])
SHA512 = "sha512:" + "0" * 128


def odd(layout: Layout) -> Layout:
    """The layout, with one large layer that lost its last bytes."""
    names = [name for name, content in layout.items() if len(as_bytes(content)) > len(BULK)]
    return {**layout, names[-1]: as_bytes(layout[names[-1]])[:-2000]}


def as_bytes(content: object) -> bytes:
    return content if isinstance(content, bytes) else b""


MISTAKES = ImageBuilder(
    [
        LayerSpec([file("a", BULK)], packing=Packing.GZIP, media_type="application/x.tar+zstd"),
        LayerSpec([file("b", BULK)], digest=SHA512),
        LayerSpec([file("c", BULK)], size=5),
    ]
)
ARCHIVES = {
    "legacy": archive(docker_legacy_layout(IMAGE)),
    "legacy, hard links": archive(docker_legacy_layout(IMAGE, hard=True)),
    "legacy, ./ before names": archive(docker_legacy_layout(IMAGE), prefix="./"),
    "docker": archive(docker_layout(IMAGE)),
    "oci, gzip": archive(oci_layout(IMAGE)),
    "oci, zstd": archive(oci_layout(IMAGE, packing=Packing.ZSTD)),
    "oci, documents last": archive(dict(reversed(oci_layout(IMAGE).items()))),
    "compressed as a whole": archive(docker_layout(IMAGE), packing=Packing.GZIP),
    "compressed by zstd": archive(docker_layout(IMAGE), packing=Packing.ZSTD),
    "damaged": archive(odd(oci_layout(IMAGE))),
    "damaged, legacy": archive(odd(docker_legacy_layout(IMAGE))),
    "declared wrong": archive(oci_layout(MISTAKES)),
}


@contextmanager
def pipe(data: bytes) -> Iterator[io.BufferedReader]:
    """The reading end of a pipe that another thread writes to."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as target:
            target.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as source:
        yield source
        source.read()
    thread.join()


@pytest.mark.parametrize("data", ARCHIVES.values(), ids=ARCHIVES)
def test_a_pipe_read_once_answers_as_the_file_does(data: bytes, tmp_path: Path) -> None:
    source = tmp_path / "image.tar"
    source.write_bytes(data)
    with open_image(source) as image:
        expected = answers(image)
    with pipe(data) as stream, open_image(stream, contents=False) as image:
        assert all(layer.is_scanned for layer in image.layers if layer.stored_size > 1 << 20)
        assert answers(image) == expected


@pytest.mark.parametrize("data", ARCHIVES.values(), ids=ARCHIVES)
def test_a_pipe_with_contents_is_copied_and_nothing_stays(data: bytes, tmp_path: Path) -> None:
    with pipe(data) as stream, open_image(stream, spool_directory=tmp_path) as image:
        for path in image.path("/").glob("[abot]*"):
            if path.is_file() and path.name != "b":
                assert path.stat().st_size == len(BULK)
        assert list(tmp_path.iterdir()) == []


def test_large_content_is_held_where_the_caller_says(tmp_path: Path) -> None:
    content = bytes(9 << 20)
    layer = LayerSpec([file("large", content)], packing=Packing.GZIP)
    source = tmp_path / "image.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder([layer]))))
    place = tmp_path / "spool"
    with open_image(source, spool_directory=place) as image:
        with pytest.raises(OutputFailedError, match="temporary copy of 9437184 bytes"):
            image.path("/large").read_bytes()
        place.mkdir()
        assert image.path("/large").read_bytes() == content
        assert list(place.iterdir()) == []


def answers(image: Image) -> object:
    tree = [
        (path, str(node.kind), node.mode, node.size, node.link_target, node.entry)
        for path, node in image.filesystem.walk()
    ]
    facts = [replace(layer.scan().facts, problems=()) for layer in image.layers]
    problems = [placeless(problem) for problem in image.problems]
    return image.names, image.digest, image.image_id, image.entries, tree, facts, problems


def placeless(problem: Problem) -> Problem:
    """But for the name of the source."""
    return replace(problem, where=replace(problem.where, source=None))


def test_damage_is_told_of_every_archive_that_has_it() -> None:
    found = {}
    for name in ("damaged", "damaged, legacy", "declared wrong", "docker"):
        with open_image(io.BytesIO(ARCHIVES[name])) as image:
            image.scan_layers()
            found[name] = {problem.code for problem in image.problems}
    assert ProblemCode.COMPRESSION_TRUNCATED in found["damaged"]
    assert found["damaged, legacy"] >= {ProblemCode.TAR_TRUNCATED, ProblemCode.DIFF_ID_MISMATCH}
    assert found["declared wrong"] == {
        ProblemCode.COMPRESSION_MISDECLARED,
        ProblemCode.DIGEST_MISMATCH,
        ProblemCode.SIZE_MISMATCH,
    }
    assert found["docker"] == {ProblemCode.ENTRY_OUTSIDE_ROOT}


@pytest.mark.parametrize("name", ["legacy", "oci, gzip", "compressed as a whole"])
def test_an_archive_that_is_listed_needs_no_layer(name: str) -> None:
    data = ARCHIVES[name]
    (from_file,) = list_images(io.BytesIO(data))
    with pipe(data) as stream:
        (record,) = list_images(stream)
    assert len(record.layers) == 4
    assert (record.names, record.config_digest) == (from_file.names, from_file.config_digest)


def test_standard_input_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe(ARCHIVES["docker"]) as stream:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
        with open_image("-", contents=False) as image:
            assert image.source.description == "standard input"
            assert len(image.entries) == 12


# A root filesystem.

ROOTFS = [
    directory("./"),
    file("./etc/passwd", b"root\n"),
    file("./bin/sh"),
    file("./usr/bin/env"),
    directory("./tmp"),
]


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP, Packing.ZSTD, Packing.XZ])
def test_a_root_filesystem_is_refused_or_opened_as_one_layer(
    packing: Packing, tmp_path: Path
) -> None:
    source = tmp_path / "export.tar"
    data = pack([tar(ROOTFS)], packing)
    source.write_bytes(data)
    with pytest.raises(RootFilesystemError, match="rootfs"):
        open_image(source)
    with open_image(source, as_rootfs=True) as image:
        assert [layer.index for layer in image.layers] == [0]
        assert image.path("/etc/passwd").read_text() == "root\n"
        assert image.config is None
        assert [problem.code for problem in image.problems] == []
    with pipe(data) as stream, open_image(stream, as_rootfs=True) as image:
        assert image.path("/etc/passwd").read_text() == "root\n"


# Choosing and failing.


def test_of_several_images_one_is_to_be_chosen(tmp_path: Path) -> None:
    two = ImageBuilder([[file("two")]], tags=["two:2"])
    source = tmp_path / "both.tar"
    source.write_bytes(archive(docker_layout(ImageBuilder([[file("one")]], tags=["one:1"]), two)))
    with pytest.raises(AmbiguousImageError, match=r"one:1(.|\n)*two:2"):
        open_image(source)
    with open_image(source, image="two:2") as image:
        assert image.path("two").exists()
        digest = str(image.digest)
    with open_image(source, image=digest) as image:
        assert image.path("two").exists()
    with open_image(source, image=0) as image:
        assert image.path("one").exists()
    with pytest.raises(ImageNotFoundError):
        open_image(source, image="three")


def test_a_layout_is_opened_as_a_directory_and_by_skopeos_name(tmp_path: Path) -> None:
    write_layout(oci_layout(ImageBuilder([[file("f", b"1")]], tags=["tag"])), tmp_path)
    for source in (tmp_path, str(tmp_path), f"oci:{tmp_path}", f"oci:{tmp_path}:tag"):
        with open_image(source) as image:
            assert image.path("f").read_text() == "1"


@pytest.mark.parametrize("data", [b"", b"text", b"\x7fELF", bytes(4096), b"PK\x03\x04zip"])
def test_what_is_no_image_is_an_error_that_closes_everything(data: bytes, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(data)
    opens: list[Callable[[], object]] = [
        lambda: open_image(source),
        lambda: open_image(io.BytesIO(data)),
        lambda: open_image(io.BytesIO(data), contents=False),
        lambda: list_images(source),
    ]
    for attempt in opens:
        with pytest.raises(NotAnImageError):
            attempt()


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadableError, match="No such file"):
        open_image(tmp_path / "none")


def test_a_limit_passed_while_a_layer_flows_by() -> None:
    limits = Limits(layer_entries=1)
    with (
        pipe(ARCHIVES["docker"]) as stream,
        pytest.raises(LimitExceededError, match="layer_entries"),
    ):
        open_image(stream, contents=False, limits=limits)


def test_what_passes_by_counts_towards_one_budget() -> None:
    many = [file(f"f{number}", os.urandom(600)) for number in range(2_000)]
    beside = [LayerSpec([*many, file(f"{index}", b"")]) for index in range(3)]
    layout = oci_layout(ImageBuilder([[file("a", b"")]]), packing=Packing.NONE)
    for name, content in oci_layout(ImageBuilder(beside), packing=Packing.NONE).items():
        layout.setdefault(name, content)
    limits = Limits(layer_entries=5_000)
    with open_image(io.BytesIO(archive(layout)), limits=limits) as image:
        assert len(image.entries) == 1
    with (
        pipe(archive(layout)) as stream,
        pytest.raises(LimitExceededError, match="layer_entries"),
    ):
        open_image(stream, contents=False, limits=limits)


def test_a_digest_that_cannot_be_computed_while_passing_is_named() -> None:
    layer = LayerSpec([file("a", BULK)], diff_id=SHA512)
    with (
        pipe(archive(oci_layout(ImageBuilder([layer])))) as stream,
        pytest.raises(SourceUnreadableError, match="save it to a file"),
    ):
        open_image(stream, contents=False)
