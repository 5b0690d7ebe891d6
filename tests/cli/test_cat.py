"""`cat`: bytes, in order, links followed; nothing dangerous on a terminal."""

import base64
import gzip
import random
import tempfile
from pathlib import Path

import pytest

from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    Packing,
    file,
    hard_link,
    symlink,
    tar,
)
from tests.cli.images import HOSTILE, ROOT, save
from tests.cli.running import run

ELF = b"\x7fELF\0\xff"


def test_contents_in_order(shop: str) -> None:
    outcome = run("cat", shop, "/bin/sh", "etc/passwd", "/bin/../bin/ls")
    assert (outcome.status, outcome.raw) == (0, ELF + ROOT + ELF)


def test_a_lower_layer(shop: str) -> None:
    outcome = run("cat", "--layer", "0", shop, "/etc/shadow", "/etc/passwd")
    assert outcome.raw == b"secretold"


def test_paths_that_are_there_are_served(shop: str) -> None:
    outcome = run("cat", shop, "/nothing", "/etc", "/etc/passwd", "/null", "/lost")
    assert (outcome.status, outcome.raw) == (1, ROOT)
    assert [line.split(": ")[2] for line in outcome.said.splitlines()] == [
        "/nothing", "/etc", "/null", "/lost",
    ]  # fmt: skip


def test_links_do_not_lead_out_of_the_image(tmp_path: Path) -> None:
    members = [symlink("a", "../../../etc/passwd"), symlink("loop", "loop")]
    path = save(tmp_path, ImageBuilder([members]))
    outcome = run("cat", path, "/a", "/loop")
    assert (outcome.status, outcome.raw) == (1, b"")
    assert outcome.said.count("\n") == 2


def test_a_terminal_is_not_moved(shop: str) -> None:
    outcome = run("cat", shop, "/" + HOSTILE.decode(), "/bin/ls", terminal=True)
    assert outcome.text == "text\\x1b[2J\n\ttab\\x7fELF\\x00\\xff"
    assert run("cat", shop, "/" + HOSTILE.decode()).raw == b"text\x1b[2J\n\ttab"


def test_json_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8_000
    path = save(tmp_path, ImageBuilder([[file("large", content), file("empty")]]))
    document = run("cat", "--json", path, "/large", "/empty", "/nothing").document
    large, *rest, empty = document["contents"]
    joined = "".join(piece["content_b64"] for piece in (large, *rest))
    assert base64.b64decode(joined) == content
    assert len(rest) >= 1
    assert rest[0]["offset"] == len(base64.b64decode(large["content_b64"]))
    assert (empty["path"], empty["content_b64"], empty["size"]) == ("/empty", "", 0)
    assert document["failures"] == ["/nothing: No such file or directory"]


CONTENT = random.Random(1).randbytes(2_000_000)
PLAIN = tar([file("whole", b"all of it"), file("cut", CONTENT), hard_link("again", "cut")])


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP])
def test_of_a_file_that_is_cut_short_what_is_there(packing: Packing, tmp_path: Path) -> None:
    blob = PLAIN if packing is Packing.NONE else gzip.compress(PLAIN)
    path = save(tmp_path, ImageBuilder([LayerSpec(blob=blob[: 3 * len(blob) // 4])]))
    outcome = run("cat", path, "/cut", "/whole")
    assert outcome.status == 4
    cut = outcome.raw.removesuffix(b"all of it")
    assert CONTENT.startswith(cut)
    assert len(CONTENT) // 2 < len(cut) < len(CONTENT)
    assert "imgforensics: error: " in outcome.said
    document = run("cat", "--json", path, "/cut").document
    pieces = [base64.b64decode(piece["content_b64"]) for piece in document["contents"]]
    assert b"".join(pieces) == cut
    offsets = [piece["offset"] for piece in document["contents"]]
    assert offsets == [sum(map(len, pieces[:n])) for n in range(len(pieces))]
    assert len(pieces) == 2
    assert len(document["failures"]) == 1


def test_a_stream(shop: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    given = Path(shop).read_bytes()
    outcome = run("cat", "-", "/etc/passwd", "--tmpdir", str(spool), given=given)
    assert (outcome.status, outcome.raw) == (0, ROOT)
    assert list(spool.iterdir()) == []
    assert tempfile.gettempdir() != str(spool)
    assert run("cat", "-", "/etc/passwd", "--tmpdir", str(spool / "no"), given=given).status == 2


def test_any_version(shop: str) -> None:
    assert run("cat", shop, "--version", "0", "/etc/passwd").raw == b"old"
    assert run("cat", shop, "--version", "1", "/etc/passwd").raw == ROOT
    assert run("cat", shop, "--version", "0", "/etc/shadow").raw == b"secret"
    outcome = run("cat", shop, "--version", "2", "/etc/passwd", "/etc/shadow")
    assert (outcome.status, outcome.raw) == (1, b"")
    assert "/etc/passwd: it has 2 versions, counted from 0" in outcome.said
    assert run("cat", shop, "--version", "0", "--layer", "0", "/etc/passwd").status == 2
    assert run("cat", shop, "--version", "0", "/bin").status == 1
