"""What `docker save` wrote, in its four forms."""

import json
from pathlib import Path

import pytest

from imgforensics.catalogue import ImageKind, Layout, choose, read_catalogue
from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError, DamagedImageError, LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode
from imgforensics.sources.detect import open_source
from tests.catalogue.building import (
    Archive,
    Json,
    blob_name,
    codes,
    containerd_named,
)
from tests.sources.building import Member, tar_of


def classic(*contents: bytes, tags: list[str] | None = None) -> tuple[Archive, Json]:
    """One image as Docker 1.10 to 24 saves it, and its entry of manifest.json."""
    archive = Archive()
    diff_ids = [str(Digest.of(tar_of(Member("f", content)))) for content in contents]
    config = json.dumps({"os": "linux", "architecture": "386", "rootfs": {"diff_ids": diff_ids}})
    name = f"{Digest.of(config.encode()).hex}.json"
    archive.files[name] = config.encode()
    layers = [f"{index:064x}/layer.tar" for index in range(len(contents))]
    for layer, content in zip(layers, contents, strict=True):
        archive.files[layer] = tar_of(Member("f", content))
    entry: Json = {"Config": name, "RepoTags": tags, "Layers": layers}
    archive.put("manifest.json", [entry])
    return archive, entry


def modern(*contents: bytes, tag: str = "a:1") -> tuple[Archive, Json]:
    """One image as Docker 25 and later save it, and its entry of manifest.json."""
    archive = Archive()
    layers, config = archive.layers(*contents), archive.config(contents)
    manifest = archive.manifest(
        layers, config, annotations=containerd_named(f"docker.io/library/{tag}")
    )
    archive.layout(manifest)
    entry: Json = {
        "Config": blob_name(config),
        "RepoTags": [tag],
        "Layers": [blob_name(layer) for layer in layers],
    }
    archive.put("manifest.json", [entry])
    return archive, entry


def test_a_classic_archive() -> None:
    archive, entry = classic(b"1", b"2", tags=["a:1", "b:2"])
    (record,) = (catalogue := archive.read()).records
    assert (record.names, record.layouts) == (("a:1", "b:2"), (Layout.DOCKER_ARCHIVE,))
    assert (record.manifest, record.manifest_digest) == (None, None)
    assert f"{record.config_digest}" == f"sha256:{str(entry['Config'])[:64]}"
    assert [layer.blob_name for layer in record.layers] == entry["Layers"]
    assert [layer.diff_id for layer in record.layers] == [
        Digest.of(tar_of(Member("f", content))) for content in (b"1", b"2")
    ]
    assert codes(catalogue) == []


def test_an_archive_without_tags() -> None:
    archive, _ = classic(b"1", tags=None)
    assert archive.read().records[0].names == ()


def test_no_layers_at_all() -> None:
    archive, entry = classic()
    archive.put("manifest.json", [entry | {"Layers": None}])
    assert archive.read().records[0].layers == ()


def test_both_documents_make_one_record() -> None:
    archive, _ = modern(b"1", b"2")
    (record,) = (catalogue := archive.read()).records
    assert record.layouts == (Layout.OCI_LAYOUT, Layout.DOCKER_ARCHIVE)
    assert record.names == ("docker.io/library/a:1",)
    assert record.manifest is not None
    assert codes(catalogue) == []


def test_an_empty_index_beside_a_full_list() -> None:
    archive, _ = modern(b"1")
    archive.put("index.json", {"schemaVersion": 2, "manifests": None})
    (record,) = (catalogue := archive.read()).records
    assert record.layouts == (Layout.DOCKER_ARCHIVE,)
    assert record.is_complete
    assert codes(catalogue) == []


def test_layers_that_differ_between_the_documents() -> None:
    archive, entry = modern(b"1", b"2")
    evil = archive.layers(b"evil")[0]
    archive.put("manifest.json", [entry | {"Layers": [blob_name(evil), blob_name(evil)]}])
    (record,) = (catalogue := archive.read()).records
    assert codes(catalogue) == [ProblemCode.DOCUMENTS_DISAGREE]
    detail = record.problems[0].detail
    assert blob_name(evil) in detail
    assert str(record.layers[0].blob_name) in detail
    assert record.layers[0].blob_name != blob_name(evil)


def test_one_name_for_two_images() -> None:
    archive, entry = modern(b"1")
    other = archive.config([b"other"])
    layer = archive.layers(b"other")[0]
    archive.put(
        "manifest.json", [entry | {"Config": blob_name(other), "Layers": [blob_name(layer)]}]
    )
    catalogue = archive.read()
    assert len(catalogue.records) == 2
    assert codes(catalogue) == [ProblemCode.DOCUMENTS_DISAGREE]
    detail = catalogue.problems[0].detail
    assert all(str(record.config_digest) in detail for record in catalogue.records)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b"["),
        ("manifest.json", b"{}"),
        ("manifest.json", b'[{"RepoTags": ["a:1"], "Layers": []}]'),
        ("index.json", b"{"),
        ("index.json", b'{"manifests": 1}'),
    ],
)
def test_a_damaged_list_beside_a_sound_one(name: str, content: bytes) -> None:
    archive, _ = modern(b"1")
    archive.files[name] = content
    (record,) = (catalogue := archive.read()).records
    assert (record.kind, record.is_complete) == (ImageKind.IMAGE, True)
    assert codes(catalogue) == [ProblemCode.DOCUMENT_SET_ASIDE]
    assert name in catalogue.problems[0].detail


def test_a_damaged_list_beside_one_that_leads_to_half_an_image() -> None:
    archive, entry = modern(b"1")
    archive.files["index.json"] = b"{"
    layers = entry["Layers"]
    assert isinstance(layers, list)
    del archive.files[layers[0]]
    catalogue = archive.read()
    assert codes(catalogue) == [ProblemCode.DOCUMENT_INVALID, ProblemCode.BLOB_MISSING]


def test_two_damaged_lists() -> None:
    archive, _ = modern(b"1")
    archive.files |= {"manifest.json": b"[", "index.json": b"{"}
    with pytest.raises(DamagedDocumentError, match=r"index\.json"):
        archive.read()


def test_missing_config_and_layers() -> None:
    archive, entry = classic(b"1", b"2")
    del archive.files[str(entry["Config"])]
    del archive.files[f"{1:064x}/layer.tar"]
    (record,) = (catalogue := archive.read()).records
    assert record.missing == (entry["Config"], f"{1:064x}/layer.tar")
    assert (record.config_digest, record.layers[1].blob_name) == (None, None)
    assert codes(catalogue) == [ProblemCode.BLOB_MISSING] * 2


def test_a_config_that_is_not_what_its_name_says() -> None:
    archive, entry = classic(b"1")
    archive.files[str(entry["Config"])] += b" "
    assert codes(archive.read()) == [ProblemCode.DIGEST_MISMATCH]


def test_two_entries_for_one_image_are_one_record() -> None:
    archive, entry = classic(b"1", tags=["a:1"])
    archive.put("manifest.json", [entry, entry | {"RepoTags": ["b:1"]}])
    (record,) = archive.read().records
    assert (record.names, record.positions) == (("a:1", "b:1"), (0, 1))


def test_layers_that_the_limit_does_not_allow() -> None:
    archive, _ = classic(b"1", b"2", b"3")
    with pytest.raises(LimitExceededError, match="layers=2"):
        archive.read(Limits(layers=2))


def legacy(*parents: str | None) -> Archive:
    """Layers `0`, `1`, ... of Docker before 1.10, each on the parent given."""
    archive = Archive()
    for number, parent in enumerate(parents):
        identifier = f"{number:064x}"
        document: Json = {
            "id": identifier,
            "os": "linux",
            "architecture": "amd64",
            "container_config": {"Cmd": ["step", str(number)]},
        }
        if parent is not None:
            document["parent"] = f"{int(parent):064x}"
        archive.put(f"{identifier}/json", document)
        archive.files[f"{identifier}/VERSION"] = b"1.0"
        archive.files[f"{identifier}/layer.tar"] = tar_of(Member("f", identifier.encode()))
    return archive


def test_a_chain_of_parents_lowest_first() -> None:
    archive = legacy("1", "2", None)
    archive.put("repositories", {"a": {"1": f"{0:064x}", "2": f"{1:064x}"}})
    first, second = (catalogue := archive.read()).records
    assert (first.names, second.names) == (("a:1",), ("a:2",))
    assert [layer.blob_name for layer in first.layers] == [
        f"{number:064x}/layer.tar" for number in (2, 1, 0)
    ]
    assert [layer.history.created_by for layer in first.layers if layer.history] == [
        "step 2",
        "step 1",
        "step 0",
    ]
    assert (first.config_digest, first.manifest_digest) == (None, None)
    assert (str(first.platform), first.layouts) == ("linux/amd64", (Layout.LEGACY,))
    assert codes(catalogue) == []


def test_without_repositories_the_tops_are_what_nobody_stands_on() -> None:
    catalogue = legacy("1", None, "1").read()
    assert [len(record.layers) for record in catalogue.records] == [2, 2]


def test_configs_of_later_archives_show_that_their_list_is_gone() -> None:
    archive = legacy(None)
    archive.put(f"{7:064x}.json", {"rootfs": {"type": "layers", "diff_ids": []}})
    assert codes(archive.read()) == [ProblemCode.BLOB_MISSING]


def test_damaged_repositories_cost_only_the_names() -> None:
    archive = legacy("1", None)
    archive.files["repositories"] = b"{"
    (record,) = (catalogue := archive.read()).records
    assert (record.names, len(record.layers)) == ((), 2)
    assert codes(catalogue) == [ProblemCode.DOCUMENT_INVALID]


def test_a_chain_that_breaks_or_turns_back_on_itself() -> None:
    broken = legacy("7").read()
    assert broken.records[0].missing == (f"{7:064x}/layer.tar",)
    circle = legacy("1", "0")
    circle.put("repositories", {"a": {"1": f"{0:064x}"}})
    (record,) = circle.read().records
    assert len(record.layers) == 2
    assert record.problems[0].code is ProblemCode.DOCUMENT_INVALID


def test_names_of_either_document_choose_the_image() -> None:
    archive, _ = modern(b"1")
    catalogue = archive.read()
    for name in ("a:1", "docker.io/library/a:1", "library/a:1"):
        assert choose(catalogue, name).number == 0


def test_an_archive_cut_short_before_its_documents_is_damaged_not_something_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "cut.tar"
    path.write_bytes(tar_of(Member("blobs/sha256/" + "0" * 64, bytes(5_000)))[:2_000])
    with (
        open_source(path) as source,
        pytest.raises(DamagedImageError, match="is damaged, and what is left of it names no image"),
    ):
        read_catalogue(source)
