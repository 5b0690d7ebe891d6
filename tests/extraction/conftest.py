"""Fixtures of the tests of extraction."""

from typing import Any

import pytest

from imgforensics.layer import Layer, LayerPass


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indexes of the layers that are read, each time they are."""
    begun: list[int] = []
    begin_pass = Layer.begin_pass

    def counted(self: Layer, **options: Any) -> LayerPass:
        begun.append(self.index)
        return begin_pass(self, **options)

    monkeypatch.setattr(Layer, "begin_pass", counted)
    return begun
