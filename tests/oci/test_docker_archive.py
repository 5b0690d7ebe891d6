"""`manifest.json`, `repositories` and `<id>/json`."""

import json

import pytest

from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError
from imgforensics.oci.docker_archive import (
    ArchiveManifest,
    LegacyLayer,
    parse_repositories,
)
from imgforensics.oci.json_document import parse_json

DIGEST = f"sha256:{'a' * 64}"


def read(document: object) -> ArchiveManifest:
    raw = json.dumps(document).encode()
    return ArchiveManifest.from_json(parse_json(raw, "manifest.json"), raw)


def test_entries_in_order_with_nulls_as_empty_lists() -> None:
    manifest = read(
        [
            {
                "Config": "c.json",
                "RepoTags": ["a:1", "b:2"],
                "Layers": ["2/layer.tar", "1/layer.tar"],
            },
            {"Config": "d.json", "RepoTags": None, "Layers": None, "Parent": "p"},
        ]
    )
    first, second = manifest.entries
    assert (first.repo_tags, first.layers) == (("a:1", "b:2"), ("2/layer.tar", "1/layer.tar"))
    assert (second.repo_tags, second.layers, dict(second.others)) == ((), (), {"Parent": "p"})


def test_null_is_an_empty_archive() -> None:
    assert read(None).entries == ()


def test_foreign_layers_are_found_by_their_diff_id() -> None:
    source = {"mediaType": "m", "size": 1, "digest": DIGEST, "urls": ["https://example.test/l"]}
    entry = read([{"Config": "c", "LayerSources": {DIGEST: source, "junk": source}}]).entries[0]
    assert entry.layer_sources[Digest.parse(DIGEST)].urls == ("https://example.test/l",)
    assert len(entry.layer_sources) == 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([{"RepoTags": []}], "manifest.json: $[0].Config: expected a string, found nothing"),
        ([{"Config": "c", "Layers": [1]}], "manifest.json: $[0].Layers[0]: expected a string"),
        (["x"], "manifest.json: $[0]: expected an object"),
        ("x", "manifest.json: $: expected a list"),
    ],
)
def test_damage_is_located(document: object, message: str) -> None:
    with pytest.raises(DamagedDocumentError) as raised:
        read(document)
    assert message in str(raised.value)


def test_repositories() -> None:
    raw = json.dumps({"busybox": {"1": "id1", "latest": "id2"}, "host:5000/x": {"t": "id1"}})
    assert parse_repositories(raw.encode()) == (
        ("busybox:1", "id1"),
        ("busybox:latest", "id2"),
        ("host:5000/x:t", "id1"),
    )


def test_a_legacy_layer_is_its_own_history_row() -> None:
    raw = json.dumps(
        {
            "id": "i",
            "parent": "p",
            "created": "c",
            "author": "a",
            "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) CMD x"]},
        }
    ).encode()
    layer = LegacyLayer.parse(raw, "i/json")
    assert (layer.identifier, layer.parent) == ("i", "p")
    assert layer.history.created_by == "/bin/sh -c #(nop) CMD x"
    assert (layer.history.created, layer.history.author) == ("c", "a")


def test_a_legacy_layer_needs_an_id() -> None:
    with pytest.raises(DamagedDocumentError, match=r"i/json: \$\.id: "):
        LegacyLayer.parse(b"{}", "i/json")
