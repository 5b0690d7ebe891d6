"""The forms that images are saved in: documents that say little, and blobs in odd places."""

import io
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgforensics import Digest, Image, ProblemCode, Severity, list_images, open_image, verify
from imgforensics.errors import (
    AmbiguousImageError,
    ImageChoiceError,
    MissingBlobError,
    NotAnImageError,
)
from imgforensics.testing import (
    ImageBuilder,
    IndexSpec,
    LayerSpec,
    Layout,
    archive,
    attestation,
    docker_layout,
    docker_legacy_layout,
    file,
    oci_layout,
    tar,
    to_json,
    write_layout,
)
from tests.filesystem.building import codes_of, shown


def opened(layout: Layout, image: str | int | None = None, platform: str | None = None) -> Image:
    return open_image(io.BytesIO(archive(layout)), image=image, platform=platform)


HELLO = tar([file("hello", b"1")])
CONFIG = to_json(
    {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(HELLO))]},
        "history": [{"created_by": "COPY hello / # buildkit"}],
    }
)


def hand_made(**documents: str) -> Layout:
    """What Docker 25 saves, with these documents (`index`, `manifest`, `oci_manifest`)."""
    layout: Layout = {
        f"blobs/sha256/{Digest.of(blob).hex}": blob
        for blob in (HELLO, CONFIG, documents.get("oci_manifest", "").encode())
        if blob
    }
    layout["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    layout["index.json"] = documents["index"].encode()
    if "manifest" in documents:
        layout["manifest.json"] = documents["manifest"].encode()
    return layout


def descriptor(media_type: str, data: bytes) -> str:
    kind = "application/vnd.oci.image." + media_type
    document = {"mediaType": kind, "digest": str(Digest.of(data)), "size": len(data)}
    return json.dumps(document)


OF_CONFIG = descriptor("config.v1+json", CONFIG)
NO_LAYERS = f'{{"schemaVersion":2,"config":{OF_CONFIG},"layers":null}}'
TO_NO_LAYERS = (
    '{"schemaVersion":2,"manifests":[' + descriptor("manifest.v1+json", NO_LAYERS.encode()) + "]}"
)
LIST = (
    f'[{{"Config":"blobs/sha256/{Digest.of(CONFIG).hex}","RepoTags":null,'
    f'"Layers":["blobs/sha256/{Digest.of(HELLO).hex}"]}}]'
)


def test_an_index_whose_manifests_are_null() -> None:
    """Pitfall 20: saved by digest, an image had `manifests: null` in its index, and no tags.

    https://github.com/moby/moby/issues/47210
    https://github.com/wagoodman/dive/issues/507
    """
    layout = hand_made(index='{"schemaVersion":2,"manifests":null}', manifest=LIST)
    with opened(layout) as image:
        assert shown(image) == {"hello": "file 1"}
        assert (image.names, len(image.layers)) == ((), 1)
        assert codes_of(image) == []
        assert verify(image).is_verified


def test_a_manifest_whose_layers_are_null_beside_a_list_that_has_them() -> None:
    """Pitfall 20: a pre-release of Docker 25 saved OCI manifests that list no layers.

    https://github.com/moby/moby/issues/47065
    """
    with opened(hand_made(index=TO_NO_LAYERS, oci_manifest=NO_LAYERS, manifest=LIST)) as image:
        assert shown(image) == {"hello": "file 1"}
        assert image.layers[0].created_by == "COPY hello / # buildkit"
        assert codes_of(image) == [ProblemCode.DOCUMENTS_DISAGREE]
        assert "0 layers" in image.problems[0].detail
        assert verify(image).is_verified


def test_a_manifest_whose_layers_are_null_and_nothing_that_has_them() -> None:
    """Pitfall 20: where the layers were forgotten, the image was shown as empty, and as sound.

    https://github.com/moby/moby/issues/47065
    """
    with opened(hand_made(index=TO_NO_LAYERS, oci_manifest=NO_LAYERS)) as image:
        assert shown(image) == {}
        assert ProblemCode.LAYER_COUNT_MISMATCH in codes_of(image)
        assert not verify(image).is_verified


@pytest.mark.parametrize("layers", ["null", "[]"])
def test_an_image_of_no_layers_as_buildkit_writes_it(layers: str) -> None:
    """Pitfall 20: an image from scratch has `layers: null`, in either document, rightly.

    https://github.com/moby/moby/issues/47065
    """
    config = to_json({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": None}})
    to_config = descriptor("config.v1+json", config)
    manifest = f'{{"schemaVersion":2,"config":{to_config},"layers":{layers}}}'
    name = Digest.of(config).hex
    of_buildkit: Layout = {
        f"blobs/sha256/{name}": config,
        f"blobs/sha256/{Digest.of(manifest.encode()).hex}": manifest.encode(),
        "index.json": (
            f'{{"manifests":[{descriptor("manifest.v1+json", manifest.encode())}]}}'.encode()
        ),
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
    }
    of_docker: Layout = {
        f"{name}.json": config,
        "manifest.json": f'[{{"Config":"{name}.json","RepoTags":null,"Layers":{layers}}}]'.encode(),
    }
    for layout in (of_buildkit, of_docker):
        with opened(layout) as image:
            assert (image.layers, shown(image), codes_of(image)) == ((), {}, [])
            assert verify(image).is_verified


def test_an_oci_archive_with_dockers_list_beside_it() -> None:
    """Pitfall 20: a `manifest.json` in an OCI archive was read as a manifest, or twice over.

    https://github.com/moby/moby/issues/49141
    """
    layout = docker_layout(ImageBuilder([[file("a", b"1")], [file("b")]], tags=["a:1"]))
    assert not any("." in name for name in layout if name.startswith("blobs/"))
    (record,) = list_images(io.BytesIO(archive(layout)))
    assert record.names == ("docker.io/library/a:1",)
    with opened(layout) as image:
        assert shown(image) == {"a": "file 1", "b": "file "}
        assert codes_of(image) == []


TWENTY = ImageBuilder([[file("f", b"%d" % number)] for number in range(20)])


def test_the_order_of_layers_is_the_manifests_whatever_the_archives() -> None:
    """Pitfall 21: layers came in the order of a hash map, another one in each run.

    https://github.com/wagoodman/dive/blob/main/dive/image/docker/image_archive.go
    """
    layout = oci_layout(TWENTY)
    order = [layer.digest for layer in TWENTY.build().layers]
    for seed in range(20):
        names = list(layout)
        random.Random(seed).shuffle(names)
        with opened({name: layout[name] for name in names}) as image:
            assert [str(layer.digest) for layer in image.layers] == order
            assert shown(image) == {"f": "file 19"}


def test_the_order_of_layers_is_the_same_in_every_process(tmp_path: Path) -> None:
    """Pitfall 21: one run could not show it, as the order changed from run to run.

    https://github.com/wagoodman/dive/blob/main/dive/image/docker/image_archive.go
    """
    write_layout(oci_layout(TWENTY), tmp_path / "layout")
    program = (
        "import sys, imgforensics\n"
        "with imgforensics.open_image(sys.argv[1]) as image:\n"
        "    print(*[layer.digest for layer in image.layers])\n"
    )
    order = " ".join(layer.digest for layer in TWENTY.build().layers)
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "layout"],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        assert done.stdout.strip() == order


@pytest.mark.parametrize("form", [docker_layout, docker_legacy_layout, oci_layout])
def test_one_of_several_images_is_not_chosen_silently(form: Callable[..., Layout]) -> None:
    """Pitfall 22: of an archive with several images, the first was read without a word.

    https://github.com/anchore/syft/issues/1054
    """
    images = [
        ImageBuilder([[file("of", b"first")]], tags=["first:1"]),
        ImageBuilder([[file("of", b"second")]], tags=["second:2"]),
    ]
    layout = form(*images)
    records = list_images(io.BytesIO(archive(layout)))
    assert [record.names[0].rpartition("/")[2] for record in records] == ["first:1", "second:2"]
    with pytest.raises(AmbiguousImageError) as raised:
        opened(layout)
    assert "first:1" in str(raised.value)
    assert "second:2" in str(raised.value)
    for image, content in (("first:1", "first"), ("second:2", "second"), (1, "second")):
        with opened(layout, image) as chosen:
            assert shown(chosen) == {"of": f"file {content}"}


AMD = ImageBuilder([[file("of", b"amd64")]], platform="linux/amd64")
ARM = ImageBuilder([[file("of", b"arm64")]], platform="linux/arm64/v8")
EVERYTHING = IndexSpec([IndexSpec([AMD, attestation(AMD), ARM, attestation(ARM)])], tags=["a:1"])


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_an_index_below_an_index_is_searched_for_the_platform(platform: str) -> None:
    """Pitfall 23: only manifests were looked for in `index.json`, or the first was taken.

    https://github.com/moby/buildkit/issues/6041
    """
    layout = oci_layout(EVERYTHING)
    with opened(layout, platform=platform) as image:
        assert shown(image) == {"of": f"file {platform.rpartition('/')[2]}"}
    with pytest.raises(AmbiguousImageError, match="linux/arm64"):
        opened(layout)


def test_an_attestation_is_never_chosen_as_an_image() -> None:
    """Pitfall 23: the attestation, of platform `unknown/unknown`, was taken for the image.

    https://github.com/moby/buildkit/issues/6041
    """
    layout = oci_layout(IndexSpec([attestation(AMD), AMD]))
    kinds = [record.kind.value for record in list_images(io.BytesIO(archive(layout)))]
    assert kinds == ["attestation", "image"]
    with opened(layout) as image:
        assert shown(image) == {"of": "file amd64"}
    with pytest.raises(ImageChoiceError):
        opened(layout, platform="unknown/unknown")
    with pytest.raises(NotAnImageError, match="attestation"):
        opened(layout, 0)


def test_a_platform_that_was_not_saved_is_a_note() -> None:
    """Pitfall 23: an archive was refused as incomplete for platforms left out by design.

    https://github.com/containerd/containerd/issues/11344
    https://github.com/docker/cli/issues/7278
    https://github.com/moby/moby/issues/49473
    """
    left_out = ImageBuilder(ARM.layers, platform=ARM.platform, absent=True)
    with opened(oci_layout(IndexSpec([AMD, left_out, attestation(AMD)]))) as image:
        assert shown(image) == {"of": "file amd64"}
        assert codes_of(image) == [ProblemCode.PLATFORM_ABSENT]
        assert image.problems[0].severity is Severity.NOTE
        assert left_out.build().manifest_digest in image.problems[0].detail
        assert verify(image).is_verified


def test_a_layer_of_its_own_that_was_not_saved_is_an_error_that_names_it() -> None:
    """Pitfall 23: an image was shown without the layer that the archive does not hold.

    https://github.com/containerd/containerd/issues/11344
    """
    builder = ImageBuilder([[file("a")], LayerSpec([file("b")], absent=True)])
    digest = builder.build().layers[1].digest
    with opened(oci_layout(builder)) as image:
        with pytest.raises(MissingBlobError, match=digest):
            _ = image.filesystem
        assert [problem.code for problem in image.problems] == [ProblemCode.BLOB_MISSING]
        assert not verify(image).is_verified


REPEATED = ImageBuilder([[file("a", b"1")], [file("b", b"2")], [file("a", b"1")]], tags=["a:1"])


@pytest.mark.parametrize("prefix", ["", "./"])
@pytest.mark.parametrize("hard", [False, True], ids=["symbolic", "hard"])
def test_a_layer_that_is_a_link_to_another(hard: bool, prefix: str) -> None:
    """Pitfall 24: a layer that occurs again is saved as a link, and was read as an empty file.

    https://github.com/containerd/cri/issues/638
    https://github.com/containers/image/pull/370
    https://github.com/podman-container-tools/skopeo/issues/999
    """
    layout = docker_legacy_layout(REPEATED, hard=hard)
    with open_image(io.BytesIO(archive(layout, prefix=prefix))) as image:
        assert shown(image) == {"a": "file 1", "b": "file 2"}
        first, _, third = image.layers
        assert [entry.path for entry in third.entries] == [b"a"]
        assert first.open_uncompressed().read() == third.open_uncompressed().read()
        assert verify(image).is_verified


@pytest.mark.parametrize("form", [docker_layout, oci_layout])
def test_a_layer_that_is_listed_twice(form: Callable[..., Layout]) -> None:
    """Pitfall 24: one blob listed twice was one layer, and the history no longer paired.

    https://github.com/containers/image/pull/370
    """
    with opened(form(REPEATED)) as image:
        assert len(image.layers) == 3
        assert image.layers[0].digest == image.layers[2].digest
        assert shown(image) == {"a": "file 1", "b": "file 2"}
        assert verify(image).is_verified
