"""What a break-out is: the layers of an image, and a name for it."""

from collections.abc import Sequence

from imgforensics.testing import Entry, LayerSpec

Layers = Sequence[LayerSpec | Sequence[Entry]]
"""From the lowest to the uppermost."""
Cases = dict[str, Layers]
