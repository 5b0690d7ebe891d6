"""Every break-out there is, by family."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.break_outs.case import Cases, Layers
from tests.break_outs.containerd import containerd_links, containerd_whiteouts
from tests.break_outs.cpython import cpython
from tests.break_outs.hard_links import attributes, hard_links
from tests.break_outs.names import names, names_of_ours, roots
from tests.break_outs.parents import changing_parents, symlink_parents
from tests.break_outs.path_max import long_paths
from tests.break_outs.sentinel import Place
from tests.break_outs.whiteouts import whiteouts

FAMILIES: Mapping[str, Callable[[Place], Cases]] = {
    "symbolic links as parents": symlink_parents,
    "parents that change": changing_parents,
    "hard links": hard_links,
    "attributes through links": attributes,
    "things named as the root": roots,
    "absolute and dotted names": names,
    "names of our own": names_of_ours,
    "whiteouts": whiteouts,
    "paths past PATH_MAX (CVE-2025-4517)": long_paths,
    "other advisories of CPython": cpython,
    "containerd: links": containerd_links,
    "containerd: whiteouts": containerd_whiteouts,
}


NOWHERE = Place(Path("/nowhere"))
FAMILY_OF = {name: family for family in FAMILIES for name in FAMILIES[family](NOWHERE)}
NAMES = tuple(name for family in FAMILIES.values() for name in family(NOWHERE))
WALKABLE = tuple(name for name in NAMES if not name.startswith("path-max"))
"""Those whose tree holds no path too long to be walked by whole paths."""


def break_out(name: str, place: Place) -> Layers:
    """One of them, aimed at what is watched there."""
    return FAMILIES[FAMILY_OF[name]](place)[name]
