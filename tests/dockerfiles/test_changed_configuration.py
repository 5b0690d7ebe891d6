"""Settings that no history row tells: changed after the build, or perhaps of the base."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from imgforensics import open_image, recover_dockerfile
from imgforensics.dockerfile.output.writing import write_dockerfile
from imgforensics.testing import archive, file, oci_layout
from tests.cli.running import run
from tests.dockerfiles.building import BUILDKIT, NOP
from tests.dockerfiles.recovering import (
    ALPINE,
    DEBIAN,
    Json,
    image_bytes,
    own_lines,
    recovered,
    row,
)
from tests.dockerfiles.test_found import OWN, image

CLASSIC_BUSYBOX = [
    row(f"{NOP}ADD file:{'7' * 64} in / "),
    row(f'{NOP} CMD ["sh"]', empty=True),
]
MUTATED: Json = {
    "Entrypoint": ["/backdoor"],
    "Cmd": ["sh"],
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"],
    "ExposedPorts": {"80/tcp": {}},
    "Labels": {"l": "v"},
    "User": "1000",
    "Volumes": {"/data": {}},
    "WorkingDir": "/app",
    "StopSignal": "SIGINT",
    "Shell": ["/bin/ash", "-c"],
    "Healthcheck": {"Test": ["CMD", "/probe"]},
}
ALL_SETTINGS = [
    "ENV A=1",
    "LABEL l=v",
    'SHELL ["/bin/ash", "-c"]',
    "WORKDIR /app",
    "USER 1000",
    "EXPOSE 80",
    "VOLUME /data",
    "STOPSIGNAL SIGINT",
    'HEALTHCHECK CMD ["/probe"]',
    'ENTRYPOINT ["/backdoor"]',
    'CMD ["sh"]',
]
APPENDED: list[Json] = [{}, {}]
RUN_OF_BUILDKIT = [row("RUN /bin/sh -c apk add curl # buildkit", comment=BUILDKIT)]
RUN_OF_CLASSIC = [row("/bin/sh -c make")]
RUN_OF_BUILDAH = [row("/bin/sh -c make", comment="FROM docker.io/library/alpine:3.19")]


@pytest.mark.parametrize(
    ("base", "own", "lines", "in_doubt"),
    [
        (CLASSIC_BUSYBOX, APPENDED, ["COPY layer-1/ /", "COPY layer-2/ /"], []),
        (CLASSIC_BUSYBOX, RUN_OF_CLASSIC, ["RUN make"], []),
        (ALPINE, RUN_OF_BUILDKIT, ["RUN apk add curl"], ["LABEL l=v"]),
        (ALPINE, RUN_OF_BUILDAH, ["RUN make"], ["LABEL l=v"]),
        ([DEBIAN], RUN_OF_BUILDKIT, ["RUN apk add curl"], []),
    ],
    ids=["appended", "classic", "buildkit", "buildah", "debuerreotype"],
)
def test_settings_that_no_row_tells_are_the_images(
    base: list[Json], own: list[Json], lines: list[str], in_doubt: list[str]
) -> None:
    """But for labels: BuildKit, which made one of the bases, keeps no row of `--label`."""
    found = recovered([*base, *own], MUTATED)
    assert own_lines(found) == [*lines, *(one for one in ALL_SETTINGS if one not in in_doubt)]
    assert {str(one) for one in found.untold_settings} == set(ALL_SETTINGS)
    assert all("no row tells of it" in one.note for one in found.untold_settings)
    assert [str(one) for one in found.settings_left_out] == in_doubt


def test_an_image_of_a_base_alone_has_what_was_changed() -> None:
    config = {"Entrypoint": ["/backdoor"], "User": "1000", "Env": ["A=1"]}
    lines = str(recovered(CLASSIC_BUSYBOX, config)).split("\n")
    assert {'ENTRYPOINT ["/backdoor"]', "USER 1000", "ENV A=1"} <= set(lines)


def test_what_the_base_has_set_is_not_the_images() -> None:
    inherited = [
        row("ENV PATH=/opt/bin:/bin VERSION=3.1", comment=BUILDKIT, empty=True),
        row("LABEL vendor=v", comment=BUILDKIT, empty=True),
        row("WORKDIR /srv", comment=BUILDKIT, empty=True),
        row("USER 7", comment=BUILDKIT, empty=True),
        row("EXPOSE map[80/tcp:{}]", comment=BUILDKIT, empty=True),
        row("VOLUME [/data]", comment=BUILDKIT, empty=True),
        row("STOPSIGNAL SIGQUIT", comment=BUILDKIT, empty=True),
        row('ENTRYPOINT ["/start"]', comment=BUILDKIT, empty=True),
        row('CMD ["serve"]', comment=BUILDKIT, empty=True),
    ]
    own = row("COPY a /a # buildkit", comment=BUILDKIT, created="2024-06-06T00:00:00Z")
    config = {
        "Env": ["PATH=/opt/bin:/bin", "VERSION=3.1"],
        "Labels": {"vendor": "v"},
        "WorkingDir": "/srv",
        "User": "7",
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "StopSignal": "SIGQUIT",
        "Entrypoint": ["/start"],
        "Cmd": ["serve"],
    }
    found = recovered([*ALPINE, *inherited, own], config)
    assert own_lines(found) == ["COPY a /a"]
    assert found.untold_settings == ()


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("ENV LEGACY some legacy value", {"Env": ["LEGACY=some legacy value"]}),
        ("LABEL legacy some legacy value", {"Labels": {"legacy": "some legacy value"}}),
        ("ENV A=$HOME/a", {"Env": ["A=/root/a"]}),
        ('ENV A="a b" B="$A c"', {"Env": ["A=a b", "B=a b c"]}),
        ("ENV A=1 B=$A C='$A'", {"Env": ["A=1", "B=", "C=$A"]}),
        (
            "EXPOSE 8000-8001 53/UDP",
            {"ExposedPorts": {"8000/tcp": {}, "8001/tcp": {}, "53/udp": {}}},
        ),
        ("EXPOSE $PORT", {"ExposedPorts": {"80/tcp": {}}}),
        ("EXPOSE ${PORT}", {"ExposedPorts": {"80/tcp": {}}, "Env": []}),
        ("VOLUME $DATA", {"Volumes": {"/data": {}}}),
        ("USER $NAME", {"User": "app"}),
        ("WORKDIR app", {"WorkingDir": "/app"}),
        ('HEALTHCHECK CMD ["a","b"]', {"Healthcheck": {"Test": ["CMD", "a", "b"]}}),
        ("HEALTHCHECK CMD curl  -f x", {"Healthcheck": {"Test": ["CMD-SHELL", "curl  -f x"]}}),
        ('SHELL ["/bin/ash","-c"]', {"Shell": ["/bin/ash", "-c"]}),
    ],
)
def test_what_buildah_writes_as_it_stood_is_told(text: str, config: Json) -> None:
    rows = [*ALPINE, *RUN_OF_BUILDAH, row(f"{NOP}{text}", empty=True)]
    assert recovered(rows, config).untold_settings == ()


@pytest.mark.parametrize(
    ("text", "config", "line"),
    [
        ("ENV A 1", {"Env": ["A=2"]}, "ENV A=2"),
        (
            'ENV BIN=/b PATH="$DIR/b:$PATH"',
            {"Env": ["BIN=/b", "PATH=/evil:/b"]},
            "ENV PATH=/evil:/b",
        ),
        ("LABEL l=1", {"Labels": {"l": "2"}}, "LABEL l=2"),
        ("USER app", {"User": "root"}, "USER root"),
        ("USER $U", {"User": "root", "Env": ["U=app"]}, "USER root"),
        ("WORKDIR /a", {"WorkingDir": "/b"}, "WORKDIR /b"),
        ("STOPSIGNAL 9", {"StopSignal": "15"}, "STOPSIGNAL 15"),
        ('SHELL ["/bin/ash", "-c"]', {"Shell": ["/evil", "-c"]}, 'SHELL ["/evil", "-c"]'),
        ("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["CMD", "/x"]}}, 'HEALTHCHECK CMD ["/x"]'),
        ('ENTRYPOINT ["/a"]', {"Entrypoint": ["/b"], "Cmd": ["sh"]}, 'ENTRYPOINT ["/b"]'),
    ],
)
def test_what_the_dockerfile_set_otherwise_was_changed(text: str, config: Json, line: str) -> None:
    """Whatever the base has: here nothing tells of it."""
    set_before = row(f"{NOP}ENV DIR=/a PATH=/bin", empty=True)
    rows = [row(None), *RUN_OF_BUILDAH, set_before, row(f"{NOP}{text}", empty=True)]
    found = recovered(rows, config)
    assert line in own_lines(found)
    changed = next(one for one in found.untold_settings if str(one) == line)
    assert "base" not in changed.note


def test_an_entry_point_takes_the_command_of_the_base_away_and_not_the_reverse() -> None:
    rows = [row(None), *RUN_OF_BUILDAH]
    config: Json = {"Entrypoint": ["/a"], "Cmd": ["b"]}
    entrypoint = recovered([*rows, row(f'{NOP}ENTRYPOINT ["/a"]', empty=True)], config)
    assert own_lines(entrypoint)[-1] == 'CMD ["b"]'
    command = recovered([*rows, row(f'{NOP}CMD ["b"]', empty=True)], config)
    assert [str(one) for one in command.settings_left_out] == ['ENTRYPOINT ["/a"]']


def test_ports_and_volumes_that_were_added() -> None:
    rows = [*ALPINE, *RUN_OF_BUILDAH, row(f"{NOP}EXPOSE 8000-8001"), row(f"{NOP}VOLUME /a")]
    ports: Json = {"8000/tcp": {}, "8002/tcp": {}, "8000/udp": {}}
    found = recovered(rows, {"ExposedPorts": ports, "Volumes": {"/a": {}, "/b": {}}})
    assert [str(one) for one in found.untold_settings] == ["EXPOSE 8000/udp 8002", "VOLUME /b"]


def test_variables_that_double_with_every_row_stay_small() -> None:
    doubled = [row(f"{NOP}ENV {text}", empty=True) for text in ("A=x", *["A=$A$A B=$B$B"] * 60)]
    found = recovered([*ALPINE, *RUN_OF_BUILDAH, *doubled], {"Env": ["A=y", "B=z"]})
    assert len(str(found)) < 10_000


def test_settings_that_a_base_without_history_may_have_are_listed(tmp_path: Path) -> None:
    rows = [row("", comment="Imported from -"), *RUN_OF_BUILDKIT]
    data = image_bytes(rows, MUTATED, 2)
    with open_image(io.BytesIO(data)) as opened_image:
        found = recover_dockerfile(opened_image)
        write_dockerfile(opened_image, found, tmp_path / "out")
    assert own_lines(found) == ["RUN apk add curl"]
    assert [str(one) for one in found.settings_left_out] == ALL_SETTINGS
    assert all("perhaps of the base" in one.note for one in found.settings_left_out)
    text = str(found)
    assert (tmp_path / "out/Dockerfile").read_text() == text
    comments = [line for line in text.split("\n") if line.startswith("# ")]
    assert comments[1:] == [f"# {line}" for line in ALL_SETTINGS]
    report = (tmp_path / "out/RECOVERY.md").read_text()
    section = report.partition("## Settings of the image that the Dockerfile does not make")[2]
    assert all(f"- `{line}`: no row tells of it" in section for line in ALL_SETTINGS)


def test_an_original_is_left_as_it_is_and_what_was_changed_is_listed(tmp_path: Path) -> None:
    own = image(file("srv/Dockerfile", OWN))
    mutated = replace(own, config={**own.config, "Entrypoint": ["/backdoor"]})
    source, target = tmp_path / "image.tar", tmp_path / "out"
    source.write_bytes(archive(oci_layout(mutated)))
    done = run("dockerfile", str(source), "-o", str(target), "--json")
    assert "warning: 1 setting of the image in no row of its history" in done.said
    assert (target / "Dockerfile").read_bytes() == OWN
    assert 'ENTRYPOINT ["/backdoor"]' in (target / "RECOVERY.md").read_text()
    assert [one["text"] for one in done.document["untold_settings"]] == ['ENTRYPOINT ["/backdoor"]']
    behind = run("dockerfile", str(source), "--evidence").raw.removeprefix(OWN)
    assert b'\n# ENTRYPOINT ["/backdoor"]: inferred, from config: no row tells of it' in behind
