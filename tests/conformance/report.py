"""A table of how each image of a corpus compares: ``python -m tests.conformance.report CORPUS``.

A row says the exit status of ``imgforensics extract`` and, for each oracle, ``equal``, or how many
facts differ that known_differences.py does not explain, or ``-`` where the oracle has no tree;
``(n)`` counts the explained ones. With ``--oracles-only`` the oracles are compared with overlayfs.
"""

import argparse
import sys
from pathlib import Path

from tests.conformance.cases import Case, cases_in
from tests.conformance.commands import OracleError
from tests.conformance.extraction import extract
from tests.conformance.known_differences import OracleName, unknown
from tests.conformance.oracles import Oracles, ask_oracles
from tests.conformance.tree_facts import Difference, Tree, compare

_COLUMNS: tuple[OracleName, ...] = ("overlay", "umoci", "truth")
_SHOWN = 5


def main() -> int:
    """Print the table; return 1 when anything differs without a known reason."""
    parser = argparse.ArgumentParser(description="Compare extracted trees with other programs'.")
    parser.add_argument("corpus", type=Path, help="a directory of images, searched in depth")
    parser.add_argument("--oracles-only", action="store_true", help="leave our own program out")
    arguments = parser.parse_args()
    print(_row("image", "exit", list(_COLUMNS)))
    all_well = True
    for case in cases_in(arguments.corpus):
        all_well &= _report(case, oracles_only=arguments.oracles_only)
    return 0 if all_well else 1


def _report(case: Case, *, oracles_only: bool) -> bool:
    try:
        oracles = ask_oracles(case)
    except OracleError as error:
        print(_row(case.name, "?", []), error)
        return False
    if oracles_only:
        return _print_comparison(case, oracles, "-", oracles.trees["overlay"], {"overlay"})
    extraction = extract(case)
    if extraction.status:
        print(_row(case.name, str(extraction.status), []), extraction.said.strip()[-300:])
        return False
    return _print_comparison(case, oracles, "0", extraction.tree, set())


def _print_comparison(
    case: Case, oracles: Oracles, status: str, tree: Tree, compared: set[OracleName]
) -> bool:
    unexplained: list[Difference] = []
    cells: list[str] = []
    for name in _COLUMNS:
        if name not in oracles.trees:
            cells.append("-")
            continue
        found = compare(oracles.trees[name], tree)
        here = unknown(found, compared | {name}, oracles.implied)
        unexplained += here
        explained = len(found) - len(here)
        cells.append(
            (f"{len(here)} differ" if here else "equal") + f" ({explained})" * bool(explained)
        )
    print(_row(case.name, status, cells), flush=True)
    for difference in unexplained[:_SHOWN]:
        print(f"    {difference}")
    return not unexplained


def _row(name: str, status: str, cells: list[str]) -> str:
    return f"{name:<52} {status:>4}  " + "".join(f"{cell:<14}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
