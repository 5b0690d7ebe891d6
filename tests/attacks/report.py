"""A table of every attack at its full size: ``python -m tests.attacks.report [--only NAME]``.

Each one is made, opened by each command in a process of its own, and removed. A row says how
the command ended, the processor time and the largest memory that it took, and which limit it
named; a line that begins with ``!`` tells an ending that was not expected.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.attacks.cases import ATTACKS, Attack, Ending, arguments
from tests.attacks.measuring import Measured, measure

_ROW = "| {:<26} | {:>9} | {:<15} | {:>4} | {:>7} | {:>5} | {:<20} |"


def main() -> int:
    """Print the table; return 1 when anything ended in another way than expected."""
    parser = argparse.ArgumentParser(description="Run every attack at its full size.")
    parser.add_argument("--only", action="append", metavar="NAME", choices=ATTACKS)
    parser.add_argument("--command", action="append", metavar="COMMAND", help="only these commands")
    parser.add_argument("--timeout", type=float, default=1_800, help="seconds for one command")
    parser.add_argument("--scratch", type=Path, help="a directory with some 10 GB of space")
    options = parser.parse_args()
    if options.scratch is not None:
        options.scratch.mkdir(parents=True, exist_ok=True)
    print(_ROW.format("attack", "stored", "command", "exit", "CPU s", "MiB", "limit named"))
    print(_ROW.format("---", "---:", "---", "---:", "---:", "---:", "---"))
    all_well = True
    for name in options.only or ATTACKS:
        attack = ATTACKS[name]
        commands = [c for c in attack.endings if not options.command or c in options.command]
        with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
            all_well &= _report(name, attack, commands, Path(scratch), options.timeout)
    return 0 if all_well else 1


def _report(name: str, attack: Attack, commands: list[str], scratch: Path, timeout: float) -> bool:
    (scratch / "in").mkdir()
    source = attack.make(scratch / "in", attack.full)
    size = _shown(sum(file.stat().st_size for file in (scratch / "in").rglob("*")))
    all_well = True
    for command in commands:
        output = scratch / "out"
        measured = measure(arguments(command, source, output), scratch, timeout)
        row = (name, size, command, measured.status, f"{measured.seconds:.1f}")
        print(_ROW.format(*row, f"{measured.peak_mib:.0f}", measured.limit or "-"), flush=True)
        if not ends_so(measured, attack.endings[command]):
            print(f"! expected {attack.endings[command]}: {measured.said[-300:]}", flush=True)
            all_well = False
        for left in (output, scratch / "out.partial"):
            shutil.rmtree(left, ignore_errors=True)
    return all_well


def ends_so(measured: Measured, ending: Ending) -> bool:
    """Whether a command ended as an attack says."""
    if isinstance(ending, str):
        return measured.status == 5 and measured.limit == ending
    return measured.status == ending and measured.limit is None


def _shown(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 10_000 else f"{size} B"


if __name__ == "__main__":
    sys.exit(main())
