"""A bar on a terminal while something takes long, and nowhere else."""

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.cli.running import run

_WITHOUT_DELAY = (
    "import sys\n"
    "import imgforensics_cli.progress\n"
    "from imgforensics_cli.app import main\n"
    "imgforensics_cli.progress.DELAY_SECONDS = 0.0\n"
    "main(sys.argv[1:])\n"
)


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """Run a command whose standard error is a terminal; its status and what that shows."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-c", _WITHOUT_DELAY, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    ) as command:
        os.close(follower)
        shown = _all_of(leader)
    return command.returncode, shown


def _all_of(leader: int) -> str:
    pieces = []
    try:
        while piece := os.read(leader, 4096):
            pieces.append(piece)
    except OSError:  # how Linux says that nobody has the terminal open any more
        pass
    finally:
        os.close(leader)
    return b"".join(pieces).decode()


@pytest.mark.parametrize(
    ("command", "unit"), [("verify", "layers"), ("ls", "layers"), ("extract", "B")]
)
def test_a_bar(command: str, unit: str, shop: str, tmp_path: Path) -> None:
    more = ["-o", str(tmp_path / "out")] if command == "extract" else []
    status, shown = on_a_terminal(command, shop, *more)
    assert status == 0
    assert shown.startswith("\r  0%")
    assert f"{unit}/s" in shown
    assert shown.endswith(" \r")


def test_quiet_shows_none(shop: str) -> None:
    assert on_a_terminal("verify", "--quiet", shop) == (0, "")


def test_an_error_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    status, shown = on_a_terminal("ls", str(tmp_path / "absent"))
    assert status == 6
    assert shown.startswith("imgforensics: error: ")


def test_no_terminal_no_bar(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgforensics_cli.progress.DELAY_SECONDS", 0.0)
    assert run("verify", shop).said == ""
