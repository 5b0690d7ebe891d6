"""Which builder wrote each row of a history.

Each leaves marks: a comment, an author, a way of writing. Where a row has none of its own, it
is taken for the same builder's as the row before it.
"""

import re
from collections.abc import Sequence

from imgforensics.dockerfile.instruction import KEYWORDS
from imgforensics.dockerfile.recovered import Builder
from imgforensics.oci.config import HistoryEntry, ImageConfig

_AUTHORS = {
    "kaniko": Builder.KANIKO,
    "Jib": Builder.JIB,
    "ko": Builder.KO,
    "Bazel": Builder.BAZEL,
    "apko": Builder.APKO,
}
IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")
INTERMEDIATE = re.compile(r"FROM (?:sha256:)?[0-9a-f]{12,64}")
"""A comment that names an image of the very same build."""
_BUILDKIT_COMMENTS = ("buildkit.dockerfile.v0", "buildkit.exporter.image.v0")
_PRINTED = re.compile(rf"({'|'.join(sorted(KEYWORDS))}) ")
_MARKS = (
    (re.compile(r".* # buildkit", re.DOTALL), Builder.BUILDKIT),
    (re.compile(r".*#\(nop\)  \S.*", re.DOTALL), Builder.CLASSIC),
    (re.compile(r"# debian\.sh .*", re.DOTALL), Builder.DEBUERREOTYPE),
    (re.compile(r"bazel build .*", re.DOTALL), Builder.BAZEL),
    (re.compile(r"ko build .*", re.DOTALL), Builder.KO),
    (re.compile(r"(jib|jib-\w+-plugin:.*)", re.DOTALL), Builder.JIB),
    (re.compile(r"apko.*", re.DOTALL), Builder.APKO),
    (re.compile(r"KIWI \S+"), Builder.KIWI),
    (re.compile(r"umoci .*"), Builder.UMOCI),
    (re.compile(r"/bin/sh -c (?:/\S+)?/s2i/\S+"), Builder.S2I),
    (
        re.compile(
            r"Layer: .*, Created by buildpack: .*|Application Layer|Buildpacks .*"
            r"|Software Bill-of-Materials|Application Slice: \d+",
            re.DOTALL,
        ),
        Builder.BUILDPACKS,
    ),
)
_NOP = re.compile(r"(?P<shell>.*?)#\(nop\) ", re.DOTALL)
_FOLLOWED_BY_COMMANDS = frozenset({Builder.CLASSIC, Builder.DEBUERREOTYPE, Builder.IMPORT})
_SHELL_ALONE = frozenset({"/bin/sh", "/bin/bash", "sh", "bash"})


def writers(config: ImageConfig) -> tuple[Builder, ...]:
    """The builder of each history row, lowest first."""
    by_buildah = _buildah_from(config)
    found: list[Builder] = []
    for position, entry in enumerate(config.history):
        if position >= by_buildah and _may_be_buildah(entry):
            builder: Builder | None = Builder.BUILDAH
        else:
            builder = _by_marks(entry)
        found.append(builder or _by_neighbour(entry, found))
    if _is_committed(config):
        found[-1] = Builder.COMMIT
    return tuple(found)


def _is_committed(config: ImageConfig) -> bool:
    """Whether the last row is a container's: an engine keeps the name of the image it ran."""
    last = config.history[-1] if config.history else None
    if last is None or last.empty_layer or not last.created_by or _by_marks(last):
        return False
    return committed_image(config) is not None


def committed_image(config: ImageConfig) -> str | None:
    """The name of the image that a committed container ran; builds keep an ID there."""
    image = config.container.others.get("Image")
    is_name = isinstance(image, str) and image and not IMAGE_ID.fullmatch(image)
    return str(image) if is_name else None


def image_builder(config: ImageConfig, own: Sequence[Builder]) -> Builder:
    """The builder of the image: who wrote its own rows, or what its labels and rows tell."""
    labels = config.container.labels
    known = [builder for builder in own if builder is not Builder.UNKNOWN]
    of_dockerfiles = [builder for builder in known if builder.reads_dockerfiles]
    if of_dockerfiles:
        return of_dockerfiles[-1]
    if any(name.startswith("io.buildpacks.lifecycle.") for name in labels):
        return Builder.BUILDPACKS
    return known[-1] if known else Builder.UNKNOWN


def _buildah_from(config: ImageConfig) -> int:
    """The first row that buildah may have written."""
    for position, entry in enumerate(config.history):
        if (entry.comment or "").startswith("FROM "):
            # The first row of a build from scratch has no comment; each further one of a
            # build in layers names the image of the step before it, by its ID.
            is_second = bool(INTERMEDIATE.fullmatch(entry.comment or ""))
            return position - 1 if is_second and position else position
    if "io.buildah.version" in config.container.labels:
        after = [p for p, e in enumerate(config.history) if _by_marks(e) is Builder.CLASSIC]
        return after[-1] + 1 if after else 0
    return len(config.history)


def _may_be_buildah(entry: HistoryEntry) -> bool:
    text = entry.created_by or ""
    return (
        entry.comment not in _BUILDKIT_COMMENTS
        and entry.author != "kaniko"
        and bool(_NOP.match(text) or text.startswith(("|", "/bin/sh -c ")) or not text)
    )


def _by_marks(entry: HistoryEntry) -> Builder | None:
    if entry.comment in _BUILDKIT_COMMENTS:
        return Builder.BUILDKIT
    if entry.author in _AUTHORS:
        return _AUTHORS[entry.author]
    return _by_comment(entry.comment or "") or _by_text(entry)


def _by_comment(comment: str) -> Builder | None:
    if comment.startswith("Imported from "):
        return Builder.IMPORT
    if comment.startswith("debuerreotype"):
        return Builder.DEBUERREOTYPE
    if comment.startswith("store paths: "):
        return Builder.NIX
    if comment.startswith("merge sha256:"):
        return Builder.CLASSIC
    return None


def _by_text(entry: HistoryEntry) -> Builder | None:
    text = entry.created_by or ""
    for pattern, builder in _MARKS:
        if pattern.fullmatch(text):
            return builder
    if text in _SHELL_ALONE or (text and entry.comment and not _NOP.match(text)):
        return Builder.COMMIT
    return None


def _by_neighbour(entry: HistoryEntry, before: list[Builder]) -> Builder:
    text = entry.created_by or ""
    if _NOP.match(text) or text.startswith(("/bin/sh -c ", "|")):
        return Builder.CLASSIC
    if _PRINTED.match(text):
        return Builder.BUILDKIT
    if not before or before[-1] not in _FOLLOWED_BY_COMMANDS:
        return before[-1] if before else Builder.UNKNOWN
    # The classic builder writes the exec form of RUN as nothing but its words.
    return Builder.CLASSIC if text else before[-1]
