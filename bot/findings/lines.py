"""What one line of a log points to: a dependency that doesn't answer, a setting that isn't there, a full disk.

Lines come from programs that anybody wrote, so this is a table of the words that runtimes, drivers and kernels use;
each pattern is bounded, and only the beginning of a line is looked at. It refuses to know where a line comes from.
"""

from __future__ import annotations

import re
from enum import StrEnum

LONGEST = 1000
"""Characters that are looked at."""


class Points(StrEnum):
    """What a line points to; the order is that in which lines are tried and signs are weighed."""

    DISK_FULL = "disk_full"
    MEMORY = "memory"
    COMMAND = "command"
    LOCAL = "local"
    CERTIFICATE = "certificate"
    CREDENTIALS = "credentials"
    SETTING = "setting"
    DEPENDENCY = "dependency"
    PERMISSION = "permission"
    STUCK = "stuck"
    ERROR = "error"


def _words(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


_TABLE: tuple[tuple[Points, re.Pattern[str]], ...] = (
    (
        Points.DISK_FULL,
        _words(
            r"no space left on device", r"\bENOSPC\b", r"disk quota exceeded", r"disk is full", r"could not extend file"
        ),
    ),
    (
        Points.MEMORY,
        _words(
            r"OutOfMemoryError",
            r"heap out of memory",
            r"cannot allocate memory",
            r"\bMemoryError\b",
            r"\bENOMEM\b",
            r"GC overhead limit",
        ),
    ),
    (
        Points.COMMAND,
        _words(
            r"executable file not found",
            r"exec format error",
            r"exec: .{1,200}no such file or directory",
            r"cannot execute binary",
        ),
    ),
    (
        Points.LOCAL,
        _words(
            r"address already in use",
            r"\bEADDRINUSE\b",
            r"lock file",
            r"\block(?:ed)? (?:is )?(?:already )?held",
            r"could not (?:get|acquire|obtain) (?:the )?lock",
            r"database is locked",
            r"stale (?:pid|lock)",
            r"pid ?file",
            r"another instance",
            r"(?:cache|index|segment|journal|wal)\b.{0,60}corrupt",
            r"corrupt\w* (?:cache|index|segment|journal|wal)",
        ),
    ),
    (
        Points.CERTIFICATE,
        _words(
            r"certificate has expired",
            r"CERT_HAS_EXPIRED",
            r"certificate is not (?:yet )?valid",
            r"CERTIFICATE_VERIFY_FAILED",
            r"certificate signed by unknown authority",
        ),
    ),
    (
        Points.CREDENTIALS,
        _words(
            r"password authentication failed",
            r"access denied for user",
            r"invalid credentials",
            r"authentication failed",
            r"\bWRONGPASS\b",
            r"\bNOAUTH\b",
        ),
    ),
    (
        Points.SETTING,
        _words(
            r"KeyError: ['\"][A-Z][A-Z0-9_]+['\"]",
            r"environment variable",
            r"\benv(?:ironment)? var",
            r"missing required (?:config|setting|option|key|parameter|property)",
            r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+ (?:is |was )?(?:not set|must be set|is required|required|missing|undefined)",
            r"(?:no such file or directory|FileNotFoundError|cannot open|can't "
            r"open).{0,120}\.(?:ya?ml|json|conf|cfg|toml|ini|properties|pem|crt|key)\b",
            r"\.(?:ya?ml|json|conf|cfg|toml|ini|properties|pem|crt|key)\b.{0,40}no such file or directory",
            r"could not resolve placeholder",
            r"(?:error|invalid|cannot|failed).{0,160}/\S{1,80}\.(?:ya?ml|json|conf|cfg|toml|ini|properties)\b",
            r"invalid config",
            r"unknown (?:config|configuration|field|option|flag)",
        ),
    ),
    (
        Points.DEPENDENCY,
        _words(
            r"connection refused",
            r"\bECONNREFUSED\b",
            r"no route to host",
            r"\bEHOSTUNREACH\b",
            r"network is unreachable",
            r"i/o timeout",
            r"connect(?:ion)? timed? ?out",
            r"\bETIMEDOUT\b",
            r"no such host",
            r"name or service not known",
            r"temporary failure in name resolution",
            r"\bENOTFOUND\b",
            r"\bEAI_AGAIN\b",
            r"could not translate host name",
            r"UnknownHostException",
            r"server closed the connection unexpectedly",
            r"database system is (?:starting up|shutting down)",
            r"too many connections",
            r"upstream connect error",
            r"CommunicationsException",
            r"ServiceUnavailable",
            r"503 Service Unavailable",
            r"\bMaxRetryError\b",
            r"no healthy upstream",
            r"leader not available",
            r"ServerSelectionTimeout",
            r"Communications link failure",
            r"connection is not available",
            r"NoBrokersAvailable",
            r"out of available brokers",
            r"\w*ConnectionError\b",
            r"connection error",
            r"(?:failed|unable|could not|cannot|can't) to connect",
            r"(?:could not|cannot|can't) (?:connect|reach)",
            r"connection to \S{1,120} failed",
            r"connection aborted",
            r"remote end closed connection",
            r"code = Unavailable",
            r"upstream (?:request )?(?:timeout|timed out|unavailable)",
            r"brokers? (?:are|is) (?:down|not available)",
        ),
    ),
    (
        Points.PERMISSION,
        _words(r"permission denied", r"\bEACCES\b", r"operation not permitted", r"read-only file system", r"\bEROFS\b"),
    ),
    (
        Points.STUCK,
        _words(
            r"pool (?:is )?(?:exhausted|full|empty)",
            r"\bdeadlock",
            r"too many open files",
            r"\bEMFILE\b",
            r"queue (?:is )?full",
            r"no (?:free|idle|available) (?:worker|thread|slot|connection)s?",
            r"event loop (?:is )?(?:blocked|lag)",
            r"\bwatchdog\b",
            r"\b(?:stuck|hung|starved|stalled)\b",
            r"worker timeout",
        ),
    ),
    (
        Points.ERROR,
        _words(
            r"\bpanic:",
            r"\bfatal\b",
            r"traceback",
            r"\b\w*exception\b",
            r"\b\w*error\b",
            r"\bcritical\b",
            r"segmentation fault",
            r"assertion failed",
            r"unhandled",
            r"\bthrew\b",
        ),
    ),
)

_WEAK = _words(r"level=(?:warn|info|debug)", r"\bWARN(?:ING)?\b", r"\bINFO\b", r"\bDEBUG\b")
"""A line of such a level tells of no error by the word alone."""

_NUMBERS = re.compile(r"\d+")
_LIKE = 60
_HOST = r"([A-Za-z0-9](?:[\w.-]{0,200}[A-Za-z0-9])?(?::\d{1,5})?)"
_HOSTS = (
    re.compile(r"lookup " + _HOST),
    re.compile(r"dial \w+ " + _HOST),
    re.compile(r"server at \"?" + _HOST + r"\"?(?: \([^)]{1,60}\))?, port (\d{1,5})"),
    re.compile(r"host='" + _HOST + r"', port=(\d{1,5})"),
    re.compile(r"ECONNREFUSED " + _HOST),
    re.compile(r"(?:ENOTFOUND|EAI_AGAIN|ETIMEDOUT) " + _HOST),
    re.compile(r"(?:translate host name|UnknownHostException:?) \"?" + _HOST),
    re.compile(r"connect(?:ing|ion)? to (?:the )?(?:server )?[\"']?(?:\w+://)?" + _HOST, re.IGNORECASE),
    re.compile(r"(?:upstream|backend|host|addr|server|broker|endpoint)[=: ] ?[\"']?(?:\w+://)?" + _HOST, re.IGNORECASE),
    re.compile(r"\w://(?:[^@/\s]{1,80}@)?" + _HOST),
    re.compile(r"(?:reach|to) (the \w{3,30})\b"),
)
_NAMES = (
    re.compile(r"KeyError: ['\"](\w{1,80})['\"]"),
    re.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]{1,80})\b"),
    re.compile(r"((?:/[\w.-]{1,80}){1,12}\.\w{1,10})"),
)


def points_to(line: str) -> tuple[Points, str] | None:
    """What one line points to and the name in it; None for a line that tells of no trouble."""
    short = line[:LONGEST]
    for points, words in _TABLE:
        if words.search(short):
            weak = points is Points.ERROR and _WEAK.search(short)
            return None if weak else (points, _what(points, short))
    return None


def _what(points: Points, line: str) -> str:
    if points is Points.DEPENDENCY:
        return _host(line)
    if points is Points.ERROR:
        return _NUMBERS.sub("#", line)[:_LIKE]  # errors of different texts are different signs
    if points is Points.SETTING:
        return next((match[1] for shape in _NAMES if (match := shape.search(line))), "")
    return ""


NO_HOSTS = frozenset({
    "failed", "failure", "error", "errors", "unavailable", "unreachable", "timeout", "timed", "request", "requests",
    "connect", "connection", "response", "responded", "returned", "is", "was", "has", "not", "down", "closed", "reset",
})  # fmt: skip
"""Words that follow "upstream" or "server" and name none."""


def _host(line: str) -> str:
    for shape in _HOSTS:
        match = shape.search(line)
        if match and match[1].lower() not in NO_HOSTS:
            port = match[2] if match.re.groups > 1 else ""
            name = match[1].rstrip(".")
            return f"{name}:{port}" if port and ":" not in name else name
    return ""


_HEAD = re.compile(r"^\[?\d{4}-\d\d-\d\d[T ][\d:.,]{8,20}(?:Z|[+-]\d\d:?\d\d)?\]?\s*(?:\w+=)?")
_FIELD = re.compile(r"\b(msg|message|error|err)=(\"(?:[^\"\\]|\\.){0,400}\"|\S{1,200})")
_LEVEL = re.compile(r"^(?:level|lvl|severity)=\w+\s+")


def _unquoted(value: str) -> str:
    """Without the quotes around it; those in it are its own."""
    whole = len(value) > 1 and value.startswith('"') and value.endswith('"')
    return (value[1:-1] if whole else value.strip('"')).replace('\\"', '"')


def spoken(line: str) -> str:
    """What a line says, without its time and level: of key=value lines the message and the error."""
    short = _HEAD.sub("", line[:LONGEST], count=1) if _HEAD.match(line) else line[:LONGEST]
    fields = {name: _unquoted(value) for name, value in _FIELD.findall(short)}
    message = fields.get("msg", fields.get("message", ""))
    error = fields.get("error", fields.get("err", ""))
    if message or error:
        return ": ".join(part for part in (message, error) if part)
    return _LEVEL.sub("", short)
