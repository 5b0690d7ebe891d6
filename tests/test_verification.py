"""`verify`: everything that is declared of the bytes is compared with them, to the last one."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgforensics import open_image, verify
from imgforensics.digests import Digest
from imgforensics.problems import Severity
from imgforensics.testing import (
    OMIT,
    ImageBuilder,
    Instruction,
    LayerSpec,
    Layout,
    Packing,
    archive,
    directory,
    docker_layout,
    docker_legacy_layout,
    file,
    oci_layout,
    opaque,
    pack,
    symlink,
    tar,
    to_json,
    write_layout,
)
from imgforensics.verification import Verification

FIXTURES = Path(__file__).parents[1] / "fixtures"
WRONG = "sha256:" + "0" * 64
SOUND = ImageBuilder(
    [[file("a", b"a")], Instruction("ENV A=1"), [file("b", b"b" * 70_000)]], tags=["example:1"]
)


def verified(folder: Path, layout: Layout) -> Verification:
    source = folder / "image.tar"
    source.write_bytes(archive(layout))
    with open_image(source) as image:
        return verify(image)


def failed(found: Verification) -> set[tuple[str, str]]:
    return {(check.subject, check.aspect) for check in found.failures}


def document(layout: Layout, name: str) -> Any:
    content = layout[name]
    assert isinstance(content, bytes)
    return json.loads(content)


def manifest_name(layout: Layout) -> str:
    digest: str = document(layout, "index.json")["manifests"][0]["digest"]
    return "blobs/" + digest.replace(":", "/")


@pytest.mark.parametrize("packing", Packing)
def test_a_sound_image_is_verified(packing: Packing, tmp_path: Path) -> None:
    found = verified(tmp_path, oci_layout(SOUND, packing=packing))
    assert found.is_verified
    assert not found.failures
    assert not found.ambiguities
    checked = [(check.subject, check.aspect) for check in found.checks]
    assert checked == [
        ("manifest", "digest"),
        ("manifest", "size"),
        ("config", "digest"),
        ("config", "size"),
        ("layer 0", "digest"),
        ("layer 0", "size"),
        ("layer 0", "diff_id"),
        ("layer 1", "digest"),
        ("layer 1", "size"),
        ("layer 1", "diff_id"),
    ]
    assert all(check.declared == check.found is not None for check in found.checks)


@pytest.mark.parametrize("layout", [docker_layout(SOUND), docker_legacy_layout(SOUND)])
def test_docker_archives_are_verified(layout: Layout, tmp_path: Path) -> None:
    found = verified(tmp_path, layout)
    assert found.is_verified
    assert ("layer 1", "diff_id") in {
        (check.subject, check.aspect) for check in found.checks if check.declared
    }


def test_a_directory_is_verified(tmp_path: Path) -> None:
    write_layout(oci_layout(SOUND), tmp_path / "layout")
    with open_image(tmp_path / "layout") as image:
        assert verify(image).is_verified


def test_every_mismatch_is_reported_not_only_the_first(tmp_path: Path) -> None:
    """Manifest and config bytes, layer digests, sizes and diff_ids, all wrong at once."""
    image = ImageBuilder(
        [
            LayerSpec([file("a", b"a")], digest=WRONG, size=7, diff_id="sha256:" + "1" * 64),
            LayerSpec([file("b", b"b")], size=8),
            LayerSpec([file("c", b"c")], diff_id="sha256:" + "2" * 64),
            [file("sound", b"")],
        ]
    )
    layout = oci_layout(image)
    name = manifest_name(layout)
    manifest = document(layout, name)
    config_name = "blobs/" + manifest["config"]["digest"].replace(":", "/")
    layout[config_name] = to_json(document(layout, config_name) | {"author": "somebody else"})
    layout[name] = to_json(manifest | {"annotations": {"added": "later"}})
    found = verified(tmp_path, layout)
    assert failed(found) == {
        ("manifest", "digest"),
        ("manifest", "size"),
        ("config", "digest"),
        ("config", "size"),
        ("layer 0", "digest"),
        ("layer 0", "size"),
        ("layer 0", "diff_id"),
        ("layer 1", "size"),
        ("layer 2", "diff_id"),
    }
    assert not found.is_verified
    declared = {(c.subject, c.aspect): c.declared for c in found.failures}
    assert declared["layer 0", "digest"] == WRONG
    assert declared["layer 1", "size"] == "8"
    codes = {problem.code.label for problem in found.problems}
    assert {"digest-mismatch", "size-mismatch", "diff-id-mismatch"} <= codes


def test_every_layer_is_read_to_its_last_byte(tmp_path: Path) -> None:
    """What follows the tar, and what follows the compressed stream, is hashed too."""
    members = [file("a", b"a")]
    plain = tar(members) + bytes(10_240)
    changed = plain[:-1] + b"\1"
    builder = ImageBuilder(
        [
            LayerSpec(members, blob=pack([plain], Packing.GZIP), diff_id=digest_of(changed)),
            LayerSpec(members, blob=pack([tar(members)], Packing.GZIP) + b"tail", digest=WRONG),
        ]
    )
    found = verified(tmp_path, oci_layout(builder))
    assert ("layer 0", "diff_id") in failed(found)
    assert ("layer 1", "digest") in failed(found)


def digest_of(data: bytes) -> str:
    return str(Digest.of(data))


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.ZSTD, Packing.XZ, Packing.BZIP2])
def test_a_truncated_layer_fails(packing: Packing, tmp_path: Path) -> None:
    layout = oci_layout(SOUND, packing=packing)
    last = document(layout, manifest_name(layout))["layers"][-1]["digest"]
    name = "blobs/" + last.replace(":", "/")
    content = layout[name]
    assert isinstance(content, bytes)
    layout[name] = content[:-20]
    found = verified(tmp_path, layout)
    assert {("layer 1", "digest"), ("layer 1", "size")} <= failed(found)
    assert "compression-truncated" in {problem.code.label for problem in found.problems}


def test_absent_layers_are_failures_not_errors(tmp_path: Path) -> None:
    builder = ImageBuilder(
        [
            LayerSpec([file("a", b"a")], absent=True),
            LayerSpec([file("b", b"b")], diff_id=WRONG),
            LayerSpec([file("c", b"c")], absent=True),
        ]
    )
    found = verified(tmp_path, oci_layout(builder))
    assert failed(found) == {
        ("layer 0", "digest"),
        ("layer 0", "size"),
        ("layer 0", "diff_id"),
        ("layer 1", "diff_id"),
        ("layer 2", "digest"),
        ("layer 2", "size"),
        ("layer 2", "diff_id"),
    }
    assert all(check.found is None for check in found.failures if check.subject != "layer 1")
    assert not found.is_verified
    assert not found.ambiguities
    assert "blob-missing" in {problem.code.label for problem in found.problems}


def test_an_absent_layer_of_a_docker_archive_fails(tmp_path: Path) -> None:
    builder = ImageBuilder([LayerSpec([file("a")], absent=True), [file("b")]], tags=["a:1"])
    found = verified(tmp_path, docker_legacy_layout(builder))
    assert ("layer 0", "diff_id") in failed(found)
    assert not found.is_verified


def test_a_tar_that_is_damaged_and_hashes_right_is_not_verified(tmp_path: Path) -> None:
    damaged = LayerSpec([file("a", b"a", declared_size=90_000)], end=b"")
    found = verified(tmp_path, oci_layout(ImageBuilder([damaged])))
    assert not found.failures
    assert not found.is_verified
    assert any(problem.severity is Severity.ERROR for problem in found.problems)


def test_layers_and_config_that_do_not_pair_are_not_verified(tmp_path: Path) -> None:
    builder = ImageBuilder([[file("a")], [file("b")]])
    diff_ids = [layer.diff_id for layer in builder.build().layers[:1]]
    short = ImageBuilder(
        builder.layers,
        config_document={"rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": OMIT},
    )
    found = verified(tmp_path, oci_layout(short))
    assert not found.is_verified
    assert "layer-count-mismatch" in {problem.code.label for problem in found.problems}


# Layers and diff_ids that do not pair.


def of_code(found: Verification, label: str) -> list[tuple[int | None, str]]:
    return [
        (problem.where.layer, problem.detail)
        for problem in found.problems
        if problem.code.label == label
    ]


def test_diff_ids_in_another_order_are_told_apart_from_damage(tmp_path: Path) -> None:
    """Each layer says whose diff_id it has; what hashes to nothing declared is no such layer."""
    members = [[file(name, name.encode())] for name in "abcd"]
    ids = [layer.diff_id for layer in ImageBuilder(members).build().layers]
    declared = [ids[1], ids[0], ids[2], WRONG]
    layers = [LayerSpec(m, diff_id=d) for m, d in zip(members, declared, strict=True)]
    found = verified(tmp_path, oci_layout(ImageBuilder(layers)))
    assert of_code(found, "layers-mispaired") == [
        (0, f"its diff_id, as computed, is declared of layer 1: {ids[0]}"),
        (1, f"its diff_id, as computed, is declared of layer 0: {ids[1]}"),
    ]
    assert failed(found) == {(f"layer {n}", "diff_id") for n in (0, 1, 3)}
    assert not found.is_verified


def test_blobs_that_stand_under_each_others_digest(tmp_path: Path) -> None:
    layout = oci_layout(SOUND)
    names = ["blobs/" + d["digest"].replace(":", "/") for d in layers_of(layout)]
    layout[names[0]], layout[names[1]] = layout[names[1]], layout[names[0]]
    found = verified(tmp_path, layout)
    told = of_code(found, "layers-mispaired")
    assert [(layer, detail.partition(",")[0]) for layer, detail in told] == [
        (0, "its diff_id"),
        (1, "its diff_id"),
        (0, "its digest"),
        (1, "its digest"),
    ]


def layers_of(layout: Layout) -> Any:
    return document(layout, manifest_name(layout))["layers"]


@pytest.mark.parametrize("make", [docker_layout, docker_legacy_layout])
def test_a_docker_archive_that_lists_its_layers_in_another_order(make: Any, tmp_path: Path) -> None:
    layout = make(SOUND)
    listed = document(layout, "manifest.json")
    listed[0]["Layers"].reverse()
    layout = {"manifest.json": to_json(listed)} | {
        name: content
        for name, content in layout.items()
        if name not in ("manifest.json", "index.json", "oci-layout")
    }
    found = verified(tmp_path, layout)
    assert {layer for layer, _ in of_code(found, "layers-mispaired")} == {0, 1}
    assert not found.is_verified


def test_equal_layers_and_undeclared_ones_are_not_mispaired(tmp_path: Path) -> None:
    """One layer twice, its diff_id wrong once: that it is the other's, too, is told."""
    same = [file("a", b"a")]
    found = verified(tmp_path, oci_layout(ImageBuilder([same, same, [file("b")]])))
    assert of_code(found, "layers-mispaired") == []
    wrong_once = ImageBuilder([same, LayerSpec(same, diff_id=WRONG), [file("b")]])
    found = verified(tmp_path, oci_layout(wrong_once))
    assert [layer for layer, _ in of_code(found, "layers-mispaired")] == [1]


def test_ambiguities_are_listed_and_fail_nothing(tmp_path: Path) -> None:
    builder = ImageBuilder(
        [
            [symlink("lib", "usr/lib"), file("usr/lib/a", b"a"), file("d/old", b"old")],
            [file("lib/b", b"b"), directory("d"), opaque("d")],
        ]
    )
    found = verified(tmp_path, oci_layout(builder))
    assert found.is_verified
    paths = {(ambiguity.path, ambiguity.other_rules) for ambiguity in found.ambiguities}
    assert (b"lib", "umoci") in paths
    assert (b"d/old", "go-containerregistry") in paths


def test_progress_is_told_every_layer(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(archive(oci_layout(SOUND)))
    told: list[int] = []
    with open_image(tmp_path / "image.tar") as image:
        verify(image, lambda layer: told.append(layer.index))
    assert told == [0, 1]


def test_a_stream_is_verified_as_it_passes(tmp_path: Path) -> None:
    """Once, and without a copy."""
    wrong = ImageBuilder([LayerSpec([file("a", b"a")], diff_id=WRONG), [file("b", b"b")]])
    (tmp_path / "image.tar.gz").write_bytes(archive(oci_layout(wrong), packing=Packing.GZIP))
    with open_image(tmp_path / "image.tar.gz", contents=False) as image:
        found = verify(image)
    assert failed(found) == {("layer 0", "diff_id")}


def test_the_fixtures_are_verified() -> None:
    """Real images of every engine: what they declare is what they hold."""
    catalogue = json.loads((FIXTURES / "catalogue.json").read_text())
    checked = 0
    for name, facts in catalogue.items():
        if facts["kind"] != "image":
            continue
        for chosen in facts["images"]:
            with open_image(
                FIXTURES / "images" / name,
                image=chosen.get("image"),
                platform=chosen.get("platform"),
            ) as image:
                found = verify(image)
            assert found.is_verified, (name, found.failures, found.problems)
            checked += 1
    assert checked >= 15
