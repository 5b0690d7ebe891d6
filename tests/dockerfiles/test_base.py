"""Where the base ends and what it is called."""

import io

import pytest

from imgforensics import open_image, recover_dockerfile
from imgforensics.dockerfile import Evidence, RecoveredDockerfile
from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    archive,
    directory,
    file,
    oci_layout,
)
from tests.dockerfiles.recovering import Json, own_lines, recovered, row

BUILDKIT = "buildkit.dockerfile.v0"
NOP = "/bin/sh -c #(nop) "
DEBIAN = row(
    "# debian.sh --arch 'amd64' out/ 'bookworm' '@1718582400'", comment="debuerreotype 0.15"
)
ALPINE = [
    row("ADD alpine-minirootfs-3.19.8-x86_64.tar.gz / # buildkit", comment=BUILDKIT),
    row('CMD ["/bin/sh"]', comment=BUILDKIT, empty=True),
]


def at(created: str, text: str, *, empty: bool = False) -> Json:
    return row(text, created=created, empty=empty)


def names_of(found: RecoveredDockerfile) -> tuple[str, ...]:
    return tuple(one.name for one in found.base.names)


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


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (
            [DEBIAN],
            (
                "debian:bookworm-slim",
                "debian:bookworm",
                "debian:12-slim",
                "debian:12",
                "debian:bookworm-20240617-slim",
                "debian:bookworm-20240617",
                "debian",
            ),
        ),
        (ALPINE, ("alpine:3.19.8", "alpine:3.19", "alpine:3", "alpine")),
    ],
)
def test_a_distribution_is_named_by_its_rows(rows: list[Json], names: tuple[str, ...]) -> None:
    own = row("RUN /bin/sh -c x # buildkit", comment=BUILDKIT, created="2025-01-01T00:00:00Z")
    assert names_of(recovered([*rows, own])) == names


CLASSIC_ROOT = f"{NOP}ADD file:{'a' * 64} in / "


def classic_base(day: str, *texts: str) -> list[Json]:
    """Rows of an old distribution's image that tell nothing of its release."""
    return [
        row(text, created=f"{day}T12:00:00Z", empty=text != CLASSIC_ROOT)
        for text in (CLASSIC_ROOT, *texts)
    ]


@pytest.mark.parametrize(
    ("day", "shell", "command", "names"),
    [
        ("2016-05-07", "/bin/bash", "apt-get update", ("debian:jessie", "debian:8", "debian")),
        ("2022-03-05", "bash", "x", ("debian:bullseye-slim", "debian:bullseye")),
        ("2019-08-01", "/bin/sh", "apk add x", ("alpine:3.10", "alpine:3")),
    ],
)
def test_the_day_tells_the_release_where_nothing_else_does(
    day: str, shell: str, command: str, names: tuple[str, ...]
) -> None:
    rows = [
        *classic_base(day, f'{NOP} CMD ["{shell}"]'),
        row(f"/bin/sh -c {command}", created="2024-01-01T00:00:00Z"),
    ]
    found = recovered(rows)
    assert names_of(found)[: len(names)] == names
    assert day in found.base.names[0].reason
    assert found.base.names[0].score < 0.5


def test_what_commands_name_goes_before_the_day() -> None:
    rows = [
        *classic_base("2020-12-11", f'{NOP} CMD ["bash"]'),
        row(f"{NOP} ENV VERSION=1.2-1~stretch", created="2024-01-01T00:00:00Z", empty=True),
    ]
    assert names_of(recovered(rows))[:2] == ("debian:stretch-slim", "debian:stretch")


def test_what_commands_name_stands_behind_what_the_base_says() -> None:
    own = row(
        'RUN /bin/sh -c echo "deb http://x/apt trixie-backports main" # buildkit',
        comment=BUILDKIT,
        created="2025-09-01T00:00:00Z",
    )
    found = recovered([DEBIAN, own])
    names = {one.name: one for one in found.base.names}
    assert found.base.name == "debian:bookworm-slim"
    assert names["debian:trixie-slim"].score < names["debian:bookworm-slim"].score
    assert names["debian:trixie-slim"].reason == "commands name trixie"


def test_what_commands_name_of_another_system_is_not_meant() -> None:
    own = row(
        "RUN /bin/sh -c case x in bookworm ) ;; esac # buildkit",
        comment=BUILDKIT,
        created="2025-09-01T00:00:00Z",
    )
    assert all(name.startswith("alpine") for name in names_of(recovered([*ALPINE, own])))


def test_oracle_linux_is_told_by_its_maintainer_and_packages() -> None:
    rows = [
        row(f"{NOP} MAINTAINER Oracle Linux Product Team <x@example.com>", empty=True),
        row(CLASSIC_ROOT),
        row(f'{NOP} CMD ["/bin/bash"]', empty=True),
        row("RUN /bin/sh -c microdnf install -y tool-1.el8 # buildkit", comment=BUILDKIT),
    ]
    assert names_of(recovered(rows)) == ("oraclelinux:8-slim", "oraclelinux:8")


def test_labels_that_the_base_left_name_it() -> None:
    labels = {"name": "ubi7-minimal", "vendor": "Red Hat, Inc.", "version": "7.9", "release": "1"}
    rows = [row(CLASSIC_ROOT), row("RUN /bin/sh -c x # buildkit", comment=BUILDKIT)]
    found = recovered(rows, {"Labels": labels})
    assert found.base.name == "registry.access.redhat.com/ubi7/ubi-minimal:7.9-1"
    assert "redhat/ubi7-minimal" in names_of(found)
    suse = {"org.opensuse.base.reference": "registry.opensuse.org/opensuse/leap:15.6.1.2"}
    found = recovered([row("KIWI 9.2"), rows[1]], {"Labels": suse})
    assert names_of(found)[:2] == (
        "registry.opensuse.org/opensuse/leap:15.6.1.2",
        "opensuse/leap:15.6.1.2",
    )


@pytest.mark.parametrize(
    ("variables", "last", "name"),
    [
        (
            {"JAVA_VERSION": "11.0.16.1"},
            "RUN /bin/sh -c get x/OpenJDK11U-jre_x64_linux.tar.gz # buildkit",
            "openjdk:11.0.16.1-jre-slim-bookworm",
        ),
        ({"JAVA_VERSION": "8u322"}, 'CMD ["jshell"]', "openjdk:8u322-jdk-slim-bookworm"),
        (
            {"JAVA_VERSION": "jdk-17.0.2+8"},
            'CMD ["jshell"]',
            "eclipse-temurin:17.0.2_8-jdk-bookworm",
        ),
        (
            {"DOTNET_VERSION": "8.0.1", "ASPNET_VERSION": "8.0.2"},
            "COPY /shared/Microsoft.AspNetCore.App /usr/share/dotnet/shared # buildkit",
            "mcr.microsoft.com/dotnet/aspnet:8.0.2-bookworm-slim",
        ),
        (
            {"PHP_VERSION": "8.3.1", "NEXTCLOUD_VERSION": "30.0.1"},
            'CMD ["php-fpm"]',
            "nextcloud:30.0.1-fpm-bookworm",
        ),
        (
            {},
            "RUN /bin/sh -c apt-get update; apt-get install -y --no-install-recommends git "
            "mercurial openssh-client subversion procps # buildkit",
            "buildpack-deps:bookworm-scm",
        ),
    ],
)
def test_well_known_images(variables: dict[str, str], last: str, name: str) -> None:
    rows = [
        DEBIAN,
        *(
            row(f"ENV {variable}={value}", comment=BUILDKIT, empty=True)
            for variable, value in variables.items()
        ),
        row(last, comment=BUILDKIT, empty=last.startswith("CMD")),
        row("COPY . /own # buildkit", comment=BUILDKIT, created="2025-06-20T00:00:00Z"),
    ]
    assert recovered(rows).base.name == name


def test_names_are_ranked_and_few() -> None:
    node = [
        *(
            row(f"ENV A{place}_VERSION={place}", comment=BUILDKIT, empty=True)
            for place in range(50)
        ),
        row("ENV NODE_VERSION=20.1.2", comment=BUILDKIT, empty=True),
        row('CMD ["node"]', comment=BUILDKIT, empty=True),
    ]
    codenames = "RUN /bin/sh -c case x in bookworm | jammy | focal | buster | trixie ) ;; esac"
    own = row(codenames, comment=BUILDKIT, created="2025-06-20T00:00:00Z")
    names = recovered([DEBIAN, *node, own]).base_names
    assert len(names) == 20
    assert len({one.name for one in names}) == 20
    assert [one.score for one in names] == sorted((one.score for one in names), reverse=True)
    assert all(one.reason and 0 < one.score <= 1 for one in names)


def test_an_image_of_the_library_is_named_by_its_version() -> None:
    node = [
        DEBIAN,
        row("ENV NODE_VERSION=20.1.2", comment=BUILDKIT, empty=True),
        row("RUN /bin/sh -c install # buildkit", comment=BUILDKIT),
        row('CMD ["node"]', comment=BUILDKIT, empty=True),
    ]
    found = recovered([*node, row("COPY . /app # buildkit", comment=BUILDKIT)])
    assert found.base.rows == 4
    assert found.base.name == "node:20.1.2-slim-bookworm"
    assert "node:20-slim" in names_of(found)


def test_a_name_that_nothing_tells_is_left_to_who_builds() -> None:
    rows = [
        row("RUN /bin/sh -c base # buildkit", comment=BUILDKIT, created="2020-01-01T00:00:00Z"),
        row("RUN /bin/sh -c own # buildkit", comment=BUILDKIT, created="2024-01-01T00:00:00Z"),
    ]
    found = recovered(rows)
    assert [str(each) for each in found.instructions] == [
        "ARG BASE_IMAGE",
        "FROM ${BASE_IMAGE}",
        "RUN own",
    ]
    assert found.base.name is None


def test_os_release_names_the_base() -> None:
    release = b'ID=rocky\nVERSION_ID="9.3"\n'
    base = LayerSpec(
        [directory("etc"), file("etc/os-release", release)],
        created_by=f"{NOP}ADD file:{'a' * 64} in / ",
    )
    image = ImageBuilder(
        layers=[
            base,
            Instruction(f'{NOP} CMD ["/bin/bash"]'),
            LayerSpec([file("x", b"")], created_by="RUN /bin/sh -c x # buildkit"),
        ]
    )
    with open_image(io.BytesIO(archive(oci_layout(image)))) as opened:
        found = recover_dockerfile(opened)
        unread = recover_dockerfile(opened, read_layers=False)
    assert names_of(found) == ("rockylinux/rockylinux:9.3", "rockylinux:9")
    assert names_of(unread) == ()


def test_busybox_says_its_version() -> None:
    base = LayerSpec([file("bin/busybox", b"\0BusyBox v1.36.1 (2024)\0")], created_by=CLASSIC_ROOT)
    own = LayerSpec([file("x", b"")], created_by="RUN /bin/sh -c x # buildkit")
    image = ImageBuilder(layers=[base, Instruction(f'{NOP} CMD ["sh"]'), own])
    with open_image(io.BytesIO(archive(oci_layout(image)))) as opened:
        found = recover_dockerfile(opened)
        unread = recover_dockerfile(opened, read_layers=False)
    assert names_of(found) == ("busybox:1.36.1", "busybox:1.36", "busybox:1", "busybox")
    assert names_of(unread) == ("busybox",)


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
