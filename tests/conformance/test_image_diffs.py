"""Diffs of real images: what engines' own trees, rsync, diff and git say of them."""

import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from imgforensics import Image, diff, open_image
from tests.conformance.cases import FIXTURES
from tests.conformance.image_diffs import Told, compare_pair, told_by_truth, told_by_us
from tests.conformance.tree_facts import read_truth

TRUTHS = sorted((FIXTURES.parent / "truth").iterdir())
PAIRS = [*pairwise(TRUTHS), *zip(TRUTHS, TRUTHS[7:], strict=False)]


def opened(truth: Path) -> Image:
    name, _, choice = truth.name.removesuffix(".jsonl").partition("@")
    path = FIXTURES / name
    as_rootfs = name.endswith((".export.tar", "-import.tar")) and "export" in name
    if choice.startswith("linux_"):
        return open_image(path, platform=choice.replace("_", "/"))
    image = choice.replace("_", ":") if choice else None
    return open_image(path, image=image, as_rootfs=as_rootfs)


@pytest.mark.parametrize(
    ("old", "new"), PAIRS, ids=[f"{old.stem}-{new.stem}" for old, new in PAIRS]
)
def test_it_says_what_the_engines_own_trees_say(old: Path, new: Path) -> None:
    with opened(old) as before, opened(new) as after:
        answer = diff(before, after)
    assert answer.is_complete
    told = told_by_truth(read_truth(old), read_truth(new))
    assert without_engines_own(told_by_us(answer)) == without_engines_own(told)


def without_engines_own(told: Told) -> Told:
    """The root that an engine shows is its mount's, and Docker knows no time before 1970."""
    return {path: facts for path, facts in told.items() if path not in (b"/", b"/times/early")}


needs_programs = [
    pytest.mark.root,
    pytest.mark.oracle,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, ("rsync", "diff", "git"))),
        reason="needs root, for owners and devices, and rsync, diff and git",
    ),
]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(*pair, marks=needs_programs)
        for pair in (
            ("whiteouts.docker-20.tar", "whiteouts.buildah.oci.tar"),
            ("typechanges.docker-26.oci", "typechanges.buildah.oci.tar"),
            ("hardlinks.docker-20.tar", "special.buildah.oci"),
            ("webapp.docker-save.tar", "changed.umoci.oci"),
            ("names.skopeo-dir", "sparse.umoci.oci"),
        )
    ],
)
def test_it_says_what_rsync_diff_and_git_say(old: str, new: str, tmp_path: Path) -> None:
    outcome = compare_pair(FIXTURES / old, FIXTURES / new, tmp_path)
    assert outcome.changes
    assert outcome.rsync == {}
    assert outcome.diff == set()
    assert outcome.texts.others == []
