"""Every attribute of every kind of file, what was moved, and what layers are to blame."""

import pytest

from imgforensics import diff
from imgforensics.comparison import Attribute, Verdict
from imgforensics.testing import (
    Entry,
    LayerSpec,
    device,
    directory,
    fifo,
    file,
    hard_link,
    sparse_file,
    symlink,
    whiteout,
)
from tests.comparison.building import image_of, shown

TEXT = b"".join(b"line %d of a text\n" % number for number in range(40))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (file("x", b"a"), file("x", b"b"), "content"),
        (file("x", b"a"), file("x", b"ab"), "content,size"),
        (file("x", mode=0o644), file("x", mode=0o4755), "mode"),
        (file("x", uid=1), file("x", uid=2), "owner"),
        (file("x", gid=1), file("x", gid=2), "owner"),
        (file("x", mtime=1), file("x", mtime=1.5), "mtime"),
        (file("x"), file("x", xattrs={"user.a": b""}), "xattrs"),
        (file("x", b"a"), directory("x"), "type,mode"),
        (file("x"), symlink("x", "y"), "type"),
        (symlink("x", "y"), symlink("x", "z"), "link"),
        (device("x", 1, 3), device("x", 1, 5), "device"),
        (device("x", 1, 3), device("x", 1, 3, block=True), "type"),
        (device("x", 1, 3, mode=0o644), fifo("x", mode=0o644), "type"),
        (directory("x"), directory("x", mode=0o700), "mode"),
    ],
)
def test_attributes(before: Entry, after: Entry, told: str) -> None:
    with image_of([before]) as a, image_of([after]) as b:
        assert shown(diff(a, b)) == {"x": f"changed {told}"}


def test_a_symbolic_links_mode_is_none() -> None:
    with image_of([symlink("x", "y", mode=0o777)]) as a, image_of([symlink("x", "y", mode=0)]) as b:
        assert diff(a, b).is_same


def test_files_of_one_size_are_hashed_and_only_they_are() -> None:
    before = [file("same", b"12"), file("other", b"34"), file("longer", b"5")]
    after = [file("same", b"12"), file("other", b"43"), file("longer", b"56")]
    with image_of(before) as a, image_of(after) as b:
        changes = {change.path: change for change in diff(a, b).files}
    assert changes.keys() == {b"other", b"longer"}
    assert changes[b"other"].sha256_before != changes[b"other"].sha256_after
    assert changes[b"other"].sha256_before is not None
    assert changes[b"longer"].sha256_before is None


def test_a_sparse_file_is_what_a_reader_sees() -> None:
    sparse = sparse_file("x", 10_000, [(5_000, b"data")])
    plain = file("x", bytes(5_000) + b"data" + bytes(4_996))
    with image_of([sparse]) as a, image_of([plain]) as b:
        assert diff(a, b).is_same


def test_what_stands_below_is_told_with_its_directory() -> None:
    with image_of([directory("d"), file("d/x", b"1")]) as a, image_of([file("d", b"22")]) as b:
        answer = diff(a, b)
    assert shown(answer) == {"d": "changed type,mode", "d/x": "removed"}
    assert (answer.totals.bytes_added, answer.totals.bytes_removed) == (2, 1)


def test_names_that_are_one_file() -> None:
    before = [file("a", b"1"), hard_link("b", "a"), file("c", b"1")]
    after = [file("a", b"1"), file("b", b"1"), hard_link("c", "a")]
    with image_of(before) as a, image_of(after) as b:
        answer = diff(a, b)
    assert shown(answer) == dict.fromkeys("abc", "changed hard-links")
    assert answer.files[0].names_before == (b"a", b"b")
    assert answer.files[0].names_after == (b"a", b"c")


def test_a_file_of_very_many_names_costs_no_more_than_they_are() -> None:
    names = [f"d/{number:05}" for number in range(3_000)]
    members = [file(names[0], b"1"), *(hard_link(name, names[0]) for name in names[1:])]
    with image_of(members) as a, image_of(members) as b, image_of([*members[:-1]]) as c:
        assert diff(a, b).files == ()
        answer = diff(a, c)
        document = answer.to_json()
    assert len(answer.files) == len(names)
    assert answer.files[0].names_before is answer.files[1].names_before
    assert sum(len(row["names_before"]) for row in document["files"]) == len(names)


def test_a_new_name_of_an_old_file_adds_no_bytes() -> None:
    base = LayerSpec([file("a", b"12345")])
    with image_of(base, [hard_link("b", "a")]) as image:
        answer = diff(image, 0, 1)
    assert shown(answer) == {"a": "changed hard-links", "b": "added"}
    assert answer.totals.bytes_added == 0


def test_names_in_a_directory_that_did_not_change() -> None:
    """The subtree is shared by both snapshots, so it is not walked."""
    base = [directory("d"), file("d/a", b"1"), directory("e"), hard_link("e/b", "d/a")]
    with image_of(base, [whiteout("e/b")]) as image:
        assert shown(diff(image, 0, 1)) == {"d/a": "changed hard-links", "e/b": "removed"}


# Moves.


def test_one_pattern_of_contents_may_be_given_by_itself() -> None:
    before, after = (
        [file("x.sh", b"a\n"), file("y", b"a\n")],
        [file("x.sh", b"b\n"), file("y", b"")],
    )
    with image_of(before) as a, image_of(after) as b:
        told = {change.path for change in diff(a, b, content="*.sh").files if change.content}
    assert told == {b"x.sh"}


def test_the_same_content_elsewhere_was_moved() -> None:
    before = [directory("d"), file("d/x", b"content"), file("empty")]
    after = [directory("d"), file("d/y", b"content", mode=0o600), file("void")]
    with image_of(before) as a, image_of(after) as b:
        answer = diff(a, b)
    assert shown(answer) == {
        "d/y": "moved from d/x mode",
        "empty": "removed",
        "void": "added",
    }
    assert answer.files[0].similarity == 100
    assert answer.totals.bytes_added == answer.totals.bytes_removed == 0


def test_of_several_the_one_that_keeps_its_name_was_moved() -> None:
    before = [file("old/a", b"same"), file("old/b", b"same"), file("old/c", b"same")]
    after = [file("new/c", b"same"), file("new/x", b"same")]
    with image_of(before) as a, image_of(after) as b:
        told = shown(diff(a, b))
    assert told["new/c"] == "moved from old/c"
    assert told["new/x"] == "moved from old/a"
    assert told["old/b"] == "removed"


def test_similar_text_was_moved_and_changed() -> None:
    changed = TEXT.replace(b"line 3 ", b"LINE 3 ")
    before = [file("a.txt", TEXT), file("b.bin", b"\0" + TEXT)]
    after = [file("c.txt", changed), file("d.bin", b"\0" + changed)]
    with image_of(before) as a, image_of(after) as b:
        answer = diff(a, b)
    assert shown(answer) == {
        "b.bin": "removed",
        "c.txt": "moved from a.txt content",
        "d.bin": "added",
    }
    moved = answer.files[1]
    assert moved.similarity is not None
    assert 80 < moved.similarity < 100


# Layers.


def test_which_layer_and_instruction_brought_a_change() -> None:
    base = LayerSpec([file("a", b"1"), file("b", b"1"), file("c", b"1")], created_by="FROM")
    uppers = [
        LayerSpec([file("a", b"2")], created_by="RUN a"),
        LayerSpec([whiteout("b"), file("d/new", b"n")], created_by="RUN b"),
    ]
    with image_of(base) as a, image_of(base, *uppers) as b:
        answer = diff(a, b)
        told = {
            change.path.decode(): origin and (origin.layer, origin.created_by)
            for change in answer.files
            for origin in [answer.origin_of(change)]
        }
    assert answer.shared_layers == 1
    assert told == {"a": (1, "RUN a"), "b": (2, "RUN b"), "d": None, "d/new": (2, "RUN b")}


def test_what_the_second_image_never_had_no_layer_removed() -> None:
    with image_of([file("a", b"1")]) as a, image_of([file("b", b"22")]) as b:
        answer = diff(a, b)
        assert answer.origin_of(answer.files[0]) is None
        assert answer.files[0].verdict is Verdict.REMOVED


def test_moments_of_one_image() -> None:
    layers = [[file("a", b"1")], [file("b", b"2")], [whiteout("a"), file("c", b"33")]]
    with image_of(*layers) as image:
        assert shown(diff(image, -1, 0)) == {"a": "added"}
        assert shown(diff(image, 0)) == {"a": "removed", "b": "added", "c": "added"}
        assert shown(diff(image, 2, 0)) == {"a": "added", "b": "removed", "c": "removed"}
        assert diff(image, 1, 2).layers == ()
        with pytest.raises(IndexError, match="layer 3: the image has 3"):
            diff(image, 0, 3)


def test_directories_sum_up_what_is_below() -> None:
    before = [file("a/b/x", b"12"), file("a/y", b"3")]
    after = [file("a/b/x", b"1234"), file("a/b/z", b"5"), file("q", b"667")]
    with image_of(before) as a, image_of(after) as b:
        answer = diff(a, b)
    told = {
        path: (totals.added, totals.removed, totals.changed, totals.bytes_added)
        for path, totals in answer.directories.items()
    }
    assert told == {b"": (2, 1, 1, 8), b"a": (1, 1, 1, 5), b"a/b": (1, 0, 1, 5)}


def test_compiled_python_that_differs_in_its_header_alone() -> None:
    magic = (3495).to_bytes(2, "little") + b"\r\n"
    one, other = (magic + bytes(4) + stamp + b"code" for stamp in (b"11111111", b"22222222"))
    members = [(file("x.pyc", content), file("y.py", content)) for content in (one, other)]
    with image_of(members[0]) as a, image_of(members[1]) as b:
        answer = diff(a, b)
    assert shown(answer) == {"x.pyc": "changed pyc-header", "y.py": "changed content"}
    assert answer.files[0].attributes == (Attribute.PYC_HEADER,)
