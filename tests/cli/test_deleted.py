"""`deleted`: the table, the documents, what is written, and the exit statuses."""

import json
from pathlib import Path

import pytest

from imgforensics.testing import ImageBuilder, device, file, whiteout
from tests.cli.images import incomplete, save, save_layout
from tests.cli.running import run


def test_table(shop: str) -> None:
    outcome = run("deleted", shop)
    assert outcome.status == 0
    assert [line.split(maxsplit=7) for line in outcome.lines] == [
        ["LAYER", "FATE", "BY", "KIND", "SIZE", "PATH", "INSTRUCTION"],
        ["0", "overwritten", "1", "file", "3", "B", "/etc/passwd", "RUN rm /etc/shadow"],
        ["0", "deleted", "1", "file", "6", "B", "/etc/shadow", "RUN rm /etc/shadow"],
    ]
    assert outcome.said == ""


def test_selection_in_json(shop: str) -> None:
    [deleted] = run("deleted", shop, "--json", "--exclude", "passwd").document["deleted"]
    assert (deleted["path"], deleted["fate"], deleted["ended_by"]) == ("/etc/shadow", "deleted", 1)
    assert deleted["ended_by_instruction"] == "RUN rm /etc/shadow"


def test_none_is_no(tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file("a")]]))
    assert run("deleted", path).status == 1
    assert run("deleted", path, "--json").document["deleted"] == []


def test_writing(shop: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    outcome = run("deleted", shop, "-o", str(output), "--include", "/etc/shadow")
    assert outcome.status == 0
    assert (output / "layer-000" / "etc" / "shadow").read_bytes() == b"secret"
    record = json.loads((tmp_path / "out.extraction.json").read_text())
    assert (record["form"], record["options"]["include"]) == ("deleted", ["/etc/shadow"])
    assert run("deleted", shop, "-o", str(output)).status == 5
    assert run("deleted", shop, "-o", str(output), "--force", "--json").document["complete"]


def test_the_summary_is_that_of_an_extraction(shop: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    outcome = run("deleted", shop, "-o", str(output))
    assert outcome.lines == [
        f"wrote {output}: 9 B in 1 directory, 2 files",
        f"record: {output}.extraction.json",
    ]
    assert outcome.said == ""
    withheld = ImageBuilder([[device("null", 1, 3)], [whiteout("null")]])
    outcome = run("deleted", save(tmp_path, withheld), "-o", str(tmp_path / "withheld"))
    assert (outcome.status, outcome.lines[1]) == (0, "not as stored: 1 special-withheld")


def test_none_is_no_when_written(tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file("a")]]))
    outcome = run("deleted", path, "-o", str(tmp_path / "out"))
    assert outcome.status == 1
    assert outcome.lines[0] == f"wrote {tmp_path / 'out'}: 0 B in no entries"


def test_waste(shop: str) -> None:
    lines = run("deleted", shop, "--waste").lines
    assert lines[0].split() == ["LAYER", "UNSEEN", "WASTED", "INSTRUCTION"]
    assert lines[1].split()[:5] == ["0", "9", "B", "9", "B"]
    assert lines[-1].startswith("efficiency as dive has it: 0.")
    document = run("deleted", shop, "--waste", "--json").document
    assert (document["unseen_bytes"], len(document["layers"])) == (9, 2)


def test_waste_and_output_exclude_each_other(shop: str, tmp_path: Path) -> None:
    assert run("deleted", shop, "--waste", "-o", str(tmp_path / "out")).status == 2


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_an_incomplete_image(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert run("deleted", save_layout(tmp_path, incomplete()), *options).status == 4
