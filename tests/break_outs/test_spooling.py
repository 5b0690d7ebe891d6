"""Copies that are made on the way: what an archive calls its members leads nowhere."""

import io
import json
import lzma
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from imgforensics import extract, open_image, write_tar
from imgforensics.digests import Digest
from imgforensics.extraction import extract_layers
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    archive,
    directory,
    docker_legacy_layout,
    file,
    hard_link,
    oci_layout,
    symlink,
    tar,
)
from tests.break_outs.sentinel import EVIL, Place

LAYER = tar([directory("d"), file("d/secret", EVIL), file("secret", EVIL)])
CONFIG = json.dumps({"rootfs": {"diff_ids": [str(Digest.of(LAYER))]}}).encode()
Members = Callable[[Place], Sequence[Entry]]


def _named(place: Place, config: bytes, layer: bytes) -> list[Entry]:
    """An archive whose documents and layers have these names."""
    manifest = [{"Config": os.fsdecode(config), "Layers": [os.fsdecode(layer)], "RepoTags": None}]
    return [
        file(layer, LAYER, mode=0o777, uid=9, mtime=5),
        file(config, CONFIG, mode=0o777, uid=9, mtime=5),
        file("manifest.json", json.dumps(manifest).encode()),
    ]


ARCHIVES: dict[str, Members] = {
    "absolute-names": lambda at: _named(at, at.outside + b"/secret", at.outside + b"/new"),
    "climbing-names": lambda at: _named(at, at.up + b"/secret", at.up + b"/new"),
    "dotted-names": lambda at: _named(at, b"../outside/secret", b"../outside/new"),
    "below-a-link": lambda at: [
        symlink("l", at.outside),
        *_named(at, b"l/secret", b"l/new"),
    ],
    "links-out-of-the-archive": lambda at: [
        symlink("config.json", at.outside + b"/secret"),
        hard_link("layer.tar", at.outside + b"/secret", mode=0o777, uid=9),
        *_named(at, b"config.json", b"layer.tar"),
    ],
    "names-of-the-output": lambda at: _named(at, b"out.partial", b"out.extraction.json"),
}


@pytest.mark.parametrize("form", [extract, extract_layers])
@pytest.mark.parametrize("piped", [False, True], ids=["file", "stream"])
@pytest.mark.parametrize("case", ARCHIVES)
def test_names_inside_the_archive_lead_nowhere(
    case: str, piped: bool, form: Callable[..., object], place: Place, tmp_path: Path
) -> None:
    data = tar(ARCHIVES[case](place))
    before = place.watched()
    source = tmp_path / "image.tar"
    source.write_bytes(data)
    stream = io.BytesIO(lzma.compress(data, preset=0))
    with open_image(stream if piped else source, spool_directory=place.target.parent) as image:
        form(image, place.target)
    assert place.watched() == before
    written = place.target if form is extract else place.target / "layer-000"
    assert (written / "d" / "secret").read_bytes() == EVIL


def test_links_of_a_saved_archive_stay_in_it(place: Place, tmp_path: Path) -> None:
    """A layer that is a link out is a layer that is not there, not the file that it names."""
    layout = docker_legacy_layout(ImageBuilder([[file("f", b"f")]], tags=["a:1"]))
    layer = next(name for name in layout if name.endswith("layer.tar"))
    members = [
        symlink(name, place.outside + b"/secret") if name == layer else file(name, content)
        for name, content in layout.items()
        if isinstance(content, bytes)
    ]
    before = place.watched()
    source = tmp_path / "image.tar"
    source.write_bytes(tar(members))
    with open_image(source) as image:
        assert not image.layers[0].is_present
        assert extract_layers(image, place.target).is_complete is False
    assert place.watched() == before
    assert not any(place.target.with_name("out.partial").iterdir())


@pytest.mark.parametrize("form", [extract, write_tar])
def test_content_that_is_shared_is_spooled_without_a_name(
    form: Callable[..., object], place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hard links whose attributes an upper layer changed share content that is held meanwhile."""
    content = EVIL * 100_000
    lower = [file("a", content), hard_link("b", "a"), symlink("l", place.outside)]
    upper = [hard_link("a", "b", mode=0o600), file("l/secret", EVIL)]
    monkeypatch.setenv("TMPDIR", str(place.target.parent))
    before = place.watched()
    source = tmp_path / "image.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder([lower, upper]))))
    with open_image(source) as image:
        form(image, place.target)
        assert image.path("/b").read_bytes() == content
    assert place.watched() == before
