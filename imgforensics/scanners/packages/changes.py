"""Packages added, removed, upgraded: two inventories, compared."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cmp_to_key

from imgforensics.scanners.packages.package import Ecosystem, Package
from imgforensics.scanners.packages.versions import compare_versions


class PackageVerdict(StrEnum):
    """What became of a package."""

    ADDED = "added"
    REMOVED = "removed"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    CHANGED = "changed"
    """Another version, of which none is the newer; or the same one in another place."""


@dataclass(frozen=True, slots=True)
class PackageChange:
    """One package that is not the same in both."""

    before: Package | None
    after: Package | None

    @property
    def package(self) -> Package:
        """The package as it is now, or was."""
        package = self.after or self.before
        if package is None:
            raise ValueError("a change of no package")
        return package

    @property
    def verdict(self) -> PackageVerdict:
        """Whether it was added, removed, upgraded, downgraded, or changed otherwise."""
        if self.before is None:
            return PackageVerdict.ADDED
        if self.after is None:
            return PackageVerdict.REMOVED
        order = compare_versions(self.before.ecosystem, self.before.version, self.after.version)
        if not order:
            return PackageVerdict.CHANGED
        return PackageVerdict.UPGRADED if order < 0 else PackageVerdict.DOWNGRADED


def compare_packages(
    before: Iterable[Package], after: Iterable[Package]
) -> tuple[PackageChange, ...]:
    """Changes in order of ecosystem and name.

    Where several versions of one package are installed, those in one place belong together,
    then those that are left, oldest with oldest.
    """
    old, new = _by_identity(before), _by_identity(after)
    changes: list[PackageChange] = []
    for identity in sorted(old.keys() | new.keys()):
        changes.extend(_changes(old.get(identity, []), new.get(identity, [])))
    return tuple(changes)


def _by_identity(packages: Iterable[Package]) -> dict[tuple[str, str, str], list[Package]]:
    found: defaultdict[tuple[str, str, str], list[Package]] = defaultdict(list)
    for package in packages:
        found[package.ecosystem, _canonical_name(package), package.architecture].append(package)
    return found


def _canonical_name(package: Package) -> str:
    """Python takes `Foo.Bar` and `foo-bar` for one (the core metadata's normalised name)."""
    if package.ecosystem is Ecosystem.PYTHON:
        return re.sub(r"[-_.]+", "-", package.name).lower()
    return package.name


def _changes(old: list[Package], new: list[Package]) -> Iterator[PackageChange]:
    same = {(package.version, package.path) for package in old} & {
        (package.version, package.path) for package in new
    }
    old_left = _oldest_first(p for p in old if (p.version, p.path) not in same)
    new_left = _oldest_first(p for p in new if (p.version, p.path) not in same)
    pairs = list(_in_one_place(old_left, new_left))
    paired = {id(package) for pair in pairs for package in pair}
    rest_of_old = [package for package in old_left if id(package) not in paired]
    rest_of_new = [package for package in new_left if id(package) not in paired]
    shared = min(len(rest_of_old), len(rest_of_new))
    pairs.extend(zip(rest_of_old[:shared], rest_of_new[:shared], strict=True))
    yield from (PackageChange(before, after) for before, after in pairs)
    yield from (PackageChange(package, None) for package in rest_of_old[shared:])
    yield from (PackageChange(None, package) for package in rest_of_new[shared:])


def _in_one_place(old: list[Package], new: list[Package]) -> Iterator[tuple[Package, Package]]:
    places: defaultdict[bytes, list[Package]] = defaultdict(list)
    for package in reversed(old):
        places[_place(package)].append(package)
    for package in new:
        candidates = places.get(_place(package))
        if candidates:
            yield candidates.pop(), package


def _place(package: Package) -> bytes:
    """Where it is installed: for Python the directory beside which its metadata stands."""
    if package.ecosystem is Ecosystem.PYTHON:
        directory = package.path.rpartition(b"/")[0]
        in_directory = directory.endswith((b".dist-info", b".egg-info"))
        return directory.rpartition(b"/")[0] if in_directory else directory
    return package.path if package.ecosystem is Ecosystem.NPM else b""


def _oldest_first(packages: Iterable[Package]) -> list[Package]:
    return sorted(sorted(packages), key=cmp_to_key(_compare))


def _compare(one: Package, other: Package) -> int:
    return compare_versions(one.ecosystem, one.version, other.version)
