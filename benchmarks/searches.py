"""What searches are measured on, against what one would do with a shell."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.goals import Peak, Ratio
from benchmarks.inputs import ImageInput, Inputs
from benchmarks.measure import Contestant
from benchmarks.peers import OURS, absent, our_entries
from benchmarks.works import Row, Work

_PEAK_MB = 200
_EXPRESSIONS = (
    "AKIA[0-9A-Z]{16}",
    "-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"(?i)password\s*[=:]\s*\S+",
    "gh[pousr]_[A-Za-z0-9]{36}",
    "xox[baprs]-[0-9A-Za-z-]{10,48}",
)
_FOR_GREP = (
    *_EXPRESSIONS[:2],
    "[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd][[:space:]]*[=:][[:space:]]*[^[:space:]]+",
    *_EXPRESSIONS[3:],
)
_TEXT = "AKIAIOSFODNN7EXAMPLE"
_NOTHING_FOUND = "0"
"""What both sides print: none of it is in the inputs, as in most images that are searched."""

_NAMES = ("--name", "*.no-such-name")
_FIVE = tuple(word for one in _EXPRESSIONS for word in ("-e", one))
_FIXED = ("-F", "-e", _TEXT)


def _our_search(image: ImageInput, what: str, *options: str) -> Contestant:
    def command(_target: Path) -> Sequence[str]:
        end = ("--in", "all", "--count", "--fail-on-match", "--quiet")
        return (*OURS, "search", str(image.path), *options, *end)

    name = f"imgforensics search --in all, {what}, of {image.title}"
    return Contestant(name, command, image, says=_NOTHING_FOUND)


def _shell(image: ImageInput, line: str, *needs: str) -> Contestant:
    script = f'for layer in "$@"; do {line}; done | wc -l'

    def command(_target: Path) -> Sequence[str]:
        return ("sh", "-c", script, "sh", *map(str, image.layer_files))

    return Contestant(line, command, image, absent(*needs), says=_NOTHING_FOUND)


def _names(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("gzip")
    return (
        Row(_our_search(image, "one name", *_NAMES), Peak(_PEAK_MB)),
        Row(our_entries(image), Ratio(1.15)),
    )


def _five(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("gzip")
    joined = "|".join(_FOR_GREP)
    line = f"igzip -dc \"$layer\" | tar -xO | grep -aE -e '{joined}'"
    return (
        Row(_our_search(image, "five expressions", *_FIVE), Peak(_PEAK_MB)),
        Row(_shell(image, line, "igzip", "tar"), Ratio(0.8)),
    )


def _fixed(inputs: Inputs) -> Sequence[Row]:
    image = inputs.ten_layers("gzip")
    line = f'igzip -dc "$layer" | grep -aF {_TEXT}'
    return (
        Row(_our_search(image, "-F", *_FIXED), Peak(_PEAK_MB)),
        Row(_shell(image, line, "igzip"), Ratio(1.3)),
    )


def _memory(inputs: Inputs) -> Sequence[Row]:
    image = inputs.large_file()
    return (
        Row(_our_search(image, "one name", *_NAMES), Peak(_PEAK_MB)),
        Row(_our_search(image, "five expressions", *_FIVE), Peak(_PEAK_MB)),
        Row(_our_search(image, "-F", *_FIXED), Peak(_PEAK_MB)),
    )


SEARCHES = (
    Work("search-names", "find a name in all layers of the gzip image", _names, rounds_factor=2),
    Work("search-five", "find five expressions in all layers", _five),
    Work("search-fixed", "find a text in all layers", _fixed),
    Work("search-memory", "the same with one file of 4 GB among the small ones", _memory),
)
