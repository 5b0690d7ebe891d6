"""`python -m tests.break_outs`: every case through every writer, counted by family."""

import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from imgforensics import open_image
from imgforensics.testing import ImageBuilder, archive, oci_layout
from tests.break_outs.accounting import refusals_in, unaccounted
from tests.break_outs.catalogue import FAMILIES, FAMILY_OF, NAMES, break_out
from tests.break_outs.sentinel import make_place
from tests.break_outs.writers import NEEDED_TOOL, NEEDS_ROOT, WRITERS


def main() -> int:
    """Print the table; the number of cases that changed something outside or hid a refusal."""
    held: Counter[tuple[str, str]] = Counter()
    refused: Counter[str] = Counter()
    failures = []
    for writer in WRITERS:
        if not _is_possible(writer):
            continue
        for name in NAMES:
            refusals = _refusals_where_held(writer, name)
            if refusals is None:
                failures.append(f"{name}: {writer}")
            else:
                held[FAMILY_OF[name], writer] += 1
                refused[writer] += refusals
    _print_table(held, refused)
    print(*failures, sep="\n")
    return len(failures)


def _is_possible(writer: str) -> bool:
    tool = NEEDED_TOOL.get(writer)
    return bool(shutil.which(tool or "sh")) and (writer != NEEDS_ROOT or os.geteuid() == 0)


def _refusals_where_held(writer: str, name: str) -> int | None:
    """How much the record lists; None where something outside changed or is not in it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        (folder / "place").mkdir()
        place = make_place(folder / "place")
        source = folder / "image.tar"
        source.write_bytes(archive(oci_layout(ImageBuilder(break_out(name, place)))))
        before = place.watched()
        WRITERS[writer](source, place)
        with open_image(source) as image:
            if place.watched() != before or unaccounted(image, place.record):
                return None
        refusals = refusals_in(place.record)
        place.clear()
        return refusals


def _print_table(held: Counter[tuple[str, str]], refused: Counter[str]) -> None:
    print("| cases held inside |", " | ".join(WRITERS), "|")
    print("|---|" + "---:|" * len(WRITERS))
    for family, cases in Counter(FAMILY_OF.values()).items():
        counts = (f"{held[family, writer]}/{cases}" for writer in WRITERS)
        print(f"| {family} |", " | ".join(counts), "|")
    totals = (f"{sum(held[f, writer] for f in FAMILIES)}/{len(NAMES)}" for writer in WRITERS)
    print("| together |", " | ".join(totals), "|")
    print("| lines in the records |", " | ".join(str(refused[w]) for w in WRITERS), "|")


if __name__ == "__main__":
    sys.exit(main())
