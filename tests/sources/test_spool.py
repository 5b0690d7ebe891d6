"""Temporary copies: bounded, nameless, and precise about a full disk."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgforensics.errors import LimitExceededError, OutputFailedError
from imgforensics.limits import Limits
from imgforensics.sources.spool import spool


def test_the_copy_is_whole_and_has_no_name(tmp_path: Path) -> None:
    with spool([b"abc", b"", b"def"], tmp_path) as file:
        assert list(tmp_path.iterdir()) == []
        assert file.read() == b"abcdef"


def test_the_limit_is_named(tmp_path: Path) -> None:
    with pytest.raises(LimitExceededError, match="spool_bytes=5"):
        spool([b"abc", b"def"], tmp_path, Limits(spool_bytes=5))


def test_a_directory_that_takes_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputFailedError, match=f"{tmp_path}/absent failed: No such file"):
        spool([b"abc"], tmp_path / "absent")


def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from imgforensics.sources.spool import spool\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    spool([bytes(600)] * 3, Path(sys.argv[1]))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("OutputFailedError")
    assert "free some space" in run.stdout


def test_a_kill_leaves_nothing_behind(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from imgforensics.sources.spool import spool\n"
        "def chunks():\n"
        "    yield bytes(100_000)\n"
        "    print('written', flush=True)\n"
        "    sys.stdin.read()\n"
        "spool(chunks(), Path(sys.argv[1]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []
