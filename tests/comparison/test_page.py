"""The page of a diff in a real browser: it is laid out, it loads nothing, it runs nothing."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgforensics import diff
from imgforensics.testing import file
from tests.comparison.building import image_of

HOSTILE = "<script>document.title='owned'</script>"


def browser() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture
def profile() -> Iterator[Path]:
    """Chromium's own files, out of the way of long temporary paths."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.mark.oracle
def test_chromium_shows_it(tmp_path: Path, profile: Path) -> None:
    program = browser()
    if program is None:
        pytest.skip("no chromium")
    before = [file("old", b"1"), file(HOSTILE, b"a\n")]
    after = [file("new", b"22"), file(HOSTILE, HOSTILE.encode() + b"\n")]
    with image_of(before) as a, image_of(after) as b:
        page = diff(a, b, content=["**"]).to_html()
    place = tmp_path / "page.html"
    place.write_text(page)
    command = [program, "--headless", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", place.as_uri()]
    if os.geteuid() == 0:
        command.insert(1, "--no-sandbox")
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("chromium does not start here")
    shown = done.stdout.decode()
    assert re.findall(r'<tr class="(\w)">', shown) == ["M", "A", "D"]
    assert "<title>owned</title>" not in shown
    assert shown.count('<span class="add">') == 2
    assert "<script>" not in shown
