"""`imgforensics` and `python -m imgforensics`: hands over to the command line."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Load the command line and run it; Ctrl-C ends the process quietly from here on."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        if is_default:
            signal.signal(signal.SIGINT, _end)
        from imgforensics_cli.app import main as run  # noqa: PLC0415 - takes time

        if is_default:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """At once: an exception in the middle of an import may be told and not be raised."""
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
