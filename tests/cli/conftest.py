"""Sources that several tests open."""

from pathlib import Path

import pytest

from tests.cli.images import OTHER, SHOP, save


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """An archive of one image, as `docker save` writes it."""
    return save(tmp_path, SHOP)


@pytest.fixture
def both(tmp_path: Path) -> str:
    """An archive of two images."""
    return save(tmp_path, SHOP, OTHER, name="both.tar")
