"""`extract`: what it writes where, what it says, and what it refuses."""

import base64
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from imgforensics.testing import ImageBuilder, file
from tests.cli.images import LATIN, ROOT, damaged, save
from tests.cli.running import run


def files_below(path: Path) -> set[str]:
    return {os.fsdecode(p.relative_to(path)) for p in path.rglob("*")}


def test_files_and_a_summary(shop: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = run("extract", shop, "-o", str(out))
    assert outcome.status == 0
    assert (out / "etc" / "passwd").read_bytes() == ROOT
    assert not (out / "etc" / "shadow").exists()
    assert (out / os.fsdecode(LATIN)).exists()
    assert outcome.lines[0].startswith(f"wrote {out}: ")
    assert "2 directories" in outcome.lines[0]
    assert "1 special-withheld" in outcome.lines[1]
    assert outcome.lines[-1] == f"record: {out}.extraction.json"
    assert Path(f"{out}.extraction.json").exists()
    assert not Path(f"{out}.partial").exists()


def test_json_is_the_record(shop: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = run("extract", "--json", shop, "-o", str(out), "--record", str(tmp_path / "record"))
    assert outcome.document["schema"] == "imgforensics.extraction/1"
    assert outcome.document == json.loads(Path(f"{out}.extraction.json").read_text())
    assert outcome.document == json.loads((tmp_path / "record").read_text())


def test_names_of_this_machine_that_are_not_utf8(shop: str, tmp_path: Path) -> None:
    source = Path(shop).rename(tmp_path / "image\udce9.tar")
    out = tmp_path / "out\udcff"
    outcome = run("extract", "--json", str(source), "-o", str(out))
    document = outcome.document
    json.dumps(document, ensure_ascii=False).encode()
    assert document["source"] == f"{tmp_path}/image\\xe9.tar"
    assert base64.b64decode(document["source_b64"]) == os.fsencode(source)
    assert document["output"] == f"{tmp_path}/out\\xff"
    assert base64.b64decode(document["output_b64"]) == os.fsencode(out)


def test_quiet_says_nothing(shop: str, tmp_path: Path) -> None:
    outcome = run("extract", shop, "-o", str(tmp_path / "out"), "--quiet")
    assert (outcome.status, outcome.raw, outcome.said) == (0, b"", "")


def test_a_lower_layer(shop: str, tmp_path: Path) -> None:
    assert run("extract", shop, "-o", str(tmp_path / "out"), "--layer", "0").status == 0
    assert (tmp_path / "out" / "etc" / "shadow").read_bytes() == b"secret"
    assert run("extract", shop, "-o", str(tmp_path / "no"), "--layer", "2").status == 2
    assert not list(tmp_path.glob("no*"))


def test_layers_as_they_are(shop: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("extract", shop, "-o", str(out), "--layers").status == 0
    assert files_below(out / "layer-001") == {"etc", "etc/passwd", "etc/.wh.shadow"}


def test_selection(shop: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--include", "/etc", "--include", "busybox", "--exclude", "passwd")
    assert run("extract", shop, "-o", str(out), *options).status == 0
    found = {path for path in files_below(out) if not (out / path).is_dir()}
    assert found == {"bin/busybox"}


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_special(shop: str, tmp_path: Path) -> None:
    outcome = run("extract", shop, "-o", str(tmp_path / "out"), "--special")
    assert (tmp_path / "out" / "null").is_char_device()
    assert (tmp_path / "out" / "bin" / "busybox").stat().st_mode & 0o7777 == 0o4755
    assert "withheld" not in outcome.text


def test_force_replaces(shop: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("extract", shop, "-o", str(out), "--include", "busybox").status == 0
    refused = run("extract", shop, "-o", str(out))
    assert (refused.status, "--force" in refused.said) == (5, True)
    assert not (out / "etc").exists()
    assert run("extract", shop, "-o", str(out), "--force").status == 0
    assert (out / "etc").exists()


@pytest.mark.parametrize("command", ["extract", "deleted", "dockerfile"])
@pytest.mark.parametrize("is_working_directory", [False, True])
def test_force_replaces_nothing_of_others(
    command: str,
    is_working_directory: bool,
    shop: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes = tmp_path / "mine" / "notes"
    notes.parent.mkdir()
    notes.write_text("mine")
    monkeypatch.chdir(notes.parent if is_working_directory else tmp_path)
    target = "." if is_working_directory else "mine"
    for options in ((), ("--force",)):
        refused = run(command, shop, "-o", target, *options)
        assert (refused.status, refused.said.count("\n")) == (5, 1)
        assert "--force" not in refused.said
    assert notes.read_text() == "mine"


def test_a_record_is_not_replaced_without_force(shop: str, tmp_path: Path) -> None:
    record = tmp_path / "record"
    record.write_text("mine")
    assert run("extract", shop, "-o", str(tmp_path / "out"), "--record", str(record)).status == 5
    assert record.read_text() == "mine"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("parent", ["none", "file"])
def test_a_record_without_a_directory_is_refused_before_work(
    parent: str, shop: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    out, record = tmp_path / "out", tmp_path / parent / "record"
    outcome = run("extract", shop, "-o", str(out), "--record", str(record))
    assert outcome.status == 6
    assert outcome.said == (
        f"imgforensics: error: {record.parent}: is no directory that can be written to\n"
    )
    assert not list(tmp_path.glob("out*"))


def test_a_record_beside_an_output_whose_parents_are_made(shop: str, tmp_path: Path) -> None:
    out, record = tmp_path / "new" / "below" / "out", tmp_path / "new" / "record"
    assert run("extract", shop, "-o", str(out), "--record", str(record)).status == 0
    assert json.loads(record.read_text())["complete"]


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_a_tar(suffix: str, shop: str, tmp_path: Path) -> None:
    target = tmp_path / f"flat.tar{suffix}"
    outcome = run("extract", shop, "--tar", str(target))
    assert outcome.status == 0
    assert outcome.lines[0].startswith(f"wrote {target}: ")
    with tarfile.open(target) as tar:
        assert "./etc/passwd" in {member.name for member in tar}
    assert Path(f"{target}.extraction.json").exists()


def test_a_tar_on_standard_output(shop: str, tmp_path: Path) -> None:
    outcome = run("extract", shop, "--tar", "-", "--record", str(tmp_path / "record"))
    assert outcome.status == 0
    (tmp_path / "flat.tar").write_bytes(outcome.raw)
    with tarfile.open(tmp_path / "flat.tar") as tar:
        assert tar.extractfile("./etc/passwd").read() == ROOT  # type: ignore[union-attr]
    assert "wrote standard output" in outcome.said
    assert json.loads((tmp_path / "record").read_text())["form"] == "tar"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-o", "OUT", "--tar", "OUT.tar"),
        ("--tar", "OUT.tar", "--layers"),
        ("--tar", "-", "--json"),
        ("-o", "OUT", "--layer", "-1"),
    ],
)
def test_usage(options: tuple[str, ...], shop: str, tmp_path: Path) -> None:
    given = [option.replace("OUT", str(tmp_path / "out")) for option in options]
    assert run("extract", shop, *given).status == 2
    assert not list(tmp_path.glob("out*"))


def test_no_tar_to_a_terminal(shop: str) -> None:
    outcome = run("extract", shop, "--tar", "-", terminal=True)
    assert (outcome.status, outcome.raw) == (2, b"")


def test_incomplete_work_keeps_its_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = run("extract", save(tmp_path, damaged()), "-o", str(out))
    assert outcome.status == 4
    assert not out.exists()
    assert (tmp_path / "out.partial" / "new").read_bytes() == b"new"
    assert outcome.said.splitlines()[-1] == (
        f"imgforensics: error: incomplete; what could be written is in {out}.partial"
    )


@pytest.mark.parametrize(
    ("command", "target"), [("extract", "-o"), ("extract", "--tar"), ("deleted", "-o")]
)
def test_a_limit_tells_of_what_is_left(
    command: str, target: str, shop: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcome = run(command, shop, target, str(out), "--limit", "output_bytes=1")
    partial, error = outcome.said.splitlines()
    assert outcome.status == 5
    assert partial == f"imgforensics: what was written so far is in {out}.partial"
    assert "--limit output_bytes=" in error
    again = run(command, shop, target, str(out))
    assert (again.status, "--force" in again.said) == (5, True)
    assert run(command, shop, target, str(out), "--force").status == 0


def test_a_stream_is_spooled_beside_the_output(shop: str, tmp_path: Path) -> None:
    given = Path(shop).read_bytes()
    out = tmp_path / "new" / "out"
    assert run("extract", "-", "-o", str(out), given=given).status == 0
    assert (out / "etc" / "passwd").read_bytes() == ROOT
    assert {path.name for path in out.parent.iterdir()} == {"out", "out.extraction.json"}


def test_a_stream_over_the_limit(shop: str, tmp_path: Path) -> None:
    given = Path(shop).read_bytes()
    options = ("-o", str(tmp_path / "out"), "--limit", "spool_bytes=2K")
    outcome = run("extract", "-", *options, given=given)
    assert outcome.status == 5
    assert "spool_bytes=2048" in outcome.said


def test_the_output_cannot_be_written(shop: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run("extract", shop, "-o", str(tmp_path / "file" / "out")).status == 6


def test_names_of_the_output_are_shown_safely(tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file("a")]]))
    outcome = run("extract", path, "-o", str(tmp_path / "\x1b[2Jout"))
    assert outcome.status == 0
    assert "\x1b" not in outcome.text + outcome.said


def test_a_target_that_is_taken_is_refused_before_the_stream_is_read(
    tmp_path: Path, shop: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").touch()
    with Path(shop).open("rb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "imgforensics", "extract", "-", "-o", str(tmp_path / "out")],
            stdin=stream,
            capture_output=True,
            check=False,
        )
        assert stream.tell() == 0
    assert done.returncode == 5
    assert b"exists" in done.stderr
