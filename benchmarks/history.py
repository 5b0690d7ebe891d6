"""The history of the benchmark image: ten layers, as lists of tar members, from a seed.

The mix is that of a Debian image with a language's libraries and an application on top:
many small files, few large ones, symbolic and hard links, overwritten files, whiteouts
of files and directories, opaque directories, a layer that only changes owners, and a
big file that the top layer deletes.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from benchmarks.content import choose_content, words
from benchmarks.plan import History, Member, Recorder

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


def plan_history(raw_bytes: int, seed: int, *, other_top: bool = False) -> History:
    """Plan ten layers of about `raw_bytes` of uncompressed tar together.

    With `other_top`, the same layers but for the top one.
    """
    return _Planner(raw_bytes, seed).plan(other_top=other_top)


class _Planner:
    """Chooses what each layer changes among what the ones below it left."""

    def __init__(self, raw_bytes: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = [word.decode() for word in words(self._random, 3_000)]
        self._files = FILES_PER_MB * raw_bytes // 1_000_000
        self._big_bytes = int(raw_bytes * _BIG_FILE_SHARE)
        overhead = int(self._files * (_HEADER_AND_PADDING + 512 * _OTHER_MEMBERS))
        self._sizes = self._draw_sizes(raw_bytes - self._big_bytes - overhead)
        self._recorder = Recorder()

    def plan(self, *, other_top: bool = False) -> History:
        """Run through all layers, the lowest first."""
        top: tuple[str, Callable[[], None]] = ("RUN rm artifacts", self._finish)
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
            ("RUN apt-get upgrade", self._finish_otherwise) if other_top else top,
        ]
        for instruction, step in steps:
            self._recorder.begin_layer(instruction)
            step()
        return self._recorder.history()

    def _base(self) -> None:
        for name in ("bin", "lib", "sbin"):
            self._recorder.put(Member(name, symlink=f"usr/{name}"))
        self._add(0.36, "usr/share/doc", "usr/lib", "usr/bin", "usr/share/locale", "etc")

    def _upgrade(self) -> None:
        self._overwrite(0.04)
        self._add(0.04, "usr/lib", "var/lib/dpkg/info")

    def _build(self) -> None:
        self._add(0.02, "usr/src")
        self._recorder.put(Member(_BIG_FILE, choose_content(self._random, self._big_bytes)))

    def _clean(self) -> None:
        for directory in self._some_directories("usr/share/doc/", 5):
            self._recorder.delete_directory(directory)
        self._delete_files(0.04)

    def _change_owners(self) -> None:
        """Store files again with another owner, as `COPY --chown` or `RUN chown -R` leave it."""
        library = [n for n in self._regular_files() if n.startswith("usr/local/lib/")]
        for name in library[: self._count(_COPIED_SHARE)]:
            self._recorder.put(replace(self._recorder.alive[name], owner=1000, hard_link=""))

    def _replace_directories(self) -> None:
        directories = self._some_directories("usr/share/locale/", 3)
        for directory in directories:
            self._recorder.empty_directory(directory)
        self._add(0.02, *(directory.rstrip("/") for directory in directories))

    def _application(self) -> None:
        self._overwrite(0.02)
        self._add(0.06, "srv/app/node_modules", "srv/app/" + "components/" * 9 + "templates")

    def _finish(self) -> None:
        self._delete_files(0.02)
        self._recorder.delete(_BIG_FILE)

    def _finish_otherwise(self) -> None:
        """The same, and a new version of an application: files replaced, added and gone."""
        self._finish()
        for name in self._random.sample(self._regular_files(), self._count(0.01)):
            self._recorder.put(self._drawn_file(name))
        for _ in range(self._count(0.002)):
            self._recorder.put(self._drawn_file(f"srv/app/release-2/{self._word()}.js"))
        self._delete_files(0.002)

    def _drawn_file(self, name: str) -> Member:
        return Member(name, choose_content(self._random, self._random.randint(100, 50_000)))

    def _add(self, share: float, *roots: str) -> None:
        """Create files below `roots`, some with a symbolic or a hard link to them."""
        left = self._count(share)
        while left > 0:
            directory = f"{self._random.choice(roots)}/{self._word()}"
            for _ in range(min(left, self._random.randint(1, 24))):
                name = f"{directory}/{self._word()}-{self._random.randrange(10**6)}"
                self._recorder.put(self._new_file(name))
                self._link_sometimes(name)
                left -= 1

    def _link_sometimes(self, name: str) -> None:
        chance = self._random.random()
        if chance < 0.04:
            self._recorder.put(Member(f"{name}.latest", symlink=PurePosixPath(name).name))
        elif chance < 0.05:
            other = f"{name}.bak"
            self._recorder.put(replace(self._recorder.alive[name], name=other, hard_link=name))

    def _overwrite(self, share: float) -> None:
        for name in self._random.sample(self._regular_files(), self._count(share)):
            self._recorder.put(self._new_file(name))

    def _delete_files(self, share: float) -> None:
        for name in self._random.sample(self._regular_files(), self._count(share)):
            self._recorder.delete(name)

    def _new_file(self, name: str) -> Member:
        content = choose_content(self._random, self._sizes.pop())
        return Member(name, content, executable="/bin/" in name)

    def _some_directories(self, below: str, count: int) -> list[str]:
        alive = self._recorder.alive
        parents = {f"{PurePosixPath(n).parent}/" for n in alive if n.startswith(below)}
        return self._random.sample(sorted(parents), count)

    def _regular_files(self) -> list[str]:
        """Name what may be overwritten or deleted: all but the big file, which goes last."""
        alive = self._recorder.alive
        return [n for n, member in alive.items() if not member.symlink and n != _BIG_FILE]

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
