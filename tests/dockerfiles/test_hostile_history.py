"""Histories and configurations made to hurt: there is an answer, soon, and it parses."""

import io
import time
from typing import Any

import pytest

from imgforensics import open_image, recover_dockerfile
from imgforensics.errors import ImageForensicsError
from tests.dockerfiles.building import BUILDKIT, NOP
from tests.dockerfiles.recovering import DEBIAN, Json, image_bytes, own_lines, recovered, row

LONG = 60_000
SOON = 30.0
"""Seconds of the processor; what took the square of these sizes would take hours."""


@pytest.mark.parametrize("history", [None, [], {}, "text", 1, [None], [1, "x", []], [{}]])
def test_history_of_another_shape(history: object) -> None:
    with open_image(io.BytesIO(image_bytes(history))) as image:
        text = str(recover_dockerfile(image))
    assert text.startswith(("FROM ", "ARG ", "# "))


@pytest.mark.parametrize(
    "created",
    [None, "", "yesterday", "9999-99-99T00:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01", 5],
)
def test_times_that_are_none(created: Any) -> None:
    rows = [row("RUN /bin/sh -c a # buildkit", created=created) for _ in range(3)]
    assert len(own_lines(recovered(rows))) == 3


def test_a_root_filesystem_has_no_configuration() -> None:
    from imgforensics.testing import file, tar  # noqa: PLC0415

    with open_image(io.BytesIO(tar([file("etc/x", b"1")])), as_rootfs=True) as image:
        found = recover_dockerfile(image)
    assert own_lines(found) == ["COPY layer-0/ /"]


def in_time(rows: list[Json], config: Json | None = None) -> list[str]:
    began = time.process_time()
    lines = own_lines(recovered(rows, config, 1))
    assert time.process_time() - began < SOON
    return lines


def test_a_hundred_thousand_rows() -> None:
    rows = [
        DEBIAN,
        *(row(f"ENV A{number}=1", empty=True, comment=BUILDKIT) for number in range(50_000)),
        *(row(f"{NOP} ARG A{number}", empty=True) for number in range(25_000)),
        *(row("|1 A1=1 /bin/sh -c x", empty=True) for _ in range(25_000)),
    ]
    began = time.process_time()
    found = recovered(rows)
    assert len(found.base_instructions) + len(own_lines(found)) == 100_000
    assert time.process_time() - began < SOON


@pytest.mark.parametrize("empty", [True, False])
def test_a_base_may_end_below_every_row(empty: bool) -> None:
    days = [
        f"20{year:02}-{month:02}-{day:02}"
        for year in range(40)
        for month in range(1, 13)
        for day in (1, 15)
    ]
    rows = [
        DEBIAN,
        *(row(f"{NOP} ENV A=1", empty=empty, created=f"{day}T00:00:00Z") for day in days * 20),
    ]
    began = time.process_time()
    found = recovered(rows, layers=1)
    assert len(found.base_candidates) <= 22
    assert time.process_time() - began < SOON


@pytest.mark.parametrize(
    "text",
    [
        "RUN |99999 " + "A=1 " * (LONG // 4),
        "RUN |2 A=" + "/bin/sh -c " * (LONG // 11),
        "ENV " + "A=1 " * (LONG // 4),
        "ENV " + "'" * LONG,
        "ENV A=" + '"\\' * (LONG // 2),
        "LABEL " + "a.b=" * (LONG // 4),
        "EXPOSE [" + "1/tcp " * (LONG // 6) + "]",
        "VOLUME [" + "/a " * (LONG // 3) + "]",
        "CMD [" + '"a" ' * (LONG // 4),
        "CMD [" + '"\\' * (LONG // 2),
        "HEALTHCHECK &{[" + '"0s" ' * (LONG // 5),
        "HEALTHCHECK {Test:[" + "] Interval:" * (LONG // 11),
        "RUN /bin/sh -c " + "a && " * (LONG // 5),
        "RUN /bin/sh -c " + "$(" * (LONG // 2),
        "RUN /bin/sh -c " + "<<A " * (LONG // 4) + "\n",
        "RUN /bin/sh -c " + "[" * LONG,
        "SHELL [" + "-c " * (LONG // 3) + "]",
        "COPY " + "C:\\ " * (LONG // 4),
        "COPY " + "--a=b " * (LONG // 6),
        "ARG " + "A=1 " * (LONG // 4),
        " #(nop) " * (LONG // 8),
        "/bin/sh -c #(nop) COPY " + "file:" * (LONG // 5),
    ],
    ids=lambda text: text[:24],
)
@pytest.mark.parametrize("comment", [BUILDKIT, None, "FROM a:1"])
def test_one_long_row(text: str, comment: str | None) -> None:
    prefix = NOP if comment and comment.startswith("FROM") else ""
    others: Json = {"comment": comment} if comment else {}
    rows = [DEBIAN, row(prefix + text, **others)]
    began = time.process_time()
    found = recovered(rows, {"Labels": {f"name {n}": "" for n in range(50)}})
    assert found.text(pretty=True, evidence=True, keep_base=True)
    assert time.process_time() - began < SOON


def test_many_variables_of_kaniko() -> None:
    config = {
        "Env": [f"NAME_{number}=1.{number}" for number in range(20_000)],
        "Labels": {f"a{number}": "" for number in range(20_000)},
        "ExposedPorts": {f"{number}/tcp": {} for number in range(20_000)},
        "Volumes": {f"/{number}": {} for number in range(20_000)},
        "OnBuild": [f"RUN {number}" for number in range(20_000)],
    }
    rows = [DEBIAN, *(row(f"RUN $NAME_{number}", author="kaniko") for number in range(2_000))]
    assert len(in_time(rows, config)) > 60_000


def test_control_characters_never_leave_a_comment_or_a_line() -> None:
    escape = "\x1b[2J\x1b]0;x\x07\r\nRUN rm -rf /"
    rows = [DEBIAN, row(f"custom {escape}", author="Jib"), row(f"{NOP} ENV A={escape}")]
    found = recovered(rows, {"Env": [f"A={escape}"]})
    text = found.text(evidence=True, keep_base=True)
    assert all(
        line.startswith(("#", "FROM ", "COPY ", "ENV ", "ARG ")) for line in text.splitlines()
    )
    assert "\x1b" not in "".join(line for line in text.split("\n") if line.startswith("#"))


@pytest.mark.parametrize(
    "label", ["", "{", "null", '{"runImage": 1}', '{"runImage": {"topLayer": "x"}}', "[" * 100_000]
)
def test_a_label_that_should_be_json(label: str) -> None:
    found = recovered([DEBIAN], {"Labels": {"io.buildpacks.lifecycle.metadata": label}})
    assert found.builder == "buildpacks"


def test_an_image_of_absent_layers_is_recovered_from_its_documents() -> None:
    from imgforensics.testing import ImageBuilder, LayerSpec, archive, oci_layout  # noqa: PLC0415

    image = ImageBuilder(
        layers=[LayerSpec(absent=True, created_by="COPY a /a # buildkit")],
        config_document={"history": [row("COPY a /a # buildkit"), row("COPY b /b # buildkit")]},
    )
    with open_image(io.BytesIO(archive(oci_layout(image)))) as opened:
        found = recover_dockerfile(opened)
    assert own_lines(found) == ["COPY a /a", "COPY b /b"]


def test_a_document_without_end_is_refused_by_name() -> None:
    with pytest.raises(ImageForensicsError, match="json_values"):
        open_image(io.BytesIO(image_bytes([[] for _ in range(1_100_000)]))).close()


@pytest.mark.parametrize(
    ("row_of_kaniko", "text"),
    [
        ("FROM other AS stage", ""),
        ("NONSENSE x", ""),
        ("ENV A", ""),
        ("LABEL a=b c", ""),
        ("USER a <<EOF", "USER a <<EOF\n"),
        ("EXPOSE 80 \\ \\ ", "EXPOSE 80\n"),
        ("RUN cat <<EOF 'open", "RUN cat <<EOF 'open\n"),
        ("RUN cat <<EOF ${open", "RUN cat <<EOF ${open\n"),
        ("COPY [ /x <<EOF", "COPY [ /x <<EOF\nEOF\n"),
        ('COPY <<"A\nB" /x', 'COPY <<"A B" /x\nA B\n'),
    ],
)
def test_no_row_begins_a_stage_or_takes_in_the_next_line(row_of_kaniko: str, text: str) -> None:
    rows = [DEBIAN, row(row_of_kaniko, author="kaniko", empty=True)]
    assert str(recovered(rows)) == f"FROM debian:bookworm-slim\n{text}"


def test_what_is_recovered_has_short_names_that_do_nothing_to_a_terminal() -> None:
    rows = [DEBIAN, *(row(f"{NOP} USER \x1b[31m{'x' * 1000}", empty=True) for _ in range(100))]
    found = recovered(rows)
    parts = (found, found.base, found.instructions[1], found.instructions[1].instruction)
    assert all(len(repr(one)) < 150 and repr(one).isprintable() for one in parts)
