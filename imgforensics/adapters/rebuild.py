"""The proof of a recovered Dockerfile: built again, it must give the same image."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imgforensics.adapters.build_engines import base_layout, engine, ignore_file_of
from imgforensics.comparison import ConfigChange, FileChange, Rule, diff, parse_attributes
from imgforensics.dockerfile import RecoveredDockerfile
from imgforensics.dockerfile.instruction import Instruction
from imgforensics.dockerfile.output.writing import CONTEXT, DOCKERFILE
from imgforensics.dockerfile.recovered import SCRATCH
from imgforensics.dockerfile.rendering import instruction_text
from imgforensics.errors import EnvironmentProblemError
from imgforensics.image import Image
from imgforensics.opening import open_image
from imgforensics.problems import Problem

_TIMES = (Rule(parse_attributes("mtime,created")),)
_MOUNT_POINTS = frozenset(
    b"dev etc/hostname etc/hosts etc/mtab etc/resolv.conf proc run run/secrets sys".split()
)
"""What engines mount something on while a command runs, and some leave behind, empty."""
_SET_BY_INSTRUCTIONS = frozenset(
    (
        *("architecture", "cmd", "entrypoint", "env", "exposed_ports", "healthcheck", "labels"),
        *("on_build", "os", "shell", "stop_signal", "user", "variant", "volumes", "working_dir"),
    )
)
"""Keys of a configuration that come of the Dockerfile; the others are the engine's own."""
_ENGINES_LABEL = "labels.io.buildah.version"


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What a rebuilt image has that the original has not, or the other way round."""

    engine: str
    files: tuple[FileChange, ...]
    """Paths that differ, times left out, and so are empty mount points of the engine's."""
    config: tuple[ConfigChange, ...]
    """Keys of the configuration that differ."""
    problems: tuple[Problem, ...]

    def __repr__(self) -> str:
        files, settings = len(self.files), len(self.config)
        return f"<Rebuild by {self.engine}: {files} paths and {settings} settings differ>"

    @property
    def is_same(self) -> bool:
        """Whether filesystem and configuration are the same but for times."""
        return not self.files and not self.config


def rebuild(
    image: Image,
    recovered: RecoveredDockerfile,
    directory: Path,
    engine_name: str,
    *,
    base: Path | None = None,
    work: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Rebuild:
    """Build what :func:`~imgforensics.dockerfile.write_dockerfile` wrote to `directory`.

    `base` is an archive or directory with the base image; it stands in for what the last stage's
    FROM names, and is needed unless that is `scratch`. The engine works in a new directory below
    `work`. Commands of the Dockerfile are run, by the engine: do this only where the image may be
    trusted, or in a machine made for it.

    Raises `EnvironmentProblemError` where the engine is missing or fails, and what opening
    the base raises.
    """
    with TemporaryDirectory(prefix="rebuild-", dir=work) as folder:
        place = Path(folder)
        with engine(engine_name, place) as builder:
            dockerfile = directory / DOCKERFILE
            if base is not None:
                name = builder.load(base, base_layout(base))
                dockerfile = place / DOCKERFILE
                dockerfile.write_text(_on_base(recovered, name), encoding="utf-8")
                ignore_file = ignore_file_of(directory / DOCKERFILE)
                if ignore_file.exists():
                    shutil.copyfile(ignore_file, ignore_file_of(dockerfile))
            elif recovered.base.name != SCRATCH:
                raise EnvironmentProblemError(
                    f"the base image ({recovered.base.name or 'unknown'}) is needed as an archive: "
                    "--base FILE (base=...)"
                )
            builder.build(dockerfile, directory / CONTEXT, in_layers=len(image.layers) > 1)
            archive = place / "rebuilt.tar"
            builder.save(archive)
        with open_image(archive) as again:
            found = diff(image, again, rules=_TIMES, progress=progress)
            return Rebuild(
                engine_name,
                tuple(one for one in found.files if not _is_mount_point(one)),
                tuple(one for one in found.config if _is_set_by_instruction(one)),
                found.problems,
            )


def _is_mount_point(change: FileChange) -> bool:
    """Whether the engine made it to mount something there, in one image and not in the other."""
    one, other = change.before, change.after
    node = (other if one is None else one) if one is None or other is None else None
    return node is not None and change.path in _MOUNT_POINTS and not node.size


def _is_set_by_instruction(change: ConfigChange) -> bool:
    is_set = bool(change.before or change.after)
    is_known = change.key.partition(".")[0] in _SET_BY_INSTRUCTIONS
    # BuildKit writes down the directory that all others mean where none is set.
    is_root = change.key == "working_dir" and {change.before, change.after} <= {"", "/", None}
    return is_set and is_known and not is_root and change.key != _ENGINES_LABEL


def _on_base(recovered: RecoveredDockerfile, name: str) -> str:
    """The Dockerfile with its last base image replaced by one that is at hand."""
    lines = []
    starts = [
        place
        for place, one in enumerate(recovered.instructions)
        if one.instruction.keyword == "FROM" and not _is_stage(recovered, one.instruction)
    ]
    for place, one in enumerate(recovered.instructions):
        instruction = one.instruction
        if starts and place == starts[-1]:
            _, keyword, stage = instruction.arguments.partition(" AS ")
            instruction = Instruction("FROM", f"{name}{keyword}{stage}")
        lines.append(instruction_text(instruction))
    return "\n".join(lines) + "\n"


def _is_stage(recovered: RecoveredDockerfile, start: Instruction) -> bool:
    """Whether a FROM goes on from a stage of the same file."""
    names = {
        words[-1].lower()
        for one in recovered.instructions
        if one.instruction.keyword == "FROM"
        and len(words := one.instruction.arguments.split()) == 3
    }
    return start.arguments.split()[0].lower() in names
