"""Runs one command and writes down what it took; started by measure.py as a script.

    python -I -S stopwatch.py RESULT COMMAND [ARGUMENT...]

It is a process of its own, and imports next to nothing, because Linux counts the memory
of whoever starts a process into that process's peak: this one's some 9 MiB are the
floor of every peak that is measured, not the harness's.
"""

import os
import sys
import time


def main(result: str, command: list[str]) -> None:
    """Write wall seconds, CPU seconds, peak KiB and exit status to `result`.

    CPU is user and system time of the whole process tree; the peak is the largest
    resident set of any one process in it, as `wait4` reports both.
    """
    start = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - start
    cpu = usage.ru_utime + usage.ru_stime
    with open(result, "w") as stream:  # noqa: PTH123 - pathlib is what this must not import
        stream.write(f"{wall} {cpu} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
