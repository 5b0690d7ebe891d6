"""A layer: what is declared of it, what it holds, and that its bytes are checked to the last."""

import gzip
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgforensics import Digest, EntryKind, Image, Layer, Limits, ProblemCode, open_image
from imgforensics.compression import Compression
from imgforensics.errors import DamagedBlobError, LimitExceededError, MissingBlobError
from imgforensics.layer import LayerPass, normalise_path
from imgforensics.testing import (
    END,
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    device,
    directory,
    file,
    oci_layout,
    pack,
    symlink,
    tar,
    whiteout,
)
from tests.filesystem.building import codes_of, image_of, shown

MEMBERS = [directory("d/"), file("d/f", b"content" * 100), symlink("l", "d"), whiteout("gone")]
TAR = tar(MEMBERS)


def blob_of(packing: Packing) -> bytes:
    return pack([TAR], packing)


@pytest.mark.parametrize("packing", Packing)
def test_a_sound_layer_is_what_it_declares(packing: Packing) -> None:
    with image_of(LayerSpec(MEMBERS, created_by="COPY d"), packing=packing) as image:
        (layer,) = image.layers
        facts = layer.scan().facts
        assert (facts.digest, facts.diff_id) == (layer.digest, layer.diff_id)
        assert facts.diff_id == Digest.of(TAR)
        assert (facts.size, facts.stored_size) == (len(TAR), layer.stored_size)
        assert layer.compression is facts.compression is Compression(packing.compression)
        assert (layer.index, layer.created_by, layer.is_present) == (0, "COPY d", True)
        assert layer.problems == ()
        with layer.open() as stored, layer.open_uncompressed() as plain:
            assert Digest.of(stored.read()) == layer.digest
            assert plain.read() == TAR


def test_entries_are_every_member_as_found() -> None:
    members = [file("./a", b"1"), file("a", b"22"), whiteout("b"), device("/dev/null", 1, 3)]
    with image_of([file("lower")], members) as image:
        entries = image.layers[1].entries
        assert [entry.member.name for entry in entries] == [b"./a", b"a", b".wh.b", b"/dev/null"]
        assert [entry.path for entry in entries] == [b"a", b"a", b".wh.b", b"dev/null"]
        assert [entry.layer_index for entry in entries] == [1] * 4
        assert [entry.member.ordinal for entry in entries] == [0, 1, 2, 3]
        assert [entry.size for entry in entries] == [1, 2, 0, 0]
        assert (entries[3].kind, entries[3].device) == (EntryKind.CHARACTER_DEVICE, (1, 3))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"a/b", b"a/b"),
        (b"./a//b/", b"a/b"),
        (b"/a/./b/.", b"a/b"),
        (b"a/../b", b"b"),
        (b"../../b", b"b"),
        (b"", b""),
        (b".", b""),
        (b"/", b""),
        (b"..", b""),
        (b"a/..b/...", b"a/..b/..."),
        (b".hidden/.x", b".hidden/.x"),
    ],
)
def test_names_are_brought_to_one_form(name: bytes, path: bytes) -> None:
    assert normalise_path(name) == path


# Damage: (blob, codes, what is shown all the same).


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x40]) + data[position + 1 :]


WHOLE = {"d", "d/f", "l"}
DIGESTS = {ProblemCode.DIGEST_MISMATCH, ProblemCode.DIFF_ID_MISMATCH}
PADDED = TAR + bytes(20 * 512)


def damaged(good: bytes, bad: bytes, packing: Packing = Packing.NONE) -> Image:
    """An image that declares the layer `good` and holds `bad` in its place."""
    declared = str(Digest.of(good))
    plain = gzip.decompress(good) if packing is Packing.GZIP else TAR
    diff_id = str(Digest.of(good if packing is Packing.NONE else plain))
    layer = LayerSpec(blob=bad, packing=packing, digest=declared, size=len(good), diff_id=diff_id)
    return image_of(layer)


def test_a_byte_changed_past_the_end_of_the_tar_is_found() -> None:
    """https://github.com/google/go-containerregistry/pull/2303"""
    with damaged(PADDED, flipped(PADDED, len(PADDED) - 1)) as image:
        assert shown(image).keys() == WHOLE
        assert set(codes_of(image)) == DIGESTS | {ProblemCode.TAR_TRAILING_DATA}


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTD, Packing.XZ, Packing.BZIP2])
def test_a_compressed_layer_that_ends_early_is_found(packing: Packing) -> None:
    blob = blob_of(packing)
    with damaged(blob, blob[:-3], packing) as image:
        codes = set(codes_of(image))
        assert ProblemCode.COMPRESSION_TRUNCATED in codes
        assert {ProblemCode.DIGEST_MISMATCH, ProblemCode.SIZE_MISMATCH} <= codes


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTD])
def test_a_checksum_that_is_wrong_is_found(packing: Packing) -> None:
    blob = blob_of(packing)
    with damaged(blob, flipped(blob, len(blob) - 2), packing) as image:
        assert ProblemCode.DIGEST_MISMATCH in codes_of(image)
        assert ProblemCode.DIFF_ID_MISMATCH in codes_of(image) or has_damage(image)


def has_damage(image: Image) -> bool:
    return ProblemCode.COMPRESSION_DAMAGED in codes_of(image)


def test_gzip_with_zeros_behind_it_and_several_members_is_sound() -> None:
    """https://github.com/opencontainers/umoci/issues/360"""
    blob = blob_of(Packing.GZIP_MEMBERS) + bytes(1000)
    with image_of(LayerSpec(MEMBERS, blob=blob, packing=Packing.GZIP)) as image:
        assert shown(image).keys() == WHOLE
        assert codes_of(image) == []


def test_a_tar_that_ends_inside_a_file_shows_what_stands_before() -> None:
    bad = TAR[: 3 * 512]
    with damaged(TAR, bad) as image:
        assert {"d", "d/f"} <= {path.decode() for path, _ in image.filesystem.walk()}
        assert set(codes_of(image)) == {
            ProblemCode.TAR_TRUNCATED,
            ProblemCode.SIZE_MISMATCH,
            *DIGESTS,
        }


def test_a_header_that_is_damaged_hides_only_itself() -> None:
    position = TAR.index(b"d/f\0")
    with damaged(TAR, flipped(TAR, position + 1)) as image:
        assert {"d", "l"} <= shown(image).keys()
        assert ProblemCode.TAR_HEADER_DAMAGED in codes_of(image)


def test_an_archive_without_its_end() -> None:
    with image_of(LayerSpec(MEMBERS, end=b"")) as image:
        assert shown(image).keys() == WHOLE
        assert codes_of(image) == [ProblemCode.TAR_END_MISSING]


def test_members_behind_the_end_are_listed_and_not_applied() -> None:
    with image_of(LayerSpec(MEMBERS, end=END + tar([file("behind")]))) as image:
        assert shown(image).keys() == WHOLE
        assert [entry.path for entry in image.entries if entry.is_past_end] == [b"behind"]
        assert ProblemCode.TAR_CONCATENATED in codes_of(image)


def test_a_size_that_is_declared_wrong() -> None:
    with image_of(LayerSpec(MEMBERS, size=7)) as image:
        assert shown(image).keys() == WHOLE
        assert codes_of(image) == [ProblemCode.SIZE_MISMATCH]


def test_a_compression_that_is_declared_wrong_is_read_as_what_it_is() -> None:
    """https://github.com/project-zot/zot/issues/4255"""
    media_type = "application/vnd.oci.image.layer.v1.tar+zstd"
    with image_of(LayerSpec(MEMBERS, packing=Packing.GZIP, media_type=media_type)) as image:
        assert shown(image).keys() == WHOLE
        assert codes_of(image) == [ProblemCode.COMPRESSION_MISDECLARED]


@pytest.mark.parametrize("data", [b"", b"not a tar", bytes(1024), b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])
def test_a_layer_that_is_no_tar_shows_nothing(data: bytes) -> None:
    with image_of(LayerSpec(blob=data, diff_id=str(Digest.of(data))), [file("f")]) as image:
        assert shown(image).keys() == {"f"}
        assert image.layers[0].entries == ()


@pytest.mark.parametrize("is_sound", [True, False])
def test_digests_of_another_algorithm_are_checked(is_sound: bool) -> None:
    digest = str(Digest.of(TAR if is_sound else b"other", "sha512"))
    layer = LayerSpec(blob=TAR, packing=Packing.NONE, digest=digest, diff_id=str(Digest.of(TAR)))
    with image_of(layer) as image:
        assert shown(image).keys() == WHOLE
        assert codes_of(image) == ([] if is_sound else [ProblemCode.DIGEST_MISMATCH])


# The tar as a stream.


def test_the_uncompressed_tar_raises_at_its_end_unless_all_is_well() -> None:
    image = damaged(PADDED, flipped(PADDED, len(PADDED) - 1))
    with image, image.layers[0].open_uncompressed() as plain:
        assert plain.read(len(TAR)) == TAR
        with pytest.raises(DamagedBlobError, match="diff-id-mismatch"):
            plain.read()


def test_a_truncated_zstd_frame_does_not_end_quietly() -> None:
    blob = blob_of(Packing.ZSTD)
    image = damaged(blob, blob[:-5], Packing.ZSTD)
    with image, image.layers[0].open_uncompressed() as plain, pytest.raises(DamagedBlobError):
        plain.read()


# Absent layers, limits, threads.


def test_a_layer_whose_blob_is_absent() -> None:
    with image_of([file("a", b"1")], LayerSpec([file("b")], absent=True), [file("c")]) as image:
        absent = image.layers[1]
        assert [layer.is_present for layer in image.layers] == [True, False, True]
        reads: list[Callable[[], object]] = [absent.scan, absent.open, lambda: absent.stored_size]
        for read in reads:
            with pytest.raises(MissingBlobError, match="does not hold"):
                read()
        with pytest.raises(MissingBlobError):
            image.filesystem_at(2)
        assert shown(image, 0) == {"a": "file 1"}


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(layer_entries=3), "layer_entries"),
        (Limits(path_depth=2), "path_depth"),
        (Limits(layer_bytes=1000), "layer_bytes"),
        (Limits(name_bytes=10), "name_bytes"),
    ],
)
def test_limits_are_named_in_their_error(limits: Limits, name: str) -> None:
    members = [*MEMBERS, file("a/b/c/" + "n" * 300)]
    builder = ImageBuilder([LayerSpec(members, packing=Packing.GZIP)])
    with limited(builder, limits) as image:
        with pytest.raises(LimitExceededError, match=name) as caught:
            image.scan_layers()
        assert "layer 0" in str(caught.value)


def limited(builder: ImageBuilder, limits: Limits) -> Image:
    return open_image(io.BytesIO(archive(oci_layout(builder))), limits=limits)


def test_many_threads_scan_once() -> None:
    with image_of(*([file(f"f{n}", b"%d" % n)] for n in range(9)), packing=Packing.GZIP) as image:
        with ThreadPoolExecutor(8) as pool:
            scans = list(pool.map(Layer.scan, image.layers * 10))
        for index, scan in enumerate(scans):
            assert scan is image.layers[index % 9].scan()
            assert [entry.path for entry in scan.entries] == [b"f%d" % (index % 9)]


@pytest.mark.parametrize("threads", [False, True])
def test_a_pass_gives_content_between_entries(threads: bool) -> None:
    with image_of(MEMBERS, packing=Packing.GZIP) as image:
        layer_pass: LayerPass = image.layers[0].begin_pass(threads=threads)
        found = {entry.path: b"".join(layer_pass.content()) for entry in layer_pass}
        assert found[b"d/f"] == b"content" * 100
        assert layer_pass.facts == image.layers[0].scan().facts


def test_a_pass_that_is_left_has_no_facts() -> None:
    with image_of(MEMBERS, packing=Packing.GZIP) as image:
        layer_pass = image.layers[0].begin_pass(threads=True)
        next(iter(layer_pass))
        layer_pass.close()
        with pytest.raises(ValueError, match="has not ended"):
            _ = layer_pass.facts
