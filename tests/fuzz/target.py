"""One harness under atheris, as a process of its own: `run.py` starts it.

`python -m tests.fuzz.target HARNESS SECONDS [libFuzzer's arguments]`
"""

import sys

import atheris

from tests.fuzz.time_limit import time_limit

with atheris.instrument_imports(include=["imgforensics"]):
    from tests.fuzz.harnesses import HARNESSES


def main(arguments: list[str]) -> None:
    """Fuzz until libFuzzer ends the process."""
    program, name, seconds, *options = arguments
    check = HARNESSES[name].check

    def check_in_time(data: bytes) -> None:
        with time_limit(int(seconds)):
            check(data)

    atheris.Setup([program, *options], check_in_time)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
