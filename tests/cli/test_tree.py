"""`tree`: the drawing and its totals."""

from pathlib import Path

import pytest

from imgforensics.testing import ImageBuilder, file
from tests.cli.images import save
from tests.cli.running import run


def test_the_drawing(shop: str) -> None:
    outcome = run("tree", shop)
    assert outcome.status == 0
    assert outcome.text == (
        "/\n"
        "├── bin\n"
        "│   ├── busybox\n"
        "│   ├── ls\n"
        "│   └── sh -> busybox\n"
        "├── caf\\xe9\n"
        "├── etc\n"
        "│   └── passwd\n"
        "├── evil\\x1b[2J\n"
        "├── lost -> /nowhere\n"
        "└── null\n"
        "\n"
        "2 directories, 5 files, 1 character-device, 2 symlinks\n"
    )


def test_depth(shop: str) -> None:
    assert "busybox" not in run("tree", "--depth", "1", shop).text
    assert run("tree", "--depth", "1", shop).lines[-1].startswith("2 directories, 2 files, ")
    assert run("tree", "--depth", "0", shop).status == 2


def test_a_directory_of_a_lower_layer(shop: str) -> None:
    assert run("tree", "--layer", "0", shop, "/etc").lines == [
        "/etc", "├── passwd", "└── shadow", "", "0 directories, 2 files",
    ]  # fmt: skip


def test_a_link_is_followed(shop: str) -> None:
    assert run("tree", shop, "/bin/sh").lines[0] == "/bin/busybox"


@pytest.mark.parametrize("levels", [3_000])
def test_deep(levels: int, tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file("d/" * levels + "f")]]))
    outcome = run("tree", path)
    assert outcome.lines[-1] == "3,000 directories, 1 file"
    assert outcome.lines[levels + 1] == "    " * levels + "└── f"


def test_json(shop: str) -> None:
    document = run("tree", "--json", shop, "/bin").document
    assert document["path"] == "/bin"
    assert [(e["depth"], e["path"]) for e in document["entries"]] == [
        (0, "/bin"), (1, "/bin/busybox"), (1, "/bin/ls"), (1, "/bin/sh"),
    ]  # fmt: skip
    assert document["totals"] == {"file": 2, "symlink": 1}


def test_json_of_a_path_that_is_not_there(shop: str) -> None:
    outcome = run("tree", "--json", shop, "/nope")
    assert outcome.status == 1
    document = outcome.document
    assert document["failures"] == ["/nope: No such file or directory"]
    assert (document["path"], document["entries"], document["totals"]) == (None, [], {})
    assert run("tree", "--json", shop, "/bin").document["failures"] == []


def test_names_of_one_file_share_an_inode(shop: str) -> None:
    entries = run("tree", "--json", shop).document["entries"]
    inodes = {entry["path"]: entry["inode"] for entry in entries}
    assert inodes["/bin/ls"] == inodes["/bin/busybox"] == "0:4"
    assert inodes["/etc/passwd"] == "1:1"
    assert inodes["/"] is None
    assert len(set(inodes.values())) == len(inodes) - 1
