"""Which image is meant."""

import io
from pathlib import Path

import pytest

from imgforensics.catalogue import Catalogue, choose, read_catalogue
from imgforensics.errors import (
    AmbiguousImageError,
    DamagedDocumentError,
    ImageChoiceError,
    ImageNotFoundError,
    MissingBlobError,
    NotAnImageError,
    RootFilesystemError,
    UnsupportedImageError,
)
from imgforensics.sources.detect import open_source
from tests.catalogue.building import (
    LAYER,
    OCI,
    Archive,
    Json,
    blob_name,
    containerd_named,
    named,
    platform,
)
from tests.sources.building import Member, tar_of


def several() -> Archive:
    archive = Archive()
    return archive.layout(
        archive.image(b"1", annotations=containerd_named("docker.io/library/alpine:3.19")),
        archive.image(b"2", annotations=named("localhost/app:1")),
        archive.index(
            archive.image(b"3") | {"platform": platform("linux/amd64")},
            archive.image(b"4", platform="linux/arm64") | {"platform": platform("linux/arm64/v8")},
            annotations=named("multi"),
        ),
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return several().read()


@pytest.mark.parametrize(
    ("image", "wanted", "number"),
    [
        ("alpine:3.19", None, 0),
        ("docker.io/library/alpine:3.19", None, 0),
        ("alpine", None, 0),
        ("3.19", None, 0),
        ("app:1", None, 1),
        ("localhost/app:1", None, 1),
        (1, None, 1),
        ("1", None, 1),
        ("@1", None, 1),
        ("multi", "linux/arm64", 3),
        ("multi", "linux/aarch64/v8", 3),
        (None, "linux/arm64", 3),
        ("@2", "linux/amd64", 2),
    ],
)
def test_by_name_number_and_platform(
    catalogue: Catalogue, image: str | int | None, wanted: str | None, number: int
) -> None:
    assert choose(catalogue, image, wanted).number == number


def test_by_any_digest_or_a_clear_beginning_of_it(catalogue: Catalogue) -> None:
    for record in catalogue.records:
        for digest in (record.manifest_digest, record.config_digest):
            assert digest is not None
            for text in (str(digest), digest.hex, digest.hex[:7], f"{digest}"[:20]):
                assert choose(catalogue, text) is record
            assert choose(catalogue, f"docker.io/x/y@{digest}") is record
    index = catalogue.records[3].chain[0].digest
    assert choose(catalogue, str(index), "linux/arm64").number == 3
    with pytest.raises(AmbiguousImageError):
        choose(catalogue, str(index))


def test_an_ambiguity_lists_what_is_possible(catalogue: Catalogue) -> None:
    with pytest.raises(AmbiguousImageError) as raised:
        choose(catalogue)
    message = str(raised.value)
    assert "--image" in message
    assert "--platform" in message
    lines = message.splitlines()[1:]
    assert len(lines) == 4
    for line, record in zip(lines, catalogue.records, strict=True):
        for part in (record.number, *record.names, record.manifest_digest, record.platform):
            assert str(part) in line


@pytest.mark.parametrize("image", ["absent", "alpine:3.20", "sha256:" + "0" * 64, "9", "@9", ""])
def test_what_nothing_answers_to(catalogue: Catalogue, image: str) -> None:
    with pytest.raises(ImageNotFoundError, match=r"docker\.io/library/alpine:3\.19"):
        choose(catalogue, image)


def test_platforms_that_are_not_there(catalogue: Catalogue) -> None:
    with pytest.raises(ImageNotFoundError, match="no image for linux/s390x"):
        choose(catalogue, None, "linux/s390x")
    with pytest.raises(ImageChoiceError, match="os/arch"):
        choose(catalogue, None, "arm64")


def test_an_absent_platform_is_called_absent() -> None:
    archive = Archive()
    there = archive.image(b"2") | {"platform": platform("linux/arm/v7")}
    archive.layout(archive.index(archive.image(b"1"), there))
    archive.drop(there)
    with pytest.raises(ImageNotFoundError, match="names it, and the source does not hold it"):
        choose(archive.read(), None, "linux/arm")


def test_the_only_image_needs_no_choice() -> None:
    archive = Archive()
    attestation = archive.manifest(
        [archive.blob(b"{}", "application/vnd.in-toto+json")],
        archive.config([]),
        platform=platform("unknown/unknown"),
    )
    catalogue = archive.layout(archive.index(attestation, archive.image(b"1"))).read()
    assert choose(catalogue).number == 1
    with pytest.raises(NotAnImageError, match=r"(?s)only:.*\(attestation\)"):
        choose(catalogue, 0)


def test_of_several_platforms_the_only_complete_one() -> None:
    archive = Archive()
    layers = archive.layers(b"missing")
    here = archive.image(b"1")
    partial = archive.manifest(layers, archive.config([b"missing"], "linux/arm64"))
    archive.layout(archive.index(partial, here, annotations=named("x")))
    archive.drop(layers[0])
    catalogue = archive.read()
    assert choose(catalogue).number == 1
    assert choose(catalogue, "x").number == 1
    assert choose(catalogue, "x", "linux/arm64").number == 0


def test_of_several_images_no_one_is_preferred_for_being_complete() -> None:
    archive = Archive()
    layers = archive.layers(b"missing")
    archive.layout(archive.manifest(layers, archive.config([b"missing"])), archive.image(b"1"))
    archive.drop(layers[0])
    with pytest.raises(AmbiguousImageError, match=r"\(1 blob missing\)"):
        choose(archive.read())


def test_an_exact_variant_comes_before_its_kind() -> None:
    archive = Archive()
    archive.layout(
        *(
            archive.image(text.encode()) | {"platform": platform(text)}
            for text in ("linux/arm/v6", "linux/arm/v7")
        )
    )
    catalogue = archive.read()
    assert choose(catalogue, None, "linux/arm").number == 1
    assert choose(catalogue, None, "linux/arm/v6").number == 0


def one(manifest: Json, archive: Archive) -> Catalogue:
    return archive.layout(manifest).read()


def test_what_is_not_read_says_why() -> None:
    archive = Archive()
    old = archive.document({"schemaVersion": 1}, "application/json")
    with pytest.raises(UnsupportedImageError, match="schema 1"):
        choose(one(old, archive))
    encrypted = archive.blob(b"x", LAYER + "+encrypted")
    with pytest.raises(UnsupportedImageError, match=f"encrypted layers.*{encrypted['digest']}"):
        choose(one(archive.manifest([encrypted], archive.config([b"x"])), archive))
    with pytest.raises(DamagedDocumentError, match="not JSON"):
        choose(one(archive.blob(b"{", OCI + "manifest.v1+json"), archive))
    helm = archive.blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    with pytest.raises(NotAnImageError, match=r"\(artifact\)"):
        choose(one(archive.manifest([], helm), archive))


def test_when_all_manifests_are_absent_they_are_named() -> None:
    archive = Archive()
    image = archive.image(b"1")
    archive.layout(image)
    archive.drop(image)
    with pytest.raises(MissingBlobError, match=str(image["digest"])):
        choose(archive.read())


def test_no_image_at_all() -> None:
    with pytest.raises(NotAnImageError, match="list no image"):
        choose(Archive().layout().read())


def test_the_sources_own_name_may_choose(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(several().tar())
    for reference, number in (("app:1", 1), ("@0", 0)):
        with open_source(f"oci-archive:{path}:{reference}") as source:
            catalogue = read_catalogue(source)
        assert choose(catalogue).number == number
        assert choose(catalogue, number).number == number
        with pytest.raises(ImageChoiceError, match=f"'{reference}'.*'{1 - number}'"):
            choose(catalogue, 1 - number)


def read(*members: Member) -> Catalogue:
    with open_source(io.BytesIO(tar_of(*members))) as source:
        return read_catalogue(source)


def files(*names: str) -> list[Member]:
    return [Member(name, b"x") for name in names]


@pytest.mark.parametrize(
    "names", [("etc/passwd", "bin/sh"), (".dockerenv", "hello"), ("./usr/x", "./var/y")]
)
def test_a_root_filesystem_is_called_one(names: tuple[str, ...]) -> None:
    with pytest.raises(RootFilesystemError, match="--as-rootfs"):
        read(*files(*names))


def test_a_directory_with_a_root_filesystem(tmp_path: Path) -> None:
    for name in ("etc", "usr"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(b"")
    with (
        open_source(tmp_path) as source,
        pytest.raises(RootFilesystemError, match="is a directory with a root filesystem"),
    ):
        read_catalogue(source)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("docker/image/overlay2/repositories.json",), "a Docker data root"),
        (("storage/overlay-images/images.json",), "containers-storage data root"),
        (("x/io.containerd.content.v1.content/blobs/sha256/a",), "a containerd data root"),
        (("my/image/index.json", "my/image/oci-layout"), "below the directory my/image"),
        (("notes.txt", "b\x1b[2J"), r"but b\\x1b\[2J, notes\.txt"),
    ],
)
def test_something_else_is_called_by_its_name(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(NotAnImageError, match=message):
        read(*files(*names))


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("etc/passwd",), r"but etc/passwd; "),
        (("etc/passwd", "etc/group"), r"but etc/group, etc/passwd; "),
        (("opt/b/c", "a"), r"but a, opt/b/c; "),
        (tuple(f"d/{n}" for n in range(10)), r"d/6, d/7 and 2 more; "),
    ],
)
def test_any_archive_may_be_a_root_filesystem(names: tuple[str, ...], shown: str) -> None:
    with pytest.raises(NotAnImageError, match=shown + ".*open it with --as-rootfs"):
        read(*files(*names))


def test_a_directory_of_something_else_is_not_opened_with_an_option(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with open_source(tmp_path) as source, pytest.raises(NotAnImageError, match=r"but x$"):
        read_catalogue(source)


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    with open_source(tmp_path) as source, pytest.raises(NotAnImageError, match="holds no files"):
        read_catalogue(source)


def test_names_in_messages_do_not_move_the_cursor() -> None:
    archive = Archive()
    archive.layout(archive.image(b"1", annotations=named("\x1b[2J")), archive.image(b"2"))
    with pytest.raises(AmbiguousImageError) as raised:
        choose(archive.read())
    assert "\x1b" not in str(raised.value)


def test_blob_names_are_those_of_the_layout() -> None:
    assert blob_name({"digest": "sha256:ab"}) == "blobs/sha256/ab"
