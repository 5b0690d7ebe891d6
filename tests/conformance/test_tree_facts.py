"""The comparison that conformance rests on sees every fact, and reads disk and truth alike."""

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.tree_facts import PathFacts, compare, read_truth, walk

FILE = PathFacts(
    kind="f",
    mode=0o644,
    uid=1,
    gid=2,
    mtime_ns=3,
    size=4,
    sha256="5",
    hard_links=(b"/a", b"/b"),
    data=((0, 4),),
)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "d"},
        {"mode": 0o4644},
        {"uid": 9},
        {"gid": 9},
        {"mtime_ns": 4},
        {"size": 9},
        {"sha256": "9"},
        {"link": b"target"},
        {"device": (1, 3)},
        {"xattrs": (("user.note", b"1"),)},
        {"hard_links": ()},
        {"data": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_fact_is_compared(change: dict[str, object]) -> None:
    fact = next(iter(change))
    changed = replace(FILE, **change)  # type: ignore[arg-type] # one field of each type
    assert [found.fact for found in compare({b"/a": FILE}, {b"/a": changed})] == [fact]


def test_a_path_of_one_tree_only_differs() -> None:
    lines = [str(found) for found in compare({b"/a": FILE}, {b"/\xff": FILE})]
    assert lines == [
        "/a: presence: expected 'f', got None",
        "/\\xff: presence: expected None, got 'f'",
    ]


def test_holes_differ_only_where_both_were_looked_for() -> None:
    assert compare({b"/a": FILE}, {b"/a": replace(FILE, data=None)}) == []


def test_holes_are_found(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1 << 20)
        file.seek(1 << 19)
        file.write(b"x" * 4096)
    (tmp_path / "empty").touch()
    found = walk(tmp_path, holes=True)
    assert found[b"/file"].data == ((1 << 19, (1 << 19) + 4096),)
    assert found[b"/empty"].data == ()
    assert walk(tmp_path)[b"/file"].data is None


def test_a_hard_link_group_is_told_once() -> None:
    expected = {b"/a": FILE, b"/b": FILE}
    actual = {path: replace(FILE, hard_links=()) for path in expected}
    assert [found.path for found in compare(expected, actual)] == [b"/a"]


def test_disk_and_truth_read_alike(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "file").write_bytes(b"content")
    (root / "alias").hardlink_to(root / "sub" / "file")
    (root / "link").symlink_to("sub/missing")
    os.mkfifo(os.fsencode(root) + b"/\xff")
    found = walk(root)
    assert set(found) == {b"/", b"/sub", b"/sub/file", b"/alias", b"/link", b"/\xff"}
    assert found[b"/alias"].hard_links == (b"/alias", b"/sub/file")
    assert found[b"/link"].link == b"sub/missing"
    truth = tmp_path / "truth.jsonl"
    truth.write_text("".join(_truth_line(path, facts) for path, facts in found.items()))
    assert compare(found, read_truth(truth)) == []


def _truth_line(path: bytes, facts: PathFacts) -> str:
    row: dict[str, object] = {
        "path": {"b64": base64.b64encode(path).decode()},
        "type": facts.kind,
        **{name: getattr(facts, name) for name in ("mode", "uid", "gid", "mtime_ns")},
    }
    if facts.kind == "f":
        row |= {"size": facts.size, "sha256": facts.sha256}
    if facts.link is not None:
        row["link"] = facts.link.decode()
    if facts.hard_links:
        row["hardlink_group"] = facts.hard_links[0].decode()
    return json.dumps(row) + "\n"
