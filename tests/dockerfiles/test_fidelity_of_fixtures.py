"""Recovered Dockerfiles of the project's own images, against the ones they were built from.

The floors are what stands today; the measure is the benchmark's, which shares no code with the
recovery. What is below 1 is lost: mounts' sources by BuildKit, sources of COPY by buildah.
"""

import json
from pathlib import Path

import pytest

from benchmarks.dockerfile_fidelity import missed_floors
from benchmarks.fidelity.pairs import Pair, Score, Total, score
from imgforensics import open_image, recover_dockerfile

FIXTURES = Path(__file__).parents[2] / "fixtures"
FLOORS = {
    ("bundle.docker-20.tar", "localhost/bundle-base:1", "bundle/base", "classic"): 1.0,
    ("bundle.docker-20.tar", "localhost/bundle-api:1", "bundle/api", "classic"): 0.0,
    ("bundle.podman.docker-archive.tar", "localhost/bundle-base:1", "bundle/base", "buildah"): 0.0,
    ("bundle.podman.docker-archive.tar", "localhost/bundle-api:1", "bundle/api", "buildah"): 0.0,
    ("hardlinks.docker-20.tar", None, "hardlinks", "buildkit"): 0.0,
    ("hardlinks.docker-26.estargz.oci.tar", None, "hardlinks", "buildkit"): 0.0,
    ("hardlinks.podman.docker-archive.tar", None, "hardlinks", "buildah"): 0.0,
    ("names.skopeo-dir", None, "names", "buildah"): 0.0,
    ("typechanges.buildah.oci.tar", None, "typechanges", "buildah"): 0.0,
    ("typechanges.docker-26.oci", None, "typechanges", "buildkit"): 0.0,
    ("webapp.docker-20.tar.xz", None, "webapp", "classic"): 0.0,
    ("whiteouts.buildah.oci.tar", None, "whiteouts", "buildah"): 0.0,
    ("whiteouts.docker-20.tar", None, "whiteouts", "buildkit"): 0.0,
    ("whiteouts.docker-26.zstd.tar", None, "whiteouts", "buildkit"): 0.0,
}


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
