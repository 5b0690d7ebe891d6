"""Names of images, and when two of them mean the same image.

Source: https://github.com/distribution/reference (grammar and the `docker.io/library/`
defaults that Docker's own names go without).
"""

import re
from dataclasses import dataclass

_DEFAULT_DOMAIN = "docker.io"
_DEFAULT_TAG = "latest"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LOCAL = "localhost"
"""The domain that buildah and podman give to images that they built."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name taken apart: `[domain/]path[:tag][@digest]`, defaults not yet filled in."""

    domain: str | None
    path: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Take a name apart; any text is accepted, for archives hold any text."""
        name, _, digest = text.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        name = head + slash + last
        first, slash, rest = name.partition("/")
        has_domain = bool(slash) and ("." in first or ":" in first or first == _LOCAL)
        domain, path = (first, rest) if has_domain else (None, name)
        return cls(domain, path, tag or None, digest or None)

    @property
    def repository(self) -> str:
        """Domain and path with Docker's defaults: `docker.io/library/alpine`."""
        domain = self.domain or _DEFAULT_DOMAIN
        domain = _DEFAULT_DOMAIN if domain == "index.docker.io" else domain
        bare = domain == _DEFAULT_DOMAIN and "/" not in self.path
        return f"{domain}/library/{self.path}" if bare else f"{domain}/{self.path}"

    def __str__(self) -> str:
        if self.digest is None:
            return f"{self.repository}:{self.tag or _DEFAULT_TAG}"
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}@{self.digest}"


def match_rank(wanted: str, held: str) -> int | None:
    """How well a name that an image has answers the one wanted: 0 best, None not at all.

    0: the same text. 1: the same after Docker's defaults (`alpine` is
    `docker.io/library/alpine:latest`). 2: the same but for podman's `localhost/`. 3: the
    wanted repository with whatever tag, where no tag was wanted. 4: only a tag is held, as
    OCI layouts do (`3.19`), and it is the wanted name's tag; or only a tag was wanted.
    """
    if wanted == held:
        return 0
    mine, theirs = Reference.parse(wanted), Reference.parse(held)
    if str(mine) == str(theirs):
        return 1
    if _without_local(mine) == _without_local(theirs):
        return 2
    if mine.tag is None and mine.digest is None and mine.repository == theirs.repository:
        return 3
    return 4 if _bare_tag(held, mine) or _bare_tag(wanted, theirs) else None


def _without_local(reference: Reference) -> str:
    domain = None if reference.domain == _LOCAL else reference.domain
    return str(Reference(domain, reference.path, reference.tag, reference.digest))


def _bare_tag(text: str, other: Reference) -> bool:
    return _TAG.fullmatch(text) is not None and other.tag == text
