"""Judges a mutant: what the reader lists, and what its problems say, account for the change.

Where the digests declared are those of the sound source, every layer that is listed in another
way, or not at all, needs a warning or an error that the sound source does not have, about that
layer or about the source or its documents as a whole. Where the digests fit, each member that
another tool lists is listed, or the layer has such a problem.
"""

import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from imgforensics import ImageForensicsError, extract, open_image, verify
from imgforensics.catalogue import Layout
from imgforensics.layer.entry import normalise_path
from imgforensics.problems import Problem
from tests.fuzz.opener import as_file
from tests.fuzz.time_limit import HangError, time_limit
from tests.mutation.listing import LIMITS, ListedImage, Listing, list_source
from tests.mutation.mutants import Mutant, Place, sound_form
from tests.mutation.oracles import external, fact_of, listed_by_tarfile
from tests.mutation.subjects import Subject, subjects

SECONDS = 10
"""Of processor time for one mutant; one that takes more is a hang."""
_EXTERNALLY_EVERY = 8
_VERIFIED_EVERY = 5
_EXTRACTED_EVERY = 50


class Outcome(StrEnum):
    """What became of a mutant."""

    SAME = "same"
    """It is listed as the sound source is, or as other tools list it."""
    TOLD = "told"
    """It is listed in another way, and problems say so."""
    REFUSED = "refused"
    """It is not opened, and the error says why."""
    UNDECLARED = "undeclared"
    """What is left is an archive as of Docker before 1.10, and those declare no digest at all."""
    SILENT = "SILENT"
    """Something is lost or changed without a word."""
    CRASH = "CRASH"
    HANG = "HANG"


FAILURES = (Outcome.SILENT, Outcome.CRASH, Outcome.HANG)


class Verdict(NamedTuple):
    """An outcome, and why."""

    outcome: Outcome
    detail: str = ""


def judge(one: Mutant) -> Verdict:
    """Read a mutant in every way, in bounded time."""
    try:
        with time_limit(SECONDS):
            return _judge(one)
    except HangError:
        return Verdict(Outcome.HANG, traceback.format_exc())
    except Exception:
        return Verdict(Outcome.CRASH, traceback.format_exc())


def _judge(one: Mutant) -> Verdict:
    with opened(subject_of(one.subject), one.file, one.data, one.form) as source:
        try:
            listing = list_source(source)
        except ImageForensicsError as error:
            return Verdict(Outcome.REFUSED, type(error).__name__)
        _ask_further(one.number, source, len(listing.images))
    sound = sound_listing(one.subject, one.form)
    if one.place is Place.NEW_LAYER:
        return against_oracles(one, listing, sound)
    return against_sound(listing, sound)


@contextmanager
def opened(subject: Subject, name: str, data: bytes, form: int) -> Iterator[BinaryIO | Path]:
    """An archive in memory, or a directory with one file replaced."""
    if form >= 0 or subject.is_archive:
        with as_file(data, seekable=True) as file:
            yield file
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for other, content in (subject.files | {name: data}).items():
            path = Path(folder, "layout", other)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        before = Path.cwd()
        os.chdir(folder)
        try:
            yield Path("layout")
        finally:
            os.chdir(before)


def _ask_further(number: int, source: BinaryIO | Path, images: int) -> None:
    """Verify and extract one image of a sample of mutants; errors of ours are answers."""
    if number % _VERIFIED_EVERY or not images:
        return
    try:
        with open_image(source, limits=LIMITS) as image:
            verify(image)
            if number % _EXTRACTED_EVERY == 0:
                with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
                    extract(image, Path(folder, "out"))
    except ImageForensicsError:
        pass


@cache
def subject_of(name: str) -> Subject:
    """The subject of this name."""
    return next(one for one in subjects() if one.name == name)


@cache
def sound_listing(name: str, form: int) -> Listing:
    """What the reader says of a subject as it is, or of its layers in another form."""
    subject = subject_of(name)
    file, data = next(iter(subject.files.items()))
    if form >= 0:
        data = sound_form(subject, form)
    with opened(subject, file, data, form) as source:
        return list_source(source)


def against_sound(listing: Listing, sound: Listing) -> Verdict:
    """Whether each difference from the sound listing is told."""
    gone = len(sound.images) - len(listing.images)
    if gone > 0 and (listing.others > sound.others or _new_problems(listing, sound)):
        return Verdict(Outcome.TOLD)
    if any(image.layouts == (Layout.LEGACY,) for image in listing.images):
        return Verdict(Outcome.UNDECLARED)
    if gone > 0:
        return Verdict(Outcome.SILENT, f"{gone} images gone")
    losses = [
        loss
        for found, before in zip(listing.images, sound.images, strict=False)
        for loss in _losses(found, before)
    ]
    if losses:
        return Verdict(Outcome.SILENT, "; ".join(losses))
    return Verdict(Outcome.SAME if listing == sound else Outcome.TOLD)


def _new_problems(listing: Listing, sound: Listing) -> set[Problem]:
    found = {problem for image in listing.images for problem in image.problems}
    return found - {problem for image in sound.images for problem in image.problems}


def _losses(found: ListedImage, sound: ListedImage) -> Iterator[str]:
    new = found.problems - sound.problems
    if found.documents != sound.documents and not new:
        yield "documents differ"
    for index, layer in enumerate(sound.layers):
        others = found.layers[index : index + 1]
        told = any(problem.where.layer in (index, None) for problem in new) or found.errors
        if layer not in others and not told:
            yield f"layer {index} differs"


def against_oracles(one: Mutant, listing: Listing, sound: Listing) -> Verdict:
    """Whether we list what each other tool does, or say what is wrong with the layer."""
    image = listing.images[0]
    problems = image.problems - sound.images[0].problems
    if image.errors or any(problem.where.layer == one.layer for problem in problems):
        return Verdict(Outcome.TOLD)
    rows = image.layers[one.layer].rows
    missing: set[object] = set(listed_by_tarfile(one.tar) - set(map(fact_of, rows)))
    if not one.number % _EXTERNALLY_EVERY:
        names = {row.path for row in rows}
        for oracle in external():
            found = map(normalise_path, oracle(one.tar))
            missing |= {name for name in found if not _is_listed(name, names)}
    if missing:
        return Verdict(Outcome.SILENT, f"not listed: {sorted(map(repr, missing))[:5]}")
    return Verdict(Outcome.SAME)


def _is_listed(name: bytes, names: set[bytes]) -> bool:
    """Whether it is, or is behind a prefix.

    GNU tar and libarchive see no prefix in a header with GNU's magic; Python and old Go do.
    """
    return name in names or any(path.endswith(b"/" + name) for path in names)
