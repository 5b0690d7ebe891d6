"""What fuzzing and mutation found, each as small as it can be told."""

import io
from pathlib import Path

import pytest

from imgforensics import open_image
from imgforensics.errors import DamagedBlobError
from imgforensics.opening import Need, open_catalogue
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.reader import TarReader
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    TarFormat,
    archive,
    docker_legacy_layout,
    file,
    sparse_file,
    symlink,
    tar,
)

CONTENT = b"x" * 5_000


def archive_cut_inside_its_layer() -> bytes:
    """An image whose last member is the layer, and 700 bytes of the file's content in it."""
    layout = docker_legacy_layout(ImageBuilder([[file("a", CONTENT)]], tags=["a:1"]))
    name = next(name for name in layout if name.endswith("/layer.tar"))
    layout[name] = layout.pop(name)
    whole = archive(layout)
    return whole[: whole.index(CONTENT) + 700]


def test_content_behind_the_end_of_a_cut_archive_is_lost_and_not_short(tmp_path: Path) -> None:
    path = tmp_path / "cut.tar"
    path.write_bytes(archive_cut_inside_its_layer())
    with open_image(path) as image:
        (entry,) = image.entries
        assert image.layers[0].stored_size == entry.member.data_offset + 700
        with pytest.raises(DamagedBlobError):
            image.open_content(entry)


def test_a_cut_blob_has_the_size_that_there_is_also_as_it_passes_by() -> None:
    cut = archive_cut_inside_its_layer()
    with open_catalogue(io.BytesIO(cut), need=Need.ENTRIES) as opened:
        (layer,) = opened.catalogue.records[0].layers
        assert layer.blob_name is not None
        with opened.source.open(layer.blob_name) as blob:
            assert opened.source.size(layer.blob_name) == len(blob.read()) == 512 + 700


def test_a_cut_sparse_blob_reaches_to_its_last_byte(tmp_path: Path) -> None:
    blob = tar([file("a", CONTENT)])
    layout = docker_legacy_layout(ImageBuilder([[file("a", CONTENT)]], tags=["a:1"]))
    members = [
        sparse_file(name, 3 * 10_240, [(0, blob[:1_024]), (10_240, b"y" * 2_048)])
        if name.endswith("/layer.tar")
        else file(name, content)
        for name, content in sorted(layout.items(), key=lambda one: one[0].endswith("/layer.tar"))
        if isinstance(content, bytes)
    ]
    whole = tar(members)
    path = tmp_path / "cut.tar"
    path.write_bytes(whole[: whole.index(b"y" * 2_048) + 100])
    with open_image(path) as image:
        assert image.layers[0].stored_size == 10_240 + 100


@pytest.mark.parametrize("flag", [b"L", b"K"])
def test_an_empty_gnu_long_name_is_told(flag: bytes) -> None:
    """GNU tar and Python let it stand for no name; tools written in Go take the header's."""
    members = [Entry(b"././@LongLink", flag, b"\0"), symlink("link", "target")]
    log = ProblemLog()
    (member,) = TarReader([tar(members, tar_format=TarFormat.GNU)], log)
    assert (member.name, member.link_name) == (b"link", b"target")
    assert [problem.code for problem in log] == [ProblemCode.TAR_MEMBER_AMBIGUOUS]
