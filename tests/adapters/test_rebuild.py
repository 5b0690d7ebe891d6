"""A recovered Dockerfile, built again by real engines, gives the image it came from."""

import os
import shutil
from pathlib import Path

import pytest

from imgforensics import open_image
from imgforensics.adapters.build_engines import EngineFailedError
from imgforensics.adapters.rebuild import Rebuild, rebuild
from imgforensics.dockerfile import recover_dockerfile
from imgforensics.dockerfile.output.writing import write_dockerfile
from imgforensics.errors import EnvironmentProblemError
from imgforensics.testing import ImageBuilder, LayerSpec, archive, docker_layout, file, oci_layout
from tests.dockerfiles.building import attested, material, opened, statement, version_1

WEBAPP = Path(__file__).parents[2] / "fixtures" / "images" / "webapp.docker-save.tar"
BASE = ImageBuilder([[file("etc/base", b"b")]], tags=["base:1"])


def needs(engine: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(engine) is None or os.geteuid() != 0, reason=f"needs {engine} and root"
    )


def rebuilt(image_path: Path, engine: str, work: Path) -> Rebuild:
    with open_image(image_path) as image:
        written = write_dockerfile(image, recover_dockerfile(image), work / "out")
        return rebuild(image, written.recovered, written.path, engine, work=work)


@needs("buildah")
def test_an_image_with_commands_comes_out_the_same(tmp_path: Path) -> None:
    found = rebuilt(WEBAPP, "buildah", tmp_path)
    assert found.is_same, (found.files, found.config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    ("engine", "layout"),
    [
        pytest.param("buildah", docker_layout, marks=needs("buildah")),
        pytest.param("podman", oci_layout, marks=needs("podman")),
    ],
)
def test_the_base_is_taken_from_an_archive(engine: str, layout: type, tmp_path: Path) -> None:
    base = tmp_path / "base.tar"
    base.write_bytes(archive(layout(BASE)))
    copied = LayerSpec([file("a", b"a")], created_by="COPY a /a # buildkit")
    with opened(ImageBuilder([*BASE.layers, copied])) as image:
        written = write_dockerfile(image, recover_dockerfile(image), tmp_path / "out")
        found = rebuild(image, written.recovered, written.path, engine, base=base, work=tmp_path)
    assert found.files == ()


@needs("buildah")
def test_another_base_gives_another_image(tmp_path: Path) -> None:
    base = tmp_path / "base.tar"
    base.write_bytes(archive(oci_layout(ImageBuilder([[file("etc/base", b"other")]]))))
    copied = LayerSpec([file("a", b"a")], created_by="COPY a /a # buildkit")
    with opened(ImageBuilder([*BASE.layers, copied])) as image:
        written = write_dockerfile(image, recover_dockerfile(image), tmp_path / "out")
        found = rebuild(image, written.recovered, written.path, "buildah", base=base, work=tmp_path)
    assert [change.path for change in found.files] == [b"etc/base"]


@needs("buildah")
def test_what_the_engine_says_is_told_when_it_fails(tmp_path: Path) -> None:
    ran = LayerSpec([file("x")], created_by="RUN /bin/sh -c touch /x # buildkit")
    with opened(ImageBuilder([*BASE.layers, ran])) as image:
        written = write_dockerfile(image, recover_dockerfile(image), tmp_path / "out")
        base = tmp_path / "base.tar"
        base.write_bytes(archive(oci_layout(BASE)))
        with pytest.raises(EngineFailedError, match="buildah ended with status"):
            rebuild(image, written.recovered, written.path, "buildah", base=base, work=tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("rebuild-")]


def test_an_engine_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblemError, match="buildah is not installed; install it"):
        rebuilt(WEBAPP, "buildah", tmp_path)


@needs("buildah")
def test_a_base_that_is_not_given(tmp_path: Path) -> None:
    copied = LayerSpec([file("a")], created_by="COPY a /a # buildkit")
    document = version_1(materials=[material("alpine@3.20", "5" * 64)])
    with attested(ImageBuilder([*BASE.layers, copied]), statement(document)) as image:
        written = write_dockerfile(image, recover_dockerfile(image), tmp_path / "out")
        with pytest.raises(EnvironmentProblemError, match=r"\(alpine:3.20\) .* --base FILE"):
            rebuild(image, written.recovered, written.path, "buildah", work=tmp_path)
