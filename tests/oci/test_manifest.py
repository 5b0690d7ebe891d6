"""Manifests and indexes, told apart and read leniently."""

import json

import pytest

from imgforensics.errors import DamagedDocumentError, UnsupportedImageError
from imgforensics.oci.index import DOCKER_MANIFEST_LIST, OCI_INDEX, Index
from imgforensics.oci.manifest import OCI_MANIFEST, Manifest, parse_manifest

BLOB = {"mediaType": "m", "digest": f"sha256:{'a' * 64}", "size": 3}


def read(document: object, media_type: str = "") -> Index | Manifest:
    return parse_manifest(json.dumps(document).encode(), "manifest x", media_type=media_type)


def test_a_manifest_keeps_its_bytes_and_the_order_of_its_layers() -> None:
    raw = json.dumps({"config": BLOB, "layers": [BLOB | {"size": n} for n in (5, 4, 6)]}).encode()
    manifest = parse_manifest(raw, "manifest x")
    assert isinstance(manifest, Manifest)
    assert manifest.raw == raw
    assert [layer.size for layer in manifest.layers] == [5, 4, 6]


@pytest.mark.parametrize("layers", [{"layers": None}, {"layers": []}, {}])
def test_an_image_may_have_no_layers(layers: dict[str, object]) -> None:
    manifest = read({"config": BLOB, "mediaType": OCI_MANIFEST} | layers)
    assert isinstance(manifest, Manifest)
    assert manifest.layers == ()


@pytest.mark.parametrize(
    "document",
    [
        {"manifests": None},
        {"manifests": [], "mediaType": DOCKER_MANIFEST_LIST},
        {"mediaType": OCI_INDEX},
    ],
)
def test_an_index_may_be_empty(document: dict[str, object]) -> None:
    index = read(document)
    assert isinstance(index, Index)
    assert index.manifests == ()


def test_the_descriptor_tells_the_type_where_the_document_does_not() -> None:
    assert isinstance(read({}, OCI_INDEX), Index)


def test_a_document_with_the_members_of_both_is_what_it_states_and_odd() -> None:
    both = {"config": BLOB, "layers": [BLOB], "manifests": [BLOB]}
    for document, kind in (
        (read(both | {"mediaType": OCI_MANIFEST}), Manifest),
        (read(both | {"mediaType": OCI_INDEX}), Index),
    ):
        assert isinstance(document, kind)
        assert "readers may disagree" in document.oddities[0]


@pytest.mark.parametrize("document", [{"schemaVersion": 1}, {"fsLayers": [], "name": "x"}])
def test_schema_1_is_named(document: dict[str, object]) -> None:
    with pytest.raises(
        UnsupportedImageError, match="manifest x is a Docker image manifest of schema 1"
    ):
        read(document)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$: expected an object, found a list"),
        ({"layers": []}, "$.config: expected an object, found nothing"),
        ({"config": BLOB, "layers": {}}, "$.layers: expected a list"),
        ({"config": BLOB, "layers": [BLOB, 1]}, "$.layers[1]: expected an object"),
        ({"manifests": [BLOB, BLOB | {"digest": "md5:x"}]}, "$.manifests[1].digest: "),
    ],
)
def test_damage_is_located(document: object, path: str) -> None:
    with pytest.raises(DamagedDocumentError) as raised:
        read(document)
    assert f"manifest x: {path}" in str(raised.value)


def test_the_withdrawn_artifact_manifest_has_blobs_and_no_config() -> None:
    kind = "application/vnd.oci.artifact.manifest.v1+json"
    manifest = read({"mediaType": kind, "artifactType": "t", "blobs": [BLOB]})
    assert isinstance(manifest, Manifest)
    assert (manifest.config, len(manifest.layers), manifest.artifact_type) == (None, 1, "t")


def test_encrypted_layers_are_told_by_their_type() -> None:
    kind = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"
    manifest = read({"config": BLOB, "layers": [BLOB, BLOB | {"mediaType": kind}]})
    assert isinstance(manifest, Manifest)
    assert [layer.media_type for layer in manifest.encrypted_layers] == [kind]
