"""Timings of single parts: `pytest benchmarks/test_parts.py`.

Not among the tests of the project: a figure here is for comparing two states of the code
on one machine, with pytest-benchmark's `--benchmark-autosave` and `--benchmark-compare`.
"""

import io
import tarfile

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from imgforensics.problems import ProblemLog
from imgforensics.tarstream.reader import TarReader

MEMBERS = 10_000
_CHUNK_BYTES = 1 << 20


@pytest.fixture(scope="module", params=["ustar", "pax"])
def archive(request: pytest.FixtureRequest) -> bytes:
    """Build a tar of empty files: nothing to read but headers, with or without PAX records."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as writer:
        for number in range(MEMBERS):
            header = tarfile.TarInfo(f"usr/share/doc/package-{number // 20}/file-{number}")
            header.mtime = 1_700_000_000
            if request.param == "pax":
                header.pax_headers = {"mtime": "1700000000.123456789"}
            writer.addfile(header)
    return buffer.getvalue()


def test_header_parse(benchmark: BenchmarkFixture, archive: bytes) -> None:
    """Parse every header of an uncompressed archive, checksums verified."""
    chunks = [archive[at : at + _CHUNK_BYTES] for at in range(0, len(archive), _CHUNK_BYTES)]

    def parse() -> tuple[int, list[object]]:
        log = ProblemLog()
        return sum(1 for _ in TarReader(chunks, log)), list(log)

    members, problems = benchmark(parse)
    assert members == MEMBERS
    assert problems == []
