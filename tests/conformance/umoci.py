"""umoci as oracle: the merged tree as ``umoci raw unpack`` writes it."""

from pathlib import Path

from tests.conformance.commands import run
from tests.conformance.tree_facts import Tree, walk


def umoci_tree(layout_and_tag: str, directory: Path) -> Tree:
    """Return the tree of ``LAYOUT:TAG``, an OCI layout with OCI media types.

    Raises:
        OracleError: umoci could not unpack it.
    """
    run("umoci", "raw", "unpack", "--image", layout_and_tag, directory)
    return walk(directory)
