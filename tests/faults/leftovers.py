"""What an extraction that was cut off may leave, and what it may not."""

from pathlib import Path

from tests.conformance.tree_facts import Tree, compare
from tests.faults.everything import record_of, shown

ENDINGS = {"", ".partial", ".replaced", ".extraction.json", ".extraction.json.partial"}
"""Of the names that may be left, behind the output's."""
_OLDER_FILES = 5
_OLDER = {b"/", b"/old", *(b"/old/%d" % number for number in range(_OLDER_FILES))}


def make_older_result(output: Path) -> None:
    """A directory that is in the way, with enough in it to be found half removed.

    What stands beside it tells that it was written by an earlier run.
    """
    (output / "old").mkdir(parents=True)
    for number in range(_OLDER_FILES):
        (output / "old" / str(number)).touch()
    record = output.with_name(output.name + ".extraction.json")
    record.write_text('{"schema": "imgforensics.extraction/1", "complete": false, "output": ""}')


def half_looking(output: Path, expected: Tree, *, older: bool) -> list[str]:
    """Everything wrong: names of no use, and a result that has the name and is not whole."""
    names = {path.name.removeprefix(output.name) for path in output.parent.iterdir()}
    found = [f"{name} is left" for name in names - ENDINGS]
    if not output.exists():
        return found
    tree = shown(output)
    if older and tree.keys() == _OLDER:
        return found
    found += map(str, compare(expected, tree))
    if ".extraction.json" not in names:
        return [*found, "a result stands without its record"]
    record = record_of(output)
    if (record["complete"], record["output"]) != (True, str(output)):
        found.append("the record is of something else")
    return found
