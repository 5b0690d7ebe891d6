"""JSON documents of a source: lists, indexes, manifests, configs, and the catalogue of them.

The input is up to eight documents with `SEPARATOR` between them, in the order of `_NAMES`; an
empty one is not in the source. Blobs have names that are easy to write and no digests of
anything, so that any document may lead to any other.
"""

from collections.abc import Iterator

from imgforensics import Image, ImageForensicsError, Limits
from imgforensics.catalogue import Catalogue, ImageKind, choose, read_catalogue
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.json_document import parse_json
from imgforensics.oci.manifest import parse_manifest
from imgforensics.testing import file, tar, to_json, whiteout
from tests.fuzz.image_facts import (
    check_documents,
    check_layers,
    check_problems,
    check_record,
    check_trees,
    printable,
)
from tests.fuzz.memory_source import MemorySource

SEPARATOR = b"\0"
LIMITS = Limits(document_bytes=1 << 20, documents=200, layers=50, json_depth=50)
_BLOBS = tuple(f"{digit * 64}" for digit in "12345")
_LEGACY = ("a" * 64, "b" * 64)
_NAMES = (
    "index.json",
    "manifest.json",
    *(f"blobs/sha256/{blob}" for blob in _BLOBS[:3]),
    "repositories",
    *(f"{identifier}/json" for identifier in _LEGACY),
)
_LAYERS = {
    f"blobs/sha256/{_BLOBS[3]}": tar([file("a", b"1"), file("b", b"2")]),
    f"blobs/sha256/{_BLOBS[4]}": tar([whiteout("a"), file("c", b"3")]),
    f"{_LEGACY[0]}/layer.tar": tar([file("a", b"1")]),
}


def check(data: bytes) -> None:
    """Read each document by itself, then all of them as one source."""
    documents = data.split(SEPARATOR, len(_NAMES) - 1)
    for document in documents:
        check_document(document)
    blobs = {name: raw for name, raw in zip(_NAMES, documents, strict=False) if raw}
    source = MemorySource(blobs | _LAYERS)
    try:
        catalogue = read_catalogue(source, LIMITS)
    except ImageForensicsError as error:
        printable(str(error))
        return
    assert read_catalogue(source, LIMITS) == catalogue
    check_problems(catalogue.problems)
    check_choices(catalogue)
    for record in catalogue.images:
        check_image(Image(record, source, LIMITS))


def check_document(raw: bytes) -> None:
    """It parses as each kind of document, or is refused."""
    for parse in (_parse_json, ImageConfig.parse, parse_manifest):
        try:
            parsed = parse(raw, "document", LIMITS)
        except ImageForensicsError as error:
            printable(str(error))
            continue
        assert parsed == parse(raw, "document", LIMITS)
        printable(repr(parsed))


def _parse_json(raw: bytes, document: str, limits: Limits) -> object:
    return parse_json(raw, document, limits).value


def check_choices(catalogue: Catalogue) -> None:
    """Records are numbered, and each answers to its number, its names and its digests."""
    assert [record.number for record in catalogue.records] == list(range(len(catalogue.records)))
    for record in catalogue.records:
        check_record(record)
        digests = (record.manifest_digest, record.config_digest)
        for wanted in (*record.names, *(str(digest) for digest in digests if digest)):
            try:
                choose(catalogue, wanted)
            except ImageForensicsError as error:
                printable(str(error))
        if record.kind is ImageKind.IMAGE:
            try:
                chosen = choose(catalogue, record.number)
            except ImageForensicsError as error:
                printable(str(error))
            else:
                assert chosen is record or str(record.number) in chosen.names


def check_image(image: Image) -> None:
    """Its documents can be shown, its layers read."""
    for answer in (check_documents, check_layers, check_trees):
        try:
            answer(image)
        except ImageForensicsError as error:
            printable(str(error))
    check_problems(image.problems)


def seeds() -> Iterator[bytes]:
    """A layout, a Docker archive, both in one, a `dir:`, and what Docker wrote before 1.10."""
    layout = {"index.json": _index(), _NAMES[2]: _manifest(), _NAMES[3]: _config()}
    listed = {"manifest.json": _archive_list(), _NAMES[3]: _config()}
    legacy = {
        "repositories": to_json({"old/name": {"latest": _LEGACY[0], "1": _LEGACY[1]}}),
        _NAMES[6]: to_json({"id": _LEGACY[0], "parent": _LEGACY[1], "created": "then"}),
        _NAMES[7]: to_json({"id": _LEGACY[1], "container_config": {"Cmd": ["/bin/sh", "-c", "x"]}}),
    }
    nested = {"index.json": _index(_BLOBS[2]), _NAMES[4]: _index(), _NAMES[2]: _manifest()}
    sources = [layout, listed, layout | listed, {"manifest.json": _manifest()} | layout, legacy]
    for source in [*sources, nested | {_NAMES[3]: _config()}, layout | listed | legacy]:
        yield SEPARATOR.join(source.get(name, b"") for name in _NAMES)
    yield b'{"a":"\\ud800","a":[1e999,-0,true,null,"\xc3\xa4"]}'


def _described(media_type: str, blob: str, **others: object) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{blob}", "size": 5, **others}


def _index(blob: str = _BLOBS[0]) -> bytes:
    oci = "application/vnd.oci.image."
    name = {"org.opencontainers.image.ref.name": "1.0", "io.containerd.image.name": "a/b:1.0"}
    platform = {"os": "linux", "architecture": "arm", "variant": "v7", "os.features": ["x"]}
    manifests = [
        _described(f"{oci}manifest.v1+json", blob, platform=platform, annotations=name),
        _described(f"{oci}index.v1+json", _BLOBS[1], artifactType="text/x", urls=["http://x"]),
    ]
    return to_json({"schemaVersion": 2, "mediaType": f"{oci}index.v1+json", "manifests": manifests})


def _manifest() -> bytes:
    oci = "application/vnd.oci.image."
    layers = [
        _described(f"{oci}layer.v1.tar", _BLOBS[3]),
        _described("application/vnd.docker.image.rootfs.diff.tar.gzip", _BLOBS[4]),
    ]
    document = {"schemaVersion": 2, "mediaType": f"{oci}manifest.v1+json", "layers": layers}
    subject = _described(f"{oci}manifest.v1+json", _BLOBS[2])
    config = _described(f"{oci}config.v1+json", _BLOBS[1])
    return to_json({**document, "config": config, "subject": subject, "annotations": {"a": "b"}})


def _config() -> bytes:
    container: dict[str, object] = {
        "Env": ["A=1"],
        "Cmd": ["sh"],
        "Entrypoint": None,
        "Labels": {"a": "b"},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5, "Retries": 1},
        "Shell": ["/bin/sh", "-c"],
        "OnBuild": ["RUN x"],
        "User": "1000:1000",
        "WorkingDir": "/",
        "StopSignal": "SIGTERM",
        "ArgsEscaped": True,
    }
    history = [
        {"created": "2024-01-01T00:00:00Z", "created_by": "ADD rootfs.tar /"},
        {"created_by": "ENV A=1", "empty_layer": True, "comment": "buildkit", "author": "me"},
        {"created_by": "RUN rm a"},
    ]
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{blob}" for blob in _BLOBS[3:]]}
    document = {"os": "linux", "architecture": "arm64", "variant": "v8", "os.version": "10.0"}
    return to_json({**document, "config": container, "rootfs": rootfs, "history": history})


def _archive_list() -> bytes:
    layers = [f"blobs/sha256/{blob}" for blob in _BLOBS[3:]]
    sources = {f"sha256:{_BLOBS[3]}": _described("x", _BLOBS[3], urls=["https://x/y"])}
    entry = {"Config": _NAMES[3], "RepoTags": ["a/b:1.0", "c"], "Layers": layers}
    legacy = {"Config": _NAMES[3], "RepoTags": None, "Layers": [f"{_LEGACY[0]}/layer.tar"]}
    return to_json([{**entry, "LayerSources": sources}, legacy])
