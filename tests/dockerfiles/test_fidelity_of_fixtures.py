"""Recovered Dockerfiles of the project's own images, against the ones they were built from.

The floors are what stands today; the measure is the benchmark's, which shares no code with the
recovery. Lost are the name of an archive that ADD unpacked, and where a base ends that an
earlier stage of the same Dockerfile made.
"""

import json
from pathlib import Path

import pytest

from benchmarks.dockerfile_fidelity import main, missed_floors
from benchmarks.fidelity.pairs import Pair, Score, Total, score
from imgforensics import open_image, recover_dockerfile

FIXTURES = Path(__file__).parents[2] / "fixtures"
FLOORS = {
    ("bundle.docker-20.tar", "localhost/bundle-base:1", "bundle/base", "classic"): 1.0,
    ("bundle.docker-20.tar", "localhost/bundle-api:1", "bundle/api", "classic"): 1.0,
    ("bundle.podman.docker-archive.tar", "localhost/bundle-base:1", "bundle/base", "buildah"): 1.0,
    ("bundle.podman.docker-archive.tar", "localhost/bundle-api:1", "bundle/api", "buildah"): 1.0,
    ("hardlinks.docker-20.tar", None, "hardlinks", "buildkit"): 1.0,
    ("hardlinks.docker-26.estargz.oci.tar", None, "hardlinks", "buildkit"): 1.0,
    ("hardlinks.podman.docker-archive.tar", None, "hardlinks", "buildah"): 1.0,
    ("names.skopeo-dir", None, "names", "buildah"): 0.75,
    ("typechanges.buildah.oci.tar", None, "typechanges", "buildah"): 1.0,
    ("typechanges.docker-26.oci", None, "typechanges", "buildkit"): 1.0,
    ("webapp.docker-20.tar.xz", None, "webapp", "classic"): 0.95,
    ("whiteouts.buildah.oci.tar", None, "whiteouts", "buildah"): 1.0,
    ("whiteouts.docker-20.tar", None, "whiteouts", "buildkit"): 1.0,
    ("whiteouts.docker-26.zstd.tar", None, "whiteouts", "buildkit"): 1.0,
}
"""Normalised F1 by image, its name, its source and its builder."""


def judge(image: str, name: str | None, source: str, builder: str) -> Score:
    with open_image(FIXTURES / "images" / image, image=name) as opened:
        text = str(recover_dockerfile(opened))
        assert opened.config is not None
        config = json.loads(opened.config.raw)
    meta = {"builder": builder, "base_history_len": 0}
    return score(Pair(FIXTURES / "sources" / source, config, meta), text)


@pytest.mark.parametrize("fixture", FLOORS, ids=lambda fixture: "-".join(filter(None, fixture[:2])))
def test_a_fixture_is_recovered(fixture: tuple[str, str | None, str, str]) -> None:
    pytest.importorskip("dockerfile", reason="needs BuildKit's parser")
    found = judge(*fixture)
    total = Total.of([found])
    print(
        fixture,
        round(total.f1(total.normalised), 3),
        round(total.f1(total.exact), 3),
        found.base_is_right,
    )
    assert found.parses
    assert round(total.f1(total.normalised), 3) >= FLOORS[fixture]


def test_what_an_attestation_holds_is_the_dockerfile_byte_for_byte() -> None:
    with open_image(FIXTURES / "images" / "webapp.docker-save.tar") as image:
        found = recover_dockerfile(image)
    true = (FIXTURES / "sources" / "webapp" / "Dockerfile").read_bytes()
    assert found.source == true
    assert str(found) == true.decode()
    assert found.source_name == "Dockerfile"


@pytest.mark.parametrize(
    ("image", "builder"),
    [
        ("special.docker-20-import.tar", "import"),
        ("special.buildah.oci", "commit"),
        ("sparse.umoci.oci", "umoci"),
    ],
)
def test_what_never_had_a_dockerfile_is_named_as_such(image: str, builder: str) -> None:
    with open_image(FIXTURES / "images" / image) as opened:
        found = recover_dockerfile(opened)
    assert found.builder == builder
    assert not found.had_dockerfile
    assert str(found).startswith("# There never was a Dockerfile")
    assert any(str(each).startswith("COPY layer-") for each in found.instructions)


def test_a_missed_floor_is_told() -> None:
    pytest.importorskip("dockerfile", reason="needs BuildKit's parser")
    found = judge("names.skopeo-dir", None, "names", "buildah")
    assert any(
        "buildah: 0.75" in told for told in missed_floors({"all": [found], "buildah": [found]})
    )


def test_the_benchmark_prints_its_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dockerfile", reason="needs BuildKit's parser")
    for name, source, has_image in (
        ("hardlinks.podman.docker-archive.tar", "hardlinks", True),
        ("whiteouts.docker-20.tar", "whiteouts", False),
    ):
        pair = tmp_path / source
        pair.mkdir()
        image = FIXTURES / "images" / name
        with open_image(image) as opened:
            assert opened.config is not None
            (pair / "config.json").write_bytes(opened.config.raw)
        meta = {"builder": "buildah" if has_image else "buildkit", "base_history_len": 0}
        (pair / "meta.json").write_text(json.dumps(meta))
        (pair / "Dockerfile").symlink_to(FIXTURES / "sources" / source / "Dockerfile")
        if has_image:
            (pair / "image.tar").symlink_to(image)
    assert main(["--pairs", str(tmp_path), "--worst", "1"]) == 1
    told = capsys.readouterr()
    assert "all                      2" in told.out
    assert "stated" in told.out
    assert "below the floor: exact F1" in told.err
    assert main(["--pairs", str(FIXTURES / "truth")]) == 2
