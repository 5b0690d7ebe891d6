"""`imgforensics diff`: what is asked, how it is answered, and with which status."""

import gzip
import shlex
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    archive,
    directory,
    docker_layout,
    file,
    symlink,
    whiteout,
)
from imgforensics_cli.failures import Status
from tests.cli.images import FIXTURES, SHOP, incomplete, save
from tests.cli.running import COMMAND, process, run

TEXT = b"".join(b"line %d\n" % number for number in range(30))
BASE = LayerSpec([directory("etc"), file("etc/app.conf", TEXT), file("gone", b"bye")])
UPPER = LayerSpec(
    [
        file("etc/app.conf", TEXT.replace(b"line 7\n", b"LINE 7\n"), mode=0o600),
        whiteout("gone"),
        file("new", b"hello\n"),
    ],
    created_by="RUN change",
)


@pytest.fixture
def web(tmp_path: Path) -> str:
    return save(tmp_path, ImageBuilder([BASE, UPPER], tags=["web:2"]), name="web2.tar")


@pytest.fixture
def old(tmp_path: Path) -> str:
    return save(tmp_path, ImageBuilder([BASE], tags=["web:1"]), name="web1.tar")


def test_both_sides_are_named(web: str) -> None:
    before, after = run("diff", web, "--layer", "0").lines[:2]
    assert before.endswith(f"/web:2 in {web}, before all layers")
    assert after.endswith(f"/web:2 in {web}, after layer 0")
    assert run("diff", web, "--layer", "0", "--json").document["before"]["layer"] == -1


def test_two_images(old: str, web: str) -> None:
    outcome = run("diff", old, web, "--ignore", "created")
    assert outcome.status == Status.NO
    assert outcome.said == ""
    assert "files     1 added, 1 removed, 1 changed, +236 B, -233 B" in outcome.lines
    assert "layers    1 shared, of 1 and 2" in outcome.lines
    files = outcome.lines[outcome.lines.index("Files") + 2 :]
    assert [line.split()[:3] for line in files] == [
        ["M", "/etc/app.conf", "content,"],
        ["D", "/gone", "file,"],
        ["A", "/new", "file,"],
    ]
    assert "mode 0644→0600" in files[0]
    assert all(line.endswith("1  RUN change") for line in files)


def test_the_same_is_status_0_and_so_are_other_layers(tmp_path: Path, web: str) -> None:
    flat = LayerSpec([BASE.members[0], *UPPER.members[::2]])
    squashed = save(tmp_path, ImageBuilder([flat], tags=["web:2"]), name="flat.tar")
    assert run("diff", web, web).status == Status.DONE
    outcome = run("diff", web, squashed)
    assert outcome.status == Status.DONE
    assert "verdict   the same" in outcome.lines
    assert "layers    0 shared, of 2 and 1" in outcome.lines


def test_one_image_after_two_layers(web: str) -> None:
    by_layers, by_layer = run("diff", web, "--layers", "0..1"), run("diff", web, "--layer", "1")
    assert by_layers.status == by_layer.status == Status.NO
    assert by_layers.text == by_layer.text
    assert "M  /etc/app.conf" in by_layer.text
    everything = run("diff", web, "--layers", "..")
    assert "files     3 added" in everything.text
    assert run("diff", web, "--layers", "1..").status == Status.DONE


def test_two_images_of_one_source(tmp_path: Path) -> None:
    both = save(
        tmp_path,
        *(ImageBuilder([BASE], tags=[tag], config={"User": tag}) for tag in ("a:1", "b:1")),
    )
    outcome = run("diff", both, "--image", "a:1", "--other-image", "b:1")
    assert outcome.status == Status.NO
    assert ["user", "a:1", "b:1"] in [line.split() for line in outcome.lines]


def test_the_option_that_is_missing_is_named(both: str) -> None:
    for options, missing in (
        (("--image", "0"), "--other-image (name, digest or number) or --other-platform:"),
        (("--other-image", "0"), "--image (name, digest or number) or --platform:"),
    ):
        outcome = run("diff", both, both, *options)
        assert outcome.status == Status.USAGE
        assert f"choose one with {missing}\n" in outcome.said
        assert "other:2" in outcome.said


def test_two_images_of_one_source_that_was_named_with_one(both: str) -> None:
    outcome = run("diff", f"docker-archive:{both}:shop:1", "--other-image", "other:2", "--json")
    sides = [outcome.document[side]["image"]["number"] for side in ("before", "after")]
    assert sides == [0, 1]


def test_an_image_and_a_directory(tmp_path: Path, web: str) -> None:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "app.conf").write_bytes(TEXT)
    (tree / "new").write_bytes(b"hello\n")
    ignored = ("--ignore", "mtime,owner,mode")
    outcome = run("diff", web, str(tree), *ignored, "--content")
    assert outcome.status == Status.NO
    assert "M /etc/app.conf" in outcome.lines
    assert "-LINE 7" in outcome.lines
    assert run("diff", web, str(tree), *ignored, "--ignore-path", "/etc").status == Status.DONE
    assert run("diff", str(tree), str(tree)).status == Status.DONE


def test_rules_from_a_file(tmp_path: Path, old: str, web: str) -> None:
    rules = tmp_path / "rules"
    rules.write_text("# noise\nall /gone\nmode,content *.conf\n\ncreated\nall new\n")
    outcome = run("diff", old, web, "--rules", str(rules))
    assert outcome.status == Status.DONE
    assert "files     the same; 3 ignored" in outcome.lines
    rules.write_text("mtime\nnonsense /x\n")
    outcome = run("diff", old, web, "--rules", str(rules))
    assert outcome.status == Status.USAGE
    assert "line 2: 'nonsense' is none of" in outcome.said


def test_stat_sums_up_by_directory(old: str, web: str) -> None:
    outcome = run("diff", old, web, "--stat")
    rows = [line.split() for line in outcome.lines[-2:]]
    assert rows == [
        ["/", "1", "1", "1", "0", "0", "236", "B", "233", "B"],
        ["/etc", "0", "0", "1", "0", "0", "230", "B", "230", "B"],
    ]


def test_json(old: str, web: str) -> None:
    document = run("diff", old, web, "--json", "--content").document
    assert document["same"] is False
    assert document["complete"] is True
    assert document["shared_layers"] == 1
    changed = document["files"][0]
    assert changed["attributes"] == ["content", "mode"]
    assert "-line 7\n+LINE 7\n" in changed["content"]["diff"]
    assert (changed["layer"], changed["created_by"]) == (1, "RUN change")


def test_damage_is_status_4_and_what_is_known_is_told(tmp_path: Path) -> None:
    whole = save(tmp_path, SHOP, name="whole.tar")
    half = save(tmp_path, incomplete(), name="half.tar")
    outcome = run("diff", whole, half)
    assert outcome.status == Status.DAMAGED
    assert "verdict   incomplete: what is lost may differ" in outcome.lines
    assert any(line.startswith("?  /etc/passwd") for line in outcome.lines)
    assert "blob-missing" in outcome.said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "what is it compared with"),
        (("--layers", "1"), "is not two layers"),
        (("--layers", "0..9"), "the image has 2 layers"),
        (("--layer", "2"), "the image has 2 layers"),
        (("--layer", "1", "--layers", "0..1"), "one of --layer and --layers"),
        (("other", "--layer", "1"), "layers are of one image"),
        (("x", "--ignore", "tiem"), "'tiem' is none of"),
        (("x", "--format", "html", "--json"), "goes without"),
    ],
)
def test_usage(web: str, arguments: tuple[str, ...], said: str) -> None:
    outcome = run("diff", web, *arguments)
    assert outcome.status == Status.USAGE
    assert said in outcome.said


def test_the_other_source_must_be_readable(tmp_path: Path, web: str) -> None:
    assert run("diff", web, str(tmp_path / "absent")).status == Status.ENVIRONMENT
    (tmp_path / "text").write_text("nothing")
    assert run("diff", web, str(tmp_path / "text")).status == Status.NOT_AN_IMAGE
    assert run("diff", "-", "-").status == Status.USAGE


def test_an_image_and_what_a_container_of_it_exported() -> None:
    image, exported = (
        FIXTURES / "whiteouts.docker-20.tar",
        FIXTURES / "whiteouts.docker-20.export.tar",
    )
    outcome = run("diff", str(image), str(exported), "--as-rootfs", "--ignore", "mtime")
    assert outcome.status == Status.NO
    told = [line for line in outcome.lines if line[:3] in ("A  ", "D  ", "M  ", "R  ", "?  ")]
    assert [line.split()[0] for line in told] == ["A"] * 8
    assert told[0].startswith("A  /.dockerenv ")
    assert not any(line.startswith("config") for line in outcome.lines)


def test_from_standard_input(web: str) -> None:
    image = Path(web).read_bytes()
    assert process("diff", "-", web, given=image).status == Status.DONE


# Other layouts.


def test_a_patch_makes_the_one_tree_the_other(tmp_path: Path) -> None:
    if not shutil.which("git"):
        pytest.skip("no git")
    before = {
        "a b": TEXT,
        "gone": b"x\n",
        "moved": TEXT * 2,
        'caf\xe9 "q"\t': b"1\n",
        "noend": b"1",
    }
    after = {
        "a b": TEXT.replace(b"line 3\n", b"") + b"more\n",
        "d/moved": TEXT * 2,
        'caf\xe9 "q"\t': b"2\n",
        "noend": b"2",
        "empty": b"",
        "new": b"n\n",
    }
    sources = []
    for name, files in (("before", before), ("after", after)):
        members = [file(path, content) for path, content in files.items()]
        link = symlink("link", "target" if name == "before" else "other/target")
        sources.append(save(tmp_path, ImageBuilder([[*members, link]]), name=f"{name}.tar"))
    patch = process("diff", *sources, "--format", "patch").raw
    tree = tmp_path / "tree"
    tree.mkdir()
    for path, content in before.items():
        (tree / path).write_bytes(content)
    (tree / "link").symlink_to("target")
    subprocess.run(["git", "apply", "-p1"], input=patch, cwd=tree, check=True, capture_output=True)
    found = {str(path.relative_to(tree)): path for path in tree.rglob("*") if not path.is_dir()}
    assert str(found.pop("link").readlink()) == "other/target"
    assert {name: path.read_bytes() for name, path in found.items()} == after


def test_a_patch_turns_files_into_links_and_links_into_files(tmp_path: Path) -> None:
    before = [file("file", TEXT), symlink("link", "file")]
    after = [symlink("file", "link"), file("link", b"no link\n", mode=0o755)]
    images = (ImageBuilder([before]), ImageBuilder([after]))
    sources = [save(tmp_path, image, name=f"{n}.tar") for n, image in enumerate(images)]
    patch = process("diff", *sources, "--format", "patch").raw
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_bytes(TEXT)
    (tree / "link").symlink_to("file")
    subprocess.run(["git", "apply", "-p1"], input=patch, cwd=tree, check=True, capture_output=True)
    assert (tree / "file").readlink() == Path("link")
    assert (tree / "link").lstat().st_mode & 0o7777 == 0o755
    (tree / "file").unlink()
    assert (tree / "link").read_bytes() == b"no link\n"


class Page(HTMLParser):
    """Looks for whatever a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [name for name, _ in attrs if name in {"src", "href", "srcset", "onload"}]


def test_html_is_one_page_that_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    hostile = b"<script>alert(1)</script>\n<img src=x onerror=alert(1)>\n"
    name = "<img src=x onload=alert(2)>"
    sources = [
        save(tmp_path, ImageBuilder(layers, config={"Labels": {name: "1"}}), name=f"{number}.tar")
        for number, layers in enumerate(([BASE], [BASE, LayerSpec([file(name, hostile)])]))
    ]
    outcome = run("diff", *sources, "--format", "html", "--content")
    page = Page()
    page.feed(outcome.text)
    assert outcome.status == Status.NO
    assert page.loads == []
    assert not {"script", "img", "link", "iframe"} & {*page.tags}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in outcome.text
    assert "default-src 'none'" in outcome.text


def test_markdown_means_nothing_that_a_name_says(tmp_path: Path, old: str) -> None:
    name = "a|b`<i>*c*"
    other = save(tmp_path, ImageBuilder([BASE, [file(name, b"```\n")]]), name="o.tar")
    outcome = run("diff", old, other, "--format", "markdown", "--content")
    assert "/a\\|b\\`\\<i\\>\\*c\\*" in outcome.text
    assert "````diff\n" in outcome.text
    assert outcome.text.startswith("# What changed\n")


def test_a_terminal_gets_no_escapes_from_inside(tmp_path: Path, old: str) -> None:
    hostile = b"\x1b[2Jtext\n"
    other = save(tmp_path, ImageBuilder([BASE, [file(b"x\x1b[1m", hostile)]]), name="o.tar")
    for layout in ("text", "patch", "markdown", "html"):
        outcome = run("diff", old, other, "--content", "--format", layout, terminal=True)
        assert "\x1b" not in outcome.text, layout


def test_decompress_looks_inside(tmp_path: Path) -> None:
    for number, text in enumerate((b"one\n", b"two\n")):
        members = [file("log.gz", gzip.compress(text, mtime=number))]
        same = file("same.gz", gzip.compress(b"same", mtime=number))
        save(tmp_path, ImageBuilder([[*members, same]]), name=f"{number}.tar")
    sources = [str(tmp_path / "0.tar"), str(tmp_path / "1.tar")]
    lines = run("diff", *sources, "--content", "--decompress").lines
    assert lines[-7:] == [
        "M /log.gz",
        "@@ -1 +1 @@",
        "-one",
        "+two",
        "",
        "M /same.gz",
        "# archive: the same inside, packed differently",
    ]


def test_a_closed_pipe_is_no_error(old: str, web: str) -> None:
    command = shlex.join([*COMMAND, "diff", old, web])
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} | head -1"], capture_output=True, check=True
    )
    assert done.stderr == b""


def test_the_archive_of_the_fixture_is_not_changed(old: str, web: str) -> None:
    before = Path(old).read_bytes()
    run("diff", old, web)
    assert (
        Path(old).read_bytes()
        == before
        == archive(docker_layout(ImageBuilder([BASE], tags=["web:1"])))
    )
