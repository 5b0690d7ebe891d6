"""Documents with anything anywhere: an answer or an error of ours, never a traceback."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from imgforensics.catalogue import choose
from imgforensics.errors import ImageForensicsError
from tests.catalogue.building import Archive, Json, blob_name, named, platform

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(
        [1 << 70, 0.5, "", "..", "/etc/passwd", "a/../..", "n\0ul", "\x1b[2J", "x" * 300]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("digest"), inner),
    max_leaves=4,
)


def documents() -> tuple[Archive, list[str]]:
    """A layout with a Docker list beside it, and the names of its documents."""
    archive = Archive()
    config = archive.config([b"1"])
    layers = archive.layers(b"1")
    manifest = archive.manifest(layers, config, platform=platform("linux/amd64"))
    index = archive.index(manifest, annotations=named("docker.io/a/b:1"))
    archive.layout(index)
    entry: Json = {
        "Config": blob_name(config),
        "RepoTags": ["a/b:1"],
        "Layers": [blob_name(layer) for layer in layers],
        "LayerSources": {str(layers[0]["digest"]): layers[0]},
    }
    archive.put("manifest.json", [entry])
    names = [blob_name(config), blob_name(manifest), blob_name(index)]
    return archive, [*names, "index.json", "manifest.json"]


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, member in value.items():
            found += places(member, (*path, key))
    if isinstance(value, list):
        for position, element in enumerate(value):
            found += places(element, (*path, position))
    return found


def replaced(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    if isinstance(value, dict):
        return {k: replaced(v, path[1:], new) if k == path[0] else v for k, v in value.items()}
    assert isinstance(value, list)
    return [replaced(v, path[1:], new) if k == path[0] else v for k, v in enumerate(value)]


@given(st.data())
def test_any_value_at_any_place(data: st.DataObject) -> None:
    archive, names = documents()
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        document = json.loads(archive.files[name])
        path = data.draw(st.sampled_from(places(document)))
        archive.put(name, replaced(document, path, data.draw(VALUES)))
    with contextlib.suppress(ImageForensicsError):
        catalogue = archive.read()
        assert [record.number for record in catalogue.records] == list(
            range(len(catalogue.records))
        )
        choose(catalogue)


@given(st.data())
def test_any_bytes_at_any_place_of_the_archive(data: st.DataObject) -> None:
    archive, names = documents()
    name = data.draw(st.sampled_from(names))
    stored = archive.files[name]
    start = data.draw(st.integers(0, len(stored)))
    end = data.draw(st.integers(start, len(stored)))
    archive.files[name] = stored[:start] + data.draw(st.binary(max_size=4)) + stored[end:]
    with contextlib.suppress(ImageForensicsError):
        choose(archive.read())
