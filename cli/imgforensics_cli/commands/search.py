"""`search`: files by path, by facts and by content, living or deleted."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from imgforensics.image import Image
from imgforensics.opening import Need
from imgforensics.problems import Problem, display
from imgforensics.searching import ALL, DELETED, TOP, Among, HashList, Match, Query, search
from imgforensics_cli.failures import Status
from imgforensics_cli.matches import Form, MatchWriter
from imgforensics_cli.options import LayerNumber, refuse_without, size_of
from imgforensics_cli.output import counted, say
from imgforensics_cli.progress import counting
from imgforensics_cli.request import Request, layer_of

EXAMPLES = (
    "imgforensics search suspect.tar credentials --in all",
    "imgforensics search suspect.tar --content 'BEGIN .*PRIVATE KEY' --in deleted",
    "imgforensics search suspect.tar --type f --mode /6000 --long",
    "imgforensics search suspect.tar --sha256 known-bad.txt --in all --json",
    "imgforensics search suspect.tar '*.jar' --content 'JndiLookup' --decompress",
)

_ALGORITHMS = ("md5", "sha1", "sha256")
_HASH = "HASH|FILE"


def run(
    request: Request,
    *,
    pattern: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATTERN]",
            show_default=False,
            help="A glob: with a slash for the whole path, without for a name at any depth.",
        ),
    ] = None,
    among: Annotated[
        str,
        typer.Option(
            "--in",
            metavar="top|all|deleted",
            help="What a container sees, every version, or those that a container does not see.",
        ),
    ] = "top",
    layer: LayerNumber = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="GLOB", help="The last part of the path.")
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="GLOB", help="The whole path; ** for any directories."),
    ] = None,
    regex: Annotated[
        list[str] | None,
        typer.Option("--regex", metavar="REGEX", help="The whole path, from / on."),
    ] = None,
    kinds: Annotated[
        str,
        typer.Option("--type", metavar="f,d,l,h,c,b,p", help="Kinds; h: names by hard links."),
    ] = "",
    size: Annotated[
        list[str] | None,
        typer.Option("--size", metavar="[+-]N[ckMGT]", help="As find has it; without unit, bytes."),
    ] = None,
    newer: Annotated[
        str | None, typer.Option("--newer", metavar="DATE|PATH", help="Modified after.")
    ] = None,
    older: Annotated[
        str | None, typer.Option("--older", metavar="DATE|PATH", help="Modified before.")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode", metavar="[-/]OCTAL", help="Exactly, all (-) or any (/) of the bits."
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="USER[:GROUP]", help="Names or numbers.")
    ] = None,
    xattr: Annotated[
        str | None, typer.Option("--xattr", metavar="GLOB", help="Name of an extended attribute.")
    ] = None,
    executable: Annotated[
        bool, typer.Option("--executable", help="Files that somebody may execute.")
    ] = False,
    md5: Annotated[
        list[str] | None, typer.Option("--md5", metavar=_HASH, help="A hash, or a list of them.")
    ] = None,
    sha1: Annotated[list[str] | None, typer.Option("--sha1", metavar=_HASH)] = None,
    sha256: Annotated[list[str] | None, typer.Option("--sha256", metavar=_HASH)] = None,
    hashes: Annotated[
        list[Path] | None,
        typer.Option(
            "--hashes", metavar="FILE", help="A list: plain, hashdeep or NSRL RDS; all its hashes."
        ),
    ] = None,
    mime: Annotated[
        str | None, typer.Option("--mime", metavar="GLOB", help="MIME type, by libmagic.")
    ] = None,
    magic: Annotated[
        str | None, typer.Option("--magic", metavar="REGEX", help="In libmagic's description.")
    ] = None,
    entropy: Annotated[
        str | None, typer.Option("--entropy", metavar="'>7.5'", help="Bits for each byte.")
    ] = None,
    content: Annotated[
        list[str] | None,
        typer.Option(
            "--content", "-e", metavar="REGEX", help="Lines that match (RE2); repeatable."
        ),
    ] = None,
    fixed: Annotated[
        bool, typer.Option("--fixed-strings", "-F", help="--content is text, not REGEX.")
    ] = False,
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", "-i", help="In names, paths and contents.")
    ] = False,
    context: Annotated[
        int, typer.Option("--context", "-C", metavar="N", min=0, help="Lines around each match.")
    ] = 0,
    text: Annotated[
        bool, typer.Option("--text", "-a", help="Show lines of binary files, too.")
    ] = False,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="Leave contents of more bytes unread."),
    ] = None,
    decompress: Annotated[
        bool,
        typer.Option("--decompress", "-z", help="Look into compressed files, tar, zip and jar."),
    ] = False,
    levels: Annotated[
        int, typer.Option("--levels", metavar="N", min=1, help="How deep --decompress looks.")
    ] = 1,
    long: Annotated[bool, typer.Option("--long", help="Mode, owner, size, time, too.")] = False,
    files: Annotated[
        bool, typer.Option("--files-with-matches", "-l", help="Each version once, without lines.")
    ] = False,
    count: Annotated[bool, typer.Option("--count", help="Only how many matches.")] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Paths alone, raw, each ended by a NUL.")
    ] = False,
    fail_on_match: Annotated[
        bool, typer.Option("--fail-on-match", help="Status 1 if anything matches, 0 if not.")
    ] = False,
) -> int:
    """Find files by path, facts or content, in what a container sees or in all that layers hold.

    Criteria of different kinds must all hold. Each line says which layer holds the version, and
    whether it is in the final image. The exit status is 0 if anything was found, 1 if not.
    """
    _check_scope(among, layer)
    if not content:
        of_lines = {"--fixed-strings": fixed, "--context": context > 0, "--text": text}
        refuse_without("--content", of_lines | {"--decompress": decompress})
    if not decompress:
        refuse_without("--decompress", {"--levels": levels > 1})
    form = _form(request, long=long, count=count, null=null)
    query = Query(
        name=(*(name or ()), *_names(pattern, with_slash=False)),
        path=(*(path or ()), *_names(pattern, with_slash=True)),
        regex=tuple(regex or ()),
        ignore_case=ignore_case,
        kinds=kinds,
        size=tuple(size or ()),
        newer=newer,
        older=older,
        mode=mode,
        owner=owner,
        xattr=xattr,
        executable=executable,
        hashes=tuple(
            _hash_lists(request, zip(_ALGORITHMS, (md5, sha1, sha256), strict=True), hashes)
        ),
        mime=mime,
        magic=magic,
        entropy=entropy,
        content=tuple(content or ()),
        fixed=fixed,
        context=context,
        text=text,
        max_size=None if max_size is None else size_of(max_size, "--max-size"),
        decompress=levels if decompress else 0,
    )
    if not query.asks_for_contents:
        refuse_without("a criterion of contents", {"--max-size": max_size is not None})
    needs_contents = query.asks_for_contents or query.owner is not None
    with request.open(Need.CONTENTS if needs_contents else Need.ENTRIES) as image:
        scope = among if layer is None else layer_of(image, layer)
        writer = MatchWriter(form, each_version_once=files or null, verbose=request.verbose)
        problems = _search(request, image, query, scope, writer.write)
        writer.finish(problems, quiet=request.quiet)
        is_good = (writer.count > 0) != fail_on_match
        return request.conclude(problems, Status.DONE if is_good else Status.NO)


def _check_scope(among: str, layer: int | None) -> None:
    if among not in (TOP, ALL, DELETED):
        raise typer.BadParameter(f"{among!r} is not top, all or deleted", param_hint="--in")
    if layer is not None and among != TOP:
        raise typer.BadParameter("excludes --in", param_hint="--layer")


def _form(request: Request, *, long: bool, count: bool, null: bool) -> Form:
    asked = {Form.LONG: long, Form.COUNT: count, Form.NAMES: null, Form.JSON: request.json}
    forms = [form for form, is_asked in asked.items() if is_asked]
    if len(forms) > 1:
        raise typer.BadParameter(
            "exclude one another", param_hint="--long, --count, --null, --json"
        )
    return forms[0] if forms else Form.LINES


def _names(pattern: str | None, *, with_slash: bool) -> tuple[str, ...]:
    """The argument, where it is of the sort that is asked for."""
    return () if pattern is None or ("/" in pattern) != with_slash else (pattern,)


def _hash_lists(
    request: Request, by_algorithm: Iterable[tuple[str, list[str] | None]], files: list[Path] | None
) -> Iterator[HashList]:
    for algorithm, given in by_algorithm:
        for each in given or ():
            yield _told(request, HashList.of(each, algorithm))
    for file in files or ():
        yield _told(request, HashList.read(file))


def _told(request: Request, hashes: HashList) -> HashList:
    if hashes.bad_lines and not request.quiet:
        first = ", ".join(map(str, hashes.first_bad_lines))
        more = " and further ones" if hashes.bad_lines > len(hashes.first_bad_lines) else ""
        lines = counted(hashes.bad_lines, "line")
        say(f"warning: {display(hashes.source)}: {lines} without a hash left out: {first}{more}")
    return hashes


def _search(
    request: Request, image: Image, query: Query, scope: Among, write: Callable[[Match], None]
) -> tuple[Problem, ...]:
    """Write every match as it is found; the problems met."""
    if not query.asks_for_contents:
        request.scan_what_can_be(image)
    total = sum(layer.stored_size for layer in image.layers if layer.is_present)
    with (
        counting(total, "B", shown=not request.quiet and query.asks_for_contents) as advance,
        search(image, query, among=scope, progress=advance) as matches,
    ):
        for match in matches:
            write(match)
        return tuple(dict.fromkeys((*image.problems, *matches.problems)))
