"""All that the oracles say of one image."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.conformance.cases import Case
from tests.conformance.implied import Implied, implied_directories
from tests.conformance.known_differences import OracleName
from tests.conformance.layers import copy_to_layout, layer_tars
from tests.conformance.overlay import overlay_tree
from tests.conformance.tree_facts import Tree, read_truth
from tests.conformance.umoci import umoci_tree


@dataclass(frozen=True, slots=True)
class Oracles:
    """The trees by the name of their oracle, and the directories that the layers only imply."""

    trees: Mapping[OracleName, Tree]
    implied: Implied


def oracle_names(case: Case) -> list[OracleName]:
    """Return the oracles that can speak about `case`."""
    return ["overlay", "umoci", "truth"] if case.truth else ["overlay", "umoci"]


@cache
def ask_oracles(case: Case) -> Oracles:
    """Ask them all, once for each case; nothing stays on disk.

    Raises:
        OracleError: one of them could not read the image.
    """
    with tempfile.TemporaryDirectory(prefix="conformance-") as work:
        place = Path(work)
        tagged = copy_to_layout(case.image, place / "layout")
        tars = layer_tars(place / "layout", place / "tars")
        trees: dict[OracleName, Tree] = {
            "overlay": overlay_tree(tars, place / "overlay"),
            "umoci": umoci_tree(tagged, place / "umoci"),
        }
        if case.truth:
            trees["truth"] = read_truth(case.truth)
        return Oracles(trees, implied_directories(tars))
