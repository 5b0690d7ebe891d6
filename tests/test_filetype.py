"""libmagic, asked for a description."""

import shutil
import subprocess
import sys

import pytest

from imgforensics.filetype import describe


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("file") is None, reason="file(1) is not installed")
def test_describes_as_file_does() -> None:
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\2\0\0\0"
    told = subprocess.run(
        ["file", "--brief", "-"], input=head, capture_output=True, check=True
    ).stdout.decode()
    assert describe(head) == told.strip()


def test_says_nothing_of_what_it_does_not_know() -> None:
    assert describe(b"\x01\x02\x03" * 100) is None


def test_a_description_is_bounded() -> None:
    script = b"#!" + b"/x" * 2_000 + b"\n"
    assert len(describe(script) or "") <= 200


def test_the_package_with_libmagic_is_loaded_before_the_one_that_looks_for_it() -> None:
    program = (
        "import sys; from imgforensics.filetype import describe; describe(b'x');"
        "names = list(sys.modules); assert names.index('pylibmagic') < names.index('magic')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
