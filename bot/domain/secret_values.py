"""Hides what stands behind the name of a secret: ``password=...``, ``"apiKey": "..."``, ``--token ...``, and so on.

A name is found first, then the sign between name and value, then where the value ends. What is plainly no secret stays:
``token: expired``, ``password=null``, ``secret: api-tls``. Every step looks at a bounded piece or moves on
behind what it has read, so that the whole is linear in the length of the text.
"""

from __future__ import annotations

import re

from bot.domain.secret_names import CORE, core_of
from bot.domain.secret_shapes import HIDDEN

_LONGEST_NAME = 60
_REST = re.compile(r"[\w.\-]{0,60}")

_SIGN = re.compile(
    r"(?P<close>\\{0,8}[\"'`]|\*\*)?\]?(?P<sign>(?:\s\d{1,2})?\s{0,8}(?::=|=>|={1,2}>?|:(?!:)|->)[ \t]{0,3}"
    r"|\s{1,3}(?:\+=|~=)\s{1,3})"
)
_NEXT_WORD = re.compile(r"[\"']?,?\s+[\"']?|[\"'],\s{0,4}[\"']")
"""Between a flag and its value, on one line or in a list."""
_PAIR = re.compile(r"[\"']?\s{0,2}[,;]?\s{0,40}(?:-\s)?\\{0,8}[\"']?value\\{0,8}[\"']?\s{0,3}[=:]\s{0,3}(?=\S)")
_PAIR_ESCAPED = re.compile(r"\\{1,8}[\"'],\s{0,4}\\{1,8}[\"']value\\{1,8}[\"']:\s{0,3}(?=\\)")
_VALUE_FIRST = re.compile(
    r"(\\{0,8}\"value\\{0,8}\":\s{0,3}\\{0,8}\")([^\"\\\n]+)(\\{0,8}\",\s{0,3}\\{0,8}\"name\\{0,8}\":\s{0,3}\\{0,8}\")"
    r"([\w.-]{1,60})(\\{0,8}\")"
)
_TAG = re.compile(r"(?:\s[^<>]{0,200})?>\s*(?P<cdata><!\[CDATA\[)?(?P<value>[^<\]]+)(?=</|\]\]>)")
_IS = re.compile(r"\s+(?:(?:is|was|are|now|to|set|changed)\s+){1,4}")

_OPEN = re.compile(r"@?(?:[A-Z]\w{0,20}\(|string\(\d{1,6}\)\s?|\[\s{0,2}|\(|\{\s{0,2})?(?P<quote>\\{0,8}[\"'`])")
_BARE = re.compile(r"[\[({]?(?:[^\s\"'`&;,|)}\]]|[&;,|)}\]'](?!\s|\Z|[\"']?[\w.-]{1,40}[\"']?\s?[=:]|\"|[,;)}\]]))*")
_HEADER = re.compile(r"[^\n\"]*")
_DIGEST = re.compile(r"(?i)digest\s[^\n]*")
_IN_QUOTES = re.compile(r"\"[^\"\n]*\"")
_LINE = re.compile(r"[^\n\"]*")
_BLOCK = re.compile(r"(?:[|>][+-]?\d?|\\)?[ \t]*\n(?P<indent>[ \t]*)(?P<value>[^\n]+)")
_WORD_VALUE = re.compile(r"[\"'(]?(?P<value>[^\s\"',;|)]{6,})")
_WORD_BEFORE = re.compile(r"([A-Za-z]{2,20}) \Z")
_TABLE = re.compile(r"\s*[|\t]\s*")

_PLAIN = re.compile(
    r"(?i)(?:string\(\d{1,6}\)?|null|none|nil|undefined|true|false|yes|no|on|off|n/a|-+|\.+|…|\*{2,}|x{3,}|<[^<>]{0,60}>|\$\{[^{}]{0,80}\}?.{0,3}"
    r"|\$\([^()]{0,80}\)?|\$[A-Z_]{2,60}|\{\{-?(?:\s{0,2}[.$][\w .|$-]{0,60})?(?:\}\})?|%\w?"
    r"|[\[<(]*(?:redacted|hidden|filtered|masked|removed|empty|unset)[\])>]*"
    r"|(?:str|string|int|bytes|bool|optional|any|object|option|&str)\b\W{0,3})"
    r"|(?:os\.environ|os\.getenv|getenv|System\.getenv|process\.env|req\.|request\.|self\.|this\.|settings\.|config\.)"
    r"[\w.\[\](\"')-]{0,80}"
    r"|[A-Za-z_]\w*(?:\.\w+)+\(.{0,80}"
)
_KEY_FILE = re.compile(r"(?:/[a-z][a-z0-9._-]{0,80}){2,20}")
"""Where a key lies, such as /etc/tls/tls.key; letters of both cases would be a key."""
_MASKED = re.compile(r"(?:[A-Z]\w{0,20})?[(\[{]?\[hidden\]?[\])}>.,;:\"'`&|/\\]*")
_OBJECT_NAME = re.compile(r"[a-z]+(?:-[a-z]+)+")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|geniekey|apikey|api-token)\s+\[hidden\]")

_CRUMB = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])([A-Za-z0-9]{8,})(?=[,;)}\s])")
_BEARS = re.compile(r"(?i)(?:bearer|basic|token)\s{1,4}(\S{6,200})")

_TELLS = frozenset(
    """
    a accepted access after against already also an and any api are as at audience authentication authorization bad
    basic be bearer because been before bound but by can cannot changed check client cluster configured connection
    context cookie could deadline decode denied deprecated disabled does empty end error exceeded exchange exist
    expected expired expires fail failed failing fails failure fetch file finished flag for forbidden found from get
    given gone granted had has have header if in incorrect input insecure invalid is issued it jwt key known ldap
    length locked malformed match mismatch missing must needs new no not null oauth of ok on once only option or out
    parse password permission policy present punc read refresh refreshed refused rejected rejects request required
    reset retry retrying revoked rotated rotation saml secret server session set should signature signed stale
    strict succeeded success supplied syntax than that the then this timeout to token too type unable unauthorized
    unavailable unexpected unknown unset until updated used user using valid value via was were when which will with
    without wrong yes yet you your
    """.split()  # noqa: SIM905 - words read better than two hundred quotes
)
"""Words of sentences about secrets; a password that is one of them is shown."""
_WORDS_BEHIND = re.compile(r"[A-Za-z']+")
_TOKEN = re.compile(r"[A-Za-z0-9_+/=]{16,}")
_NO_TOKEN = re.compile(r"[\d:.TZ+-]{6,}|\d+\w{1,2}|/.*|http.*")
"""Times, counts with units, paths and addresses."""
_BLANK = re.compile(r"[\"'`]?\s{1,8}")
_DIGITS = re.compile(r"-?\d+(?:\.\d+)?[a-z%]{0,2}")


def hide_named(text: str) -> str:
    """``text`` with the value behind each secret's name replaced by the mark."""
    if '"name' in text:
        text = _VALUE_FIRST.sub(_hide_first, text)
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals are longer in lower case
        lowered = text
    kept: list[str] = []
    at = done = 0
    while found := CORE.search(lowered, at):
        start, end = _whole(text, found.start(), done)
        at = max(end, found.end())
        name = text[start:end].rstrip(".-")
        core = core_of(name) or _two_words(text, start, name)
        if not core:
            continue
        span = _value(text, start, start + len(name), core)
        if span is None:
            continue
        first, last = span
        kept += (text[done:first], HIDDEN)
        at = done = last
    return "".join((*kept, text[done:])) if kept else text


def _hide_first(found: re.Match[str]) -> str:
    """An entry whose value stands before its name, as some encoders sort them."""
    before, value, between, name, after = found.groups()
    secret = core_of(name) and not _harmless(value, "", strict=True)
    return f"{before}{HIDDEN if secret else value}{between}{name}{after}"


def _whole(text: str, at: int, floor: int) -> tuple[int, int]:
    """Where the name around ``at`` begins and ends."""
    start, lowest = at, max(floor, at - _LONGEST_NAME)
    while start > lowest and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    rest = _REST.match(text, at)
    return start, rest.end() if rest else at


def _two_words(text: str, start: int, name: str) -> str:
    """The same of ``API key``: a name with a blank in it."""
    if name.lower() not in {"key", "string"}:
        return ""
    before = _WORD_BEFORE.search(text, max(0, start - 20), start)
    return core_of(f"{before[1]}_{name}") if before else ""


def _value(text: str, start: int, end: int, core: str) -> tuple[int, int] | None:
    """Where the value of the name at ``start:end`` stands; None where it has none, or none that is secret."""
    before = text[start - 1] if start else ""
    if before == "<" or (before == ":" and text[max(0, start - 12) : start].rpartition("<")[1]):
        tag = _TAG.match(text, end)
        return _unless_plain(tag["value"], tag.span("value")) if tag else None
    pair = _PAIR_ESCAPED.match(text, end) or _PAIR.match(text, end)
    if pair:
        return _taken(text, pair.end(), core, start, strict=True)
    sign = _SIGN.match(text, end)
    if sign:
        if before == ":" and sign["sign"] == ":":  # arn:aws:secretsmanager:...:secret:NAME
            return None
        if text.endswith("checksum/", 0, start):
            return None
        strict = not sign["sign"].endswith((": ", ":\t"))
        return _taken(text, sign.end(), core, start, strict=strict)
    if text[start] == "-":
        flag = _NEXT_WORD.match(text, end)
        return _flagged(text, flag.end()) if flag else None
    return _told(text, end, core)


def _taken(text: str, at: int, core: str, start: int, *, strict: bool) -> tuple[int, int] | None:
    """The value that begins at ``at``: in quotes, in a block below, or bare."""
    block = _BLOCK.match(text, at)
    if block or at >= len(text) or text[at] == "\n":
        return _below(text, start, block)
    if core in {"authorization", "cookie"} and text[at] not in "\"'[({\\":
        return _header(text, at, core)
    quoted = _OPEN.match(text, at)
    if quoted:
        last = _closing(text, quoted.end(), quoted["quote"])
        inside = text[quoted.end() : last - len(quoted["quote"])] if last else ""
        if last is None:
            line = _LINE.match(text, quoted.end())
            last = line.end() if line else quoted.end()
            inside = text[quoted.end() : last]
        if not inside or _harmless(inside, core, strict=True) or _MASKED.fullmatch(inside):
            return None
        return quoted.start("quote"), last
    bare = _BARE.match(text, at)
    value = bare[0] if bare else ""
    if not value or _harmless(value, core, strict=strict):
        return None
    end = at + len(value)
    if not strict:
        return _spoken(text, start, at, end, core)
    return at, end


def _closing(text: str, at: int, quote: str) -> int | None:
    """Where the text in quotes ends, its closing quote with it; None when it doesn't on this line."""
    line = text.find("\n", at)
    stop = line if line >= 0 else len(text)
    while (found := text.find(quote, at, stop)) >= 0:
        if len(quote) > 1 or text[found - 1] != "\\" or text[found - 2 : found] == "\\\\":
            return found + len(quote)
        at = found + 1
    return None


def _below(text: str, start: int, block: re.Match[str] | None) -> tuple[int, int] | None:
    """A value on the next line, deeper than its name; of a block all its lines."""
    if block is None:
        return None
    value, indent = block["value"], len(block["indent"])
    own = start - (text.rfind("\n", 0, start) + 1)
    folded = block[0].lstrip()[:1] in {"|", ">"}
    if not folded and (re.match(r"[\w\"'-]{1,60}\s?[:=]|- |\[hidden\]", value) or (indent <= own and indent)):
        return None
    if _harmless(value.strip("\"',"), "password", strict=True) or _MASKED.fullmatch(value.strip()):
        return None
    first, last = block.span("value")
    while folded and (line := re.compile(rf"\n[ ]{{{max(1, indent)},}}[^\n]+").match(text, last)):
        last = line.end()
    return first, last


def _header(text: str, at: int, core: str) -> tuple[int, int] | None:
    """All that a header holds, to the end of its line or of the quotes around it."""
    head = text[at : at + 200].partition("\n")[0].strip(" \"'")
    if not head or _SCHEME.match(head) or _harmless(head, core, strict=False):  # what follows a scheme is hidden
        return None
    spoken = [word.lower() for word in _WORDS_BEHIND.findall(head)[:8]]
    bare = _BEARS.fullmatch(head) if core == "authorization" else _CRUMB.match(head)
    if bare and bare[1].lower() not in _TELLS:
        return at + bare.start(1), at + bare.end(1)
    if "=" not in head and len(head.split()) > 1 and (core == "cookie" or any(word in _TELLS for word in spoken[1:])):
        return None
    around = (_DIGEST.match(text, at) or _HEADER.match(text, at)) if text[at] != '"' else _IN_QUOTES.match(text, at)
    if around is None:
        return None
    return around.span() if not around[0].endswith("'") else (around.start(), around.end() - 1)


def _flagged(text: str, at: int) -> tuple[int, int] | None:
    """The word behind a flag, unless it is another flag or a word of a sentence."""
    quote = text[at - 1] if text[at - 1] in "\"'" else ""
    if quote:
        last = _closing(text, at, quote)
        value, end = (text[at : last - 1], last - 1) if last else ("", at)
    else:
        found = _BARE.match(text, at)
        value = found[0] if found else ""
        end = at + len(value)
    if not value or value.startswith(("-", "/")) or value.lower().strip(".,:;") in _TELLS or _PLAIN.fullmatch(value):
        return None
    return None if _MASKED.fullmatch(value) else (at, end)


def _spoken(text: str, start: int, at: int, end: int, core: str) -> tuple[int, int] | None:
    """What follows ``token: `` in free text: a value, or how a sentence goes on."""
    line = text.find("\n", end)
    behind = text[at : min(line if line >= 0 else len(text), at + 120)]
    spoken = [word.lower() for word in _WORDS_BEHIND.findall(behind)[:8]]
    value = text[at:end]
    goes_on = value.rstrip(".,;:").isalpha() or value.isdigit() or value.endswith(":")
    if core != "passphrase" and goes_on and any(word in _TELLS for word in spoken):
        return None
    lead = text[text.rfind("\n", 0, start) + 1 : start]
    if core in {"password", "passphrase", "passwd", "pass"} and not lead.strip(" \t-\"'") and text[at:end].isalpha():
        return at, (line if line >= 0 else len(text))  # a passphrase of several words
    return at, end


def _told(text: str, end: int, core: str) -> tuple[int, int] | None:
    """A value without a sign: ``the password is x``, ``PASSWORD 'x'``, ``| password | x |``."""
    if core not in {"password", "passwd", "passphrase", "pwd", "token", "pass"} and "key" not in core:
        return None
    sentence = _IS.match(text, end)
    table = _TABLE.match(text, end)
    blank = _BLANK.match(text, end)
    gap = sentence or table or blank
    found = _WORD_VALUE.match(text, gap.end()) if gap else None
    if found is None or _MASKED.match(found["value"]):
        return None
    value = found["value"]
    quoted = found[0][0] in "\"'" and found.end() < len(text) and text[found.end()] == found[0][0]
    if quoted and core in {"password", "passwd", "pwd", "passphrase"}:
        return None if _harmless(value, core, strict=False) else found.span("value")
    mixed = any(one.isdigit() for one in value) and any(one.isalpha() for one in value)
    if not mixed or _NO_TOKEN.fullmatch(value):
        return None
    if core in {"password", "passwd"} or sentence or _TOKEN.fullmatch(value):
        return found.span("value")
    return None


def _unless_plain(value: str, span: tuple[int, int]) -> tuple[int, int] | None:
    told = value.strip()
    return None if not told or _PLAIN.fullmatch(told) or _MASKED.fullmatch(told) else span


def harmless_under(name: str, value: str) -> bool:
    """Whether this value is no secret although it stands under a secret's name: the name of an object, ``none``."""
    core = core_of(name)
    return bool(_PLAIN.fullmatch(value) or (core == "secret" and _OBJECT_NAME.fullmatch(value)))


def _harmless(value: str, core: str, *, strict: bool) -> bool:
    """Whether the value is plainly none: nothing, a place for one, a count, the name of an object."""
    told = value.rstrip(".,;:!?")
    if not told or _PLAIN.fullmatch(told) or _MASKED.fullmatch(told):
        return True
    lowered = told.lower()
    if not strict and lowered in _TELLS:
        return True
    if lowered in {"required", "missing", "expired", "denied", "changed", "strict", "token", "password", "secret"}:
        return True
    if core in {"tokens", "secrets", "sessions", "cookies", "pass"} and _DIGITS.fullmatch(told):
        return True
    if core in {"auth", "session"} and len(told) < 12:
        return True
    if core == "pwd" and told.startswith("/"):
        return True
    if core == "key" and _KEY_FILE.fullmatch(told):
        return True
    return core in {"secret", "secrets"} and _OBJECT_NAME.fullmatch(told) is not None
