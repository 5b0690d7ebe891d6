"""As a process: pipes in and out, signals, and what is left behind."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tarfile
import termios
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from imgforensics.testing import ImageBuilder, file, tar
from tests.cli.images import FIXTURES, save
from tests.cli.running import COMMAND, process

MANY = 30_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with more entries than any pipe holds lines."""
    members = [file(f"some-directory/file-{n:06}") for n in range(MANY)]
    return save(tmp_path_factory.mktemp("many"), ImageBuilder([members]))


def test_a_pipe_in_equals_the_file(tmp_path: Path) -> None:
    source = FIXTURES / "webapp.docker-save.tar"
    with source.open("rb") as piped:
        cat = subprocess.Popen(["cat"], stdin=piped, stdout=subprocess.PIPE)
        assert cat.stdout is not None
        done = subprocess.run(
            [*COMMAND, "extract", "-", "-o", str(tmp_path / "piped")], stdin=cat.stdout, check=True,
            capture_output=True,
        )  # fmt: skip
        cat.stdout.close()
    assert cat.wait() == 0
    assert done.stderr == b""
    assert process("extract", str(source), "-o", str(tmp_path / "read")).status == 0
    same = subprocess.run(
        ["diff", "-r", "--no-dereference", str(tmp_path / "piped"), str(tmp_path / "read")],
        check=False,
    )
    assert same.returncode == 0


@pytest.mark.parametrize("arguments", [("ls", "-R"), ("tree",), ("ls", "-R", "--json")])
def test_a_reader_that_has_gone(arguments: tuple[str, ...], many: str) -> None:
    command = subprocess.Popen(
        [*COMMAND, *arguments, many], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert command.stdout is not None
    assert command.stdout.readline()
    command.stdout.close()
    _, said = command.communicate()
    assert (command.returncode, said) == (141, b"")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("ls", "-h")])
def test_a_reader_of_help_that_has_gone(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_reader_of_a_tar_that_has_gone(tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file("large", os.urandom(1 << 22))]]))
    command = subprocess.Popen(
        [*COMMAND, "extract", path, "--tar", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert command.stdout is not None
    assert command.stdout.read(512)
    command.stdout.close()
    assert command.stderr is not None
    assert (command.stderr.read(), command.wait()) == (b"", 141)
    command.stderr.close()


SLOW_BYTES = 8 << 30


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An archive whose layer takes many seconds to read, and hardly any room: it is a hole."""
    path = tmp_path_factory.mktemp("slow") / "image.tar"
    inner = tarfile.TarInfo("zeros")
    inner.size = SLOW_BYTES
    layer = tarfile.TarInfo("layer.tar")
    layer.size = tarfile.BLOCKSIZE + SLOW_BYTES + 2 * tarfile.BLOCKSIZE
    documents = {
        "config.json": {"rootfs": {"diff_ids": ["sha256:" + "0" * 64]}},
        "manifest.json": [{"Config": "config.json", "Layers": ["layer.tar"], "RepoTags": None}],
    }
    with path.open("wb") as archive:
        for name, document in documents.items():
            archive.write(tar([file(name, json.dumps(document).encode())], end=b""))
        archive.write(layer.tobuf(tarfile.GNU_FORMAT))
        archive.write(inner.tobuf(tarfile.GNU_FORMAT))
        archive.truncate(archive.tell() + SLOW_BYTES + 4 * tarfile.BLOCKSIZE)
    return str(path)


Ready = Callable[[subprocess.Popen[bytes]], bool]

_INTERRUPTIBLE = (
    "import signal, sys\n"
    "from imgforensics_cli.app import main\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "main(sys.argv[1:])\n"
)
"""Python leaves SIGINT alone where whoever started it ignores it, as background jobs do."""


def wait_for(command: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready() and command.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def has_open(command: subprocess.Popen[bytes], path: str) -> bool:
    """Whether it has a file open, as proc_pid_fd(5) shows it."""
    descriptors = Path(f"/proc/{command.pid}/fd")
    with suppress(OSError):  # one of them may close meanwhile
        return any(str(link.readlink()) == path for link in descriptors.iterdir())
    return False


def has_read_all(pipe: IO[bytes]) -> bool:
    """Whether whoever reads a pipe has taken all that was written."""
    waiting = fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(waiting, sys.byteorder) == 0


def interrupted(number: int, arguments: list[str], ready: Ready) -> tuple[int, str]:
    """Send a signal to a command once it is at work; its status and what it said."""
    with subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTIBLE, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as command:
        wait_for(command, lambda: ready(command))
        command.send_signal(number)
        try:
            _, said = command.communicate(timeout=20)
        finally:
            command.kill()
    return command.returncode, said.decode()


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_interrupted_extraction_stays_partial(
    number: int, status: int, told: str, slow: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    at_work = tmp_path / "out.partial" / "zeros"
    ended = interrupted(number, ["extract", slow, "-o", str(out)], lambda _: at_work.exists())
    assert ended == (
        status,
        f"imgforensics: what was written so far is in {out}.partial\nimgforensics: error: {told}\n",
    )
    assert not out.exists()
    assert not Path(f"{out}.extraction.json").exists()


def test_an_interrupted_reading_ends_soon(slow: str) -> None:
    ended = interrupted(signal.SIGINT, ["verify", slow], lambda command: has_open(command, slow))
    assert ended == (130, "imgforensics: error: interrupted\n")


_INTERRUPTED_BY_AN_IMPORT = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
way, module, *arguments = sys.argv[1:]
class Interrupt:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv[1:] = arguments
if way == "-m":
    runpy.run_module("imgforensics", run_name="__main__", alter_sys=True)
place, _, function = way.partition(":")
getattr(__import__(place, fromlist=["_"]), function)()
"""
SCRIPT = tomllib.loads((FIXTURES.parents[1] / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize("way", ["-m", SCRIPT["imgforensics"]])
@pytest.mark.parametrize(
    "module", ["imgforensics_cli.app", "typer", "imgforensics.errors", "imgforensics_cli.options"]
)
def test_an_interrupt_while_the_command_is_loaded_is_quiet(way: str, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_BY_AN_IMPORT, way, module, "ls", "/nothing"],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_an_interrupted_stream_leaves_nothing(tmp_path: Path) -> None:
    command = subprocess.Popen(
        [*COMMAND, "extract", "-", "-o", str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert command.stdin is not None
    assert command.stderr is not None
    command.stdin.write(b"\0" * 1024)
    command.stdin.flush()
    stream = command.stdin
    wait_for(command, lambda: has_read_all(stream))
    command.send_signal(signal.SIGTERM)
    assert command.wait(timeout=20) == 143
    assert command.stderr.read() == b"imgforensics: error: terminated\n"
    command.stdin.close()
    command.stderr.close()
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_standard_output_cannot_encode(tmp_path: Path) -> None:
    path = save(tmp_path, ImageBuilder([[file("gr\u00fc\u00df")]]))
    outcome = process("ls", path, environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (outcome.status, outcome.raw) == (0, b"/gr\\xfc\\xdf\n")


def test_no_progress_without_a_terminal(many: str) -> None:
    outcome = process("verify", many)
    assert (outcome.status, outcome.said) == (0, "")


def test_inspecting_is_quick(shop: str) -> None:
    """Commands load what they need: no rich, no tqdm, no adapters, nothing of extraction."""
    code = (
        "import sys\n"
        "from imgforensics_cli.app import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    print([name for name in ('rich', 'tqdm', 'oras', 'magic', 'imgforensics.extraction')"
        " if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", code, "inspect", shop], capture_output=True, check=True
    )
    assert done.stderr == b"[]\n"
