"""Fuzzes the reader: `python -m tests.fuzz.run HARNESS|all --minutes N [--corpus DIRECTORY]`.

Needs atheris (`pip install atheris`). Each harness runs in a process of its own. Time is the
processor time that it used, so that a stopped process, or a busy machine, does not count. A
crash (any exception that is not an error of ours, or a broken promise), an input that takes more
than `--timeout` seconds, and over 2 GB of memory end the run and leave the input as
`HARNESS-...` in the corpus directory. Exit status 1 says that there was one.
"""

import argparse
import hashlib
import os
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.time_limit import WAITING_SECONDS

_MEMORY_MEGABYTES = 2_048
_STATUS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
_EXECUTED = re.compile(r"number_of_executed_units: (\d+)")
_LOOKS_EVERY = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did."""

    name: str
    seconds: float
    """Of processor time."""
    executions: int
    coverage: int
    features: int
    corpus: int
    findings: tuple[str, ...]

    def __str__(self) -> str:
        found = ", ".join(self.findings) or "nothing"
        return (
            f"{self.name:10} {self.seconds / 60:6.1f} min  {self.executions:>10,} executions  "
            f"cov {self.coverage:>5}  ft {self.features:>6}  corpus {self.corpus:>5}  "
            f"found: {found}"
        )


def main() -> int:
    """Run the harnesses asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("harness", choices=[*HARNESSES, "all"])
    parser.add_argument("--minutes", type=float, default=30.0, help="of processor time, each")
    parser.add_argument("--corpus", type=Path, default=Path("fuzz-corpus"))
    parser.add_argument("--timeout", type=int, default=20, help="seconds for one input")
    options = parser.parse_args()
    names = list(HARNESSES) if options.harness == "all" else [options.harness]
    outcomes = []
    for name in names:
        outcomes.append(fuzz(name, options.minutes, options.corpus, options.timeout))
        print(outcomes[-1], flush=True)
    return int(any(outcome.findings for outcome in outcomes))


def fuzz(name: str, minutes: float, folder: Path, timeout: int) -> Outcome:
    """Run one harness until it has used its time or found something."""
    corpus = folder / name
    write_seeds(name, corpus)
    words = folder / f"{name}.dict"
    words.write_text("".join(f'"{word}"\n' for word in HARNESSES[name].words) or "# none\n")
    command = [
        *(sys.executable, "-m", "tests.fuzz.target", name, str(timeout), str(corpus)),
        *(
            f"-dict={words}",
            f"-max_len={HARNESSES[name].largest}",
            f"-timeout={2 * WAITING_SECONDS}",
        ),
        *(
            f"-rss_limit_mb={_MEMORY_MEGABYTES}",
            "-print_final_stats=1",
            f"-report_slow_units={2 * WAITING_SECONDS}",
        ),
        f"-artifact_prefix={folder}/{name}-",
    ]
    before = set(folder.glob(f"{name}-*"))
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        seconds, ended = _wait(process, minutes * 60)
    findings = sorted(path.name for path in set(folder.glob(f"{name}-*")) - before)
    if ended and not findings:
        findings = [f"ended by itself, see {log}"]
    return _outcome(name, seconds, log.read_text("utf-8", "replace"), tuple(findings))


def write_seeds(name: str, corpus: Path) -> None:
    """Put the harness's own inputs beside those of earlier runs."""
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in HARNESSES[name].seeds():
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)


def _wait(process: subprocess.Popen[bytes], wanted: float) -> tuple[float, bool]:
    """Let a process use `wanted` seconds of processor time; how many it used, and if it ended."""
    used = 0.0
    ended = False
    try:
        while process.poll() is None and used < wanted:
            time.sleep(_LOOKS_EVERY)
            used = _processor_seconds(process.pid) or used
        ended = process.poll() is not None
    finally:
        process.terminate()
        process.wait()
    return used, ended


def _processor_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _outcome(name: str, seconds: float, log: str, findings: tuple[str, ...]) -> Outcome:
    status = _STATUS.findall(log)
    reached, coverage, features, corpus = map(int, status[-1] if status else (0, 0, 0, 0))
    executed = _EXECUTED.search(log)
    executions = int(executed[1]) if executed else reached
    return Outcome(name, seconds, executions, coverage, features, corpus, findings)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # So that the process that fuzzes ends with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
