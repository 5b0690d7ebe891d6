"""Two configurations, compared key by key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgforensics.oci.config import ImageConfig
from imgforensics.serialise import config_to_json

_CREATED = "created"


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

    Without `with_times`, when the images were made does not count.
    """
    old, new = _flat(before), _flat(after)
    keys = dict.fromkeys((*old, *new))
    if not with_times:
        keys.pop(_CREATED, None)
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
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            prefix = "" if key == "others" else f"{key}."
            flat.update((f"{prefix}{name}", inner) for name, inner in value.items())
        else:
            flat[key] = value
    return flat


def _by_name(env: tuple[str, ...]) -> dict[str, str]:
    """Variables by name; the last of one name is the one that counts."""
    return {name: value for name, _, value in (line.partition("=") for line in env)}
