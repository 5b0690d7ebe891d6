"""Stored bytes: what is hashed, how they are compressed, and how many there may be."""

import gzip
import io
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from imgforensics import Digest, Image, Limits, ProblemCode, Severity, open_image, verify
from imgforensics.errors import LimitExceededError
from imgforensics.testing import (
    END,
    ImageBuilder,
    LayerSpec,
    Layout,
    Packing,
    archive,
    docker_layout,
    docker_legacy_layout,
    file,
    oci_layout,
    tar,
)
from tests.filesystem.building import codes_of, image_of, shown


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP, Packing.ZSTD])
def test_a_byte_changed_behind_the_end_of_the_tar(packing: Packing) -> None:
    """Pitfall 25: hashing stopped where the tar reader did, and what followed was never checked.

    https://github.com/google/go-containerregistry/pull/2303
    https://github.com/opencontainers/umoci/issues/358
    """
    sound = LayerSpec([file("a", b"1")], packing=packing, end=END + bytes(20_000))
    built = ImageBuilder([sound]).build().layers[0]
    altered = replace(
        sound,
        end=END + bytes(19_999) + b"\1",
        digest=built.digest,
        diff_id=built.diff_id,
        size=built.descriptor["size"],
    )
    with image_of(sound) as image:
        assert verify(image).is_verified
    with image_of(altered) as image:
        found = verify(image)
        assert shown(image) == {"a": "file 1"}
        failed = {check.aspect for check in found.failures}
        assert {"digest", "diff_id"} <= failed
        assert not found.is_verified


def test_bytes_added_behind_the_end_of_a_compressed_layer() -> None:
    """Pitfall 25: what stands behind the last gzip member belonged to no hash.

    https://github.com/google/go-containerregistry/pull/2303
    """
    built = ImageBuilder([[file("a", b"1")]]).build(Packing.GZIP).layers[0]
    longer = LayerSpec(blob=built.blob + b"tail", packing=Packing.GZIP, diff_id=built.diff_id)
    with image_of(longer) as image:
        assert not verify(image).failures
        assert codes_of(image) == [ProblemCode.COMPRESSION_TRAILING_DATA]
    with image_of(replace(longer, digest=built.digest)) as image:
        assert [check.aspect for check in verify(image).failures] == ["digest"]


@pytest.mark.oracle
@pytest.mark.parametrize("zeros", [0, 1, 512, 100_000])
@pytest.mark.parametrize("members", [1, 3])
def test_gzip_as_tools_write_it(members: int, zeros: int) -> None:
    """Pitfall 25: several gzip members, or zeros behind the last one, failed the check.

    https://github.com/opencontainers/umoci/issues/358
    """
    plain = tar([file("a", b"1" * 5_000), file("b", b"2")])
    cuts = [len(plain) * part // members for part in range(members + 1)]
    parts = [plain[start:end] for start, end in pairwise(cuts)]
    packed = b"".join(
        subprocess.run(["gzip", "-c"], input=part, check=True, capture_output=True).stdout
        for part in parts
    )
    spec = LayerSpec(
        blob=packed + bytes(zeros), packing=Packing.GZIP, diff_id=str(Digest.of(plain))
    )
    with image_of(spec) as image:
        assert shown(image).keys() == {"a", "b"}
        assert verify(image).is_verified
        assert codes_of(image) == []


EVERY_PACKING = [Packing.NONE, Packing.GZIP, Packing.ZSTD, Packing.XZ, Packing.BZIP2]
TYPE = "application/vnd.oci.image.layer.v1.tar"


@pytest.mark.parametrize("form", [docker_layout, docker_legacy_layout])
@pytest.mark.parametrize("packing", EVERY_PACKING)
def test_docker_archives_of_any_compression(packing: Packing, form: Callable[..., Layout]) -> None:
    """Pitfall 26: layers of a Docker archive were taken for plain or gzip, and zstd failed.

    https://github.com/podman-container-tools/skopeo/issues/1286
    """
    with _opened(form(ImageBuilder([[file("a", b"1")]]), packing=packing)) as image:
        assert shown(image) == {"a": "file 1"}
        assert verify(image).is_verified
        assert codes_of(image) == []


@pytest.mark.parametrize("declared", [TYPE, TYPE + "+gzip", TYPE + "+zstd", "application/x-odd"])
@pytest.mark.parametrize("packing", EVERY_PACKING)
def test_a_media_type_that_names_another_compression(packing: Packing, declared: str) -> None:
    """Pitfall 26: a layer was inflated as its media type says, which its bytes contradict.

    https://github.com/aquasecurity/fanal/issues/117
    https://github.com/konflux-ci/build-definitions/pull/2302
    """
    spec = LayerSpec([file("a", b"1")], packing=packing, media_type=declared)
    with image_of(spec) as image:
        assert shown(image) == {"a": "file 1"}
        assert verify(image).is_verified
        said = {TYPE: "none", TYPE + "+gzip": "gzip", TYPE + "+zstd": "zstd"}.get(declared)
        is_lie = said not in (None, packing.compression)
        assert codes_of(image) == ([ProblemCode.COMPRESSION_MISDECLARED] if is_lie else [])
        assert all(problem.severity is Severity.NOTE for problem in image.problems)


ZEROS_MEMBER = 64 << 20
LARGE = 33 * ZEROS_MEMBER
"""Above 2 GiB, in gzip members of zeros that are copies of one."""
LARGE_DIFF_ID = "sha256:ab604d7a27b8060a969d977a9e7fc69aaa6996f76db3aa06ba8db2c962dc0388"
"""As `gzip -dc | sha256sum` gives it."""


def large_layer() -> LayerSpec:
    before = tar([file("first", b"1"), file("large", declared_size=LARGE)], end=b"")
    behind = tar([file("last", b"2")])
    zeros = gzip.compress(bytes(ZEROS_MEMBER), mtime=0)
    blob = gzip.compress(before, mtime=0) + zeros * 33 + gzip.compress(behind, mtime=0)
    return LayerSpec(blob=blob, packing=Packing.GZIP, diff_id=LARGE_DIFF_ID)


def test_a_layer_above_2_gib_is_no_bomb() -> None:
    """Pitfall 26: a fixed bound of 2 GiB, or a 32-bit size, refused large images.

    https://github.com/project-zot/zot/issues/4255
    """
    with image_of(large_layer()) as image:
        assert {path for path, _ in image.filesystem.walk()} == {b"", b"first", b"large", b"last"}
        assert image.path("/large").stat().st_size == LARGE > 2 << 30
        assert image.path("/first").read_text() == "1"
        assert codes_of(image) == []


BOMB = [file("zeros", bytes(3_000_000))]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("layer_bytes", Limits(layer_bytes=1_000_000), Limits(layer_bytes=4_000_000)),
        ("ratio", Limits(ratio=100, ratio_floor_bytes=1), Limits(ratio=5_000, ratio_floor_bytes=1)),
    ],
)
def test_bounds_are_told_and_can_be_raised(name: str, low: Limits, high: Limits) -> None:
    """Pitfall 26: a bound cut content off silently, or could not be changed.

    https://github.com/project-zot/zot/issues/4255
    """
    layout = oci_layout(ImageBuilder([BOMB]))
    with (
        _opened(layout, low) as image,
        pytest.raises(LimitExceededError, match=rf"Limits\({name}=") as raised,
    ):
        _ = image.filesystem
    assert raised.value.name == name
    with _opened(layout, high) as image:
        assert image.path("/zeros").stat().st_size == 3_000_000


def _opened(layout: Layout, limits: Limits | None = None) -> Image:
    return open_image(io.BytesIO(archive(layout)), limits=limits or Limits())
