"""What happened to a path: each change, its cause, the layer and its instruction."""

import hashlib
import io
from collections.abc import Sequence

import pytest

from imgforensics import Image, open_image
from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    Member,
    archive,
    directory,
    fifo,
    file,
    hard_link,
    oci_layout,
    opaque,
    raw,
    symlink,
    tar,
    whiteout,
)
from tests.filesystem.building import image_of

Told = tuple[int, str, str, str | None]


def events(image: Image, path: str | bytes) -> list[Told]:
    """Layer, change, cause, and the path of the entry that did it."""
    return [
        (
            event.layer.index,
            str(event.change),
            str(event.cause),
            None if event.entry is None else event.entry.path.decode(),
        )
        for event in image.history_of(path)
    ]


def history(path: str, *layers: Sequence[Member]) -> list[Told]:
    with image_of(*layers) as image:
        return events(image, path)


BASE = [file("d/f", b"one", mode=0o644)]
ADDED = (0, "added", "entry", "d/f")


@pytest.mark.parametrize(
    ("upper", "expected"),
    [
        ([file("d/f", b"two")], ("content", "entry", "d/f")),
        ([file("d/f", b"longer")], ("content", "entry", "d/f")),
        ([file("d/f", b"one", mode=0o600)], ("metadata", "entry", "d/f")),
        ([file("d/f", b"one", mtime=1)], ("metadata", "entry", "d/f")),
        ([file("d/f", b"one", xattrs={"user.a": b"b"})], ("metadata", "entry", "d/f")),
        ([file("d/f", b"one")], ("rewritten", "entry", "d/f")),
        ([whiteout("d/f"), file("d/f", b"one")], ("rewritten", "entry", "d/f")),
        ([symlink("d/f", "one")], ("type", "entry", "d/f")),
        ([file("d/f/x")], ("type", "implied", None)),
        ([whiteout("d/f")], ("removed", "whiteout", "d/.wh.f")),
        ([whiteout("d"), file("d/g")], ("removed", "parent-whiteout", ".wh.d")),
        ([opaque("d")], ("removed", "opaque", "d/.wh..wh..opq")),
        ([opaque("")], ("removed", "opaque", ".wh..wh..opq")),
        ([file("d")], ("removed", "replaced-parent", "d")),
        ([symlink("d", "e")], ("removed", "replaced-parent", "d")),
        ([file("d"), directory("d")], ("removed", "replaced-parent", "d")),
        ([symlink("l", "."), file("l/d")], ("removed", "replaced-parent", None)),
        ([whiteout("d/f"), whiteout("d")], ("removed", "whiteout", "d/.wh.f")),
        ([hard_link("h", "d/f", mode=0o600)], ("metadata", "hard-link", "h")),
        ([hard_link("d/f", "e", mode=0o644), file("e", b"two")], ("content", "entry", "d/f")),
        ([symlink("l", "d"), file("l/f", b"two")], ("content", "symlink-parent", "l/f")),
    ],
)
def test_what_one_layer_does_to_a_file(upper: list[Member], expected: tuple[str, ...]) -> None:
    assert history("/d/f", BASE, upper) == [ADDED, (1, *expected)]


@pytest.mark.parametrize(
    "upper",
    [
        [file("d/g")],
        [directory("d", mode=0o700)],
        [hard_link("h", "d/f", mode=0o644)],
        [whiteout("d/other")],
        [opaque("e")],
        [file("l/f"), symlink("l2", "d/f")],
        [],
    ],
)
def test_layers_that_leave_a_file_alone_are_not_told(upper: list[Member]) -> None:
    assert history("/d/f", BASE, upper) == [ADDED]


def test_a_directory_is_changed_by_its_own_entries_only() -> None:
    layers = ([file("d/f")], [file("d/g")], [directory("d")], [directory("d", mode=0o700)])
    assert history("/d", *layers) == [
        (0, "added", "implied", None),
        (2, "rewritten", "entry", "d"),
        (3, "metadata", "entry", "d"),
    ]


def test_a_link_that_leads_elsewhere_has_other_content() -> None:
    assert history("/l", [symlink("l", "a")], [symlink("l", "b")], [symlink("l", "b")]) == [
        (0, "added", "entry", "l"),
        (1, "content", "entry", "l"),
        (2, "rewritten", "entry", "l"),
    ]


def test_a_path_that_comes_and_goes() -> None:
    layers = (BASE, [whiteout("d/f")], [file("a")], BASE, [opaque("d"), *BASE], [whiteout("d")])
    assert [(layer, change) for layer, change, *_ in history("d/f", *layers)] == [
        (0, "added"),
        (1, "removed"),
        (3, "re-added"),
        (4, "rewritten"),
        (5, "removed"),
    ]


def test_a_hard_links_names_have_a_history_each() -> None:
    layers = ([file("a", b"1"), hard_link("b", "a")], [whiteout("a")], [file("b", b"2")])
    assert history("a", *layers) == [
        (0, "added", "entry", "a"),
        (1, "removed", "whiteout", ".wh.a"),
    ]
    assert history("b", *layers) == [(0, "added", "entry", "b"), (2, "content", "entry", "b")]


def test_what_never_was_and_the_root() -> None:
    assert history("nowhere", BASE) == []
    assert history("/", BASE) == []
    assert history("/", BASE, [directory("/", mode=0o700)]) == [(1, "metadata", "entry", "")]


def test_links_on_the_way_are_not_followed_and_names_need_not_be_utf8() -> None:
    with image_of([symlink("l", "d"), *BASE, file(b"\xff")]) as image:
        assert events(image, "l/f") == []
        assert [event.path for event in image.history_of(b"/\xff")] == [b"\xff"]


def test_an_event_tells_its_layer_and_instruction() -> None:
    layers: list[LayerSpec | Instruction] = [
        LayerSpec([file("root/.aws/credentials", b"key")], created_by="COPY . /root"),
        Instruction("ENV A=1"),
        LayerSpec([whiteout("root/.aws")], created_by="RUN rm -rf /root/.aws"),
    ]
    with open_image(io.BytesIO(archive(oci_layout(ImageBuilder(layers))))) as image:
        added, removed = image.history_of("/root/.aws/credentials")
        assert (added.created_by, removed.created_by) == ("COPY . /root", "RUN rm -rf /root/.aws")
        assert str(added) == "added by layer 0 (COPY . /root)"
        assert str(removed) == "removed by layer 1 (RUN rm -rf /root/.aws)"
        assert removed.layer is image.layers[1]
        assert added.before is None
        assert removed.before is added.after
        assert added.entry is not None
        with image.open_content(added.entry) as content:
            assert content.read() == b"key"


def test_an_event_in_words_does_nothing_to_a_terminal() -> None:
    layers = [LayerSpec([file("a\x1b[0m")], created_by="RUN \x1b[31m\x07")]
    with image_of(*layers) as image:
        (event,) = image.history_of("a\x1b[0m")
    assert str(event) == r"added by layer 0 (RUN \x1b[31m\x07)"
    assert repr(event) == rf"<PathEvent /a\x1b[0m {event}>"


def test_what_stands_behind_the_end_of_a_layer_is_no_cause() -> None:
    behind = tar([file("d/x", b"other", mode=0o777), whiteout("y")])
    with image_of([file("y", b"y")], [file("d/x", b"1"), raw(bytes(1024) + behind)]) as image:
        [event] = image.history_of("d/x")
        assert event.entry is not None
        assert (event.entry.is_past_end, event.entry.size) == (False, 1)
        assert [str(event.change) for event in image.history_of("y")] == ["added"]


def test_content_that_moves_is_followed() -> None:
    moved = [whiteout("old"), directory("new"), file("new/a", b"aa"), file("new/b", b"bb")]
    layers = ([file("old/a", b"aa"), file("old/b", b"bb"), file("twin", b"bb")], moved)
    with image_of(*layers) as image:
        told = {path: image.history_of(path)[-1].moved for path in ("old/b", "new/b", "old", "new")}
        assert told == {
            "old/b": (b"new/b",),
            "new/b": (b"old/b",),
            "old": (b"new",),
            "new": (b"old",),
        }
        assert image.history_of("twin")[-1].moved == ()
        assert image.history_of("old/a", contents=False)[-1].moved == ()


def test_content_that_only_looks_alike_did_not_move() -> None:
    with image_of(
        [file("a", b"one"), file("e")], [whiteout("a"), file("b", b"two"), whiteout("e"), file("f")]
    ) as image:
        assert image.history_of("a")[-1].moved == ()
        assert image.history_of("f")[-1].moved == ()


def test_versions_are_numbered_and_hashed() -> None:
    with image_of(
        [file("a", b"1")], [whiteout("a")], [file("a", b"2")], [file("a", b"2", mode=0o600)]
    ) as image:
        history = image.history_of("a")
        assert [event.version for event in history] == [0, None, 1, 2]
        sums = [hashlib.sha256(data).hexdigest() for data in (b"1", b"2")]
        assert [event.sha256 for event in history] == [sums[0], None, sums[1], sums[1]]
        assert [str(event.change) for event in history] == [
            "added",
            "removed",
            "re-added",
            "metadata",
        ]
        assert image.history_of("a", contents=False)[0].sha256 is None


def test_a_file_is_followed_through_its_former_names() -> None:
    layers = (
        [file("a", b"one"), file("other", b"x")],
        [file("a", b"two")],
        [whiteout("a"), file("d/b", b"two")],
        [whiteout("d"), file("e/b", b"two"), hard_link("c", "e/b")],
    )
    with image_of(*layers) as image:
        for name in ("e/b", "c"):
            told = [
                (event.layer.index, event.path.decode(), str(event.change))
                for event in image.history_of(name, follow=True)
            ]
            followed = [
                (0, "a", "added"), (1, "a", "content"), (2, "a", "removed"),
                (2, "d/b", "added"), (3, "d/b", "removed"), (3, "e/b", "added"),
            ]  # fmt: skip
            assert told == followed + [(3, "c", "added")] * (name == "c")
        assert len(image.history_of("other", follow=True)) == 1


def test_names_that_follow_each_other_in_a_circle_end() -> None:
    swap = [whiteout("a"), file("b", b"same")]
    back = [whiteout("b"), file("a", b"same")]
    with image_of([file("a", b"same")], swap, back) as image:
        events = image.history_of("b", follow=True)
        assert [event.path for event in events] == [b"a", b"a", b"b", b"b"]


def test_a_link_that_is_made_again_is_told_by_its_own_layers_entry() -> None:
    layers = (
        [file("a", b"1", mode=0o755), hard_link("x", "a", mode=0o644), fifo("x")],
        [hard_link("x", "a", mode=0o644)],
    )
    with image_of(*layers) as image:
        causes = [(str(e.change), e.entry and e.entry.layer_index) for e in image.history_of("x")]
        assert causes == [("added", 0), ("type", 1)]


def test_a_hard_link_below_its_layers_link_is_told_by_its_own_entry() -> None:
    lower = [symlink("l", "nowhere")]
    upper = [directory("d"), symlink("to", "d"), hard_link("to/x", "l")]
    assert history("d/x", lower, upper) == [(1, "added", "symlink-parent", "to/x")]
