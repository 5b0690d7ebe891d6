"""A history that the kernel lives: a chain of overlay mounts, one for each layer."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.conformance.histories.changeset import arrange, read_changes
from tests.conformance.histories.mounts import overlay
from tests.conformance.histories.operations import Disturbance
from tests.conformance.histories.writers import COARSE_WRITERS, FINE_WRITERS, Writer, pack
from tests.conformance.tree_facts import Tree, walk

_BILLION = 10**9
_EARLIEST, _LATEST = -(1 << 31) + 1, 1 << 33


@dataclass(frozen=True, slots=True)
class Told:
    """One layer: the tar that tells it, and what a mount of it and all below it shows."""

    tar: bytes
    tree: Tree
    writer: Writer


def live(folder: Path, random: Random) -> Iterator[Told]:
    """Do random things on an overlay of more and more layers; yield each layer when it is done.

    `folder` must be of a filesystem that overlayfs takes as its upper one.
    """
    fine = random.random() < 0.7
    writer = random.choice(FINE_WRITERS if fine else COARSE_WRITERS)
    # GNU tar stores a device or FIFO under each name anew, and no link before its target.
    by_tarfile = writer.startswith("tarfile")
    merged = folder / "merged"
    merged.mkdir()
    lower = [folder / "floor", folder / "ground"]
    for floor in lower:
        floor.mkdir()
        os.utime(floor, (0, 0))
    below: Tree = walk(lower[0])
    for number in range(random.randint(2, 15)):
        upper, work = folder / str(number), folder / f"{number}.work"
        _make_like(upper, lower[0])
        work.mkdir()
        with overlay(lower, merged, upper, work):
            count = random.choice((0, 4, 12, 12, 25, 40))
            disturbance = Disturbance(
                os.fsencode(merged), random, with_xattrs=fine, links_special=by_tarfile
            )
            disturbance.run(count)
        _set_times(upper, below, random, fine=fine)
        lower.insert(0, upper)
        links_first = by_tarfile and random.random() < 0.3
        items = arrange(read_changes(upper), below, random, links_first=links_first)
        with overlay(lower, merged):
            below = walk(merged, holes=True)
        yield Told(pack(writer, items, upper, random), below, writer)


def _make_like(upper: Path, lower: Path) -> None:
    """A new upper directory is the mount's root, and should be as the root was before."""
    upper.mkdir()
    found = lower.stat()
    os.chown(upper, found.st_uid, found.st_gid)
    upper.chmod(stat.S_IMODE(found.st_mode))
    for name in os.listxattr(lower):
        if not name.startswith("trusted.overlay."):
            os.setxattr(upper, name, os.getxattr(lower, name))
    os.utime(upper, ns=(found.st_atime_ns, found.st_mtime_ns))


def _set_times(upper: Path, below: Tree, random: Random, *, fine: bool) -> None:
    """Give each path a random time, half of the directories the one that they had."""
    top = os.fsencode(upper)
    for path, facts in sorted(walk(upper).items()):
        before = below.get(path)
        if facts.kind == "d" and before and before.kind == "d" and random.random() < 0.5:
            time = before.mtime_ns
        else:
            time = random.randint(_EARLIEST, _LATEST) * _BILLION
            time += random.randrange(_BILLION) if fine else 0
        os.utime(top + path, ns=(time, time), follow_symlinks=False)
