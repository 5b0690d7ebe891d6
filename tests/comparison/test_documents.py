"""Configurations, histories, layers and packages of two images; rules; tables for notebooks."""

import hashlib
import io
import sys
from collections.abc import Iterator, Sequence

import pytest

from imgforensics import Image, Node, diff, open_image
from imgforensics.comparison import (
    REPRODUCIBLE,
    Attribute,
    Rule,
    SharedBy,
    parse_attributes,
    parse_rules,
)
from imgforensics.comparison import files as files_module
from imgforensics.comparison import frame as frame_module
from imgforensics.comparison.layers import chain_ids
from imgforensics.comparison.pairs import Pair, differing_pairs
from imgforensics.comparison.rules import ignored_attributes
from imgforensics.errors import MissingExtraError
from imgforensics.layer import Layer
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    Instruction,
    LayerSpec,
    Packing,
    Raw,
    archive,
    docker_layout,
    file,
    whiteout,
)
from tests.comparison.building import image_of, opened, shown

BASE = LayerSpec([file("a", b"1")], created_by="FROM")
LIBRARY = LayerSpec([file("b", b"2")], created_by="RUN b")
TOP = LayerSpec([file("c", b"3")], created_by="COPY c")


Step = LayerSpec | Sequence[Entry | Raw] | Instruction


def told_of_config(before: ImageBuilder, after: ImageBuilder) -> dict[str, tuple[object, object]]:
    with opened(before) as a, opened(after) as b:
        return {change.key: (change.before, change.after) for change in diff(a, b).config}


def test_the_configuration_key_by_key() -> None:
    before = {
        "Env": ["PATH=/bin", "A=1", "GONE=x"],
        "Entrypoint": ["/bin/sh"],
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"version": "1"},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1},
        "Odd": {"Deep": [1]},
    }
    after = {
        "Env": ["A=2", "PATH=/bin"],
        "User": "app",
        "ExposedPorts": {"443/tcp": {}},
        "Labels": {"version": "1"},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 2},
        "Odd": {"Deep": [2]},
    }
    told = told_of_config(
        ImageBuilder([BASE], config=before),
        ImageBuilder([BASE], config=after, platform="linux/arm64"),
    )
    assert told == {
        "architecture": ("amd64", "arm64"),
        "user": ("", "app"),
        "entrypoint": (["/bin/sh"], None),
        "env.A": ("1", "2"),
        "env.GONE": ("x", None),
        "exposed_ports.80/tcp": (True, None),
        "exposed_ports.443/tcp": (None, True),
        "healthcheck.interval": (1, 2),
        "Odd.Deep": ([1], [2]),
    }


def test_histories_are_aligned_by_instruction() -> None:
    before: list[Step] = [BASE, Instruction("ENV A=1"), LIBRARY, Instruction("CMD x")]
    after: list[Step] = [
        BASE,
        Instruction("USER u"),
        Instruction("ENV A=2"),
        LIBRARY,
        Instruction("CMD x"),
    ]
    with opened(ImageBuilder(before)) as a, opened(ImageBuilder(after)) as b:
        steps = [
            (step.verdict.value, step.before and step.before.created_by)
            for step in diff(a, b).history
        ]
    assert steps == [
        ("same", "FROM"),
        ("changed", "ENV A=1"),
        ("added", None),
        ("same", "RUN b"),
        ("same", "CMD x"),
    ]


def test_layers_are_shared_by_what_they_have_in_common() -> None:
    with (
        opened(ImageBuilder([BASE, LIBRARY]), Packing.NONE) as a,
        opened(ImageBuilder([BASE, TOP, LIBRARY])) as b,
    ):
        answer = diff(a, b)
    told = [
        (m.before and m.before.index, m.after and m.after.index, m.shared_by) for m in answer.layers
    ]
    assert told == [
        (0, 0, (SharedBy.DIFF_ID, SharedBy.CHAIN_ID)),
        (None, 1, ()),
        (1, 2, (SharedBy.DIFF_ID,)),
    ]


def test_chain_ids_are_those_of_the_specification() -> None:
    """Written out for two layers: the first is its diff_id, the second hashes both."""
    built = ImageBuilder([BASE, TOP]).build()
    with image_of(BASE, TOP) as image:
        first, second = chain_ids(image.record.layers)
    ids = [layer.diff_id for layer in built.layers]
    assert str(first) == ids[0]
    assert str(second) == "sha256:" + hashlib.sha256(f"{ids[0]} {ids[1]}".encode()).hexdigest()


# Sharing.


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Source and index of every layer that is parsed."""
    begun: list[tuple[str, int]] = []
    begin_pass = Layer.begin_pass

    def counted(self: Layer, **options: object) -> object:
        begun.append((self.where.source or "", self.index))
        return begin_pass(self, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Layer, "begin_pass", counted)
    return begun


@pytest.mark.parametrize("packing", [Packing.GZIP, Packing.NONE, Packing.ZSTD])
def test_layers_in_common_are_parsed_once_and_share_their_snapshots(
    passes: list[tuple[str, int]], packing: Packing
) -> None:
    with (
        opened(ImageBuilder([BASE, LIBRARY, TOP])) as a,
        opened(ImageBuilder([BASE, LIBRARY, [whiteout("a")]]), packing) as b,
    ):
        answer = diff(a, b)
        assert answer.shared_layers == 2
        assert a.filesystem_at(1) is b.filesystem_at(1)
        assert b.layers[0].scan().facts.compression.value == packing.value
        with b.open_content(b.filesystem_at(1).get(b"b").entry) as content:  # type: ignore[union-attr,arg-type]
            assert content.read() == b"2"
    assert shown(answer) == {"a": "removed", "c": "removed"}
    assert sorted(index for _, index in passes) == [0, 1, 2, 2]


def test_an_unchanged_subtree_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [file(f"d{number}/f{number}") for number in range(50)]
    with image_of(members, [file("d7/new", b"n")]) as image:
        assert image.filesystem.own_names
        met: list[bytes] = []

        def counted(before: Node, after: Node, *, shared_too: bool) -> Iterator[Pair]:
            for pair in differing_pairs(before, after, shared_too=shared_too):
                met.append(pair.path)
                yield pair

        monkeypatch.setattr(files_module, "differing_pairs", counted)
        assert shown(diff(image, 0, 1)) == {"d7/new": "added"}
    assert met == [b"", b"d7", b"d7/new"]


# Packages.

STATUS = b"Package: libc6\nStatus: install ok installed\nVersion: %s\n\n"


def test_packages_that_a_layer_upgraded() -> None:
    path = "var/lib/dpkg/status"
    with image_of([file(path, STATUS % b"2.36-9")], [file(path, STATUS % b"2.36-10")]) as image:
        (change,) = diff(image, 0, 1).packages
    assert (change.verdict, change.package.name) == ("upgraded", "libc6")


# Rules.


def test_what_two_builds_of_the_same_differ_in() -> None:
    def build(day: int) -> Image:
        members = [
            file("etc/passwd", b"root", mtime=day),
            file("etc/machine-id", b"%032d" % day),
            file("etc/ld.so.cache", b"c" * day),
            file("var/log/dpkg.log", b"%d" % day),
            file(f"var/log/{day}.log", b"x"),
            file("m.pyc", b"\xa7\r\r\n\0\0\0\0" + b"%08d" % day + b"code"),
        ]
        created = f"2024-01-0{day}T00:00:00Z"
        return opened(ImageBuilder([members], config_document={"created": created}))

    with build(1) as a, build(2) as b:
        assert not diff(a, b).is_same
        answer = diff(a, b, rules=REPRODUCIBLE)
        assert answer.is_same
        assert answer.ignored == 5  # two files of one size are not even read
        assert diff(a, b, rules=REPRODUCIBLE[:-1]).is_same


def test_a_rule_is_about_its_paths_alone() -> None:
    ignored = ignored_attributes(parse_rules("mode,mtime /srv\ncontent *.log\nall tmp\nowner"))
    assert ignored(b"etc/x") == {Attribute.OWNER}
    assert ignored(b"srv/deep/x") == {Attribute.OWNER, Attribute.MODE, Attribute.MTIME}
    assert ignored(b"srv2") == {Attribute.OWNER}
    assert ignored(b"a/x.log") == {Attribute.OWNER, Attribute.CONTENT, Attribute.SIZE}
    assert ignored(b"a/tmp/b") == set(Attribute)


def test_what_is_ignored_is_counted_and_what_is_left_is_told() -> None:
    before, after = file("x", b"1", mode=0o600), file("x", b"2", mode=0o644)
    with image_of([before, file("y", b"1")]) as a, image_of([after, file("y", b"2")]) as b:
        answer = diff(a, b, rules=[Rule(parse_attributes("content"))])
    assert shown(answer) == {"x": "changed mode"}
    assert answer.ignored == 0
    with image_of([before]) as a, image_of([after]) as b:
        answer = diff(a, b, rules=[Rule(parse_attributes("mode,content"))])
    assert answer.is_same
    assert answer.ignored == 1


# Notebooks.


def test_a_notebook_shows_a_card_and_a_table() -> None:
    pandas = pytest.importorskip("pandas")
    with image_of([file("<b>", b"1"), file("x", b"1")]) as a, image_of([file("x", b"22")]) as b:
        answer = diff(a, b)
        card, frame = answer._repr_html_(), answer.to_pandas()
    assert "&lt;b&gt;" in card
    assert "<b>" not in card
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["path"]) == ["/<b>", "/x"]
    assert list(frame["verdict"]) == ["removed", "changed"]
    assert frame["size_after"].iloc[1] == 2


def test_without_pandas_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with image_of([file("x")]) as a, pytest.raises(MissingExtraError) as raised:
        frame_module.changes_as_frame(diff(a, a))
    assert str(raised.value) == "pip install 'imgforensics[pandas]'"


def test_it_reads_like_this() -> None:
    """The API's own examples: sides that are no images or no layers are refused."""
    source = io.BytesIO(archive(docker_layout(ImageBuilder([BASE, TOP], tags=["a:1"]))))
    with open_image(source) as image:
        answer = diff(image, 0, 1)
        assert answer.summary() == str(answer)
        assert answer.to_json()["totals"]["added"] == 1
        assert "1 added" in repr(answer)
        assert b"\n@@ " in diff(image, 0, 1, content=["**"]).to_patch()
        with pytest.raises(TypeError, match="not 'rootfs'"):
            diff(image, "rootfs")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="two numbers after one image"):
            diff(image, image, 1)  # type: ignore[call-overload,unused-ignore]
