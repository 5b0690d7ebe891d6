"""What is noise: rules that say which differences, at which paths, are not told.

A rules file has a rule in each line: words separated by commas, a space, a pattern. ::

    # what builds always change
    mtime            **
    mtime,owner      /srv/**
    content          /etc/ld.so.cache
    all              /var/log
    created

The words are those of :class:`~imgforensics.comparison.attributes.Attribute`; `all` takes
what matches out of the comparison. A pattern with a slash counts from the image's root, one
without matches a name at any depth; a directory that matches brings everything below it.
Without a pattern, a rule is about every path. Empty lines and those that begin with `#` say
nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from imgforensics.comparison.attributes import Attribute
from imgforensics.extraction.selection import Selection

EVERY_PATH = "**"
_ALL = "all"
EVERYTHING = frozenset(Attribute)


@dataclass(frozen=True, slots=True)
class Rule:
    """Differences in `attributes` are ignored at paths that match `pattern`."""

    attributes: frozenset[Attribute]
    pattern: str = EVERY_PATH

    @classmethod
    def parse(cls, line: str) -> "Rule":
        """Read one line of a rules file; `ValueError` says what is wrong with it."""
        words, *patterns = line.strip().split(maxsplit=1)
        return cls(parse_attributes(words), *patterns)


def parse_attributes(words: str) -> frozenset[Attribute]:
    """Read `mtime,owner`, or `all`; `ValueError` names a word that is none of them."""
    if words == _ALL:
        return EVERYTHING
    known = {attribute.value for attribute in Attribute}
    for word in words.split(","):
        if word not in known:
            raise ValueError(f"{word!r} is none of {', '.join(sorted(known))}, all")
    return frozenset(map(Attribute, words.split(",")))


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Read a rules file; `ValueError` names the line that is none."""
    return tuple(_rules(text))


def _rules(text: str) -> Iterator[Rule]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield Rule.parse(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None


REPRODUCIBLE = parse_rules(
    """
    mtime,created,pyc-header
    content          /etc/ld.so.cache
    all              /var/cache/ldconfig
    all              /var/log
    content          /etc/machine-id
    content          /var/lib/dbus/machine-id
    content          /var/lib/systemd/random-seed
    """
)
"""What two builds of one Dockerfile differ in although nothing changed: times, the headers of
compiled Python, the linker's caches, logs, machine identities. The order of a tar's members is
none of a tree's attributes, so it never counts."""

Ignored = Callable[[bytes], frozenset[Attribute]]


def ignored_attributes(rules: Iterable[Rule]) -> Ignored:
    """A function that tells what is ignored at a path; of patterns that fit, all count."""
    patterns: defaultdict[frozenset[Attribute], list[str]] = defaultdict(list)
    everywhere: frozenset[Attribute] = frozenset()
    for rule in rules:
        if rule.pattern == EVERY_PATH:
            everywhere |= rule.attributes
        else:
            patterns[rule.attributes].append(rule.pattern)
    matchers = [
        (attributes, Selection(include=tuple(some)).matcher())
        for attributes, some in patterns.items()
    ]

    def ignored(path: bytes) -> frozenset[Attribute]:
        found = everywhere
        for attributes, matches in matchers:
            if matches(path):
                found |= attributes
        return found | {Attribute.SIZE} if Attribute.CONTENT in found else found

    return ignored
