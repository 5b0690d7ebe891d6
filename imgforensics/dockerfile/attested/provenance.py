"""How BuildKit says that it built an image: SLSA provenance, v0.2 and v1, mode min and max.

Sources: https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-provenance.md,
https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md,
https://slsa.dev/spec/v0.2/provenance and https://slsa.dev/spec/v1.0/provenance. Package URLs:
https://github.com/package-url/purl-spec.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from imgforensics.digests import Digest
from imgforensics.dockerfile.attested.attestations import (
    Statement,
    decoded_base64,
    statements_about,
)
from imgforensics.errors import DamagedDocumentError
from imgforensics.image import Image
from imgforensics.oci.json_document import JsonValue, Text, no_text
from imgforensics.problems import ProblemCode, ProblemLog, display

_PREDICATES = ("https://slsa.dev/provenance/",)
_METADATA = "https://mobyproject.org/buildkit@v1#metadata"
_BUILD_ARGUMENT = "build-arg:"
_LABEL = "label:"
_CONTEXT = "context:"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that the build definition was read from, byte for byte."""

    name: str
    language: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Material:
    """An image that the build started from or copied out of."""

    reference: str
    """As `FROM` would name it: `python:3.12-slim`, `localhost:5000/base:1`."""
    digest: Digest | None
    """Of the manifest or index that the name stood for when it was built."""
    platform: str | None = None

    @property
    def pinned(self) -> str:
        """The reference with its digest, where one is known."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


@dataclass(frozen=True, slots=True)
class Provenance:
    """What one provenance statement says of a build."""

    digest: Digest
    """Of the statement's blob."""
    version: str
    """Of SLSA: `v0.2`, `v1`."""
    is_maximal: bool
    """Whether it was written in mode max: with the source, arguments and steps."""
    dockerfile_name: str | None
    """Where the Dockerfile was, from the context's or repository's root."""
    sources: tuple[SourceFile, ...] = ()
    materials: tuple[Material, ...] = ()
    build_arguments: Text = field(default_factory=no_text, hash=False)
    labels: Text = field(default_factory=no_text, hash=False)
    """Labels given on the command line; no instruction sets them."""
    contexts: Text = field(default_factory=no_text, hash=False)
    """Named contexts: name to what stood for it."""
    target: str | None = None
    frontend: str | None = None
    context_uri: str | None = None
    """Of a build from a remote context, such as a Git repository."""
    vcs_source: str | None = None
    vcs_revision: str | None = None
    secrets: tuple[str, ...] = ()
    """Identifiers; their values are in no image."""
    ssh: tuple[str, ...] = ()
    steps: JsonValue | None = field(default=None, hash=False)
    """The list of LLB operations, as stored: what `llb.py` reads."""

    def __repr__(self) -> str:
        mode = "max" if self.is_maximal else "min"
        return f"<Provenance {self.digest}: SLSA {display(self.version)}, mode {mode}>"

    @property
    def dockerfile(self) -> SourceFile | None:
        """The source that is the Dockerfile itself."""
        wanted = (self.dockerfile_name or "").rpartition("/")[2]
        named = [source for source in self.sources if source.name.rpartition("/")[2] == wanted]
        written = [source for source in self.sources if source.language == "Dockerfile"]
        return next(iter([*named, *written]), None)


def provenances_of(image: Image, log: ProblemLog) -> list[Provenance]:
    """Every provenance statement about the image, those that say most first.

    What cannot be read or believed is reported to `log` and left out.
    """
    found = [_provenance(one, log) for one in statements_about(image, _PREDICATES, log)]
    return sorted(found, key=lambda one: (one.dockerfile is None, one.steps is None))


def _provenance(statement: Statement, log: ProblemLog) -> Provenance:
    if statement.predicate.member("buildDefinition").value is not None:
        return _version_1(statement, log)
    return _version_0_2(statement, log)


def _version_0_2(statement: Statement, log: ProblemLog) -> Provenance:
    predicate = statement.predicate
    invocation = predicate.member("invocation")
    return _assembled(
        statement,
        log,
        config_source=invocation.member("configSource"),
        name_key="entryPoint",
        request=invocation.member("parameters"),
        metadata=predicate.member("metadata").member(_METADATA),
        materials=predicate.member("materials"),
        build_config=predicate.member("buildConfig"),
    )


def _version_1(statement: Statement, log: ProblemLog) -> Provenance:
    definition = statement.predicate.member("buildDefinition")
    external = definition.member("externalParameters")
    details = statement.predicate.member("runDetails")
    return _assembled(
        statement,
        log,
        config_source=external.member("configSource"),
        name_key="path",
        request=external.member("request"),
        metadata=details.member("metadata").member("buildkit_metadata"),
        materials=definition.member("resolvedDependencies"),
        build_config=definition.member("internalParameters").member("buildConfig"),
    )


def _assembled(
    statement: Statement,
    log: ProblemLog,
    *,
    config_source: JsonValue,
    name_key: str,
    request: JsonValue,
    metadata: JsonValue,
    materials: JsonValue,
    build_config: JsonValue,
) -> Provenance:
    arguments = request.member("args").text_map()
    steps = build_config.member("llbDefinition")
    infos = metadata.member("source").member("infos")
    vcs = metadata.member("vcs")
    return Provenance(
        digest=statement.digest,
        version=statement.predicate_type.rpartition("/")[2],
        is_maximal=steps.value is not None or infos.value is not None,
        dockerfile_name=config_source.member(name_key).text(),
        sources=tuple(_sources(infos, statement, log)),
        materials=tuple(_materials(materials)),
        build_arguments=_with_prefix(arguments, _BUILD_ARGUMENT),
        labels=_with_prefix(arguments, _LABEL),
        contexts=_with_prefix(arguments, _CONTEXT),
        target=arguments.get("target"),
        frontend=request.member("frontend").text(),
        context_uri=config_source.member("uri").text() or arguments.get("context"),
        vcs_source=vcs.member("source").text(),
        vcs_revision=vcs.member("revision").text(),
        secrets=_identifiers(request.member("secrets")),
        ssh=_identifiers(request.member("ssh")),
        steps=steps if isinstance(steps.value, list) else None,
    )


def _sources(infos: JsonValue, statement: Statement, log: ProblemLog) -> Iterator[SourceFile]:
    for info in infos.elements():
        try:
            data = decoded_base64(info.member("data"))
        except DamagedDocumentError as error:
            log.report(
                ProblemCode.PROVENANCE_INVALID,
                str(error),
                action="recovered without this source file",
                blob=str(statement.digest),
            )
            continue
        yield SourceFile(
            info.member("filename").text() or "", info.member("language").text() or "", data
        )


def _materials(materials: JsonValue) -> Iterator[Material]:
    """The images among what went into the build; Git repositories and files are left out."""
    for material in materials.elements():
        uri = material.member("uri").text() or ""
        reference, platform = image_of_purl(uri)
        if reference is None:
            continue
        digests = material.member("digest").text_map()
        yield Material(reference, _digest(digests.get("sha256")), platform)


def image_of_purl(uri: str) -> tuple[str | None, str | None]:
    """The image and platform that a package URL of type docker names; None for other URLs."""
    if not uri.startswith("pkg:docker/"):
        return None, None
    path, _, query = uri.removeprefix("pkg:docker/").partition("?")
    name, _, version = path.partition("@")
    qualifiers = parse_qs(query)
    platform = next(iter(qualifiers.get("platform", [])), None)
    name, version = unquote(name), unquote(version)
    if not name or name.isspace():
        return None, platform
    separator = "@" if version.startswith("sha256:") else ":"
    return (f"{name}{separator}{version}" if version else name), platform


def _digest(value: str | None) -> Digest | None:
    try:
        return Digest.parse(f"sha256:{value}") if value else None
    except ValueError:
        return None


def _with_prefix(arguments: Text, prefix: str) -> Text:
    return {
        key.removeprefix(prefix): value
        for key, value in arguments.items()
        if key.startswith(prefix)
    }


def _identifiers(values: JsonValue) -> tuple[str, ...]:
    found = (value.member("id").text() for value in values.elements())
    return tuple(text for text in found if text)
