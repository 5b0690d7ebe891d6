"""Makes and judges mutants: `python -m tests.mutation.run --mutants 100000 [--first N] [--jobs 2]`.

Prints each failure as it is found, by its number, and a table of outcomes at the end. Exit
status 1 says that there were failures; `--first N --mutants 1` looks at one again.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.mutation.judging import FAILURES, Outcome, judge
from tests.mutation.mutants import mutant

_CHUNK = 200

Row = tuple[str, str, Outcome]
"""Place, change, outcome."""


def main() -> int:
    """Judge the mutants asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    start = time.monotonic()
    counts: Counter[Row] = Counter()
    numbers = range(options.first, options.first + options.mutants)
    for rows, failures in judged(numbers, options.jobs):
        counts.update(rows)
        for failure in failures:
            print(failure, flush=True)
    seconds = time.monotonic() - start
    print(*table(counts), sep="\n")
    print(f"{counts.total():,} mutants in {seconds:,.0f} s with {options.jobs} job(s)")
    return int(any(outcome in FAILURES for _, _, outcome in counts))


def judged(numbers: range, jobs: int) -> Iterator[tuple[Counter[Row], list[str]]]:
    """Outcomes and failures, a chunk at a time."""
    chunks = [numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK)]
    if jobs == 1:
        yield from map(judge_all, chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(judge_all, chunks)


def judge_all(numbers: Iterable[int]) -> tuple[Counter[Row], list[str]]:
    """Judge mutants one after the other."""
    counts: Counter[Row] = Counter()
    failures = []
    for number in numbers:
        one = mutant(number)
        verdict = judge(one)
        counts[one.place, one.change, verdict.outcome] += 1
        if verdict.outcome in FAILURES:
            failures.append(f"{verdict.outcome}: {one}: {verdict.detail}")
    return counts, failures


def table(counts: Counter[Row]) -> Iterator[str]:
    """Outcomes by what was changed and how."""
    yield " ".join([f"{'':20}", *(f"{outcome:>10}" for outcome in Outcome)])
    for place, change in sorted({(place, change) for place, change, _ in counts}):
        cells = [f"{counts[place, change, outcome]:10,}" for outcome in Outcome]
        yield " ".join([f"{place + ' ' + change:20}", *cells])
    totals = [sum(n for row, n in counts.items() if row[2] is outcome) for outcome in Outcome]
    yield " ".join([f"{'all':20}", *(f"{total:10,}" for total in totals)])


if __name__ == "__main__":
    sys.exit(main())
