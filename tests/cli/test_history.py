"""`history`: the steps of the image, the events of a path."""

import hashlib
from pathlib import Path

from imgforensics.testing import OMIT, ImageBuilder, Instruction, LayerSpec, file, whiteout
from tests.cli.images import SHOP, save
from tests.cli.running import run


def test_steps_with_and_without_layers(shop: str) -> None:
    outcome = run("history", shop)
    assert outcome.status == 0
    assert [line.split()[0] for line in outcome.lines] == ["LAYER", "0", "-", "1"]
    assert outcome.lines[1].endswith("COPY rootfs /")
    assert outcome.lines[2].endswith("ENV A=\\x1b]0;title\\x07")


def test_steps_in_json(shop: str) -> None:
    document = run("history", "--json", shop).document
    assert [step["layer"] for step in document["steps"]] == [0, None, 1]
    assert [step["empty"] for step in document["steps"]] == [False, True, False]
    assert document["steps"][1]["created_by"] == "ENV A=\x1b]0;title\x07"


def test_layers_without_history_are_steps(tmp_path: Path) -> None:
    image = ImageBuilder(SHOP.layers, config_document={"history": OMIT})
    document = run("history", "--json", save(tmp_path, image)).document
    assert [(step["layer"], step["created_by"]) for step in document["steps"]] == [
        (0, None), (1, None),
    ]  # fmt: skip


def test_history_that_does_not_pair(tmp_path: Path) -> None:
    rows = [{"created_by": f"RUN {n}"} for n in range(3)]
    image = ImageBuilder(SHOP.layers, config_document={"history": rows})
    outcome = run("history", "--json", save(tmp_path, image))
    layers = [step["layer"] for step in outcome.document["steps"]]
    assert layers == [None, None, None, 0, 1]
    assert [p["code"] for p in outcome.document["problems"]] == ["history-mismatch"]


def test_long_instructions_are_cut_on_screen_only(tmp_path: Path) -> None:
    long = "RUN " + "x" * 5_000
    image = ImageBuilder([Instruction(long), LayerSpec(created_by="RUN a\n  b\tc")])
    path = save(tmp_path, image)
    lines = run("history", path, terminal=True).lines
    assert len(lines[1]) < 300
    assert lines[1].endswith("…")
    assert lines[2].endswith("RUN a b c")
    assert run("history", "--json", path).document["steps"][0]["created_by"] == long


def test_events_of_a_path(shop: str) -> None:
    lines = run("history", shop, "/etc/shadow").lines
    assert [line.split()[:3] for line in lines[1:]] == [
        ["0", "added", "entry"],
        ["1", "removed", "whiteout"],
    ]
    assert "-rw------- 0:0 6 1970-01-01T00:00:00Z" in lines[1]
    assert lines[2].endswith("RUN rm /etc/shadow")


def test_events_in_json(shop: str) -> None:
    events = run("history", "--json", shop, "etc/passwd").document["events"]
    assert [event["change"] for event in events] == ["added", "content"]
    assert events[1]["before"]["size"] == 3
    assert events[1]["after"]["uid"] == 1000
    assert events[1]["entry"]["ordinal"] == 1


def test_a_path_that_never_was(shop: str) -> None:
    outcome = run("history", "--json", shop, "/never")
    assert outcome.status == 1
    assert outcome.document["events"] == []


def test_a_root_that_no_layer_names(shop: str) -> None:
    root = run("history", shop, "/")
    assert (root.status, root.raw) == (1, b"")
    assert root.said == "imgforensics: error: /: no layer has it\n"


def test_contents_are_compared(tmp_path: Path) -> None:
    versions = [file("a", b"one"), file("a", b"two"), file("a", b"two", mode=0o600)]
    image = ImageBuilder([[version] for version in versions])
    given = Path(save(tmp_path, image)).read_bytes()
    events = run("history", "--json", "-", "a", given=given).document["events"]
    assert [event["change"] for event in events] == ["added", "content", "metadata"]


def test_versions_moves_and_hashes(tmp_path: Path) -> None:
    image = ImageBuilder(
        [
            [file("a", b"one")],
            [whiteout("a"), file("b", b"one")],
            [file("a", b"two")],
        ]
    )
    path = save(tmp_path, image)
    lines = run("history", path, "a").lines
    assert [line.split()[:4] for line in lines[1:]] == [
        ["0", "added", "entry", "0"],
        ["1", "removed", "whiteout", "-"],
        ["2", "re-added", "entry", "1"],
    ]
    assert "moved to /b" in lines[2]
    assert hashlib.sha256(b"two").hexdigest()[:12] in lines[3]
    events = run("history", "--json", path, "b").document["events"]
    assert [event["moved"] for event in events] == [[{"path": "/a"}]]
    assert events[0]["sha256"] == hashlib.sha256(b"one").hexdigest()
