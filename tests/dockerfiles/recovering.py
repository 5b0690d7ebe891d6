"""Images that are all history and configuration, and what becomes of them."""

import io
from collections.abc import Sequence
from typing import Any

from imgforensics import RecoveredDockerfile, open_image, recover_dockerfile
from imgforensics.testing import ImageBuilder, LayerSpec, archive, oci_layout
from tests.dockerfiles.building import BUILDKIT

Json = dict[str, Any]


def image_bytes(
    history: object, config: Json | None = None, layers: int = 1, **others: object
) -> bytes:
    """An archive of an image with this history and `layers` empty layers."""
    manifest = others.pop("manifest", {})
    assert isinstance(manifest, dict)
    builder = ImageBuilder(
        layers=[LayerSpec() for _ in range(layers)],
        config=config or {},
        config_document={"history": history, **others},
        manifest=manifest,
    )
    return archive(oci_layout(builder))


def recovered(
    history: object, config: Json | None = None, layers: int | None = None, **others: object
) -> RecoveredDockerfile:
    """What is recovered of an image; as many layers as rows claim, if not told."""
    if layers is None:
        assert isinstance(history, Sequence)
        layers = sum(not row.get("empty_layer") for row in history)
    with open_image(io.BytesIO(image_bytes(history, config, layers, **others))) as image:
        return recover_dockerfile(image)


def row(created_by: str | None, *, empty: bool = False, **others: object) -> Json:
    """One history row; `created` is the same everywhere if not told."""
    found: Json = {"created": "2024-05-05T00:00:00Z", "created_by": created_by, **others}
    return found | ({"empty_layer": True} if empty else {})


def own_lines(found: RecoveredDockerfile) -> list[str]:
    """The instructions after FROM, as text."""
    texts = [str(each) for each in found.instructions]
    start = next(place for place, text in enumerate(texts) if text.startswith("FROM "))
    return texts[start + 1 :]


# Rows of bases.

DEBIAN = row(
    "# debian.sh --arch 'amd64' out/ 'bookworm' '@1718582400'", comment="debuerreotype 0.15"
)
ALPINE = [
    row("ADD alpine-minirootfs-3.19.8-x86_64.tar.gz / # buildkit", comment=BUILDKIT),
    row('CMD ["/bin/sh"]', comment=BUILDKIT, empty=True),
]
