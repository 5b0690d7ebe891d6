"""`ls`: the merged filesystem, the layers as they are, names raw and shown."""

import json
from pathlib import Path

import pytest

from imgforensics.testing import END, ImageBuilder, LayerSpec, directory, file, raw, symlink
from tests.cli.images import HOSTILE, LATIN, save
from tests.cli.running import run

MERGED = [
    b"/bin",
    b"/bin/busybox",
    b"/bin/ls",
    b"/bin/sh",
    b"/" + LATIN,
    b"/etc",
    b"/etc/passwd",
    b"/" + HOSTILE,
    b"/lost",
    b"/null",
]


def test_the_root(shop: str) -> None:
    assert run("ls", shop).lines == [
        "/bin", "/caf\\xe9", "/etc", "/evil\\x1b[2J", "/lost", "/null",
    ]  # fmt: skip


def test_everything(shop: str) -> None:
    assert run("ls", "-R", "-0", shop).raw.split(b"\0")[:-1] == MERGED
    assert len(run("ls", "-R", shop).lines) == len(MERGED)


def test_below_a_lower_layer(shop: str) -> None:
    assert run("ls", "--layer", "0", shop, "/etc").lines == ["/etc/passwd", "/etc/shadow"]
    assert run("ls", "--layer", "1", shop, "/etc").lines == ["/etc/passwd"]
    assert run("ls", "--layer", "2", shop, "/etc").status == 2
    assert run("ls", "--layer", "-1", shop, "/etc").status == 2


def test_long_lines(shop: str) -> None:
    lines = {" ".join(line.split()) for line in run("ls", "-l", "-R", shop).lines}
    assert {
        "1 -rw-r--r-- 1000:1001 26 1970-01-01T00:00:00Z /etc/passwd",
        "0 -rwsr-xr-x 0:0 6 1970-01-01T00:00:00Z /bin/busybox",
        "0 lrwxrwxrwx 0:0 7 1970-01-01T00:00:00Z /bin/sh -> busybox",
        "0 crw-rw-rw- 0:0 1,3 1970-01-01T00:00:00Z /null",
        "0 drwxr-xr-x 0:0 0 1970-01-01T00:00:00Z /etc",
        "0 -rw-r--r-- 0:0 0 2023-11-14T22:13:20Z /caf\\xe9",
    } <= lines


@pytest.mark.parametrize("mtime", [10**17, -(10**17), 253402300800])
def test_times_that_no_calendar_has(mtime: int, tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file("odd", mtime=mtime)]]))
    assert f" @{mtime} /odd" in run("ls", "-l", path).text


def test_links_that_are_named(shop: str) -> None:
    assert run("ls", shop, "/bin/sh").lines == ["/bin/busybox"]
    assert run("ls", "-l", shop, "/bin/sh").text.endswith(" /bin/sh -> busybox\n")
    assert run("ls", shop, "/lost").lines == ["/lost"]


def test_a_link_to_a_directory(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        ImageBuilder([[directory("usr/lib"), symlink("lib", "usr/lib"), file("usr/lib/a")]]),
    )
    assert run("ls", path, "lib").lines == ["/usr/lib/a"]
    assert run("ls", "-l", path, "lib").text.endswith(" /lib -> usr/lib\n")
    assert run("ls", "-l", path, "lib/").text.endswith(" /usr/lib/a\n")


def test_paths_that_are_there_are_served(shop: str) -> None:
    outcome = run("ls", shop, "/nothing", "/etc", "/etc/passwd/below")
    assert outcome.status == 1
    assert outcome.lines == ["/etc/passwd"]
    assert outcome.said.splitlines() == [
        "imgforensics: error: /nothing: No such file or directory",
        "imgforensics: error: /etc/passwd/below: Not a directory",
    ]


def test_all_layers_as_they_are(shop: str) -> None:
    lines = [" ".join(line.split()) for line in run("ls", "--all-layers", shop).lines]
    assert len(lines) == 13
    assert lines[-2:] == ["1 /etc/.wh.shadow", "1 /etc/passwd"]
    long = [" ".join(line.split()) for line in run("ls", "-lR", "--all-layers", shop).lines]
    assert "0 hrwsr-xr-x 0:0 0 1970-01-01T00:00:00Z /bin/ls link to bin/busybox" in long
    assert len(long) == 13


def test_all_layers_of_a_path(shop: str) -> None:
    def paths(*arguments: str) -> list[str]:
        return [line.split()[1] for line in run("ls", "--all-layers", shop, *arguments).lines]

    assert paths("/etc/passwd") == ["/etc/passwd", "/etc/passwd"]
    assert paths("/etc") == ["/etc", "/etc/passwd", "/etc/shadow", "/etc/.wh.shadow", "/etc/passwd"]
    assert paths("-R", "/bin") == ["/bin", "/bin/busybox", "/bin/sh", "/bin/ls"]
    assert run("ls", "--all-layers", shop, "/nothing", "/bin").status == 1


def test_json(shop: str) -> None:
    document = run("ls", "--json", "-R", shop, "/", "/nothing").document
    assert document["schema"] == "imgforensics.ls/1"
    assert document["layer"] == 1
    assert len(document["entries"]) == len(MERGED)
    assert document["failures"] == ["/nothing: No such file or directory"]
    latin = document["entries"][4]
    assert (latin["path"], latin["path_b64"]) == ("/caf\\xe9", "L2NhZuk=")
    entries = run("ls", "--json", "--all-layers", shop).document["entries"]
    assert [entry["ordinal"] for entry in entries] == [*range(11), 0, 1]


def test_json_is_one_item_to_a_line(shop: str) -> None:
    lines = run("ls", "--json", "-R", shop).lines
    start = lines.index('  "entries": [') + 1
    items = [json.loads(line.rstrip(",")) for line in lines[start : start + len(MERGED)]]
    assert items[0]["path"] == "/bin"


@pytest.mark.parametrize(
    "options", [("--all-layers", "--layer", "0"), ("--null", "-l"), ("--null", "--json")]
)
def test_options_that_exclude_each_other(options: tuple[str, ...], shop: str) -> None:
    outcome = run("ls", shop, *options)
    assert (outcome.status, outcome.raw) == (2, b"")


def test_a_stream(shop: str) -> None:
    outcome = run("ls", "-R", "-0", "-", given=Path(shop).read_bytes())
    assert outcome.raw.split(b"\0")[:-1] == MERGED


def test_choosing(both: str) -> None:
    assert run("ls", both, "--image", "other:2").lines == ["/other"]
    assert run("ls", both, "--image", "1").lines == ["/other"]
    assert run("ls", both, "--platform", "linux/arm64").lines == ["/other"]
    named = f"docker-archive:{both}:other:2"
    assert run("ls", named).lines == ["/other"]
    assert run("ls", named, "--image", "1").lines == ["/other"]
    for command in ("ls", "inspect"):
        refused = run(command, named, "--image", "shop:1")
        assert (refused.status, refused.raw) == (2, b"")
        assert "'other:2' behind its name is one image and 'shop:1' another" in refused.said


def test_a_path_that_is_not_utf8(shop: str) -> None:
    assert (
        run("ls", "-0", shop, LATIN.decode("utf-8", "surrogateescape")).raw == b"/" + LATIN + b"\0"
    )


def test_problems_are_told_in_bounds(tmp_path: Path) -> None:
    members = [file(f"../../{n}") for n in range(50)]
    path = save(tmp_path, ImageBuilder([members]))
    outcome = run("ls", path)
    assert outcome.status == 0
    told = outcome.said.splitlines()
    assert len(told) == 21
    assert told[-1] == "imgforensics: 30 more of entry-outside-root; --json lists them"
    assert run("ls", "-q", path).said == ""
    document = run("ls", "-q", "--json", path).document
    assert len([p for p in document["problems"] if p["code"] == "entry-outside-root"]) == 50


def test_notes_are_told_only_if_verbose(tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file(".wh..wh.plnk/1"), file("a")]]))
    assert run("ls", path).said == ""
    assert "note: " in run("ls", "-v", path).said


def test_entries_past_the_end_are_marked(tmp_path: Path) -> None:
    layer = LayerSpec([file("a"), raw(END), file("b")])
    path = save(tmp_path, ImageBuilder([layer]))
    lines = run("ls", "-l", "--all-layers", path).lines
    assert [line.endswith("(past the end of the archive)") for line in lines] == [False, True]
