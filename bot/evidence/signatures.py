"""Lines of a log made readable: errors alike folded into one with its count, stack traces kept whole, then the tail.

Grouping looks at lines as they came; only what is kept is redacted, private keys over several lines before anything
else. Pure, linear in the length. It refuses to know any one program's format: it looks for words that all of them use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.observed import SignatureSeen
from bot.domain.redaction import HIDDEN, redact

MOST_SIGNATURES, MOST_TRACE, MOST_TAIL = 8, 30, 200
LONGEST, LONGEST_LINE, LONGEST_JSON = 400, 2000, 65_536
"""Characters that are kept of a line, and those that are looked at."""
TAIL_BYTES = 24_000

_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) (.*)", re.DOTALL)
"""A line as the kubelet gives it with ``timestamps``."""
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,12}[A-Za-z]")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
MOST_KEY = 120
"""Lines of a private key."""
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_KEY_LINE = re.compile(r"[A-Za-z0-9+/]{1,100}={0,2}|\[hidden\]")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}")
"""A line of nothing else is the inside of a key or certificate whose beginning may have been cut off."""

_LEVEL = re.compile(
    r"(?ix)"
    r"(?: \b(?:level|lvl|severity|loglevel)[\"']?\s{0,2}[=:]\s{0,2}[\"']? (?P<named>[a-z]{3,10})"
    r"| ^\[?(?P<klog>[IWEF])\d{4}\s )"
)
_HARMLESS = re.compile(r"^[\[(<|\s]{0,3}(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?)\b")
_NUMBERED = {50: "error", 60: "fatal"}
"""Levels as pino and bunyan number them."""
_BAD_LEVELS = frozenset(
    {"error", "err", "eror", "fatal", "critical", "crit", "panic", "emerg", "alert", "severe", "dpanic"}
)
_FATAL_LEVELS = frozenset({"fatal", "critical", "crit", "panic", "emerg", "dpanic"})
_ERROR = re.compile(
    r"\b(?:ERROR|ERR|FATAL|CRITICAL|SEVERE|PANIC|EMERG)\b|\b[Ee]rror\b|\b[A-Za-z_.]{0,80}(?:Error|Exception)\b"
    r"|\b[Pp]anic(?:ked)?\b|\b(?:[Ff]atal|[Ff]ailed|[Ff]ailure|[Rr]efused|[Dd]enied|[Tt]imed out|[Uu]nhandled)\b"
    r"|\b(?:[Cc]annot|[Uu]nable to|[Oo]ut of memory|OOM|[Ss]egmentation fault|[Nn]o such file)\b|\bcore dumped\b"
)
_NO_ERROR = re.compile(
    r"(?i)\b(?:no|0|without) errors?\b|\berrors?[\"']?\s?[=:]\s?[\"']?(?:0|null|nil|none|false|\"\")(?![\w.])"
)
_FATAL = re.compile(
    r"\b(?:FATAL|PANIC|CRITICAL|EMERG)\b|^panic:|\bpanicked at\b|[Uu]nhandled|\bTraceback\b|core dumped"
)

_TRACE_START = re.compile(
    r"^(?:Traceback \(most recent call last\)|panic:|goroutine \d+|thread '.{0,80}' panicked|Exception in thread"
    r"|Unhandled [Ee]xception)"
)
_TRACE_MORE = re.compile(
    r"^(?:\s+\S|Caused by:|\.\.\. \d+ more|goroutine \d+ \[|During handling of|The above exception was|note: run with"
    r"|stack backtrace:|exit status \d|created by |[\w./*()]{1,120}\(.{0,200}\)$|\s*$|\[signal )"
)
_RUST = re.compile(r"^thread '.{0,80}' panicked at .{1,200}:$")
_HEAD = re.compile(
    r"^[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d| UTC)?[\])]?\s*"
    r"|^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ |^\w{3} [ \d]\d \d\d:\d\d:\d\d "
)
_VARYING = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,64}\b"), "<id>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\d+(?:\.\d+)?"), "#"),
)


@dataclass(frozen=True)
class Digest:
    """What is kept of one log."""

    signatures: tuple[SignatureSeen, ...] = ()
    tail: tuple[str, ...] = ()
    lines: int = 0


@dataclass
class _Entry:
    """One message: its line, and the trace that belongs to it."""

    at: str
    text: str
    trace: list[str] = field(default_factory=list)


@dataclass
class _Group:
    first: _Entry
    last: _Entry
    count: int = 0
    fatal: bool = False
    trace: Sequence[str] = ()


def digest(text: str, *, every: bool = False) -> Digest:
    """The log of one container, times before the lines as the kubelet writes them.

    ``every`` line is taken for an error where whoever chose the lines said so.
    """
    lines = _without_ends_of_keys(list(_lines(_PRIVATE_KEY.sub(HIDDEN, text))))
    groups: dict[str, _Group] = {}
    for entry in _entries(lines):
        if not (every or entry.trace or is_error(entry.text)):
            continue
        key = signature(entry.text)
        group = groups.setdefault(key, _Group(entry, entry))
        group.last = entry
        group.count += 1
        group.fatal = group.fatal or is_fatal(entry)
        group.trace = entry.trace or group.trace
    ordered = sorted(groups.items(), key=lambda pair: (pair[1].fatal, pair[1].count, pair[1].last.at), reverse=True)
    seen = tuple(_seen(group) for _, group in ordered[:MOST_SIGNATURES])
    return Digest(seen, _tail([line for _, line in lines]), len(lines))


def is_error(line: str) -> bool:
    """Whether a line tells of trouble; where it names its level that decides."""
    level = _LEVEL.search(line[:LONGEST_LINE])
    if level is not None:
        return (level["named"] or "").lower() in _BAD_LEVELS or level["klog"] in {"E", "F"}
    if _HARMLESS.match(_HEAD.sub("", line, count=1)):
        return False
    return bool(_ERROR.search(line)) and not _NO_ERROR.search(line)


def is_fatal(entry: _Entry) -> bool:
    """Whether the program likely ended with it: its level, a panic, or a trace."""
    level = _LEVEL.search(entry.text[:LONGEST_LINE])
    named = level is not None and ((level["named"] or "").lower() in _FATAL_LEVELS or level["klog"] == "F")
    return named or bool(entry.trace) or bool(_FATAL.search(entry.text))


def signature(line: str) -> str:
    """A line without what changes from one to the next: its time, numbers, ids, addresses."""
    text = _HEAD.sub("", line[:LONGEST_LINE], count=1)
    for varying, word in _VARYING:
        text = varying.sub(word, text)
    return " ".join(text.split())[:LONGEST]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """(time, line) of each; carriage returns and colours are dropped, JSON is put into words."""
    for raw in text.split("\n"):
        stamped = _STAMPED.fullmatch(raw.rstrip("\r"))
        at, line = (stamped[1], stamped[2]) if stamped else ("", raw.rstrip("\r"))
        if line[:1] == "{" and len(line) < LONGEST_JSON:
            yield from ((at, told[:LONGEST_LINE]) for told in _json(line).split("\n") if told.strip())
            continue
        line = _COLOURS.sub("", line[:LONGEST_LINE])
        if line.strip() or stamped:
            yield at, HIDDEN if _KEY_BODY.fullmatch(line.strip()) else line.rstrip()


def _without_ends_of_keys(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The lines without the rest of a private key whose beginning lies before the tail that was read."""
    kept = list(lines)
    for number, (_, line) in enumerate(lines):
        if _KEY_END.search(line):
            above = number
            while above >= max(0, number - MOST_KEY) and (
                above == number or _KEY_LINE.fullmatch(kept[above][1].strip())
            ):
                kept[above] = (kept[above][0], HIDDEN)
                above -= 1
    return kept


def _json(line: str) -> str:
    """A structured line as ``level=error message: error`` with its stack below; as it came if it is something else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return line
    message = _first(found, ("msg", "message", "event", "log")) if isinstance(found, dict) else ""
    if not message:
        return line
    level = found.get("level", found.get("severity", found.get("lvl", "")))
    if isinstance(level, int):
        level = _NUMBERED.get(level, "info" if level < 50 else "fatal")
    why = _first(found, ("error", "err", "exception", "exc_info"))
    stack = _first(found, ("stack", "stacktrace", "stack_trace"))
    head = f"level={level} {message}" if level else message
    told = f"{head}: {why}" if why and why not in message else head
    below = "\n".join(f"    {one.strip()}" for one in stack.split("\n") if one.strip() and one.strip() not in told)
    return f"{told}\n{below}" if below else told


def _first(found: dict[str, Any], names: tuple[str, ...]) -> str:
    """The first of these that says something; an object by its own message."""
    for name in names:
        value = found.get(name)
        if isinstance(value, dict):
            value = value.get("message") or value.get("msg") or value.get("stack")
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _entries(lines: Sequence[tuple[str, str]]) -> Iterator[_Entry]:
    """Messages with their traces. Python's names its error last, so that line becomes the message."""
    current: _Entry | None = None
    python = False
    for at, line in lines:
        if python and current is not None and line and not line[0].isspace():
            # The first line that isn't indented ends Python's trace: "KeyError: 'DB_URL'".
            yield _Entry(at, line, current.trace)
            current, python = None, False
        elif current is not None and _RUST.match(current.text) and len(current.trace) == 1:
            current.text = f"{current.text} {line}"  # Rust says what happened on the line after where it happened
            current.trace.append(line)
        elif current is not None and _TRACE_MORE.match(line) and (current.trace or _opens(current.text, line)):
            current.trace.append(line)
        else:
            if current is not None:
                yield current
            python = line.startswith("Traceback (most recent call last)")
            current = _Entry(at, line)
            if python or _TRACE_START.match(line):
                current.trace.append(line)
    if current is not None:
        yield current


def _opens(message: str, line: str) -> bool:
    """Whether a line begins the trace of the message before it: ``at ...``, ``from ...``, indented below an error."""
    stripped = line.lstrip()
    indented = line[:1].isspace()
    return indented and (stripped.startswith(("at ", "from ", "File ", "...")) or is_error(message))


def _seen(group: _Group) -> SignatureSeen:
    trace = [line[:LONGEST] for line in group.trace if line.strip()]
    if len(trace) > MOST_TRACE:  # both ends tell: where it began, and what it was caused by
        half = MOST_TRACE // 2
        trace = [*trace[:half], f"… {len(trace) - 2 * half} lines left out", *trace[-half:]]
    return SignatureSeen(
        text=signature(redact(group.last.text)),  # in this order: a token with its digits gone has no shape
        count=group.count,
        sample=redact(group.last.text)[:LONGEST],
        trace=tuple(redact("\n".join(trace)).split("\n")) if trace else (),
        first_at=group.first.at,
        last_at=group.last.at,
    )


def _tail(lines: Sequence[str]) -> tuple[str, ...]:
    kept = [line[:LONGEST_LINE] for line in lines[-MOST_TAIL:]]
    told = redact("\n".join(kept)).split("\n") if kept else []
    found: list[str] = []
    room = TAIL_BYTES
    for line in reversed(told):
        short = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
        room -= len(short.encode()) + 1
        if room < 0:
            break
        found.append(short)
    return tuple(reversed(found))
