"""What a builder knows between two instructions: shell, arguments, environment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from imgforensics.dockerfile.history.pairs import KnownPairs
from imgforensics.oci.config import ImageConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What engines search where an image sets no PATH."""
LINUX_SHELL = ("/bin/sh", "-c")
WINDOWS_SHELL = ("cmd", "/S", "/C")
PLATFORM_ARGUMENTS = frozenset(
    f"{side}{part}"
    for side in ("TARGET", "BUILD")
    for part in ("PLATFORM", "OS", "ARCH", "VARIANT")
)
"""Arguments that BuildKit sets by itself: their values were never written down."""


@dataclass(slots=True)
class BuildState:
    """Follows the rows of a history, in order."""

    config: ImageConfig
    shell: tuple[str, ...]
    configured_environment: dict[str, str]
    """The image's final environment."""
    known_environment: KnownPairs
    known_labels: KnownPairs
    directory: str = ""
    """What WORKDIR set last, as far as it is told."""
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str | None] = field(default_factory=dict)
    """Declared so far; None where no value is told."""

    @classmethod
    def before(cls, config: ImageConfig) -> "BuildState":
        """As it is before the first row."""
        is_windows = config.os == "windows"
        shell = WINDOWS_SHELL if is_windows else LINUX_SHELL
        environment = environment_of(config.container.env)
        labels = KnownPairs(config.container.labels)
        return cls(config, shell, environment, KnownPairs(environment), labels)

    @property
    def shells(self) -> tuple[tuple[str, ...], ...]:
        """Shells that a command may have been given to, the likeliest first."""
        known = (self.shell, self.config.container.shell or (), LINUX_SHELL, WINDOWS_SHELL)
        return tuple(dict.fromkeys(shell for shell in known if shell))


def environment_of(variables: Sequence[str]) -> dict[str, str]:
    """`NAME=value` texts as a mapping."""
    pairs = (variable.partition("=") for variable in variables)
    return {name: value for name, _, value in pairs}
