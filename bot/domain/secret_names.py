"""Names under which secrets are written: which name is one, and which only speaks of one.

A name is taken apart into words: ``dbPassword``, ``DB-PASSWORD`` and ``db.password`` are the same. What follows the
word decides: ``token_ttl`` and ``secretName`` name no secret. It refuses to look at values;
that is for ``secret_values``.
"""

from __future__ import annotations

import re
from functools import lru_cache

CORE = re.compile(
    r"pass|pwd|pw(?![a-z])|kennwort|secret|token|key|credential|authorization|cookie|sess|dsn|otp(?![a-z])"
    r"|connection[ _.-]?string|connect\.sid|bearer|contrase|mot[ _-]de[ _-]passe|senha|парол|密码|auth(?![a-z])"
)
"""What the name of a secret contains, in lower case; a search for it comes first."""
MARKS = (
    "pass", "pwd", "pw", "kennwort", "secret", "token", "key", "credential", "authorization", "cookie", "sess", "dsn",
    "otp", "connectionst", "connection_s", "connection-s", "connection.s", "connection s", "connect.sid", "bearer",
    "contrase", "mot_de", "mot-de", "mot de", "senha", "парол", "密码", "auth=", "auth:", 'auth"', "auth'", "auth\\",
    "auth =",
)  # fmt: skip
"""Plain words of which one stands wherever ``CORE`` and a value do."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|[^\W\d_]+|\d+")

_WILD = re.compile(r"[a-z][A-Z][a-z][A-Z]|[A-Z][a-z][A-Z][a-z][A-Z]")
"""Upper and lower case in turn: written so as not to be found."""

_ALONE = re.compile(
    r".*(?:passwords?|passwds?|passphrases?|passworts?|kennworts?|pwds?|secrets?|tokens?|credentials?|cookies?|apikeys?"
    r"|accesskeys?|privatekeys?|secretkeys?|contraseñas?|sessionids?|dsns?)|authorization|otp|senha|пароль|пароля|密码|bearer|phpsessid"
    r"|(?:user|db|root|admin|smtp|mysql|postgres|redis|bind|auth|my|store|key|http|ftp|ldap|become|mail)?pass"
    r"|(?:bind|db|root|user|admin|my|smtp|ldap)?pw|connectionstring"
)
"""A word that says it by itself."""
_BEFORE_KEY = frozenset(
    {
        "api", "access", "private", "secret", "signing", "encryption", "encrypt", "master", "account", "client",
        "auth", "license", "licence", "storage", "hmac", "subscription", "jwt", "shared", "service", "app", "admin",
        "deploy", "ssh", "tls", "ssl", "gpg", "pgp", "aes", "rsa", "cipher", "crypto", "decryption", "root", "session",
        "cookie", "bot", "webhook", "integration", "pagerduty", "consumer", "registration", "art", "stripe",
        "functions", "unseal",
    }
)  # fmt: skip
"""Before ``key`` they make it one."""
_ENDS_BEFORE_KEY = ("api", "private", "secret", "access", "encryption", "signing", "master")
_HARMLESS_AFTER = frozenset(
    {
        "name", "names", "file", "files", "path", "paths", "dir", "ref", "refs", "url", "urls", "uri", "endpoint",
        "type", "types", "kind", "count", "counts", "total", "ttl", "expiry", "expires", "expired", "expiration",
        "expire", "length", "len", "policy", "policies", "enabled", "disabled", "valid", "invalid", "version",
        "versions", "size", "limit", "limits", "rotation", "rotated", "algorithm", "algo", "issuer", "audience",
        "mount", "manager", "store", "provider", "class", "namespace", "seconds", "ms", "created", "updated",
        "changed", "age", "header", "headers", "prefix", "format", "mode", "required", "reset", "attempts", "usage",
        "budget", "bucket", "timeout", "duration", "domain", "secure", "set", "state", "status", "per", "in", "at",
        "method", "service", "server", "controller", "review", "reviews", "request", "requests", "cache", "lifetime",
        "max", "min", "used", "remaining", "hits", "misses", "index", "field", "column", "label", "annotation",
        "operator", "sync", "syncer", "refresh", "ok", "error", "errors", "failed", "missing", "found", "schema",
        "usages", "alias", "spec", "exception", "handler", "filter", "java", "py", "js", "ts", "tsx", "jsx", "go",
        "rb", "kt", "cs", "php", "scala", "stdin", "expirationseconds", "reader", "rotator", "consent", "id", "ids",
        "encoder",
    }
)  # fmt: skip
"""After it they make the name speak of the secret only."""
_IDS = frozenset({"secret", "sessionid"})
"""Whose id is itself a secret: Vault's ``secret_id``, a session's."""
_NEVER = frozenset({"pull", "public", "topology", "primary", "foreign", "partition", "routing"})
_PAIRS = {
    ("connection", "string"): "dsn", ("pass", "word"): "password", ("de", "passe"): "password",
    ("connect", "sid"): "session", ("rediscli", "auth"): "password", ("redis", "auth"): "password",
}  # fmt: skip
_CORES = ("password", "passwd", "pwd", "passphrase", "secret", "token", "credential", "cookie", "authorization", "pass")
_PLURAL_COUNTS = frozenset({"tokens", "secrets", "sessions", "cookies"})
_COUNTED = frozenset({"max", "min", "total", "prompt", "completion", "num", "used", "input", "output", "new", "cached"})
"""Before ``tokens`` they count what a language model read."""


def words(name: str) -> list[str]:
    """``awsSecretAccessKey``, ``AWS-SECRET_ACCESS.KEY`` -> aws, secret, access, key."""
    return [word.lower() for word in _WORDS.findall(name)]


@lru_cache(maxsize=4096)
def core_of(name: str) -> str:
    """The word that makes this the name of a secret (``password``, ``token``, ``key``...); "" for any other name."""
    if CORE.search(name.lower()) is None:
        return ""
    told = words(name.lower() if _WILD.search(name) else name.removeprefix("-D"))
    found = ""
    for at, word in enumerate(told):
        before, after = told[at - 1] if at else "", told[at + 1 : at + 2]
        core = _core(word, before, after, len(told))
        if core:
            found, rest = core, told[at + 1 :]
            if any(one in _HARMLESS_AFTER for one in rest) and not (rest[0] in {"id", "ids"} and core in _IDS):
                found = ""
    return found


def _core(word: str, before: str, after: list[str], count: int) -> str:
    """What one word of a name says by itself or with its neighbours."""
    if (before, word) in _PAIRS:
        return _PAIRS[before, word]
    if word in {"key", "keys"}:
        return "key" if before in _BEFORE_KEY or before.endswith(_ENDS_BEFORE_KEY) else ""
    if word in {"auth", "session", "cookie"}:  # alone each is the secret, with others it may be anything
        short = count == 1 or (before, count) == ("set", 2)
        return (
            word
            if short
            else {"session": "sessionid" if after == ["id"] else "", "cookie": "cookie value"}.get(word, "")
        )
    found = _ALONE.fullmatch(word)
    if found is None or before in _NEVER or (word in _PLURAL_COUNTS and before in _COUNTED):
        return ""
    return word if word in _PLURAL_COUNTS else next((core for core in _CORES if core in word), word)
