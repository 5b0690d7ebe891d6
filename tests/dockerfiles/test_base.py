"""Where the base ends, and the bases that an image states."""

import io

import pytest

from imgforensics import open_image, recover_dockerfile
from imgforensics.dockerfile import Evidence
from imgforensics.testing import ImageBuilder, LayerSpec, archive, file, oci_layout
from tests.dockerfiles.building import BUILDKIT, NOP
from tests.dockerfiles.recovering import ALPINE, DEBIAN, Json, own_lines, recovered, row


def test_what_buildah_says_is_exact() -> None:
    found = recovered([*ALPINE, row(f"{NOP}ENV A=1", comment="FROM quay.io/a/b:1", empty=True)])
    assert (found.base.rows, found.base.layers, found.base.score) == (2, 1, 1.0)
    assert str(found.instructions[0]) == "FROM quay.io/a/b:1"
    assert found.base.evidence is Evidence.HISTORY
    assert len(found.base_candidates) > 1


def test_steps_of_a_build_in_layers_are_no_bases() -> None:
    rows = [
        row(f"{NOP}COPY dir:{'a' * 64} in /etc/ "),
        row("/bin/sh -c one", comment="FROM 027837804270"),
        row("/bin/sh -c two", comment=f"FROM sha256:{'b' * 64}"),
    ]
    found = recovered(rows)
    assert [str(each) for each in found.instructions] == [
        "FROM scratch",
        "COPY etc /etc/",
        "RUN one",
        "RUN two",
    ]


def test_an_annotation_gives_name_and_digest() -> None:
    digest = f"sha256:{'c' * 64}"
    annotations = {
        "org.opencontainers.image.base.name": "example.com/base:2",
        "org.opencontainers.image.base.digest": digest,
    }
    rows = [DEBIAN, row("RUN /bin/sh -c x # buildkit", comment=BUILDKIT)]
    found = recovered(rows, manifest={"annotations": annotations})
    assert str(found.instructions[0]) == f"FROM example.com/base:2@{digest}"


@pytest.mark.parametrize("own", [True, False])
def test_a_label_of_the_base_names_the_bases_own_base(own: bool) -> None:
    name = "org.opencontainers.image.base.name"
    label = row(f"LABEL {name}=example.com/base:2", comment=BUILDKIT, empty=True)
    run = row("RUN /bin/sh -c x # buildkit", comment=BUILDKIT, created="2025-01-01T00:00:00Z")
    made = row("RUN /bin/sh -c make # buildkit", comment=BUILDKIT)
    rows = [DEBIAN, run, label] if own else [*ALPINE, made, label, run]
    found = recovered(rows, {"Labels": {name: "example.com/base:2"}})
    assert (found.base.name == "example.com/base:2") is own


def test_buildpacks_tell_the_run_image_and_its_top_layer() -> None:
    builder = ImageBuilder(
        layers=[LayerSpec([file("base", b"")]), LayerSpec([file("app", b"")])], config={}
    )
    top = builder.build().layers[0].diff_id
    label = '{"runImage":{"topLayer":"%s","reference":"x"},"stack":{"runImage":{"image":"p/r"}}}'
    labels = {"io.buildpacks.lifecycle.metadata": label % top}
    described = ImageBuilder(
        layers=builder.layers,
        config={"Labels": labels, "Entrypoint": ["/cnb/process/web"]},
        config_document={"history": [{"created": "1980-01-01T00:00:01Z"}] * 2},
    )
    with open_image(io.BytesIO(archive(oci_layout(described)))) as image:
        found = recover_dockerfile(image)
    assert found.builder == "buildpacks"
    assert not found.had_dockerfile
    assert found.base.layers == 1
    assert [str(each) for each in found.instructions if not str(each).startswith("LABEL")] == [
        "FROM p/r",
        "COPY layer-1/ /",
        'ENTRYPOINT ["/cnb/process/web"]',
    ]


def test_source_to_image_names_its_builder() -> None:
    labels = {"io.openshift.s2i.build.image": "quay.io/sclorg/python-39:latest"}
    found = recovered([*ALPINE, row("/bin/sh -c /usr/libexec/s2i/run")], {"Labels": labels})
    assert found.builder == "s2i"
    assert not found.had_dockerfile
    assert str(found.instructions[0]) == "FROM quay.io/sclorg/python-39:latest"
    assert own_lines(found)[-1] == "COPY layer-1/ /"


def test_what_a_dockerfile_built_on_buildpacks_has_one() -> None:
    labels = {"io.buildpacks.lifecycle.metadata": '{"runImage":{"topLayer":"x"}}'}
    found = recovered([*ALPINE, row("/bin/sh -c x")], {"Labels": labels})
    assert found.builder == "classic"


def test_a_committed_container_names_its_image() -> None:
    rows = [*ALPINE, row("sh", comment="by hand")]
    found = recovered(rows, {"Image": "alpine:3.19", "Cmd": ["sh"]})
    assert found.builder == "commit"
    assert str(found.instructions[0]) == "FROM alpine:3.19"
    assert found.base.layers == 1


def test_a_container_that_was_committed_without_a_word_is_told_by_the_image_it_ran() -> None:
    rows = [*ALPINE, row("nginx -g daemon off;")]
    found = recovered(rows, {"Image": "nginx:1.27"})
    assert found.builder == "commit"
    assert str(found.instructions[0]) == "FROM nginx:1.27"
    built = recovered(rows, {"Image": f"sha256:{'a' * 64}"})
    assert built.builder != "commit"


def at(created: str, text: str, *, empty: bool = False) -> Json:
    return row(text, created=created, empty=empty)


class TestPauses:
    """A pause between rows: a base below it, or a build that used its cache."""

    def test_a_day_is_a_base(self) -> None:
        found = recovered(
            [
                at("2022-02-01T01:00:00Z", f"{NOP}ADD file:{'a' * 64} in / "),
                at("2022-02-01T01:40:00Z", "/bin/sh -c base"),
                at("2022-02-02T06:00:00Z", f"{NOP} ENV A=1", empty=True),
                at("2022-02-02T06:00:01Z", "/bin/sh -c own"),
            ]
        )
        assert found.base.rows == 2

    def test_before_a_copy_it_is_the_cache(self) -> None:
        found = recovered(
            [
                at("2016-12-27T18:17:13Z", f"{NOP}ADD file:{'a' * 64} in / "),
                at("2017-01-03T13:15:49Z", f"{NOP} MAINTAINER x", empty=True),
                at("2017-01-03T13:15:58Z", "/bin/sh -c install"),
                at("2017-01-17T11:17:46Z", f"{NOP}COPY file:{'b' * 64} in /x "),
            ]
        )
        assert found.base.rows == 1

    def test_an_image_of_metadata_alone_is_no_base(self) -> None:
        found = recovered(
            [
                at("2020-11-17T20:21:17Z", f"{NOP}ADD file:{'a' * 64} in / "),
                at("2020-11-17T20:21:17Z", f'{NOP} CMD ["bash"]', empty=True),
                at("2020-11-18T07:48:00Z", f"{NOP} LABEL maintainer=x", empty=True),
                at("2020-11-25T00:29:56Z", f"{NOP} ENV A=1", empty=True),
                at("2020-11-25T00:30:17Z", "/bin/sh -c own"),
            ]
        )
        assert found.base.rows == 2

    def test_every_place_is_listed_with_its_reasons(self) -> None:
        found = recovered(
            [
                *ALPINE,
                row(
                    "RUN /bin/sh -c a # buildkit", comment=BUILDKIT, created="2024-06-01T00:00:00Z"
                ),
                row("/bin/sh -c b", created="2024-07-01T00:00:00Z"),
            ]
        )
        assert [each.rows for each in found.base_candidates] == [3, 2, 0]
        assert all(0 < each.score < 1 and each.reasons for each in found.base_candidates)
