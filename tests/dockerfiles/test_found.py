"""Dockerfiles that layers hold: which is the image's own is for the history to say."""

import pytest

from imgforensics.dockerfile import Evidence, RecoveredDockerfile, recover_dockerfile
from imgforensics.testing import ImageBuilder, Instruction, LayerSpec, directory, file
from tests.dockerfiles.building import (
    attested,
    encoded,
    opened,
    source_infos,
    statement,
    version_1,
)
from tests.dockerfiles.recovering import row

OWN = b"""# The service
FROM alpine:3.20 AS build
RUN make all
FROM alpine:3.20
ENV HOME=/srv
WORKDIR $HOME
RUN apk add --no-cache curl \\
    && mkdir data
COPY . .
CMD ["./serve"]
"""
OTHER = b"FROM debian:12\nRUN apt-get update\nCOPY x /x\n"


def image(*members: object, labels: dict[str, str] | None = None) -> ImageBuilder:
    return ImageBuilder(
        [
            LayerSpec(
                [file("bin/sh")], created_by="ADD alpine-minirootfs-3.20.tar.gz / # buildkit"
            ),
            Instruction('CMD ["/bin/sh"]'),
            Instruction("ENV HOME=/srv"),
            LayerSpec([], created_by="WORKDIR /srv"),
            LayerSpec(
                [file("srv/data/x")],
                created_by="RUN /bin/sh -c apk add --no-cache curl     && mkdir data # buildkit",
            ),
            LayerSpec(list(members), created_by="COPY . . # buildkit"),  # type: ignore[arg-type]
            Instruction('CMD ["./serve"]'),
        ],
        config={"Cmd": ["./serve"], "Env": ["HOME=/srv"], "Labels": labels or {}},
    )


def recovered(*members: object, labels: dict[str, str] | None = None) -> RecoveredDockerfile:
    with opened(image(*members, labels=labels)) as found:
        return recover_dockerfile(found)


@pytest.mark.parametrize("name", ["Dockerfile", "docker/Dockerfile.prod", "Containerfile"])
def test_the_own_one_is_taken_byte_for_byte(name: str) -> None:
    found = recovered(file(f"srv/{name}", OWN))
    assert found.source == OWN
    assert {one.evidence for one in found.instructions} == {Evidence.DOCKERFILE_IN_LAYER}
    assert found.base.reference == "alpine:3.20"
    assert [one.layer for one in found.instructions][-3:] == [2, 3, None]


def test_another_one_is_listed_and_not_trusted() -> None:
    found = recovered(file("srv/vendor/Dockerfile", OTHER))
    assert found.source is None
    (candidate,) = found.found
    assert (candidate.path, candidate.is_trusted) == (b"srv/vendor/Dockerfile", False)
    assert candidate.score < 0.5


def test_what_a_builder_does_not_keep_speaks_against_none() -> None:
    text = b"""FROM alpine:3.20 AS build
WORKDIR /srv
CMD ["./serve"]
FROM build
RUN <<END
make all
END
COPY . /srv
"""
    root = "ADD alpine-minirootfs-3.20.tar.gz / # buildkit"
    own = ("WORKDIR /srv", "RUN <<END", "COPY . /srv")
    builder = ImageBuilder(
        [
            [],
            [directory("srv")],
            [file("srv/out")],
            [file("srv/Dockerfile", text), file("srv/x")],
        ],
        config={"Cmd": ["./serve"], "WorkingDir": "/srv"},
        config_document={
            "history": [row(root), *(row(instruction, author="kaniko") for instruction in own)]
        },
    )
    with opened(builder) as found:
        recovered = recover_dockerfile(found)
    assert recovered.source == text
    assert recovered.found[0].score == 1
    assert recovered.base.name == "alpine:3.20"


def test_among_several_the_one_that_agrees() -> None:
    newer = OWN.replace(b"curl", b"curl git jq make gcc").replace(b"serve", b"other")
    found = recovered(
        file("srv/Dockerfile", newer + b"RUN more\nRUN and more\nRUN yet more\n"),
        file("srv/deploy/Dockerfile", OWN),
        file("srv/vendor/Dockerfile", OTHER),
    )
    assert found.source == OWN
    assert found.found[0].path == b"srv/deploy/Dockerfile"
    assert len(found.found) == 3


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 50, b"RUN x\n", b"\xff\xfe", b"FROM\nFROM\n", b"FROM " + b"x" * 100_000]
)
def test_what_is_no_dockerfile_is_none(data: bytes) -> None:
    assert recovered(file("srv/Dockerfile", data)).source is None


def test_red_hats_is_known_by_the_names_of_the_image() -> None:
    labels = {"name": "team/app", "version": "1.2", "release": "7"}
    found = recovered(
        file("root/buildinfo/Dockerfile-ubi9-9.4-1", OTHER),
        file("root/buildinfo/Dockerfile-team-app-1.2-7", OTHER + b"# own\n"),
        labels=labels,
    )
    assert found.source == OTHER + b"# own\n"
    assert found.found[0].is_trusted
    assert not found.found[1].is_trusted


def test_an_attestation_comes_first_and_candidates_are_still_listed() -> None:
    attested_text = OWN + b"# as it was built\n"
    document = version_1(source=source_infos("Dockerfile", encoded(attested_text)))
    with attested(image(file("srv/Dockerfile", OWN)), statement(document)) as opened_image:
        found = recover_dockerfile(opened_image)
    assert found.source == attested_text
    assert [one.path for one in found.found] == [b"srv/Dockerfile"]


def test_thousands_of_candidates_are_cut_off() -> None:
    members = [file(f"srv/{number}/Dockerfile", OTHER) for number in range(700)]
    assert len(recovered(*members).found) == 500
