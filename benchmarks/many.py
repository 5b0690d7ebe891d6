"""Histories of one thing many times over: small files, members without content, layers.

Names have the length of those in a Debian image: some forty bytes, a dozen in a directory.
"""

import random
from pathlib import PurePosixPath

from benchmarks.content import NO_CONTENT, Content, choose_content, words
from benchmarks.plan import History, Member, Recorder

MEMBERS_PER_LAYER = 2_000
_OVERWRITTEN, _DELETED = 100, 50
"""Of the members of each layer but the lowest, the directories above them not counted."""
_ROOTS = ("usr/share/doc", "usr/lib", "usr/local/lib", "var/lib", "opt/app/modules")
_SYMLINK_SHARE = 0.03
_MEDIAN_BYTES, _SIZE_SPREAD, _LARGEST_BYTES = 1_800, 1.4, 100_000
"""Small files: 4.5 KB on average."""


def plan_small_files(count: int, seed: int) -> History:
    """Plan one layer of `count` regular files, and the directories and links among them."""
    return _Planner(seed).small_files(count)


def plan_large_file(count: int, size: int, seed: int) -> History:
    """Plan one layer of `count` small files, and one of `size` bytes behind them."""
    return _Planner(seed).small_files(count, last=size)


def plan_members(count: int, seed: int) -> History:
    """Plan one layer of `count` members without content."""
    return _Planner(seed).members(count)


def plan_layers(count: int, seed: int) -> History:
    """Plan `count` layers of `MEMBERS_PER_LAYER`, which also change and delete what is below."""
    return _Planner(seed).layers(count)


class _Planner:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = [word.decode() for word in words(self._random, 3_000)]
        self._recorder = Recorder()
        self._directory = ""
        self._number = 0

    def small_files(self, count: int, *, last: int = 0) -> History:
        self._recorder.begin_layer("COPY files /")
        for _ in range(count):
            size = int(_MEDIAN_BYTES * self._random.lognormvariate(0, _SIZE_SPREAD))
            content = choose_content(self._random, min(size, _LARGEST_BYTES))
            self._add(content)
        if last:
            self._add(Content(binary=False, offset=0, size=last))
        return self._recorder.history()

    def members(self, count: int) -> History:
        self._recorder.begin_layer("COPY names /")
        self._fill_layer(count)
        return self._recorder.history()

    def layers(self, count: int) -> History:
        for layer in range(count):
            self._recorder.begin_layer(f"RUN step {layer}")
            if layer:
                self._change_some()
            self._fill_layer(MEMBERS_PER_LAYER)
        return self._recorder.history()

    def _change_some(self) -> None:
        changed = self._random.sample(list(self._recorder.alive), _OVERWRITTEN + _DELETED)
        for name in changed[:_OVERWRITTEN]:
            self._recorder.put(Member(name, owner=1000))
        for name in changed[_OVERWRITTEN:]:
            self._recorder.delete(name)

    def _fill_layer(self, members: int) -> None:
        """Add files until the layer has `members`, or a few more: new directories count too."""
        while self._recorder.members_in_layer < members:
            self._add(NO_CONTENT)

    def _add(self, content: Content) -> None:
        """Add a file, and sometimes a symbolic link to it."""
        name = self._new_name()
        self._recorder.put(Member(name, content))
        if self._random.random() < _SYMLINK_SHARE:
            self._recorder.put(Member(f"{name}.latest", symlink=PurePosixPath(name).name))

    def _new_name(self) -> str:
        if self._random.random() < 1 / 12 or not self._directory:
            self._directory = f"{self._random.choice(_ROOTS)}/{self._word()}-{self._number}"
        self._number += 1
        return f"{self._directory}/{self._word()}-{self._number}"

    def _word(self) -> str:
        return self._random.choice(self._words)
