"""Where the oracles differ from each other or from us, and why that is right."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, get_args

from tests.conformance.implied import Implied
from tests.conformance.tree_facts import Difference

OracleName = Literal["overlay", "umoci", "docker", "buildah", "podman", "truth"]


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """Accepted of `oracles` where `fact` is the one and `applies` says so."""

    oracles: frozenset[OracleName]
    fact: str
    applies: Callable[[Difference, Implied], bool]
    reason: str


def _implied_by_all(difference: Difference, implied: Implied) -> bool:
    return difference.path in implied.by_all


def _implied_by_some(difference: Difference, implied: Implied) -> bool:
    return difference.path in implied.by_some


def _parent_of_implied_by_all(difference: Difference, implied: Implied) -> bool:
    parent = difference.path.rstrip(b"/")
    return any(child.rpartition(b"/")[0] == parent for child in implied.by_all)


def _root_implied(difference: Difference, implied: Implied) -> bool:
    return difference.path == b"/" and b"/" in implied.by_all | implied.by_some


def _only_empty_xattrs(difference: Difference, implied: Implied) -> bool:
    sides = (difference.expected, difference.actual)
    full = [[pair for pair in side if pair[1]] for side in sides if isinstance(side, tuple)]
    return len(full) == 2 and full[0] == full[1]


def _before_1970(difference: Difference, implied: Implied) -> bool:
    times = {difference.expected, difference.actual}
    return 0 in times and any(isinstance(time, int) and time < 0 for time in times)


def _root(difference: Difference, implied: Implied) -> bool:
    return difference.path == b"/"


_EVERY_ORACLE: frozenset[OracleName] = frozenset(get_args(OracleName))
_CONTAINERS_STORAGE: frozenset[OracleName] = frozenset({"buildah", "podman", "truth"})
_DOCKER: frozenset[OracleName] = frozenset({"docker"})

KNOWN_DIFFERENCES = (
    KnownDifference(
        _EVERY_ORACLE,
        "mtime_ns",
        _implied_by_all,
        "no layer has an entry for the directory: the time is when each tool wrote it (umoci "
        "gives a root without entry the time 0)",
    ),
    KnownDifference(
        frozenset({"umoci"}),
        "mtime_ns",
        _parent_of_implied_by_all,
        "umoci 0.4.7 sets a parent's time back after it wrote a listed child, but not after it "
        "made an implied one",
    ),
    KnownDifference(
        _CONTAINERS_STORAGE,
        "mode",
        _root_implied,
        "containers/storage gives the root of a layer without an entry for it 0555, whatever the "
        "layers below say",
    ),
    KnownDifference(
        _CONTAINERS_STORAGE | _DOCKER,
        "mtime_ns",
        _implied_by_some,
        "containers/storage and Docker leave the time of unpacking on a directory that an upper "
        "layer only implies; containerd and umoci keep the lower layer's",
    ),
    KnownDifference(
        _DOCKER,
        "mtime_ns",
        _root,
        "Docker passes over a layer's entry for the root",
    ),
    KnownDifference(
        _CONTAINERS_STORAGE | _DOCKER,
        "mtime_ns",
        _before_1970,
        "containers/storage and Docker write times before 1970 as 1970; the archive has them, and "
        "GNU tar and umoci restore them",
    ),
    KnownDifference(
        frozenset({"overlay"}),
        "xattrs",
        _only_empty_xattrs,
        "GNU tar sets an extended attribute whose PAX value is empty; in POSIX pax an empty value "
        "deletes the record, and umoci and containers/storage set none",
    ),
)


def unknown(
    differences: list[Difference], oracles: Collection[OracleName], implied: Implied
) -> list[Difference]:
    """Return what KNOWN_DIFFERENCES does not explain, of a comparison in which `oracles` spoke."""
    return [one for one in differences if not _is_known(one, oracles, implied)]


def _is_known(difference: Difference, oracles: Collection[OracleName], implied: Implied) -> bool:
    return any(
        not known.oracles.isdisjoint(oracles)
        and difference.fact == known.fact
        and known.applies(difference, implied)
        for known in KNOWN_DIFFERENCES
    )
