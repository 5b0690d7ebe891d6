"""What builders written in Go leave in history: `%q` lists, `%v` lists, structs and maps.

Source: Go's `fmt` and `strconv.Quote`; the forms are those of moby (daemon/builder/dockerfile)
and BuildKit (frontend/dockerfile/dockerfile2llb) over the years.
"""

import re
from dataclasses import dataclass

from imgforensics.oci.config import Healthcheck

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_LIST = re.compile(r'\[\s*(?:"(?:[^"\\]|\\.)*"\s*)*\]', re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_UNIT = {"h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000}
_UNIT |= {"us": 1_000, "µs": 1_000, "μs": 1_000, "ns": 1}
_DURATION = re.compile(r"([0-9]+)(?:\.([0-9]+))?(h|ms|m|s|us|µs|μs|ns)")
_OLD_HEALTHCHECK = re.compile(
    r"&?\{(\[.*\])((?: \"[0-9.a-zµμ]+\"){2,4}) '((?:\\.[^']*|[^'\\]|'))'\}", re.DOTALL
)
_NEW_HEALTHCHECK = re.compile(
    r"&?\{Test:\[(.*)\] Interval:(\S+) Timeout:(\S+) StartPeriod:(\S+)"
    r"(?: StartInterval:(\S+))? Retries:(\d+)\}",
    re.DOTALL,
)


def unquoted(text: str) -> str:
    """What stands between the quotes of a `%q` string, its escapes resolved."""
    return _ESCAPE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    byte, short, long, octal, letter = match.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    number = int(octal, 8) if octal else int(byte or short or long, 16)
    is_lone_byte = (byte or octal) and number > 0x7F
    is_scalar = number < 0x110000 and not 0xD800 <= number < 0xE000
    return chr(number) if is_scalar and not is_lone_byte else "\ufffd"


def quoted_list(text: str) -> tuple[str, ...] | None:
    """The members of `["a" "b"]`; None for anything else."""
    text = text.strip()
    if not _QUOTED_LIST.fullmatch(text):
        return None
    return tuple(unquoted(match[1]) for match in _QUOTED.finditer(text))


def bracketed(text: str) -> str | None:
    """What stands inside `[a b c]` or `map[a:{} b:{}]`, as one text: `%v` quotes nothing."""
    text = text.strip()
    if text.startswith("map[") and text.endswith("]"):
        return " ".join(part.removesuffix(":{}") for part in text[4:-1].split())
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1]
    return None


def duration(text: str) -> int:
    """Nanoseconds of a Go duration like `1m30s`; 0 for what is none."""
    total = 0
    for whole, fraction, unit in _DURATION.findall(text):
        total += int(whole[:18]) * _UNIT[unit]
        total += int(fraction[:9] or 0) * _UNIT[unit] // 10 ** len(fraction[:9])
    return total


def go_duration(nanoseconds: int) -> str:
    """A duration as a Dockerfile takes it: `1m30s`."""
    text, rest = "", nanoseconds
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        amount, rest = divmod(rest, _UNIT[unit])
        text += f"{amount}{unit}" if amount else ""
    return text or "0s"


@dataclass(frozen=True, slots=True)
class PrintedHealthcheck:
    """A health check as printed, and whether its words are told apart."""

    healthcheck: Healthcheck
    is_exact: bool


def printed_healthcheck(text: str) -> PrintedHealthcheck | None:
    r"""Read `&{["CMD-SHELL" "x"] "30s" ... '\x03'}` and `{Test:[CMD-SHELL x] Interval:30s ...}`."""
    text = text.strip()
    if old := _OLD_HEALTHCHECK.fullmatch(text):
        test = quoted_list(old[1])
        times = [duration(part) for part in _QUOTED.findall(old[2])]
        if test is None:
            return None
        return PrintedHealthcheck(_healthcheck(test, times, _rune(old[3])), is_exact=True)
    if new := _NEW_HEALTHCHECK.fullmatch(text):
        kind, _, command = new[1].partition(" ")
        test = (kind, command) if kind == "CMD-SHELL" else (kind, *command.split())
        times = [duration(part or "") for part in new.group(2, 3, 4, 5)]
        is_exact = kind in ("NONE", "CMD-SHELL")
        return PrintedHealthcheck(_healthcheck(test, times, int(new[6][:9])), is_exact)
    return None


def _healthcheck(test: tuple[str, ...], times: list[int], retries: int) -> Healthcheck:
    interval, timeout, start_period, start_interval = (times + [0] * 4)[:4]
    return Healthcheck(test, interval, timeout, start_period, start_interval, retries)


def _rune(text: str) -> int:
    """The number that a Go rune literal stands for."""
    return ord(unquoted(text)[:1] or "\0")
