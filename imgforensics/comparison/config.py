"""Two configurations, compared key by key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imgforensics.oci.config import ImageConfig
from imgforensics.serialise import config_to_json

_OF_ONE_BUILD = ("created", "container", "container_config", "Hostname", "Image", "parent")
"""What differs in every build: its time, and what Docker's classic builder notes of the
container that it ran last and of the image below."""


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One key that differs; None for one that is not set, as `null` is."""

    key: str
    """`user`, `env.PATH`, `labels.version`, `exposed_ports.80/tcp`, `healthcheck.interval`."""
    before: Any
    after: Any


def compare_configs(
    before: ImageConfig | None, after: ImageConfig | None, *, with_times: bool = True
) -> tuple[ConfigChange, ...]:
    """Every key that differs, in the order of the document; history and layers left out.

    Without `with_times`, neither when the images were made counts nor the containers that
    Docker made them in.
    """
    old, new = _flat(before), _flat(after)
    keys = dict.fromkeys((*old, *new))
    if not with_times:
        keys = dict.fromkeys(key for key in keys if key.partition(".")[0] not in _OF_ONE_BUILD)
    return tuple(
        ConfigChange(key, old.get(key), new.get(key))
        for key in keys
        if old.get(key) != new.get(key)
    )


def _flat(config: ImageConfig | None) -> dict[str, Any]:
    if config is None:
        return {}
    document = config_to_json(config)
    container = config.container
    document["args_escaped"] = container.args_escaped or None
    document["env"] = _by_name(container.env)
    document["exposed_ports"] = dict.fromkeys(container.exposed_ports, True)
    document["volumes"] = dict.fromkeys(container.volumes, True)
    document["others"] = {**container.others, **config.others}
    document.update(document.pop("others"))
    return dict(_leaves("", document))


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(f"{prefix}.{name}" if prefix else str(name), inner)
    else:
        yield prefix, value


def _by_name(env: tuple[str, ...]) -> dict[str, str]:
    """Variables by name; the last of one name is the one that counts."""
    return {name: value for name, _, value in (line.partition("=") for line in env)}
