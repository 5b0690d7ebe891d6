"""Facts of the machine, and the file system that the trees are written to."""

import os
import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # the usual tmpfs
_USABLE_SHARE = 0.85
"""Of the memory that is free: a tmpfs takes its room from what the commands need."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class TargetPlace:
    """Where trees are written, and why there."""

    directory: Path
    file_system: str
    reason: str

    @property
    def in_memory(self) -> bool:
        """Whether it is a tmpfs: deleting there leaves no trace in an allocator."""
        return self.file_system == "tmpfs"


def choose_target(requested: Path | None, fallback: Path, needed_bytes: int) -> TargetPlace:
    """Take `requested`; or else /dev/shm where `needed_bytes` fit; or else `fallback`."""
    if requested is not None:
        return TargetPlace(requested, file_system_of(requested), "as asked")
    if _SHARED_MEMORY.is_dir() and file_system_of(_SHARED_MEMORY) == "tmpfs":
        free = min(shutil.disk_usage(_SHARED_MEMORY).free, _memory_bytes("MemAvailable"))
        if needed_bytes <= free * _USABLE_SHARE:
            return TargetPlace(_SHARED_MEMORY, "tmpfs", "it has room")
        reason = f"{_SHARED_MEMORY} has no room for {needed_bytes / 1e9:.1f} GB"
    else:
        reason = f"{_SHARED_MEMORY} is no tmpfs"
    return TargetPlace(fallback, file_system_of(fallback), reason)


def claim_memory(directory: Path, size: int) -> None:
    """Have `size` bytes of free memory that a virtual machine's host has really supplied.

    A page that the guest has not used for a while costs its next user a wait for the host, some
    ten times what writing it costs: whoever ran after a pause would pay for all.
    """
    zeros = bytes(_PIECE)
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(0, size, _PIECE):
            file.write(zeros)


def file_system_of(path: Path) -> str:
    """Name the type of the file system that holds `path`, as /proc/mounts does."""
    place = path.resolve()
    best, kind = Path("/"), "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount_point, file_system, *_ = line.split()
        mount = Path(mount_point.encode().decode("unicode_escape"))
        if place.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, file_system
    return kind


def machine_facts() -> dict[str, object]:
    """Tell what a reader needs to judge the figures; nothing that names the machine."""
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": _memory_bytes("MemTotal"),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "root": os.geteuid() == 0,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _memory_bytes(key: str) -> int:
    match = re.search(rf"^{key}:\s*(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0
