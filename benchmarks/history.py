"""The history of the benchmark image: ten layers, as lists of tar members, from a seed.

The mix is that of a Debian image with a language's libraries and an application on top:
many small files, few large ones, symbolic and hard links, overwritten files, whiteouts
of files and directories, opaque directories, a layer that only changes owners, and a
big file that the top layer deletes.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from benchmarks.content import NO_CONTENT, Content, choose_content, words

FILES_PER_MB = 40
"""Regular files for each million bytes; links, directories and whiteouts come on top."""
_BIG_FILE_SHARE = 0.1
_HEADER_AND_PADDING = 768
"""Bytes of the tar that a regular file costs beside its content, on average."""
_OTHER_MEMBERS = 0.4
"""Directories, links and whiteouts for each regular file: what their headers cost."""
_COPIED_SHARE = 0.06
"""Of the files: stored a second time by the layer that changes owners."""
_SIZE_SPREAD = 2.1
_LARGEST_OVER_MEDIAN = 1_500
_BIG_FILE = "var/cache/build/artifacts.bin"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a layer: a directory where `name` ends with a slash."""

    name: str
    content: Content = NO_CONTENT
    owner: int = 0
    executable: bool = False
    symlink: str = ""
    hard_link: str = ""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer: the instruction that made it, and its members in order."""

    instruction: str
    members: list[Member]


@dataclass(frozen=True, slots=True)
class History:
    """All layers, and the tree that must come of them."""

    layers: list[LayerPlan]
    """The lowest first."""
    tree_paths: int
    """Paths that survive the top layer, the root not counted."""
    tree_file_bytes: int
    """Sum of the sizes of the regular files among them, hard links counted at each name."""


def plan_history(raw_bytes: int, seed: int) -> History:
    """Plan ten layers of about `raw_bytes` of uncompressed tar together."""
    return _Planner(raw_bytes, seed).plan()


class _Planner:
    """Keeps what is alive after each layer, so that the next one has something to change."""

    def __init__(self, raw_bytes: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = [word.decode() for word in words(self._random, 3_000)]
        self._files = FILES_PER_MB * raw_bytes // 1_000_000
        self._big_bytes = int(raw_bytes * _BIG_FILE_SHARE)
        overhead = int(self._files * (_HEADER_AND_PADDING + 512 * _OTHER_MEMBERS))
        self._sizes = self._draw_sizes(raw_bytes - self._big_bytes - overhead)
        self._alive: dict[str, Member] = {}
        self._members: list[Member] = []
        self._parents: set[str] = set()
        self._directories: set[str] = set()

    def plan(self) -> History:
        """Run through all layers, the lowest first."""
        steps: list[tuple[str, Callable[[], None]]] = [
            ("ADD rootfs.tar /", self._base),
            ("RUN apt-get install", lambda: self._add(0.22, "usr/share", "usr/lib", "var/lib")),
            ("RUN apt-get upgrade", self._upgrade),
            ("RUN pip install", lambda: self._add(0.16, "usr/local/lib/python3.11/site-packages")),
            ("RUN make", self._build),
            ("RUN rm -rf docs", self._clean),
            ("COPY --chown=1000:1000 / /", self._change_owners),
            ("RUN replace directories", self._replace_directories),
            ("COPY . /srv/app", self._application),
            ("RUN rm artifacts", self._finish),
        ]
        plans = []
        for instruction, step in steps:
            self._members, self._parents = [], set()
            step()
            plans.append(LayerPlan(instruction, self._members))
        paths = len(self._alive) + len(self._directories)
        return History(plans, paths, sum(m.content.size for m in self._alive.values()))

    def _base(self) -> None:
        for name in ("bin", "lib", "sbin"):
            self._put(Member(name, symlink=f"usr/{name}"))
        self._add(0.36, "usr/share/doc", "usr/lib", "usr/bin", "usr/share/locale", "etc")

    def _upgrade(self) -> None:
        self._overwrite(0.04)
        self._add(0.04, "usr/lib", "var/lib/dpkg/info")

    def _build(self) -> None:
        self._add(0.02, "usr/src")
        self._put(Member(_BIG_FILE, choose_content(self._random, self._big_bytes)))

    def _clean(self) -> None:
        for directory in self._some_directories("usr/share/doc/", 5):
            parent, name = directory.rstrip("/").rsplit("/", 1)
            self._forget_below(directory)
            self._append(Member(f"{parent}/.wh.{name}"))
        self._delete_files(0.04)

    def _change_owners(self) -> None:
        """Store files again with another owner, as `COPY --chown` or `RUN chown -R` leave it."""
        library = [n for n in self._regular_files() if n.startswith("usr/local/lib/")]
        for name in library[: self._count(_COPIED_SHARE)]:
            self._put(replace(self._alive[name], owner=1000, hard_link=""))

    def _replace_directories(self) -> None:
        directories = self._some_directories("usr/share/locale/", 3)
        for directory in directories:
            self._forget_below(directory)
            self._append(Member(f"{directory}.wh..wh..opq"))
        self._add(0.02, *(directory.rstrip("/") for directory in directories))

    def _application(self) -> None:
        self._overwrite(0.02)
        self._add(0.06, "srv/app/node_modules", "srv/app/" + "components/" * 9 + "templates")

    def _finish(self) -> None:
        self._delete_files(0.02)
        self._delete(_BIG_FILE)

    def _add(self, share: float, *roots: str) -> None:
        """Create files below `roots`, some with a symbolic or a hard link to them."""
        left = self._count(share)
        while left > 0:
            directory = f"{self._random.choice(roots)}/{self._word()}"
            for _ in range(min(left, self._random.randint(1, 24))):
                name = f"{directory}/{self._word()}-{self._random.randrange(10**6)}"
                self._put(self._new_file(name))
                self._link_sometimes(name)
                left -= 1

    def _link_sometimes(self, name: str) -> None:
        chance = self._random.random()
        if chance < 0.04:
            self._put(Member(f"{name}.latest", symlink=PurePosixPath(name).name))
        elif chance < 0.05:
            other = f"{name}.bak"
            self._put(replace(self._alive[name], name=other, hard_link=name))

    def _overwrite(self, share: float) -> None:
        for name in self._random.sample(self._regular_files(), self._count(share)):
            self._put(self._new_file(name))

    def _delete_files(self, share: float) -> None:
        for name in self._random.sample(self._regular_files(), self._count(share)):
            self._delete(name)

    def _delete(self, name: str) -> None:
        del self._alive[name]
        path = PurePosixPath(name)
        self._append(Member(f"{path.parent}/.wh.{path.name}"))

    def _new_file(self, name: str) -> Member:
        content = choose_content(self._random, self._sizes.pop())
        return Member(name, content, executable="/bin/" in name)

    def _put(self, member: Member) -> None:
        self._append(member)
        self._alive[member.name] = member

    def _append(self, member: Member) -> None:
        """Append after the directories above it: each layer names those once, as engines do."""
        for parent in reversed(PurePosixPath(member.name).parents[:-1]):
            name = f"{parent}/"
            if name not in self._parents:
                self._parents.add(name)
                self._directories.add(name)
                self._members.append(Member(name))
        self._members.append(member)

    def _some_directories(self, below: str, count: int) -> list[str]:
        parents = {f"{PurePosixPath(n).parent}/" for n in self._alive if n.startswith(below)}
        return self._random.sample(sorted(parents), count)

    def _forget_below(self, directory: str) -> None:
        self._alive = {n: m for n, m in self._alive.items() if not n.startswith(directory)}
        self._directories = {n for n in self._directories if not n.startswith(directory)}

    def _regular_files(self) -> list[str]:
        """Name what may be overwritten or deleted: all but the big file, which goes last."""
        return [n for n, member in self._alive.items() if not member.symlink and n != _BIG_FILE]

    def _count(self, share: float) -> int:
        return int(share * self._files)

    def _word(self) -> str:
        return self._random.choice(self._words)

    def _draw_sizes(self, budget: int) -> list[int]:
        """Draw a log-normal size for each new file: `budget` bytes, the copies included."""
        drawn = [
            min(self._random.lognormvariate(0, _SIZE_SPREAD), _LARGEST_OVER_MEDIAN)
            for _ in range(self._count(1 - _COPIED_SHARE))
        ]
        scale = budget * (1 - _COPIED_SHARE) / sum(drawn)
        return [int(size * scale) for size in drawn]
