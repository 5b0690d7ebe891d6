"""Which paths an extraction is about."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from imgforensics.filesystem.globs import glob_matcher

Matcher = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns to include and to exclude; without any, everything is selected.

    A pattern with a slash counts from the image's root, one without matches a name at any
    depth; a directory that matches brings or takes everything below it. Exclusion wins. One
    pattern may be given by itself.
    """

    include: Iterable[str] = ()
    exclude: Iterable[str] = ()

    def __post_init__(self) -> None:
        for name in ("include", "exclude"):
            patterns = getattr(self, name)
            object.__setattr__(self, name, patterns_of(patterns))

    def matcher(self) -> Callable[[bytes], bool]:
        """A test for paths, to be asked many times."""
        if not self.include and not self.exclude:
            return _select_everything
        return _Matcher(self)

    def to_json(self) -> dict[str, list[str]]:
        """For the record."""
        return {"include": list(self.include), "exclude": list(self.exclude)}


def patterns_of(given: Iterable[str]) -> tuple[str, ...]:
    """Several patterns, or the only one: a string is one, and not its letters."""
    return (given,) if isinstance(given, str) else tuple(given)


EVERYTHING = Selection()


def _select_everything(_path: bytes) -> bool:
    return True


class _Matcher:
    """Remembers its answers for directories."""

    def __init__(self, selection: Selection) -> None:
        self._include = _matchers(selection.include)
        self._exclude = _matchers(selection.exclude)
        self._included = {b"": not self._include}
        self._excluded = {b"": False}

    def __call__(self, path: bytes) -> bool:
        return _matches(path, self._include, self._included) and not _matches(
            path, self._exclude, self._excluded
        )


def _matchers(patterns: Iterable[str]) -> tuple[Matcher, ...]:
    return tuple(
        glob_matcher(os.fsencode(pattern if "/" in pattern.rstrip("/") else f"**/{pattern}"))
        for pattern in patterns
    )


def _matches(path: bytes, matchers: tuple[Matcher, ...], known: dict[bytes, bool]) -> bool:
    """Whether the path or a directory above it matches; directories' answers are kept."""
    undecided = []
    while path not in known:
        undecided.append(path)
        path = path.rpartition(b"/")[0]
    answer = known[path]
    for below in reversed(undecided):
        answer = answer or any(matches(below) for matches in matchers)
        known[below] = answer
    return answer
