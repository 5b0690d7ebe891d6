"""Build steps as BuildKit ran them (LLB), taken apart into a Dockerfile's stages.

Source: https://github.com/moby/buildkit/blob/master/solver/pb/ops.proto, in the JSON that
provenance of mode max has of it.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from imgforensics.oci.json_document import JsonValue

NO_INPUT = -1
_IMAGE_SCHEMES = ("docker-image://", "oci-layout://")


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, and the steps whose results it takes."""

    name: str
    op: JsonValue = field(repr=False)
    """Its kind is the only member: `exec`, `file`, `source`, `merge`, `diff`."""
    inputs: tuple[str, ...]
    """Names of steps, in order."""

    @property
    def source(self) -> str | None:
        """What a source step fetches: `docker-image://...`, `local://context`, a URL."""
        return self.op.member("source").member("identifier").text()

    @property
    def image(self) -> str | None:
        """The image that a source step fetches, as FROM would name it."""
        identifier = self.source or ""
        for scheme in _IMAGE_SCHEMES:
            if identifier.startswith(scheme):
                reference = identifier.removeprefix(scheme)
                return reference.removeprefix("docker.io/").removeprefix("library/")
        return None

    @property
    def is_context(self) -> bool:
        """Whether it is the build context itself."""
        hint = self.op.member("source").member("attrs").member("local.sharedkeyhint").text()
        return (self.source or "").startswith("local://") and hint in (None, "context")

    @property
    def actions(self) -> tuple[JsonValue, ...]:
        """What a file step does, in order."""
        return tuple(self.op.member("file").member("actions").elements())

    def input_of(self, index: int) -> str | None:
        """The step behind an input's number; None for none."""
        return self.inputs[index] if 0 <= index < len(self.inputs) else None

    @property
    def primary(self) -> str | None:
        """The step whose filesystem this one goes on with."""
        if self.op.member("exec").value is not None:
            mounts = self.op.member("exec").member("mounts").elements()
            roots = [mount for mount in mounts if mount.member("dest").text() == "/"]
            return self.input_of(number(roots[0].member("input"))) if roots else None
        if self.actions:
            return self.input_of(number(self.actions[0].member("input")))
        return self.input_of(0)


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that go on with one another's filesystem, first to last."""

    top: str
    """The last step's name."""
    base: Step | None
    """Where it starts: a source, or the top of another stage; None for an empty filesystem."""
    steps: tuple[Step, ...]


class BuildGraph:
    """All steps that the result needs."""

    def __init__(self, steps: Mapping[str, Step], result: str) -> None:
        self.steps = steps
        self.result = result
        """The step whose filesystem the image has."""

    @classmethod
    def from_json(cls, definition: JsonValue) -> "BuildGraph":
        """Read `llbDefinition`; raises `DamagedDocumentError` for steps that make no sense."""
        steps = {step.name: step for step in map(_step, definition.required_elements())}
        last = next(reversed(steps.values()), None)
        if last is None or not last.inputs:
            raise definition.damaged("no step is the result of the build")
        reachable = _reachable(steps, last.inputs[0], definition)
        return cls(reachable, last.inputs[0])

    def stages(self) -> tuple[Stage, ...]:
        """Those that others need first, the one of the result last."""
        tops = self._tops()
        return tuple(self._stage(name, tops) for name in self.steps if name in tops)

    def is_source(self, name: str) -> bool:
        """Whether nothing is done there: an image, a context, a URL, or a heredoc's text."""
        step = self.steps[name]
        return step.source is not None or bool(self.heredocs(name))

    def heredocs(self, name: str) -> dict[str, str]:
        """Texts of a step that holds nothing else, by the names in the Dockerfile."""
        actions = self.steps[name].actions
        files = [action.member("Action").member("mkfile") for action in actions]
        if self.steps[name].primary is not None or not all(file.value for file in files):
            return {}
        return {
            (file.member("path").text() or "").lstrip("/"): file.member("data").text() or ""
            for file in files
        }

    def _tops(self) -> set[str]:
        primaries = Counter(step.primary for step in self.steps.values())
        tops = {self.result}
        for step in self.steps.values():
            linked = set(step.inputs[1:]) if step.op.member("merge").value is not None else set()
            others = set(step.inputs) - {step.primary} - linked
            tops.update(name for name in others if not self.is_source(name))
        shared = (name for name, count in primaries.items() if name is not None and count > 1)
        tops.update(name for name in shared if not self.is_source(name))
        return tops

    def _stage(self, top: str, tops: set[str]) -> Stage:
        steps: list[Step] = []
        name: str | None = top
        while name is not None and not self.is_source(name) and (name == top or name not in tops):
            steps.append(self.steps[name])
            name = self.steps[name].primary
        return Stage(top, None if name is None else self.steps[name], tuple(reversed(steps)))


def _step(value: JsonValue) -> Step:
    inputs = (text.rpartition(":")[0] or text for text in value.member("inputs").texts())
    op = value.member("op").member("Op")
    return Step(value.member("id").required_text(), op, tuple(inputs))


def _reachable(steps: Mapping[str, Step], result: str, definition: JsonValue) -> dict[str, Step]:
    """The steps that `result` needs, each behind those that it needs itself.

    Raises `DamagedDocumentError` where a step is missing, or needs itself.
    """
    needed = {result}
    pending = [result]
    while pending:
        name = pending.pop()
        if name not in steps:
            raise definition.damaged(f"the step {name!r} is named and not there")
        pending.extend(one for one in dict.fromkeys(steps[name].inputs) if one not in needed)
        needed.update(steps[name].inputs)
    ordered = {name: steps[name] for name in _in_order(steps, needed)}
    if len(ordered) < len(needed):
        raise definition.damaged("build steps need themselves")
    return ordered


def _in_order(steps: Mapping[str, Step], needed: set[str]) -> Iterator[str]:
    """Kahn's topological order; steps in a circle are left out."""
    waiting = {name: len(set(step.inputs)) for name, step in steps.items() if name in needed}
    users: dict[str, list[str]] = {name: [] for name in waiting}
    for name in waiting:
        for used in set(steps[name].inputs):
            users[used].append(name)
    ready = deque(name for name, count in waiting.items() if not count)
    while ready:
        name = ready.popleft()
        yield name
        for user in users[name]:
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)


def number(value: JsonValue, default: int = 0) -> int:
    """A whole number; protobuf leaves out those that are 0."""
    found = value.value
    return found if isinstance(found, int) and not isinstance(found, bool) else default
