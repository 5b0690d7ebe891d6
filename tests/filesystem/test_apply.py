"""Application of layers: what stands in a test of its own beside the peers' pitfalls."""

import time
from decimal import Decimal

import pytest

from imgforensics import ProblemCode
from imgforensics.testing import (
    Entry,
    device,
    directory,
    fifo,
    file,
    hard_link,
    opaque,
    symlink,
    whiteout,
)
from tests.filesystem.building import codes_of, image_of, shown, shown_of


def test_every_kind_takes_the_place_of_every_other() -> None:
    kinds = {
        "file": file("p", b"1"),
        "directory": directory("p"),
        "symlink": symlink("p", "t"),
        "fifo": fifo("p"),
        "character-device": device("p", 1, 3),
        "block-device": device("p", 8, 0, block=True),
    }
    for lower in kinds.values():
        for name, upper in kinds.items():
            with image_of([lower], [upper]) as image:
                node = image.filesystem.get(b"p")
                assert node is not None
                assert str(node.kind) == name
            with image_of([lower, upper]) as image:
                node = image.filesystem.get(b"p")
                assert node is not None
                assert str(node.kind) == name


def test_an_implied_directory_keeps_what_a_lower_layer_says_of_it() -> None:
    with image_of([directory("d", mode=0o700)], [file("d/f")], [file("e/f")]) as image:
        assert image.path("/d").stat().st_mode & 0o7777 == 0o700
        assert image.path("/e").stat().st_mode & 0o7777 == 0o755
        assert image.path("/e").node.entry is None


def test_an_unknown_type_is_listed_and_not_applied() -> None:
    with image_of([Entry(b"odd", b"Z"), file("f")]) as image:
        assert shown(image).keys() == {"f"}
        assert codes_of(image) == [ProblemCode.ENTRY_TYPE_UNKNOWN]
        assert [entry.path for entry in image.entries] == [b"odd", b"f"]


def test_an_entry_below_a_link_of_its_own_layer_goes_where_the_link_leads() -> None:
    layers = ([directory("usr/lib")], [symlink("lib", "usr/lib"), file("lib/a", b"1")])
    merged = shown_of(*layers)
    assert merged == {"lib": "link usr/lib", "usr": "dir", "usr/lib": "dir", "usr/lib/a": "file 1"}


def test_an_entry_below_a_link_of_a_lower_layer_hides_the_link() -> None:
    layers = ([directory("usr/lib"), symlink("lib", "usr/lib")], [file("lib/a", b"1")])
    assert shown_of(*layers) == {"lib": "dir", "lib/a": "file 1", "usr": "dir", "usr/lib": "dir"}


def test_an_entry_that_cannot_be_applied_leaves_nothing_behind() -> None:
    """Its way leads past `new`, which nobody else makes, to a file of its own layer."""
    members = [file("f"), symlink("l", "new/../f"), file("l/x")]
    with image_of([file("new", b"1")], members) as image:
        assert shown(image) == {"f": "file ", "l": "link new/../f", "new": "file 1"}


def test_what_follows_a_directory_that_was_replaced_twice_is_not_lost() -> None:
    members = [file("d/s/a"), file("d", b"1"), directory("d"), file("d/s/b")]
    assert shown_of(members) == {"d": "dir", "d/s": "dir", "d/s/b": "file "}


def test_what_is_added_to_a_directory_whose_content_was_deleted_first_is_not_lost() -> None:
    """`test_overlay` shows the same of the kernel."""
    upper = [whiteout("d/x"), whiteout("d"), file("d/y", b"1")]
    assert shown_of([file("d/x"), file("d/z")], upper) == {"d": "dir", "d/y": "file 1"}


def test_an_entry_below_a_link_that_no_path_can_be_is_reported() -> None:
    members = [symlink("l", "x", pax=[("linkpath", b"a\0b")]), file("l/f")]
    with image_of(members) as image:
        assert shown(image) == {"l": "link a\0b"}
        assert codes_of(image) == [ProblemCode.PARENT_NOT_A_DIRECTORY]


def test_what_follows_a_link_that_was_replaced_goes_elsewhere() -> None:
    members = [symlink("l", "one"), file("l/a"), symlink("l", "two"), file("l/b")]
    merged = shown_of(members)
    assert merged.keys() == {"l", "one", "one/a", "two", "two/b"}


@pytest.mark.parametrize("before_its_target", [False, True])
def test_hard_links_in_a_chain(before_its_target: bool) -> None:
    members = [file("a", b"1"), hard_link("b", "a"), hard_link("c", "b"), hard_link("d", "./c")]
    with image_of(members[::-1] if before_its_target else members) as image:
        assert shown(image) == dict.fromkeys("abcd", "file 1")
        nodes = [image.filesystem.get(name.encode()) for name in "abcd"]
        assert all(node is nodes[0] for node in nodes)
        expected = [ProblemCode.HARD_LINK_BEFORE_TARGET] * 3 if before_its_target else []
        assert codes_of(image) == expected


def test_a_hard_link_to_a_directory_is_not_applied() -> None:
    with image_of([directory("d"), hard_link("h", "d")]) as image:
        assert shown(image) == {"d": "dir"}
        assert codes_of(image) == [ProblemCode.HARD_LINK_TO_DIRECTORY]


def test_a_hard_link_to_itself() -> None:
    with image_of([hard_link("h", "h")]) as image:
        assert shown(image) == {"h": "hard-link"}
        assert codes_of(image) == [ProblemCode.HARD_LINK_BROKEN]
    assert shown_of([file("h", b"1")], [hard_link("h", "h")]) == {"h": "file 1"}


def test_hard_links_to_each_other() -> None:
    with image_of([hard_link("a", "b"), hard_link("b", "a"), file("c")]) as image:
        assert shown(image) == {"a": "hard-link", "b": "hard-link", "c": "file "}
        assert codes_of(image) == [ProblemCode.HARD_LINK_BROKEN] * 2


def test_a_hard_link_to_a_symbolic_link_is_the_link() -> None:
    with image_of([symlink("s", "t"), hard_link("h", "s", mode=0o777), file("t", b"1")]) as image:
        assert shown(image) == {"h": "link t", "s": "link t", "t": "file 1"}
        assert image.path("/h").read_text() == "1"


def test_an_entry_below_a_hard_link_to_a_lower_layers_file_is_reported() -> None:
    with image_of([file("f", b"1")], [hard_link("h", "f"), file("h/x")]) as image:
        assert shown(image) == {"f": "file 1", "h": "file 1"}
        assert codes_of(image) == [ProblemCode.PARENT_NOT_A_DIRECTORY]


def test_an_entry_below_a_hard_link_to_a_lower_layers_link_follows_it() -> None:
    link = symlink("s", "t", mode=0o777)
    merged = shown_of([link], [hard_link("h", "s", mode=0o777), file("h/x")])
    assert merged.keys() == {"s", "h", "t", "t/x"}


def test_a_late_hard_link_does_not_replace_a_later_entry_of_its_path() -> None:
    members = [file("f", b"1"), hard_link("x", "late"), hard_link("x", "f"), file("late", b"2")]
    assert shown_of(members) == {"f": "file 1", "late": "file 2", "x": "file 1"}
    members = [hard_link("x", "late"), file("x", b"3"), file("late", b"2")]
    assert shown_of(members) == {"late": "file 2", "x": "file 3"}
    members = [hard_link("x", "never"), file("x", b"3")]
    assert shown_of(members) == {"x": "file 3"}


def test_a_late_hard_link_does_not_replace_what_replaced_an_earlier_one() -> None:
    early, late = hard_link("x", "f"), hard_link("x", "late")
    members = [file("f", b"1"), early, late, file("x", b"3"), file("late", b"2")]
    assert shown_of(members) == {"f": "file 1", "late": "file 2", "x": "file 3"}


def test_a_hard_link_to_a_path_below_its_own_layers_link() -> None:
    members = [symlink("l", "d"), file("d/f", b"1"), hard_link("h", "l/f")]
    assert shown_of(members)["h"] == "file 1"


def test_a_hard_links_header_changes_the_file_under_all_names() -> None:
    members = [
        file("a", b"1", mode=0o644),
        hard_link("b", "a", mode=0o600, uid=3, mtime=Decimal("2.5"), xattrs={"user.x": b"y"}),
    ]
    with image_of(members) as image:
        for name in "ab":
            node = image.path(name).node
            assert (node.mode, node.uid, node.mtime_ns) == (0o600, 3, 2_500_000_000)
            assert node.xattrs == {b"user.x": b"y"}
            assert image.path(name).read_text() == "1"
        assert image.path("a").node is image.path("b").node


def test_a_hard_links_header_changes_a_lower_layers_file_from_its_layer_on() -> None:
    with image_of([file("a", b"1", mode=0o644)], [hard_link("b", "a", mode=0o4755)]) as image:
        assert image.path("a", layer=0).stat().st_mode & 0o7777 == 0o644
        assert image.path("a").stat().st_mode & 0o7777 == 0o4755
        assert image.path("a").node is image.path("b").node


def test_of_several_headers_of_one_file_the_last_counts() -> None:
    links = [hard_link(f"h{number}", "a", mode=0o600 + number) for number in range(5)]
    with image_of([file("a", b"1"), *links]) as image:
        modes = {path.stat().st_mode & 0o7777 for path in image.path("/").iterdir()}
        assert modes == {0o604}


def test_a_hard_links_header_may_add_nothing_but_a_capability() -> None:
    layers = [file("a", b"1")], [hard_link("b", "a", xattrs={"security.capability": b"1"})]
    with image_of(*layers) as image:
        assert image.path("a", layer=0).node.xattrs == {}
        for name in "ab":
            assert image.path(name).node.xattrs == {b"security.capability": b"1"}


def test_of_several_headers_before_the_file_the_last_in_the_order_of_linking_counts() -> None:
    """The first one waits for the second, and so is linked after all that need not wait."""
    first, second = hard_link("h0", "h1", mode=0o600), hard_link("h1", "a", mode=0o601)
    with image_of([first, second, hard_link("h2", "a", mode=0o602), file("a")]) as image:
        modes = {path.stat().st_mode & 0o7777 for path in image.path("/").iterdir()}
        assert modes == {0o600}


def test_a_name_that_is_replaced_does_not_take_part_in_later_changes() -> None:
    members = [file("a", b"1"), hard_link("b", "a"), file("b", b"2"), hard_link("c", "a", mode=0o7)]
    with image_of(members) as image:
        assert shown(image) == {"a": "file 1", "b": "file 2", "c": "file 1"}
        assert [image.path(name).stat().st_mode & 0o7777 for name in "abc"] == [7, 0o644, 7]


def test_a_lookup_copies_no_directory() -> None:
    lower = [file("d/f", b"1"), file("e/g")]
    upper = [hard_link("h", "d/f"), whiteout("e/none"), opaque("e/g"), hard_link("i", "e/none")]
    with image_of(lower, upper) as image:
        below, above = image.filesystem_at(0), image.filesystem
        assert above.get(b"d") is below.get(b"d")
        assert above.get(b"e") is below.get(b"e")


def test_many_hard_links_that_each_change_the_file_cost_no_more_than_their_number() -> None:
    links = [hard_link(f"h{n}", "a", mtime=n) for n in range(1, 8001)]
    with image_of([file("a"), *links]) as image:
        image.scan_layers()
        start = time.process_time()
        assert image.path("/h1").stat().st_mtime == 8000
        assert time.process_time() - start < 20


def test_a_long_chain_of_hard_links_before_their_targets() -> None:
    links = [hard_link(f"h{n}", f"h{n + 1}") for n in range(8000)]
    with image_of([*links, file("h8000", b"1")]) as image:
        image.scan_layers()
        start = time.process_time()
        assert image.path("/h0").read_text() == "1"
        assert time.process_time() - start < 20


def test_entries_below_links_that_lead_a_long_way() -> None:
    """Forty links are followed, and as many names as any real link has; no more."""
    detour = symlink("l", "a/" + "../a/" * 400)
    longer = symlink("m", "n/../" * 600)
    chain = [symlink(f"c{n}", f"c{n + 1}") for n in range(40)]
    looping = symlink("loop", "loop/" * 300)
    members = [detour, longer, *chain, looping]
    members += [file(f"{link}/{n}/f") for n in range(1000) for link in ("l", "m", "c0", "loop")]
    with image_of(members) as image:
        image.scan_layers()
        start = time.process_time()
        found = image.filesystem
        assert time.process_time() - start < 60
        assert found.get(b"a/7/f") is not None
        assert found.get(b"c40/7/f") is not None
        assert found.get(b"n") is None
        assert codes_of(image) == [ProblemCode.PARENT_NOT_A_DIRECTORY] * 1000 + [
            ProblemCode.MORE_OF_THE_SAME
        ]


def test_a_deep_tree_is_told_without_its_depth() -> None:
    with image_of([file("d/" * 3000 + "f")]) as image:
        assert len(repr(image.filesystem)) < 1000
        assert len(repr(image.path("/d").resolution())) < 1000
        assert len(list(image.path("/").walk())) == 3001


def test_whiteouts_and_the_rest_of_a_hundred_layers() -> None:
    layers = [[file(f"d/{n}", b"%d" % n), whiteout(f"d/{n - 1}")] for n in range(100)]
    with image_of(*layers) as image:
        assert shown(image) == {"d": "dir", "d/99": "file 99"}
        assert shown(image, 40) == {"d": "dir", "d/40": "file 40"}
        assert shown(image, -1) == {}


def test_a_late_link_finds_a_target_that_was_linked_by_another_path() -> None:
    layer = [file("a"), hard_link("b/x", "x"), hard_link("a/x", "a/a"), symlink("a", ".")]
    assert shown_of(layer) == {"a": "link .", "b": "dir", "b/x": "link .", "x": "link ."}


def test_a_late_link_whose_target_another_one_took_away_is_not_lost() -> None:
    late = [hard_link("x", "a/a"), hard_link("x", "a/a")]
    with image_of([*late, symlink("a", "x"), symlink("a/a", "gone")]) as image:
        assert shown(image) == {"a": "link x", "x": "hard-link"}
        assert codes_of(image) == [
            ProblemCode.HARD_LINK_BEFORE_TARGET,
            ProblemCode.HARD_LINK_BROKEN,
            ProblemCode.ENTRY_DUPLICATED,
        ]


def test_a_hard_link_that_changes_where_its_own_target_is_found() -> None:
    members = [symlink("x", "/"), symlink("a", "x", mode=0o600), hard_link("x", "a/a", mode=0o644)]
    with image_of(members) as image:
        tree = image.filesystem
        assert tree.get(b"a") is tree.get(b"x")
        assert [node.mode for path, node in tree.walk() if path] == [0o644, 0o644]
