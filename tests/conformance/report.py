"""A table of how each image of a corpus compares: ``python -m tests.conformance.report CORPUS``.

A row says the exit status of ``imgforensics extract`` and, for each oracle, ``equal``, or how many
facts differ that known_differences.py does not explain, or ``-`` where the oracle has no tree, or
``refused``; ``(n)`` counts the explained ones. ``members`` is GNU tar's list of each layer,
``skopeo`` the documents. With ``--oracles-only`` the oracles are compared with overlayfs.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.conformance.cases import Case, cases_in
from tests.conformance.commands import OracleError
from tests.conformance.documents import document_differences
from tests.conformance.extraction import extract, open_case
from tests.conformance.known_differences import OracleName, unknown
from tests.conformance.members import listing_differences
from tests.conformance.oracles import ENGINES, PLAIN, Oracles, ask_oracles
from tests.conformance.tree_facts import Tree, compare

_COLUMNS: tuple[OracleName, ...] = (*PLAIN, *ENGINES)
_SHOWN = 5


def main() -> int:
    """Print the table; return 1 when anything differs without a known reason."""
    parser = argparse.ArgumentParser(description="Compare extracted trees with other programs'.")
    parser.add_argument("corpus", type=Path, help="a directory of images, searched in depth")
    parser.add_argument("--oracles-only", action="store_true", help="leave our own program out")
    arguments = parser.parse_args()
    begun = time.monotonic()
    table = _Table(oracles_only=arguments.oracles_only)
    for case in cases_in(arguments.corpus):
        table.add(case)
    table.sum_up(time.monotonic() - begun)
    return 0 if table.all_well else 1


class _Table:
    """Rows printed as they come, and counts of what stood in each column."""

    def __init__(self, *, oracles_only: bool) -> None:
        self._oracles_only = oracles_only
        self._counts: Counter[tuple[str, str]] = Counter()
        self._absent: dict[OracleName, str] = {}
        self.all_well = True
        _print_row("image", "exit", [*_COLUMNS, "members", "skopeo"])

    def add(self, case: Case) -> None:
        """Print one image's row, and below it what differs or was refused."""
        try:
            oracles = ask_oracles(case, _COLUMNS)
        except OracleError as error:
            self._fail(case.name, "?", str(error))
            return
        self._absent |= oracles.absent
        if self._oracles_only:
            cells, lines = self._trees(oracles, oracles.trees["overlay"], {"overlay"})
            self._print(case.name, "-", cells, lines)
            return
        extraction = extract(case)
        if extraction.status:
            self._fail(case.name, str(extraction.status), extraction.said.strip()[-300:])
            return
        cells, lines = self._trees(oracles, extraction.tree, set())
        for name, found in _readings(case, oracles).items():
            cells[name] = _cell(len(found), 0)
            lines += found
        self._print(case.name, "0", cells, lines)

    def _trees(
        self, oracles: Oracles, tree: Tree, compared: set[OracleName]
    ) -> tuple[dict[str, str], list[str]]:
        cells: dict[str, str] = {}
        lines: list[str] = []
        for name in _COLUMNS:
            if name not in oracles.trees:
                cells[name] = "refused" if name in oracles.refusals else "-"
                continue
            found = compare(oracles.trees[name], tree)
            unexplained = unknown(found, compared | {name}, oracles.implied)
            lines += (f"{name}: {difference}" for difference in unexplained)
            cells[name] = _cell(len(unexplained), len(found) - len(unexplained))
        lines += (f"{name} refused: {said[-200:]}" for name, said in oracles.refusals.items())
        return cells, lines

    def _print(self, name: str, status: str, cells: dict[str, str], lines: list[str]) -> None:
        _print_row(name, status, cells.values())
        self._counts.update((column, cell.partition(" (")[0]) for column, cell in cells.items())
        self.all_well &= not any("differ" in cell for cell in cells.values())
        for line in lines[:_SHOWN]:
            print(f"    {line}", flush=True)

    def _fail(self, name: str, status: str, said: str) -> None:
        _print_row(name, status, [said])
        self.all_well = False

    def sum_up(self, seconds: float) -> None:
        """Print the counts of each column."""
        print(f"\nin {seconds:.0f} s:")
        for column in (*_COLUMNS, "members", "skopeo"):
            counts = {cell: count for (of, cell), count in self._counts.items() if of == column}
            print(f"{column:<8} " + ", ".join(f"{n} {cell}" for cell, n in counts.items()))
        for name, reason in self._absent.items():
            print(f"{name}: {reason}")


def _readings(case: Case, oracles: Oracles) -> dict[str, list[str]]:
    """How we read members and documents otherwise than GNU tar and skopeo do."""
    with open_case(case) as image:
        return {
            "members": [
                line
                for layer, expected in zip(image.layers, oracles.listings, strict=True)
                for line in listing_differences(expected, layer.entries)
            ],
            "skopeo": list(document_differences(oracles.documents, image)),
        }


def _cell(unexplained: int, explained: int) -> str:
    said = f"{unexplained} differ" if unexplained else "equal"
    return said + f" ({explained})" * bool(explained)


def _print_row(name: str, status: str, cells: Iterable[str]) -> None:
    print(f"{name:<50} {status:>4}  " + "".join(f"{cell:<11}" for cell in cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
