"""`inspect`: the list, the details, and that layers stay unread."""

from pathlib import Path

import pytest

from imgforensics.testing import (
    OMIT,
    ImageBuilder,
    IndexSpec,
    LayerSpec,
    Packing,
    archive,
    attestation,
    docker_layout,
    oci_layout,
)
from tests.catalogue.building import LAYER, OCI, Archive
from tests.cli.images import FIXTURES, HOSTILE, OTHER, SHOP, save, save_layout
from tests.cli.running import run


def test_one_image_in_detail(shop: str) -> None:
    outcome = run("inspect", shop)
    built = SHOP.build(Packing.NONE)
    assert built.config_digest in outcome.text
    assert "entrypoint" in outcome.text
    assert '["/bin/sh", "-c"]' in outcome.text
    assert [line.split()[0] for line in outcome.lines[-2:]] == ["0", "1"]
    assert outcome.lines[-2].endswith("COPY rootfs /")


def test_several_images_are_listed(both: str) -> None:
    outcome = run("inspect", both)
    assert outcome.status == 0
    head, *rows = outcome.lines
    assert head.split() == ["NUMBER", "KIND", "NAMES", "PLATFORM", "LAYERS", "STORED", "DIGEST"]
    assert [row.split()[:5] for row in rows] == [
        ["0", "image", "docker.io/library/shop:1", "linux/amd64", "2"],
        ["1", "image", "docker.io/library/other:2", "linux/arm64", "1"],
    ]


def test_one_of_several_in_detail(both: str) -> None:
    for options in (("--image", "1"), ("--image", "other:2"), ("--platform", "linux/arm64")):
        document = run("inspect", "--json", both, *options).document
        assert [image["platform"] for image in document["images"]] == ["linux/amd64", "linux/arm64"]
        assert document["image"]["names"] == ["docker.io/library/other:2"]


def test_what_is_no_image_is_listed(tmp_path: Path) -> None:
    index = IndexSpec([SHOP, attestation(SHOP)], tags=["shop:1"])
    path = tmp_path / "image.tar"
    path.write_bytes(archive(oci_layout(index)))
    document = run("inspect", "--json", str(path)).document
    assert [image["kind"] for image in document["images"]] == ["image", "attestation"]
    assert document["image"]["number"] == 0


def test_a_source_without_any_image_is_listed() -> None:
    outcome = run("inspect", str(FIXTURES / "artifact.oras.oci"))
    assert outcome.status == 0
    assert "artifact" in outcome.text


def test_a_manifest_that_is_not_there_is_listed(tmp_path: Path) -> None:
    absent = ImageBuilder(platform="linux/s390x", absent=True)
    path = save_layout(tmp_path, SHOP, absent)
    document = run("inspect", "--json", path).document
    assert [one["platform"] for one in document["absent"]] == ["linux/s390x"]
    assert "not here" in run("inspect", path).text


def encrypted(tmp_path: Path) -> str:
    """A layout whose only image has an encrypted layer."""
    source = Archive()
    layer = source.blob(b"x", LAYER + "+encrypted")
    source.layout(source.manifest([layer], source.config([b"x"])))
    path = tmp_path / "encrypted.tar"
    path.write_bytes(source.tar())
    return str(path)


@pytest.mark.parametrize("options", [(), ("--image", "0"), ("--layers",)])
def test_an_image_that_is_not_read_is_shown_as_far_as_it_is_known(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    path = encrypted(tmp_path)
    outcome = run("inspect", path, *options)
    assert outcome.status == 3
    assert outcome.said.startswith(f"imgforensics: error: {path}: the image has encrypted layers")
    assert outcome.said.count("\n") == 1
    assert "not read      the image has encrypted layers" in outcome.text
    assert outcome.lines[-1].endswith("  step 0")
    document = run("inspect", "--json", path, *options).document
    assert [one["kind"] for one in document["images"]] == ["unsupported"]
    assert document["image"]["reason"].startswith("the image has encrypted layers")
    assert document["image"]["config"]["os"] == "linux"
    assert document["image"]["layers"][0]["media_type"].endswith("+encrypted")
    assert document["image"]["layers"][0]["found"] is None


def test_several_that_are_not_read_are_listed_with_their_reasons(tmp_path: Path) -> None:
    source = Archive()
    old = source.document({"schemaVersion": 1}, "application/json")
    path = tmp_path / "old.tar"
    path.write_bytes(source.layout(old, source.blob(b"{", OCI + "manifest.v1+json")).tar())
    outcome = run("inspect", str(path))
    assert outcome.status == 3
    assert "0 is not read: " in outcome.text
    assert "1 is not read: " in outcome.text
    document = run("inspect", "--json", str(path)).document
    assert [one["kind"] for one in document["images"]] == ["unsupported", "damaged"]
    assert document["image"] is None


def test_a_source_that_holds_none_of_its_manifests_is_listed(tmp_path: Path) -> None:
    outcome = run("inspect", save_layout(tmp_path, ImageBuilder(absent=True)))
    assert outcome.status == 4
    assert "not here" in outcome.text
    assert "holds none of the manifests" in outcome.said


def test_layers_are_read_only_if_asked_for(tmp_path: Path) -> None:
    """A layer that is anything but a layer: only reading it finds out."""
    image = ImageBuilder([LayerSpec(blob=b"\x1f\x8b no gzip", diff_id="sha256:" + "0" * 64)])
    path = save_layout(tmp_path, image)
    assert run("inspect", path).status == 0
    outcome = run("inspect", "--layers", path)
    assert outcome.status == 4
    assert "diff-id-mismatch" in outcome.said


def test_layers_found(shop: str) -> None:
    layers = run("inspect", "--layers", "--json", shop).document["image"]["layers"]
    built = SHOP.build(Packing.NONE)
    assert [layer["found"]["diff_id"] for layer in layers] == [b.diff_id for b in built.layers]
    assert [layer["found"]["entries"] for layer in layers] == [11, 2]
    assert [layer["found"]["size"] for layer in layers] == [len(b.tar) for b in built.layers]
    assert "ENTRIES" in run("inspect", "--layers", shop).text


def test_config_without_anything(tmp_path: Path) -> None:
    image = ImageBuilder(config_document={"config": None, "history": OMIT, "created": OMIT})
    document = run("inspect", "--json", save(tmp_path, image)).document
    assert document["image"]["config"]["cmd"] is None
    assert document["image"]["config"]["env"] == []
    assert document["image"]["layers"] == []


def test_nothing_of_the_image_reaches_the_terminal(tmp_path: Path) -> None:
    escape = HOSTILE.decode()
    image = ImageBuilder(
        [LayerSpec(created_by=escape)],
        tags=[escape],
        platform=f"linux/{escape}",
        config={"Env": [escape, "\ud800"], "Labels": {escape: escape}, "User": "\u202eresu"},
    )
    for options in ((), ("--layers",), ("--json",)):
        outcome = run("inspect", "-v", save(tmp_path, image, OTHER), *options)
        assert "\x1b" not in outcome.text + outcome.said
        assert "\u202e" not in outcome.text
    outcome = run("inspect", save(tmp_path, image))
    assert "evil\\x1b[2J" in outcome.text


def test_a_stream_is_read_in_one_pass(tmp_path: Path) -> None:
    data = archive(docker_layout(SHOP), packing=Packing.ZSTD)
    (tmp_path / "saved").write_bytes(data)
    for options in ((), ("--layers",)):
        piped = run("inspect", "-", "--json", *options, given=data)
        saved = run("inspect", str(tmp_path / "saved"), "--json", *options)
        assert piped.status == 0
        assert piped.document["image"] == saved.document["image"]
