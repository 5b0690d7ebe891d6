"""Attacks by documents: indexes, manifests, configs, Docker's lists."""

import hashlib
from pathlib import Path

from tests.attacks.writing import (
    ABSENT,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Json,
    Layout,
    archive,
    header,
    member,
    tar,
    to_json,
)


def long_document(directory: Path, size: int) -> Path:
    """An index of so many bytes, nearly all of them spaces."""
    return Layout(directory).raw_index(b'{"manifests":[' + b" " * size + b"]}")


def deep_document(directory: Path, levels: int) -> Path:
    """An index of lists in lists."""
    return Layout(directory).raw_index(b'{"manifests":' + b"[" * levels + b"]" * levels + b"}")


def many_numbers(directory: Path, count: int) -> Path:
    """A config with a list of small numbers."""
    layout = Layout(directory)
    return layout.raw_index(b'{"manifests":[],"others":[' + b"1," * count + b"1]}")


def many_values(directory: Path, count: int) -> Path:
    """Manifests of 300,000 empty lists each: no one of them is too much."""
    layout = Layout(directory)
    config = layout.document({"rootfs": {"diff_ids": []}}, OCI_CONFIG)
    lists: list[list[object]] = [[] for _ in range(150_000)]
    return layout.index(
        *(
            layout.document({"config": config, "layers": [], "n": n, "x": lists}, OCI_MANIFEST)
            for n in range(count)
        )
    )


def long_number(directory: Path, digits: int) -> Path:
    """An index with one number that takes the square of its digits to convert."""
    return Layout(directory).raw_index(b'{"manifests":[],"n":' + b"9" * digits + b"}")


def odd_document(directory: Path, count: int) -> Path:
    """A config of repeated keys, half surrogates and exponents out of range."""
    layout = Layout(directory)
    pairs = b'"k":1e999,"\\ud800":-1E+400,' * count
    raw = b'{"rootfs":{"diff_ids":[]},' + pairs + b'"os":"linux","architecture":"amd64"}'
    config = layout.blob([raw], OCI_CONFIG)
    return layout.index(layout.document({"config": config, "layers": []}, OCI_MANIFEST))


def no_numbers(directory: Path, count: int) -> Path:
    """An index with what Python takes for numbers, and JSON does not."""
    return Layout(directory).raw_index(b'{"manifests":[' + b"NaN,Infinity," * count + b"0]}")


def own_parent(directory: Path, count: int) -> Path:
    """An index under a false name, which it lists: it contains itself, several times."""
    layout = Layout(directory)
    name = "b" * 64
    itself = {"mediaType": OCI_INDEX, "digest": f"sha256:{name}", "size": 1}
    layout.document({"manifests": [itself] * count}, OCI_INDEX, name=name)
    return layout.index(itself)


def doubling_indexes(directory: Path, levels: int) -> Path:
    """Each index lists the next one twice under other names: ways double at every level."""
    layout = Layout(directory)
    below = layout.manifest()
    for level in range(levels):
        twice = [_named(below, f"{level}a"), _named(below, f"{level}b")]
        below = layout.document({"manifests": twice}, OCI_INDEX)
    return layout.index(below)


def _named(descriptor: Json, name: str) -> Json:
    return {**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}}


def nested_indexes(directory: Path, levels: int) -> Path:
    """A chain of indexes, each with a thousand manifests beside the next index."""
    layout = Layout(directory)
    beside = [{**ABSENT, "mediaType": OCI_MANIFEST}] * 1_000
    below = layout.manifest()
    for _ in range(levels):
        below = layout.document({"manifests": [below, *beside]}, OCI_INDEX)
    return layout.index(below)


def many_manifests(directory: Path, count: int) -> Path:
    """An archive with an index of so many manifests, each of them there."""
    config = to_json({"rootfs": {"diff_ids": []}})
    descriptor = {"mediaType": OCI_CONFIG, "digest": _digest(config), "size": len(config)}
    manifests = [
        to_json({"config": descriptor, "layers": [], "annotations": {"n": str(number)}})
        for number in range(count)
    ]
    listed = [
        {"mediaType": OCI_MANIFEST, "digest": _digest(manifest), "size": len(manifest)}
        for manifest in manifests
    ]
    documents = {"index.json": to_json({"manifests": listed}), "oci-layout": b"{}"}
    blobs = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in [config, *manifests]}
    members = (member(name.encode(), data) for name, data in (blobs | documents).items())
    return archive(directory / "image.tar", tar(members))


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def absent_layers(directory: Path, count: int) -> Path:
    """Images of 2,000 layers each, none of which is there."""
    layout = Layout(directory)
    layers = (ABSENT, "sha256:" + "0" * 64)
    return layout.index(*(layout.manifest(*[layers] * 2_000, n=n) for n in range(count)))


def many_layers(directory: Path, count: int) -> Path:
    """One image of so many layers."""
    layout = Layout(directory)
    return layout.image(*[layout.layer([header(b"f")])] * count)


def long_history(directory: Path, rows: int) -> Path:
    """A config with so many rows of history, and one layer."""
    layout = Layout(directory)
    history = [{"created_by": "RUN true", "empty_layer": True}] * rows
    return layout.image(layout.layer([header(b"f")]), history=history)


def long_instruction(directory: Path, size: int) -> Path:
    """A config with one instruction of so many bytes, and labels and variables as long."""
    layout = Layout(directory)
    text = "\u202e\x1b" + "x" * size
    settings = {"Labels": {text: text}, "Env": [text], "Cmd": [text]}
    return layout.image(
        layout.layer([header(b"f")]), history=[{"created_by": text}], config=settings
    )


def docker_entries(directory: Path, count: int) -> Path:
    """A `manifest.json` of so many images, all of one config, each with a tag of its own."""
    entries = [{"Config": "c", "RepoTags": [f"a:{n}"], "Layers": None} for n in range(count)]
    return _docker_archive(directory, entries)


def docker_tags(directory: Path, count: int) -> Path:
    """A `manifest.json` with many tags in its first entry, and ten thousand entries more."""
    first = {"Config": "c", "RepoTags": [f"a:{n}" for n in range(count)], "Layers": None}
    others = [{"Config": "c", "RepoTags": None, "Layers": None} for _ in range(count // 100)]
    return _docker_archive(directory, [first, *others])


def docker_layers(directory: Path, count: int) -> Path:
    """Entries of 2,000 layers each with names of one letter, none of which is there."""
    entries = [{"Config": f"c{n}", "Layers": ["l"] * 2_000} for n in range(count)]
    return _docker_archive(directory, entries)


def _docker_archive(directory: Path, entries: list[Json]) -> Path:
    config = to_json({"rootfs": {"diff_ids": []}})
    members = [member(b"c", config), member(b"manifest.json", to_json(entries))]
    return archive(directory / "image.tar", tar(members))


def conflicting_names(directory: Path, count: int) -> Path:
    """An index and a `manifest.json` that give the same names to different images."""
    layout = Layout(directory)
    listed = [_named(layout.manifest(n=number), f"a:{number}") for number in range(count)]
    entries = [
        {"Config": f"c{n}", "RepoTags": [f"a:{number}" for number in range(count)], "Layers": None}
        for n in range(count)
    ]
    for number in range(count):
        (directory / f"c{number}").write_bytes(to_json({"n": -1 - number}))
    (directory / "manifest.json").write_bytes(to_json(entries[:count]))
    return layout.index(*listed)


def shared_config(directory: Path, count: int) -> Path:
    """An index and a `manifest.json` that list one config in as many ways."""
    layout = Layout(directory)
    config = layout.document({"rootfs": {"diff_ids": []}}, OCI_CONFIG)
    listed = [
        layout.document(
            {"config": config, "layers": [], "annotations": {"n": str(n)}}, OCI_MANIFEST
        )
        for n in range(count)
    ]
    name = f"blobs/sha256/{config['digest'][7:]}"
    entries = [{"Config": name, "RepoTags": [f"a:{n}"], "Layers": [f"l{n}"]} for n in range(count)]
    (directory / "manifest.json").write_bytes(to_json(entries))
    return layout.index(*listed)


def legacy_tags(directory: Path, count: int) -> Path:
    """A `repositories` file with so many tags of one layer."""
    top = "a" * 64
    tags = {str(number): top for number in range(count)}
    members = [
        member(f"{top}/json".encode(), to_json({"id": top})),
        member(b"repositories", to_json({"a": tags})),
    ]
    return archive(directory / "image.tar", tar(members))


def legacy_chain(directory: Path, count: int) -> Path:
    """Layers of Docker before 1.10, each the parent of the next."""
    members = (
        member(
            b"%064x/json" % number,
            to_json({"id": f"{number:064x}", "parent": f"{number - 1:064x}" if number else None}),
        )
        for number in range(count)
    )
    return archive(directory / "image.tar", tar(members))
