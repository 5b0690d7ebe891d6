"""One process that opens image after image, as a notebook does: with `with` and without."""

import gc
import hashlib
import multiprocessing
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgforensics import (
    DirectoryTree,
    HashList,
    Image,
    Query,
    deleted_files,
    list_images,
    open_image,
    search,
    verify,
    wasted_bytes,
)
from imgforensics.tarstream.member import NOTHING
from imgforensics.testing import ImageBuilder, archive, docker_layout, file
from tests.filesystem.building import image_of

FIXTURES = Path(__file__).parent.parent / "fixtures" / "images"
WEBAPP = FIXTURES / "webapp.docker-save.tar"
EVERY_FORM = [
    "webapp.docker-save.tar",
    "webapp.docker-20.tar.xz",
    "special.buildah.oci",
    "names.skopeo-dir",
]
"""An archive, one that is compressed as a whole, a layout, a `dir:`."""


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def everything(image: Image) -> None:
    """Ask for all that holds something open."""
    verify(image)
    for path in image.path("/").rglob("*"):
        if path.is_file():
            path.read_bytes()
    for _ in search(image, content="root", among="all"):
        break


@pytest.mark.parametrize("name", EVERY_FORM)
def test_an_image_that_nobody_holds_any_more_holds_nothing_open(name: str) -> None:
    before = open_files()
    for _ in range(2):
        everything(open_image(FIXTURES / name))
    assert open_files() == before


@pytest.mark.parametrize("name", EVERY_FORM)
def test_a_path_of_an_image_is_enough_to_go_on(name: str) -> None:
    path = open_image(FIXTURES / name).path("/")
    gc.collect()
    files = [below for below in path.rglob("*") if below.is_file()]
    assert sum(len(each.read_bytes()) for each in files) > 0


@pytest.mark.parametrize("name", EVERY_FORM)
def test_a_closed_image_says_so(name: str) -> None:
    before = open_files()
    with open_image(FIXTURES / name) as image:
        image.filesystem  # noqa: B018 - it is known from now on
        known = [path for path in image.path("/").rglob("*") if path.is_file() and path.stat()]
    assert open_files() == before
    image.close()
    with pytest.raises(ValueError, match="is closed"):
        known[0].read_bytes()
    assert image.filesystem.get(b"") is not None


def test_as_a_root_filesystem() -> None:
    before = open_files()
    image = open_image(FIXTURES / "whiteouts.docker-20.export.tar", as_rootfs=True)
    everything(image)
    image.close()
    with pytest.raises(ValueError, match="is closed"):
        image.layers[0].open()
    del image
    assert open_files() == before


def test_a_directory_tree_is_closed_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    before = open_files()
    with DirectoryTree(str(tmp_path)) as tree:
        node = tree.tree.get(b"file")
        assert node is not None
        assert node.entry is not None
        with tree.open_content(node.entry) as file_:
            assert file_.read() == b"content"
    bystander = os.open(tmp_path, os.O_RDONLY)
    tree.close()
    os.close(bystander)
    with pytest.raises(ValueError, match="is closed"):
        tree.open_content(node.entry)
    DirectoryTree(tmp_path)
    assert open_files() == before


def test_several_threads_ask_one_image() -> None:
    with open_image(WEBAPP) as image:
        wanted = [path for path in image.path("/").rglob("*") if path.is_file()]
        expected = [path.read_bytes() for path in wanted]
    with open_image(WEBAPP) as image, ThreadPoolExecutor(8) as pool:
        paths = [image.path(str(path)) for path in wanted]
        assert list(pool.map(type(paths[0]).read_bytes, paths)) == expected
        assert len({id(tree) for tree in pool.map(lambda _: image.filesystem, range(8))}) == 1


# What can be sent to another process.


def test_an_image_is_opened_again_in_another_process() -> None:
    with (
        open_image(WEBAPP) as image,
        pytest.raises(TypeError, match="open it again"),
    ):
        pickle.dumps(image)


def test_records_come_back_from_other_processes() -> None:
    paths = [FIXTURES / name for name in EVERY_FORM]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        answers = pool.map(list_images, paths)
    assert answers == [list_images(path) for path in paths]


def test_what_verify_finds_is_sent_as_it_is() -> None:
    with open_image(WEBAPP) as image:
        found = verify(image)
        assert pickle.loads(pickle.dumps(found)) == found
        assert pickle.loads(pickle.dumps(image.manifest)) == image.manifest
        assert pickle.loads(pickle.dumps(image.config)) == image.config
        assert hash(image.manifest) == hash(pickle.loads(pickle.dumps(image.manifest)))


@pytest.mark.parametrize("name", EVERY_FORM)
def test_entries_are_sent_as_they_are(name: str) -> None:
    with open_image(FIXTURES / name) as image:
        sent = pickle.loads(pickle.dumps(image.entries))
        assert set(sent) == set(image.entries)
        for entry, own in zip(sent, image.entries, strict=True):
            assert (entry.member.pax is NOTHING) == (own.member.pax is NOTHING)
            assert (entry.xattrs is NOTHING) == (own.xattrs is NOTHING)


def test_a_sent_entry_bears_its_attributes() -> None:
    members = [file("f", b"", xattrs={"user.a": b"b"}, mtime=1.5), file("g", b"", mtime=1.5)]
    with image_of(members) as image:
        first, second = pickle.loads(pickle.dumps(image.entries))
        assert first.xattrs == {b"user.a": b"b"}
        assert dict(second.member.pax) == {b"mtime": b"1.5"}
        assert len({first, second, *image.entries}) == 2


def test_answers_can_be_held_in_sets() -> None:
    empty = HashList.of(hashlib.sha256().hexdigest(), "sha256")
    assert {Query(hashes=empty)} == {Query(hashes=[pickle.loads(pickle.dumps(empty))])}
    queries = Query(content="r"), Query(entropy=">=0"), Query(name="f"), Query(hashes=empty)
    with image_of([file("f", b"r\nr\n", xattrs={"user.a": b"b"})], [file("f", b"")]) as image:
        found = [list(search(image, query, among="all")) for query in queries]
        assert [len(set(matches)) for matches in found] == [len(matches) for matches in found]
        assert list(map(len, found)) == [2, 2, 2, 1]
        assert len(set(image.history_of("/f"))) == 2


# What a cell shows.


def shown(image: Image) -> Iterator[object]:
    yield image
    yield image.record
    yield image.source
    yield verify(image)
    yield wasted_bytes(image)
    yield image.filesystem
    yield image.filesystem.root
    yield from deleted_files(image)
    yield from image.entries[:20]
    yield from search(image, kinds="f", among="all")
    yield from image.history_of("/")


@pytest.mark.parametrize("name", EVERY_FORM)
def test_what_is_shown_fits_a_line_or_two(name: str) -> None:
    with open_image(FIXTURES / name) as image:
        for each in shown(image):
            assert repr(each).startswith(f"<{type(each).__name__}")
            path = getattr(each, "path", b"")
            long_path = len(path) if isinstance(path, bytes) else 0
            assert len(repr(each)) < 400 + long_path


def test_what_is_shown_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    built = ImageBuilder([[file("a")]], tags=["a\x1b[31m:\x07"], platform="li\x1bnux/a\x07")
    path.write_bytes(archive(docker_layout(built)))
    image = open_image(path)
    assert repr(image).isprintable()
    assert repr(image.record).isprintable()
