"""Property tests draw the same few examples in every run; another profile draws many others.

`pytest --hypothesis-profile=random tests/property` searches on.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from imgforensics import Image
from tests.extraction.building import MEMBERS, image_of

_ANY_MACHINE = [HealthCheck.too_slow]
"""A busy machine is no reason to fail."""

settings.register_profile(
    "steady",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=_ANY_MACHINE,
)
settings.register_profile(
    "random", deadline=None, max_examples=400, suppress_health_check=_ANY_MACHINE
)
settings.load_profile("steady")


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    """A small image, whose archive stands in `tmp_path/source`."""
    (tmp_path / "source").mkdir()
    with image_of(tmp_path / "source", MEMBERS) as opened:
        yield opened
