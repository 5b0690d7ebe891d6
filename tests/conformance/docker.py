"""Docker as oracle: a daemon of our own, without network, and what it stored of an image.

Started when first asked for, ended with this process however that ends. It unpacks the layers
itself; the kernel's overlayfs mounts them as the daemon would for a container.
"""

import atexit
import json
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

from tests.conformance.commands import EngineAbsentError, OracleError, run
from tests.conformance.overlay import mounted
from tests.conformance.tree_facts import Tree, walk

_CLIENT = "/usr/bin/docker"
_START_SECONDS = 8


def docker_tree(archive: Path, directory: Path) -> Tree:
    """Return the tree of the one image of ``archive``, a ``docker save``.

    Raises:
        EngineAbsentError: Docker is not installed, or its daemon does not start here.
        OracleError: Docker refuses the image.
    """
    return _daemon().tree(archive, directory)


@cache
def _daemon() -> "_Daemon":
    missing = [
        name for name in ("dockerd", _CLIENT, "setpriv", "unshare") if not shutil.which(name)
    ]
    if missing:
        raise EngineAbsentError(f"{missing[0]} is not installed")
    return _Daemon()


class _Daemon:
    def __init__(self) -> None:
        # The paths of its sockets may have some hundred characters, whatever TMPDIR says.
        self._folder = Path(tempfile.mkdtemp(prefix="conformance-docker-", dir="/tmp"))
        self._socket = f"unix://{self._folder}/docker.sock"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        atexit.register(self._stop)
        self._wait()

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _command(self) -> list[str]:
        folder = self._folder
        return [
            # Whatever becomes of us, the daemon gets a signal, and its mounts go with it.
            *("setpriv", "--pdeathsig", "TERM", "unshare", "--mount"),
            *("dockerd", "--host", self._socket),
            *("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"),
            *("--pidfile", f"{folder}/pid", "--storage-driver=overlay2", "--bridge=none"),
            *("--iptables=false", "--ip6tables=false", "--live-restore=false"),
        ]

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            try:
                self._docker("version")
            except OracleError:
                time.sleep(0.05)
            else:
                return
        said = self._log.read_text(encoding="utf-8", errors="replace").strip()[-300:]
        raise EngineAbsentError(f"dockerd does not start here: {said}")

    def _docker(self, *words: str | Path) -> bytes:
        return run(_CLIENT, "--config", self._folder / "config", "--host", self._socket, *words)

    def tree(self, archive: Path, directory: Path) -> Tree:
        directory.mkdir()
        loaded = self._docker("load", "--quiet", "--input", archive).decode()
        identity = loaded.partition(": ")[2].strip()
        try:
            return self._mounted_tree(identity, directory)
        finally:
            self._docker("rmi", "--force", identity)

    def _mounted_tree(self, identity: str, directory: Path) -> Tree:
        stored = self._docker("inspect", "--format", "{{json .GraphDriver.Data}}", identity)
        directories = json.loads(stored)
        if directories is None:
            raise OracleError("Docker keeps no directory for an image without layers")
        top = Path(directories["UpperDir"]).parent
        lower = top / "lower"
        below = lower.read_text(encoding="ascii").split(":") if lower.exists() else []
        floor, merged = directory / "floor", directory / "merged"
        floor.mkdir()
        merged.mkdir()
        with mounted([f"{top.name}/diff", *below, str(floor)], top.parent, merged):
            return walk(merged)

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=_START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
