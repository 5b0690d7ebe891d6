"""What a base is called that no image states: by its rows, labels, commands, day and files."""

import io

import pytest

from imgforensics import open_image, recover_dockerfile
from imgforensics.dockerfile import RecoveredDockerfile
from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    archive,
    directory,
    file,
    oci_layout,
)
from tests.dockerfiles.building import BUILDKIT, NOP
from tests.dockerfiles.recovering import ALPINE, DEBIAN, Json, recovered, row


def names_of(found: RecoveredDockerfile) -> tuple[str, ...]:
    return tuple(one.name for one in found.base.names)


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
