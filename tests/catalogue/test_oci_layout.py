"""What indexes lead to."""

import base64
import io
import json
from pathlib import Path

import pytest

from imgforensics.catalogue import ImageKind, Layout, read_catalogue
from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError, LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode
from imgforensics.sources.detect import open_source
from tests.catalogue.building import (
    LAYER,
    OCI,
    Archive,
    Json,
    blob_name,
    codes,
    containerd_named,
    named,
    platform,
)


def test_an_image_with_all_that_is_said_of_its_layers() -> None:
    archive = Archive()
    archive.layout(archive.image(b"1", b"2", b"3", annotations=named("tag")))
    catalogue = archive.read()
    (record,) = catalogue.records
    assert (record.number, record.names, record.kind) == (0, ("tag",), ImageKind.IMAGE)
    assert (record.layouts, str(record.platform)) == ((Layout.OCI_LAYOUT,), "linux/amd64")
    assert record.manifest is not None
    assert record.manifest_digest == Digest.of(record.manifest.raw)
    assert record.config is not None
    assert record.config_digest == Digest.of(record.config.raw)
    for index, layer in enumerate(record.layers):
        assert layer.index == index
        assert layer.descriptor is not None
        assert layer.blob_name == blob_name({"digest": str(layer.descriptor.digest)})
        assert layer.diff_id == layer.descriptor.digest
        assert layer.history is not None
        assert layer.history.created_by == f"step {index}"
    assert codes(catalogue) == []
    assert record.is_complete


def test_the_order_of_layers_is_the_manifests_whatever_the_archives() -> None:
    contents = [bytes([n]) for n in range(20)]
    archive = Archive()
    archive.layout(archive.image(*contents))
    expected = [layer.blob_name for layer in archive.read().records[0].layers]
    archive.files = dict(sorted(archive.files.items(), reverse=True))
    assert [layer.blob_name for layer in archive.read().records[0].layers] == expected


def test_a_directory_reads_as_its_archive_does(tmp_path: Path) -> None:
    archive = Archive()
    archive.layout(archive.image(b"1", annotations=named("a")), archive.image(b"2"))
    for name, data in archive.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with open_source(tmp_path) as source:
        assert read_catalogue(source).records == archive.read().records


def test_indexes_within_indexes_in_document_order() -> None:
    archive = Archive()
    inner = archive.index(archive.image(b"1", platform="linux/arm64"), archive.image(b"2"))
    archive.layout(
        archive.index(archive.index(inner), annotations=containerd_named("docker.io/a/b:1")),
        archive.image(b"3"),
    )
    catalogue = archive.read()
    assert [str(record.platform) for record in catalogue.records] == [
        "linux/arm64",
        "linux/amd64",
        "linux/amd64",
    ]
    assert [record.names for record in catalogue.records] == [("docker.io/a/b:1",)] * 2 + [()]
    assert [record.positions for record in catalogue.records] == [(0,), (0,), (1,)]
    assert [len(record.chain) for record in catalogue.records] == [4, 4, 1]
    assert codes(catalogue) == []


def test_one_record_for_a_manifest_that_is_named_twice() -> None:
    archive = Archive()
    image = archive.image(b"1")
    archive.layout(*(image | {"annotations": named(tag)} for tag in ("b", "a", "b")))
    (record,) = archive.read().records
    assert (record.names, record.positions) == (("b", "a"), (0, 1, 2))


def test_an_index_that_contains_itself_is_followed_once() -> None:
    archive = Archive()
    image = archive.image(b"1")
    lie: Json = {"mediaType": OCI + "index.v1+json", "digest": f"sha256:{'a' * 64}", "size": 1}
    archive.put(blob_name(lie), {"manifests": [lie, image, lie]})
    archive.layout(lie)
    catalogue = archive.read()
    assert [record.manifest_digest for record in catalogue.records] == [
        Digest.parse(str(image["digest"]))
    ]
    assert ProblemCode.DIGEST_MISMATCH in codes(catalogue)
    assert any("contains itself" in problem.detail for problem in catalogue.problems)


def test_a_web_of_indexes_is_not_walked_way_by_way() -> None:
    archive = Archive()
    below = archive.image(b"1")
    for level in range(40):
        below = archive.index(below, below, annotations={"level": str(level)})
    catalogue = archive.layout(below).read()
    assert len(catalogue.records) == 1


def test_limits_on_documents_and_depth_and_layers() -> None:
    archive = Archive()
    images = [archive.image(bytes([n])) for n in range(5)]
    archive.layout(*images)
    for limits, name in (
        (Limits(documents=4), "documents"),
        (Limits(document_bytes=2000), "document_bytes"),
    ):
        with pytest.raises(LimitExceededError, match=name):
            archive.read(limits)
    deep = images[0]
    for _ in range(210):
        deep = archive.index(deep)
    with pytest.raises(LimitExceededError, match="nested"):
        archive.layout(deep).read()


def test_platforms_that_are_absent_by_design_are_notes() -> None:
    archive = Archive()
    here = archive.image(b"1", platform="linux/amd64")
    there = archive.image(b"2", platform="linux/arm64") | {"platform": platform("linux/arm64")}
    archive.layout(archive.index(here, there))
    archive.drop(there)
    catalogue = archive.read()
    assert len(catalogue.records) == 1
    assert codes(catalogue) == [ProblemCode.PLATFORM_ABSENT]
    assert "linux/arm64" in catalogue.problems[0].detail
    assert [str(descriptor.platform) for descriptor in catalogue.absent] == ["linux/arm64"]


def test_missing_blobs_of_an_image_are_errors_that_name_them() -> None:
    archive = Archive()
    layers = archive.layers(b"1", b"2")
    config = archive.config([b"1", b"2"])
    archive.layout(archive.manifest(layers, config))
    archive.drop(layers[1])
    archive.drop(config)
    (record,) = (catalogue := archive.read()).records
    assert record.missing == (config["digest"], layers[1]["digest"])
    assert [layer.blob_name is None for layer in record.layers] == [False, True]
    assert codes(catalogue) == [ProblemCode.BLOB_MISSING] * 2


def test_a_foreign_layer_says_where_it_is_to_be_had() -> None:
    archive = Archive()
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    foreign = archive.blob(b"x", kind, urls=["https://example.test/layer"])
    archive.layout(archive.manifest([foreign], archive.config([b"x"])))
    archive.drop(foreign)
    (record,) = archive.read().records
    assert "https://example.test/layer" in record.problems[0].detail


def test_documents_that_are_not_what_their_descriptor_says() -> None:
    archive = Archive()
    image = archive.image(b"1")
    archive.layout(image | {"size": 7})
    assert codes(archive.read()) == [ProblemCode.SIZE_MISMATCH]
    archive.files[blob_name(image)] = archive.files[blob_name(image)] + b" "
    archive.layout(image | {"size": len(archive.files[blob_name(image)])})
    catalogue = archive.read()
    assert codes(catalogue) == [ProblemCode.DIGEST_MISMATCH]
    assert catalogue.records[0].manifest_digest == Digest.parse(str(image["digest"]))


def test_counts_that_differ_attribute_nothing() -> None:
    archive = Archive()
    archive.layout(archive.manifest(archive.layers(b"1", b"2"), archive.config([b"1"])))
    (record,) = (catalogue := archive.read()).records
    assert codes(catalogue) == [ProblemCode.LAYER_COUNT_MISMATCH, ProblemCode.HISTORY_MISMATCH]
    assert {(layer.diff_id, layer.history) for layer in record.layers} == {(None, None)}


def test_rows_without_a_layer_are_passed_over() -> None:
    archive = Archive()
    rows = [{"created_by": "a", "empty_layer": True}, {"created_by": "b"}, {"empty_layer": True}]
    config = archive.document({"history": rows}, OCI + "config.v1+json")
    archive.layout(archive.manifest(archive.layers(b"1"), config))
    (layer,) = archive.read().records[0].layers
    assert layer.history is not None
    assert layer.history.created_by == "b"


def test_an_index_that_promises_another_platform_disagrees() -> None:
    archive = Archive()
    archive.layout(archive.image(b"1") | {"platform": platform("linux/arm64")})
    (record,) = (catalogue := archive.read()).records
    assert codes(catalogue) == [ProblemCode.DOCUMENTS_DISAGREE]
    assert str(record.platform) == "linux/arm64"


IN_TOTO = "application/vnd.in-toto+json"
COSIGN = "application/vnd.dev.cosign.simplesigning.v1+json"


@pytest.mark.parametrize(
    ("layer", "config", "members", "kind"),
    [
        (IN_TOTO, OCI + "config.v1+json", {"platform": platform("unknown/unknown")}, "attestation"),
        (
            IN_TOTO,
            OCI + "config.v1+json",
            {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            "attestation",
        ),
        ("application/vnd.dsse.envelope.v1+json", OCI + "config.v1+json", {}, "attestation"),
        (COSIGN, OCI + "config.v1+json", {}, "signature"),
        ("x", "application/vnd.cncf.notary.signature", {}, "signature"),
        (
            "x/y",
            OCI + "config.v1+json",
            {"annotations": named(f"sha256-{'a' * 64}.sig")},
            "signature",
        ),
        ("text/spdx", OCI + "config.v1+json", {"annotations": named("sha256-aa.sbom")}, "artifact"),
        ("x", "application/vnd.cncf.helm.config.v1+json", {}, "artifact"),
        (
            "x",
            "application/vnd.oci.empty.v1+json",
            {"artifactType": "application/spdx+json"},
            "artifact",
        ),
        (LAYER, "application/vnd.buildkit.cacheconfig.v0", {}, "artifact"),
        ("x", OCI + "config.v1+json", {"platform": platform("unknown/unknown")}, "artifact"),
        (LAYER, OCI + "config.v1+json", {}, "image"),
        (LAYER, "", {}, "image"),
        (LAYER + "+gzip+encrypted", OCI + "config.v1+json", {}, "unsupported"),
        # What an engine would run cannot be hidden by what is said about it.
        (LAYER, OCI + "config.v1+json", {"platform": platform("unknown/unknown")}, "image"),
        (LAYER, OCI + "config.v1+json", {"artifactType": "application/spdx+json"}, "image"),
        (
            LAYER,
            OCI + "config.v1+json",
            {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            "image",
        ),
    ],
)
def test_images_are_told_from_what_is_stored_like_them(
    layer: str, config: str, members: Json, kind: str
) -> None:
    archive = Archive()
    descriptor = archive.manifest(
        [archive.blob(b"x", layer)], archive.blob(b"{}", config), **members
    )
    archive.layout(descriptor)
    (record,) = archive.read().records
    assert record.kind == kind


def test_schema_1_and_damage_are_listed_with_their_reason() -> None:
    archive = Archive()
    good = archive.image(b"1")
    old = archive.document({"schemaVersion": 1, "fsLayers": []}, "application/json")
    broken = archive.blob(b'{"config": 1}', OCI + "manifest.v1+json")
    catalogue = archive.layout(old, broken, good).read()
    assert [record.kind for record in catalogue.records] == ["unsupported", "damaged", "image"]
    assert "schema 1" in catalogue.records[0].reason
    assert f"manifest {broken['digest']}: $.config: " in catalogue.records[1].reason
    assert codes(catalogue) == [ProblemCode.DOCUMENT_INVALID]


def test_a_damaged_config_leaves_the_layers() -> None:
    archive = Archive()
    config = archive.blob(b"[" * 1000, OCI + "config.v1+json")
    archive.layout(archive.manifest(archive.layers(b"1"), config))
    (record,) = (catalogue := archive.read()).records
    assert (record.config, len(record.layers), record.kind) == (None, 1, ImageKind.IMAGE)
    assert codes(catalogue) == [ProblemCode.DOCUMENT_INVALID]


def test_a_damaged_index_with_nothing_beside_it() -> None:
    archive = Archive()
    archive.files["index.json"] = b'{"manifests": [{"digest": 1}]}'
    with pytest.raises(DamagedDocumentError) as raised:
        archive.read()
    assert str(raised.value).startswith("index.json: $.manifests[0].digest: ")


def test_a_directory_of_skopeo() -> None:
    archive = Archive()
    image = archive.image(b"1", b"2")
    flat = Archive()
    flat.files = {name.rpartition("/")[2]: data for name, data in archive.files.items()}
    flat.files["manifest.json"] = archive.files[blob_name(image)]
    flat.files["version"] = b"Directory Transport Version: 1.1\n"
    (record,) = (catalogue := flat.read()).records
    assert record.layouts == (Layout.DOCKER_DIRECTORY,)
    assert record.manifest_digest == Digest.parse(str(image["digest"]))
    assert [layer.blob_name is not None for layer in record.layers] == [True, True]
    assert codes(catalogue) == []


def test_a_directory_of_skopeo_with_several_platforms() -> None:
    archive = Archive()
    images = [archive.image(b"1"), archive.image(b"2", platform="linux/arm64")]
    flat = Archive()
    flat.files = {name.rpartition("/")[2]: data for name, data in archive.files.items()}
    for image in images:
        value = str(image["digest"]).partition(":")[2]
        flat.files[f"{value}.manifest.json"] = flat.files.pop(value)
    flat.put("manifest.json", {"manifests": images})
    catalogue = flat.read()
    assert [str(record.platform) for record in catalogue.records] == ["linux/amd64", "linux/arm64"]


def test_a_whole_file_is_one_root_filesystem() -> None:
    with open_source(io.BytesIO(Archive().tar()), whole_file=True) as source:
        (record,) = read_catalogue(source).records
    assert record.layouts == (Layout.ROOT_FILESYSTEM,)
    assert [layer.blob_name for layer in record.layers] == ["rootfs.tar"]


def test_oddities_are_problems_with_their_place() -> None:
    archive = Archive()
    config = archive.blob(b'{"os": "linux", "os": 3, "config": {"Env": 1}}', OCI + "config.v1+json")
    archive.layout(archive.manifest([], config))
    (record,) = archive.read().records
    details = [problem.detail for problem in record.problems]
    assert [code.label for code in codes(archive.read())] == ["document-odd"] * 3
    assert "the key 'os' is repeated" in details[0]
    assert {detail.split(": ")[1] for detail in details[1:]} == {"$.os", "$.config.Env"}


@pytest.mark.parametrize("is_right", [True, False])
def test_documents_may_be_embedded_in_their_descriptors(is_right: bool) -> None:
    def embedded(descriptor: Json) -> Json:
        data = archive.files.pop(blob_name(descriptor))
        return {**descriptor, "data": base64.b64encode(data if is_right else b"{}").decode()}

    archive = Archive()
    config = embedded(archive.config([b"1"]))
    manifest = archive.manifest(archive.layers(b"1"), config)
    catalogue = archive.layout(embedded(manifest) if is_right else manifest).read()
    (record,) = catalogue.records
    assert (record.config is not None, record.is_complete) == (is_right, is_right)
    odd = ProblemCode.DOCUMENT_ODD
    assert set(codes(catalogue)) == {odd if is_right else ProblemCode.BLOB_MISSING}


def test_a_config_that_is_shared_is_one_image_per_manifest() -> None:
    archive = Archive()
    config = archive.config([b"1"])
    layers = archive.layers(b"1")
    one = archive.manifest(layers, config)
    other = archive.document(
        {"schemaVersion": 2, "config": config, "layers": layers}, OCI + "manifest.v1+json"
    )
    assert json.dumps(one) != json.dumps(other)
    catalogue = archive.layout(one, other).read()
    assert len({record.manifest_digest for record in catalogue.records}) == 2
    assert len({record.config_digest for record in catalogue.records}) == 1
