"""`search`: what is printed, in which form, and the exit statuses."""

import hashlib
import json
from pathlib import Path

import pytest

from imgforensics.testing import ImageBuilder, LayerSpec, file, whiteout
from tests.cli.images import FIXTURES, HOSTILE, LATIN, damaged, incomplete, save, save_layout
from tests.cli.running import process, run

TRACES = str(FIXTURES / "traces.buildah.oci.tar")


def test_names(shop: str) -> None:
    outcome = run("search", shop, "passwd", "--in", "all")
    assert outcome.status == 0
    assert outcome.lines == ["  0 no      /etc/passwd", "  1 yes     /etc/passwd"]
    assert outcome.said == ""
    assert run("search", shop, "passwd", terminal=True).lines == [
        "  1 yes     /etc/passwd",
        "",
        "layer 1: RUN rm /etc/shadow",
    ]
    [line] = run("search", shop, "passwd", "--long").lines
    assert line == (
        "  1 yes     -rw-r--r-- 1000:1001 26 1970-01-01T00:00:00Z /etc/passwd (RUN rm /etc/shadow)"
    )
    assert run("search", shop, "/etc/*", "--in", "deleted", "-q").lines == [
        "  0 no      /etc/passwd",
        "  0 no      /etc/shadow",
    ]


def test_what_the_fixtures_dockerfile_says() -> None:
    """fixtures/sources/traces: which step wrote which password, and what became of it."""
    assert sorted(run("search", TRACES, "-e", "password", "-z", "--in", "all", "-q").lines) == [
        "  0 no      /etc/shop/db.conf:2: password = first-example",
        "  0 no      /srv/shop/wide.txt:1: password = wide",
        "  0 no      /var/log/shop/today.log:2: password = leaked-in-log",
        "  0 yes     /srv/shop/agent: binary file matches at offset 7",
        "  0 yes     /srv/shop/packed.gz!gzip:1: password = packed-example",
        "  1 yes     /etc/shop/db.conf:2: password = second-example",
        "  1 yes     /srv/shop/wide.txt:1: password = wide",
    ]
    assert run("search", TRACES, "-e", "ghp_[a-z0-9]{36}", "--in", "deleted", "-l", "-q").lines == [
        "  2 no      /srv/shop/settings/site.conf",
        "  0 no      /srv/shop/conf/site.conf",
    ]


def test_context() -> None:
    lines = run("search", TRACES, "-e", "db=", "-C", "1", "-q").lines
    assert lines == [
        "--",
        "  1 yes     /etc/shop/db.conf:1: db=shop",
        "  1 yes     /etc/shop/db.conf-2- password = second-example",
    ]


def test_nothing_found_is_no(shop: str) -> None:
    assert run("search", shop, "no-such-name").status == 1
    assert run("search", shop, "no-such-name", "--fail-on-match").status == 0
    assert run("search", shop, "passwd", "--fail-on-match").status == 1


def test_counts(shop: str) -> None:
    assert run("search", shop, "--type", "f", "--count").lines == ["5"]
    assert run("search", shop, "nothing", "--count").lines == ["0"]


def test_raw_names(shop: str) -> None:
    raw = run("search", shop, "--regex", "/[^/]*[^a-z/][^/]*", "--null").raw
    assert sorted(raw.split(b"\0")) == sorted([b"", b"/" + HOSTILE, b"/" + LATIN])


def test_nothing_moves_the_cursor(shop: str) -> None:
    outcome = run("search", shop, "-e", "text", "--long")
    assert "\x1b" not in outcome.text
    assert "/evil\\x1b[2J:1: text\\x1b[2J" in outcome.text


def test_json_lines(tmp_path: Path) -> None:
    image = ImageBuilder([[file("a", b"x\xe9\n")], [whiteout("a")]])
    outcome = run("search", save(tmp_path, image), "-e", "x", "--in", "all", "--json")
    [match] = map(json.loads, outcome.lines)
    assert match["schema"] == "imgforensics.match/1"
    assert (match["path"], match["layer"], match["in_final_image"]) == ("/a", 0, "no")
    assert match["hit"]["line_b64"] == "eOk="


def test_hashes(shop: str, tmp_path: Path) -> None:
    value = hashlib.sha256(b"secret").hexdigest()
    known = tmp_path / "known.txt"
    known.write_text(f"{value}  shadow\nnonsense\n")
    for given in (value, str(known)):
        outcome = run("search", shop, "--sha256", given, "--in", "all", "--json")
        assert [json.loads(line)["path"] for line in outcome.lines] == ["/etc/shadow"]
    assert "1 line without a hash left out: 2" in outcome.said
    assert run("search", shop, "--hashes", str(known), "--in", "all").status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-e", "(a"), "the pattern (a does not compile: missing ): (a ("),
        (("--size", "big"), "'big' is no size"),
        (("--in", "attic"), "top, all or deleted"),
        (("--in", "all", "--layer", "0"), "excludes --in"),
        (("--layer", "9"), "the image has 2 layers"),
        (("--json", "--count"), "exclude one another"),
        (("--max-size", "x"), "not a number"),
        (("--sha256", "abc"), "no file is called so"),
    ],
)
def test_usage(shop: str, arguments: tuple[str, ...], said: str) -> None:
    outcome = run("search", shop, *arguments)
    assert outcome.status == 2
    assert said in " ".join(outcome.said.replace("│", " ").split())


def test_a_list_that_is_not_there(shop: str) -> None:
    assert run("search", shop, "--hashes", "/no/such/list").status == 6


def test_damage_wins(tmp_path: Path) -> None:
    outcome = run("search", save(tmp_path, damaged()), "new", "--json")
    assert outcome.status == 4
    documents = [json.loads(line) for line in outcome.lines]
    assert [each["schema"] for each in documents] == [
        "imgforensics.match/1",
        "imgforensics.problem/1",
    ]
    assert documents[1]["code"] == "diff-id-mismatch"


def test_an_incomplete_image(tmp_path: Path) -> None:
    path = save_layout(tmp_path, incomplete())
    assert run("search", path, "passwd").status == 4
    outcome = run("search", path, "passwd", "--in", "all", "-q")
    assert (outcome.status, outcome.lines) == (4, ["  0 unknown /etc/passwd"])


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (("search", "-e", "x"), 5),
        (("search", "--name", "a"), 5),
        (("search", "--name", "a", "--layer", "1"), 5),
        (("search", "-e", "x", "--in", "all"), 4),
        (("search", "--name", "a", "--in", "deleted"), 4),
        (("deleted",), 4),
        (("deleted", "-o", "OUT"), 4),
        (("deleted", "--waste"), 5),
        (("dockerfile",), 4),
    ],
)
def test_a_layer_past_a_limit_is_left_out_where_there_is_an_answer_without_it(
    question: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    """docs/security-model.md, promise 4."""
    path = save(tmp_path, ImageBuilder([[file("a", b"x")], [file("b", b"x")] * 20]))
    command, *options = (str(tmp_path / "out") if word == "OUT" else word for word in question)
    outcome = run(command, path, *options, "--limit", "layer_entries=10")
    assert outcome.status == status
    assert "over the limit layer_entries=10" in outcome.said


def test_a_limit_stops_a_layer_and_not_the_search(tmp_path: Path) -> None:
    bomb = LayerSpec([file("zeros", bytes(30 << 20))])
    path = save_layout(tmp_path, ImageBuilder([[file("a", b"word")], bomb]))
    limits = ("--limit", "ratio=5", "--limit", "ratio_floor_bytes=1M")
    for question in (("-e", "word"), ("a",)):
        outcome = run("search", path, *question, "--in", "all", *limits)
        assert outcome.status == 4
        assert outcome.text.startswith("  0 unknown /a")
        assert "limit-reached" in outcome.said


def test_from_standard_input(shop: str) -> None:
    given = Path(shop).read_bytes()
    assert process("search", "-", "passwd", given=given).raw == b"  1 yes     /etc/passwd\n"
    assert process("search", "-", "-e", "root:", given=given).raw.startswith(b"  1 yes ")
