"""Random histories: what the kernel's overlayfs shows of them is what we read of their images."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.conformance.histories.changeset import Changes, Item, arrange
from tests.conformance.histories.workers import try_seeds
from tests.conformance.tree_facts import PathFacts

needs_mounts = [
    pytest.mark.root,
    pytest.mark.oracle,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("tar"), reason="needs root, overlayfs and GNU tar"
    ),
]
DIRECTORY = PathFacts(kind="d", mode=0o755, uid=0, gid=0, mtime_ns=0)
FILE = replace(DIRECTORY, kind="f", size=0, sha256="")


class TestSeeds:
    pytestmark = needs_mounts

    def test_fifty_histories(self) -> None:
        verdicts = list(try_seeds(range(50), jobs=2))
        differing = {each.seed: each.differences for each in verdicts if each.differences}
        assert not differing
        assert len(verdicts) == 50
        assert sum(each.layers for each in verdicts) > 200
        assert sum(each.paths for each in verdicts) > 1000

    def test_nothing_stays_mounted(self) -> None:
        before = Path("/proc/self/mounts").read_text(encoding="utf-8")
        assert len(list(try_seeds(range(2), jobs=1))) == 2
        assert Path("/proc/self/mounts").read_text(encoding="utf-8") == before


def told(changes: Changes, below: dict[bytes, PathFacts], *, links_first: bool) -> list[list[Item]]:
    return [arrange(changes, below, Random(seed), links_first=links_first) for seed in range(60)]


def test_an_opaque_directory_is_told_in_three_ways() -> None:
    below = {b"/": DIRECTORY, b"/d": DIRECTORY, b"/d/x": FILE, b"/d/y": FILE}
    changes = Changes({b"/d": replace(DIRECTORY, mode=0o700)}, [], [b"/d"])
    ways = {
        frozenset(item.path for item in items if item.facts is None and b"nothing" not in item.path)
        for items in told(changes, below, links_first=False)
    }
    assert ways == {
        frozenset({b"/d/.wh..wh..opq"}),
        frozenset({b"/.wh.d"}),
        frozenset({b"/d/.wh.x", b"/d/.wh.y"}),
    }


def test_an_unchanged_directory_may_be_left_out_and_a_changed_one_is_not() -> None:
    below = {b"/": DIRECTORY, b"/d": DIRECTORY}
    same, other = {b"/d": DIRECTORY}, {b"/d": replace(DIRECTORY, mtime_ns=1)}
    for added, counts in ((same, {0, 1}), (other, {1})):
        every = told(Changes(added, [], []), below, links_first=False)
        assert {sum(item.facts is not None for item in items) for items in every} == counts


@pytest.mark.parametrize("links_first", [True, False])
def test_links_precede_their_file_only_if_asked_and_nothing_stands_below(
    links_first: bool,
) -> None:
    pair = replace(FILE, hard_links=(b"/a", b"/b"))
    changes = Changes({b"/a": pair, b"/b": pair}, [], [])
    for below, is_early in (({}, links_first), ({b"/a": FILE, b"/b": FILE}, False)):
        for items in told(changes, below, links_first=links_first):
            order = [item.link_to is not None for item in items if item.facts]
            assert order == [is_early, not is_early]
