"""The command `dockerfile`."""

import json
import os
import shutil
from pathlib import Path

import pytest

from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    archive,
    directory,
    file,
    oci_layout,
)
from imgforensics_cli.failures import Status
from tests.cli.images import FIXTURES
from tests.cli.running import process, run

WEBAPP = str(FIXTURES / "webapp.docker-save.tar")
CLASSIC = str(FIXTURES / "webapp.docker-20.tar.xz")
SOURCE = FIXTURES.parent / "sources" / "webapp" / "Dockerfile"


def test_the_original_goes_to_standard_output_unchanged() -> None:
    outcome = run("dockerfile", WEBAPP)
    assert (outcome.status, outcome.raw, outcome.said) == (Status.DONE, SOURCE.read_bytes(), "")


def test_evidence_stands_beside_each_line() -> None:
    lines = run("dockerfile", CLASSIC, "--evidence").lines
    place = lines.index("COPY app /srv/orderdesk")
    assert lines[place - 1].startswith("# exact, from content-hash, history row 7, layer 3")


def test_evidence_behind_the_end_of_an_original() -> None:
    outcome = run("dockerfile", WEBAPP, "--evidence")
    original = SOURCE.read_bytes().rstrip(b"\n")
    assert outcome.raw == original + b"\n# all of it: exact, from provenance: Dockerfile\n"


def test_a_stream_and_history_alone() -> None:
    given = Path(WEBAPP).read_bytes()
    outcome = run("dockerfile", "-", "--history-only", given=given)
    assert outcome.raw == SOURCE.read_bytes()


def test_the_document() -> None:
    document = run("dockerfile", CLASSIC, "--json", "--effects").document
    assert document["schema"] == "imgforensics.dockerfile/1"
    assert document["builder"] == "classic"
    by_text = {one["text"]: one for one in document["instructions"]}
    copied = by_text["COPY secrets/credentials /root/.aws/credentials"]
    assert (copied["evidence"], copied["confidence"], copied["layer"], copied["row"]) == (
        "content-hash",
        "exact",
        4,
        8,
    )
    removed = by_text["RUN rm -r /root/.aws /srv/orderdesk/setup.sh"]
    assert removed["effects"][0] == "deleted: /root/.aws, /srv/orderdesk/setup.sh"
    assert document["base"]["layers"] == 1
    assert len(document["base_candidates"]) == 2


def test_a_directory_to_build_from(tmp_path: Path) -> None:
    target = tmp_path / "out"
    outcome = run("dockerfile", CLASSIC, "-o", str(target))
    assert outcome.status == Status.DONE
    assert (
        outcome.text == f"wrote {target}: 20 instructions, 18 of them exact, 7 files of context\n"
    )
    again = run("dockerfile", CLASSIC, "-o", str(target))
    assert again.status == Status.REFUSED
    assert run("dockerfile", CLASSIC, "-o", str(target), "--force").status == Status.DONE


@pytest.mark.parametrize(
    "options",
    [
        ("--history-only", "-o", "x"),
        ("--history-only", "--effects"),
        ("--rebuild-with", "buildah"),
        ("--rebuild-with", "make", "-o", "x"),
        ("--base", CLASSIC),
    ],
)
def test_options_that_need_or_exclude_others(options: tuple[str, ...]) -> None:
    assert run("dockerfile", CLASSIC, *options).status == Status.USAGE


def test_an_engine_that_is_missing(tmp_path: Path) -> None:
    outcome = process(
        *("dockerfile", WEBAPP, "-o", str(tmp_path / "out"), "--rebuild-with", "podman"),
        environment={"PATH": str(tmp_path)},
    )
    assert outcome.status == Status.ENVIRONMENT
    assert "podman is not installed; install it" in outcome.said


@pytest.mark.parametrize("engine", ["buildah", "podman"])
def test_what_was_written_builds_the_same_image(tmp_path: Path, engine: str) -> None:
    """An ignore file of the image's own, in the way of what it needs, is among the context."""
    if shutil.which(engine) is None or os.geteuid() != 0:
        pytest.skip(f"needs {engine}, and root for its storage")
    ignore = file("app/.dockerignore", b"dist\n")
    layers: list[LayerSpec | Instruction] = [
        LayerSpec(
            [directory("app"), ignore, file("app/x", b"1")],
            created_by="COPY .dockerignore x /app/ # buildkit",
        ),
        LayerSpec(
            [directory("dist"), file("dist/y", b"2")], created_by="COPY dist /dist # buildkit"
        ),
        Instruction('CMD ["/app/x"]'),
    ]
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    image = ImageBuilder(layers, config={"Cmd": ["/app/x"], "Env": [path]})
    source = tmp_path / "image.tar"
    source.write_bytes(archive(oci_layout(image)))
    target = tmp_path / "out"
    outcome = run("dockerfile", str(source), "-o", str(target), "--rebuild-with", engine, "--json")
    assert outcome.status == Status.DONE, outcome.said
    assert json.loads(outcome.raw)["rebuild"] == {
        "engine": engine,
        "same": True,
        "files": [],
        "config": [],
    }


HOSTILE = ImageBuilder(
    [
        LayerSpec([file("a")], created_by="COPY a\x1b[31m /a\x1b]0;owned\x07 # buildkit"),
        Instruction('CMD ["\x1b[2J\x9b"]'),
    ]
)


def test_nothing_of_the_image_moves_a_cursor(tmp_path: Path) -> None:
    path = tmp_path / "hostile.tar"
    path.write_bytes(archive(oci_layout(HOSTILE)))
    for options in ((), ("--evidence",), ("--keep-base", "--effects")):
        outcome = run("dockerfile", str(path), *options, terminal=True)
        assert outcome.status == Status.DONE
        assert all(c.isprintable() or c == "\n" for c in outcome.text)
    json.loads(run("dockerfile", str(path), "--json").raw.decode("ascii"))
    run("dockerfile", str(path), "-o", str(tmp_path / "out"))
    report = (tmp_path / "out" / "RECOVERY.md").read_text()
    assert all(c.isprintable() or c == "\n" for c in report)
