"""Hides what looks like a secret in text that came from outside, before it is stored, logged or shown.

Event messages, annotations and log lines carry tokens that somebody printed by mistake. ``redact`` knows the shapes of
common tokens and the names under which secrets are written (``password=...``). It is a net, not a wall: it refuses to
promise that every secret has a known shape, and it never decides what is stored. Pure, near linear in the length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

HIDDEN = "[hidden]"
"""What stands where a secret stood."""

_KEY = (
    r"[\w.\-]{0,40}?(?:passw(?:or)?d|passwd|pwd|secret|token|api[_\-]?key|access[_\-]?key|private[_\-]?key"
    r"|client[_\-]?secret|credential|authorization|session[_\-]?id|cookie|dsn)[\w\-]{0,24}"
)

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        HIDDEN,
    ),
    (re.compile(r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{4,}"), HIDDEN),
    (re.compile(r"\bxapp-[A-Za-z0-9-]{4,}"), HIDDEN),
    (re.compile(r"https://hooks\.slack\.com/[A-Za-z]+/[A-Za-z0-9/_-]+"), HIDDEN),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{35}"), HIDDEN),
    (re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"), HIDDEN),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
    (
        re.compile(r"\b((?i:bearer|basic))\s+(?!Information\b)(?=[a-z._~+/-]{0,60}[A-Z0-9=])[A-Za-z0-9._~+/=-]{8,}"),
        rf"\1 {HIDDEN}",
    ),
    (re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,200}):[^\s/\"'<>]{1,200}@"), rf"\1:{HIDDEN}@"),
    (
        re.compile(
            rf"(?i)([\"']?\b{_KEY}[\"']?\s{{0,3}}(?:=|:)\s{{0,3}})(?!\s{{0,3}}\[hidden\](?:[\s\"',;&|)}}\]]|\Z))"
            rf"(\"[^\"\n]{{1,400}}\"|'[^'\n]{{1,400}}'|[^\s\"',;&|)}}\]]+)"
        ),
        rf"\1{HIDDEN}",
    ),
)

_MARKS = (
    "private key", "xox", "xapp-", "hooks.slack", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat",
    "akia", "asia", "agpa", "aida", "aroa", "aiza", "sk-", "sk_", "rk_", "pk_", "eyj", "bearer", "basic", "@",
    "passw", "pwd", "secret", "token", "key", "credential", "authorization", "session", "cookie", "dsn",
)  # fmt: skip
"""Without one of these, in lower case, no shape can match: a plain search is 20 times faster than the patterns."""

_ANY_MARK = re.compile("|".join(re.escape(mark) for mark in _MARKS)).search
_SHORT = 300


def redact(text: str) -> str:
    """``text`` with everything that looks like a secret replaced by ``[hidden]``; other text is left as it is."""
    return _remembered(text) if len(text) < _SHORT else _redacted(text)


def _redacted(text: str) -> str:
    lowered = text.lower()
    # One look at each character is faster for a label's value, a plain search for each mark for a page of log.
    if not (_ANY_MARK(lowered) if len(lowered) < _SHORT else any(mark in lowered for mark in _MARKS)):
        return text
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


_remembered = lru_cache(maxsize=4096)(_redacted)
"""Alerts bring the same short values again and again; what was asked is kept in memory, where the alerts are anyway."""


def redact_values(table: Mapping[str, str]) -> dict[str, str]:
    """The same for every value; a value whose own key names a secret is hidden whole."""
    return {key: HIDDEN if value and names_secret(key) else redact(value) for key, value in table.items()}


@lru_cache(maxsize=2048)
def names_secret(key: str) -> bool:
    """Whether what stands under this name is a secret; remembered, as alerts bring the same few names again."""
    return _SECRET_KEY.fullmatch(key) is not None


_SECRET_KEY = re.compile(rf"(?i){_KEY}")
