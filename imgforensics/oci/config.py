"""Image configurations: what runs, and how the image came to be.

Sources: https://github.com/opencontainers/image-spec/blob/main/config.md and
https://github.com/moby/docker-image-spec (healthcheck, shell, onbuild). Every member is
read leniently: engines of twelve years have left nulls, strings and other shapes in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgforensics.digests import Digest
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.oci.descriptor import Platform
from imgforensics.oci.json_document import JsonValue, Text, no_text, parse_json


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """How an engine probes the container; durations are nanoseconds, None where not set."""

    test: tuple[str, ...]
    interval: int | None = None
    timeout: int | None = None
    start_period: int | None = None
    start_interval: int | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """The config's `config` section: how a container of the image is run."""

    env: tuple[str, ...] = ()
    """`NAME=value` each, in order."""
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str = ""
    working_dir: str = ""
    labels: Text = field(default_factory=no_text, hash=False)
    exposed_ports: tuple[str, ...] = ()
    """`80/tcp` each, in document order."""
    volumes: tuple[str, ...] = ()
    stop_signal: str | None = None
    healthcheck: Healthcheck | None = None
    shell: tuple[str, ...] | None = None
    on_build: tuple[str, ...] = ()
    args_escaped: bool = False
    others: Mapping[str, object] = field(default_factory=no_text, hash=False)
    """Members without a field here, as parsed."""

    @classmethod
    def from_json(cls, value: JsonValue) -> "ContainerConfig":
        """Read the section; null or absent is an empty one."""
        return cls(
            env=value.member("Env").texts(),
            cmd=_words(value.member("Cmd")),
            entrypoint=_words(value.member("Entrypoint")),
            user=value.member("User").text() or "",
            working_dir=value.member("WorkingDir").text() or "",
            labels=value.member("Labels").text_map(),
            exposed_ports=_keys(value.member("ExposedPorts")),
            volumes=_keys(value.member("Volumes")),
            stop_signal=value.member("StopSignal").text(),
            healthcheck=_healthcheck(value.member("Healthcheck")),
            shell=_words(value.member("Shell")),
            on_build=value.member("OnBuild").texts(),
            args_escaped=value.member("ArgsEscaped").flag(),
            others=value.others(*_KNOWN),
        )


_KNOWN = (
    "Env",
    "Cmd",
    "Entrypoint",
    "User",
    "WorkingDir",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "StopSignal",
    "Healthcheck",
    "Shell",
    "OnBuild",
    "ArgsEscaped",
)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of how the image was made, in the builder's words; None where not said."""

    created: str | None = None
    created_by: str | None = None
    comment: str | None = None
    author: str | None = None
    empty_layer: bool = False
    """Whether the step made no layer."""

    @classmethod
    def from_json(cls, value: JsonValue) -> "HistoryEntry":
        """Read one row; what is no object is an empty row, so that the count stays."""
        if not isinstance(value.value, dict):
            value.note("a history row is no object")
        return cls(
            created=value.member("created").text(),
            created_by=value.member("created_by").text(),
            comment=value.member("comment").text(),
            author=value.member("author").text(),
            empty_layer=value.member("empty_layer").flag(),
        )


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image's configuration document."""

    raw: bytes = field(repr=False)
    os: str = ""
    architecture: str = ""
    variant: str | None = None
    os_version: str | None = None
    platform: Platform | None = None
    """The five members above and `os.features` in one; None where none is given."""
    created: str | None = None
    """RFC 3339 as stored."""
    author: str | None = None
    container: ContainerConfig = ContainerConfig()
    diff_ids: tuple[Digest | None, ...] = ()
    """Digest of each layer's uncompressed tar, lowest first; None for one that is no digest."""
    history: tuple[HistoryEntry, ...] = ()
    others: Mapping[str, object] = field(default_factory=no_text, hash=False)
    """Members without a field here, as parsed."""
    oddities: tuple[str, ...] = ()
    """What was got past while reading, each with its JSON path."""

    @classmethod
    def parse(cls, raw: bytes, document: str, limits: Limits = DEFAULT_LIMITS) -> "ImageConfig":
        """Read a config; DamagedDocumentError when it is no JSON object."""
        root = parse_json(raw, document, limits).required_object()
        platform = Platform.from_json(root)
        diff_ids = root.member("rootfs").member("diff_ids").elements()
        return cls(
            raw=raw,
            os=platform.os if platform else "",
            architecture=platform.architecture if platform else "",
            variant=platform.variant if platform else None,
            os_version=platform.os_version if platform else None,
            platform=platform,
            created=root.member("created").text(),
            author=root.member("author").text(),
            container=ContainerConfig.from_json(root.member("config")),
            diff_ids=tuple(element.digest() for element in diff_ids),
            history=tuple(map(HistoryEntry.from_json, root.member("history").elements())),
            others=root.others(*_KNOWN_OF_IMAGE),
            oddities=tuple(root.oddities),
        )


_KNOWN_OF_IMAGE = (
    "os",
    "architecture",
    "variant",
    "os.version",
    "os.features",
    "created",
    "author",
    "config",
    "rootfs",
    "history",
)


def _words(value: JsonValue) -> tuple[str, ...] | None:
    """A command: a list, or the single string that Docker reads as a list of one."""
    if isinstance(value.value, str):
        return (value.value,)
    return None if value.value is None else value.texts()


def _keys(value: JsonValue) -> tuple[str, ...]:
    """A set, which Docker writes as an object and some tools as a list."""
    if isinstance(value.value, list):
        return value.texts()
    return tuple(key for key, _ in value.members())


def _healthcheck(value: JsonValue) -> Healthcheck | None:
    if not isinstance(value.value, dict):
        return None
    return Healthcheck(
        test=_words(value.member("Test")) or (),
        interval=_number(value.member("Interval")),
        timeout=_number(value.member("Timeout")),
        start_period=_number(value.member("StartPeriod")),
        start_interval=_number(value.member("StartInterval")),
        retries=_number(value.member("Retries")),
    )


def _number(value: JsonValue) -> int | None:
    if value.value is None or (isinstance(value.value, int) and not isinstance(value.value, bool)):
        return value.value
    value.note("expected a whole number")
    return None
