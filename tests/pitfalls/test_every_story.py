"""The stories are all told, each with its address."""

import ast
import re
from pathlib import Path

STORIES = {
    1: "opaque markers",
    2: "where whiteouts stand in a layer",
    3: "deleted, and made again above",
    4: "a whiteout below a new link",
    5: "a whiteout of a link",
    6: "a directory replaced without a whiteout",
    7: "hard links, changed or deleted later",
    8: "hard links to lower layers, or to nothing",
    9: "whiteouts stored as hard links",
    10: "odd whiteouts",
    11: "deleted twice over",
    12: "whiteouts of an only layer",
    13: "written through a link",
    14: "the root as a link",
    15: "names that climb, and harmless ones",
    16: "links that lead out, legitimately",
    17: "what got past tarfile's filters",
    18: "the directory of the process, and titles",
    19: "loops of links",
    20: "nulls in Docker's documents",
    21: "the order of layers",
    22: "several images in one archive",
    23: "nested indexes, attestations, absent blobs",
    24: "layers that are links or listed twice",
    25: "bytes that were never hashed",
    26: "compression that is not what is declared, and large blobs",
    27: "sparse files",
    28: "names of any bytes, length and case",
    29: "attributes, and users who may not restore them",
    30: "two truths in one image",
}
NEXT_IN_LINE = {
    "containerd/issues/13030",
    "umoci/pull/589",
    "container-diff/pull/98",
    "go-containerregistry/pull/1414",
    "container-diff/issues/314",
    "containerd/issues/4396",
    "jib/issues/2288",
    "image-spec/issues/24",
}
_OPENING = re.compile(r"(?:Pitfall (\d+)|Next in line): \S.*[a-z)]\.\n\n(?:.*\n)*? *https://")


def _told() -> dict[str, str]:
    """Docstrings of this package's tests, by the test's name."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path == Path(__file__):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found[f"{path.name}: {node.name}"] = ast.get_docstring(node) or ""
    return found


def test_each_test_says_which_story_it_is_and_where_that_is_told() -> None:
    unclear = [name for name, text in _told().items() if not _OPENING.match(text)]
    assert not unclear


def test_every_story_has_a_test() -> None:
    numbers = {
        int(match[1]) for text in _told().values() if (match := _OPENING.match(text)) and match[1]
    }
    assert numbers == set(STORIES)
    next_in_line = "".join(text for text in _told().values() if text.startswith("Next in line"))
    assert {end for end in NEXT_IN_LINE if end in next_in_line} == NEXT_IN_LINE
