"""Try many random histories: ``python -m tests.conformance.histories --seeds 2000``.

Each seed is lived by the kernel's overlayfs, packed by tarfile or GNU tar, and read by us; the
status is 1 if anything differs. Needs root, for mounts and owners.
"""

import argparse
import sys
import time

from tests.conformance.histories.workers import try_seeds


def main() -> int:
    """Print each seed that differs, and a summary."""
    parser = argparse.ArgumentParser(description="Random histories against the kernel's overlayfs.")
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    begun = time.monotonic()
    failed = layers = paths = 0
    for done, verdict in enumerate(try_seeds(seeds, arguments.jobs), start=1):
        layers += verdict.layers
        paths += verdict.paths
        if verdict.differences:
            failed += 1
            print(f"seed {verdict.seed} differs; repeat it with --first {verdict.seed} --seeds 1")
            print("".join(f"    {difference}\n" for difference in verdict.differences), end="")
        if done % 100 == 0:
            print(f"{done} seeds, {time.monotonic() - begun:.0f} s", flush=True)
    seconds = time.monotonic() - begun
    print(
        f"{len(seeds)} histories of {layers} layers, {paths} paths compared in {seconds:.1f} s: "
        f"{failed} differ"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
