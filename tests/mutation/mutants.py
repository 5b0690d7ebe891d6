"""One mutant for each number: the same number always gives the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from imgforensics.digests import Digest
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    archive,
    docker_layout,
    docker_legacy_layout,
    oci_layout,
)
from tests.fuzz.repair import with_checksums
from tests.mutation.changes import CHANGES
from tests.mutation.subjects import Subject, stored, subjects


class Place(StrEnum):
    """What is changed."""

    SOURCE = "source"
    """The archive, or a file of the directory."""
    LAYER = "layer"
    """A layer's tar, before it is compressed; the digests declared are those of before."""
    NEW_LAYER = "new layer"
    """A layer's tar, and all digests fit it: nothing but the reader's parser can tell."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged source, and the sound one that it is compared with."""

    number: int
    subject: str
    place: Place
    change: str
    file: str
    """The one of a directory's that is changed; empty for an archive."""
    data: bytes
    """Of that file."""
    form: int = -1
    """The layout that the layers were put in, for `LAYER` and `NEW_LAYER`; see `sound_form`."""
    layer: int = 0
    tar: bytes = b""
    """Of the layer that is changed."""

    def __str__(self) -> str:
        return f"mutant {self.number}: {self.place} of {self.subject} {self.change}"


def mutant(number: int) -> Mutant:
    """The mutant of this number."""
    draw = Random(number)
    every = subjects()
    subject = draw.choices(every, [one.weight for one in every])[0]
    place = draw.choices(list(Place), (2, 1, 5))[0]
    change = draw.choice(list(CHANGES))
    if place is Place.SOURCE:
        return _of_source(number, draw, subject, change)
    return _of_layer(number, draw, subject, change, place)


def _of_source(number: int, draw: Random, subject: Subject, change: str) -> Mutant:
    name = draw.choice([name for name, content in subject.files.items() if content])
    data = CHANGES[change](draw, subject.files[name])
    return Mutant(number, subject.name, Place.SOURCE, change, name, data)


def _of_layer(number: int, draw: Random, subject: Subject, change: str, place: Place) -> Mutant:
    """Bytes of one layer are changed, checksums of headers repaired in every second case."""
    index = draw.choice([n for n, layer in enumerate(subject.layers) if layer.end])
    spec = subject.layers[index]
    tar = CHANGES[change](draw, spec.end)
    if draw.random() < 0.5:
        tar = with_checksums(tar)
    assert spec.packing is not None
    declared = spec if place is Place.NEW_LAYER else _declared(spec)
    changed = replace(declared, end=tar, blob=stored(tar, spec.packing))
    layers = list(subject.layers)
    layers[index] = changed
    form = draw.randrange(len(_FORMS))
    data = _archive(layers, form)
    return Mutant(number, subject.name, place, change, "", data, form, index, tar)


def sound_form(subject: Subject, form: int) -> bytes:
    """The archive of a subject's layers that a mutant of this form is compared with."""
    return _archive(subject.layers, form)


def _declared(spec: LayerSpec) -> LayerSpec:
    """A layer that goes on declaring what it is now, whatever becomes of its tar."""
    assert spec.blob is not None
    digest, diff_id = str(Digest.of(spec.blob)), str(Digest.of(spec.end))
    return replace(spec, digest=digest, diff_id=diff_id, size=len(spec.blob))


def _archive(layers: Sequence[LayerSpec], form: int) -> bytes:
    return archive(_FORMS[form](ImageBuilder(layers, tags=["mutant:1"])))


_FORMS = (docker_layout, docker_legacy_layout, oci_layout)
