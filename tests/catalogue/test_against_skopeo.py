"""What skopeo reads of the same archives."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from imgforensics.catalogue import ImageRecord, choose, read_catalogue
from imgforensics.sources.detect import open_source
from tests.catalogue.building import Archive, blob_name, named, platform

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed"),
]


def skopeo(*arguments: str) -> bytes:
    return subprocess.run(["skopeo", "inspect", *arguments], capture_output=True, check=True).stdout


def chosen(source: str, wanted: str | None = None) -> ImageRecord:
    with open_source(source) as opened:
        return choose(read_catalogue(opened), None, wanted)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="skopeo sets owners of what it unpacks")
def test_an_oci_archive(tmp_path: Path) -> None:
    archive = Archive()
    archive.layout(
        archive.image(b"1", b"2", annotations=named("one")),
        archive.image(b"3", annotations=named("two")),
    )
    (tmp_path / "a.tar").write_bytes(archive.tar())
    for tag in ("one", "two"):
        source = f"oci-archive:{tmp_path}/a.tar:{tag}"
        record = chosen(source)
        assert record.manifest is not None
        assert record.config is not None
        assert record.manifest.raw == skopeo("--raw", source)
        assert record.config.raw == skopeo("--raw", "--config", source)
        seen = json.loads(skopeo(source))
        assert str(record.manifest_digest) == seen["Digest"]
        assert [str(layer.descriptor and layer.descriptor.digest) for layer in record.layers] == (
            seen["Layers"]
        )


def test_a_layout_with_platforms(tmp_path: Path) -> None:
    archive = Archive()
    archive.layout(
        archive.index(
            archive.image(b"1") | {"platform": platform("linux/amd64")},
            archive.image(b"2", platform="linux/arm64") | {"platform": platform("linux/arm64")},
            annotations=named("multi"),
        )
    )
    for name, data in archive.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    source = f"oci:{tmp_path}:multi"
    for architecture in ("amd64", "arm64"):
        seen = json.loads(skopeo("--override-arch", architecture, source))
        record = chosen(source, f"linux/{architecture}")
        assert [str(layer.descriptor and layer.descriptor.digest) for layer in record.layers] == (
            seen["Layers"]
        )
        assert str(record.platform) == f"{seen['Os']}/{seen['Architecture']}"


def test_a_docker_archive_with_two_images(tmp_path: Path) -> None:
    archive = Archive()
    entries = []
    for number in (b"1", b"2"):
        config, layers = archive.config([number, b"3"]), archive.layers(number, b"3")
        entries.append(
            {
                "Config": blob_name(config),
                "RepoTags": [f"docker.io/library/x:{number.decode()}"],
                "Layers": [blob_name(layer) for layer in layers],
            }
        )
    archive.put("manifest.json", entries)
    (tmp_path / "a.tar").write_bytes(archive.tar())
    for reference in ("x:1", "x:2", "@0", "@1"):
        source = f"docker-archive:{tmp_path}/a.tar:{reference}"
        record = chosen(source)
        assert record.config is not None
        assert record.config.raw == skopeo("--raw", "--config", source)
        assert [str(layer.diff_id) for layer in record.layers] == json.loads(skopeo(source))[
            "Layers"
        ]
