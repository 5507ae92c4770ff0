"""Made-up secrets and harmless identifiers, each the shape of the real thing, built from a seed when a test runs.

Nothing in the repository looks like a live credential: the corpus holds places such as ``{aws_secret}``, and what
stands there is made here. A place may name how the value is written: ``{password|url}``, ``{password|b64}``.
"""

from __future__ import annotations

import base64
import json
import string
import uuid
from collections.abc import Callable
from random import Random
from urllib.parse import quote

UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
ALNUM = UPPER + LOWER + DIGITS
HEX = "0123456789abcdef"
B64 = ALNUM + "+/"
URLSAFE = ALNUM + "-_"
SPECIAL = "!#$%^*+~.@?_-"
WORDS = (
    "anchor", "basalt", "cobalt", "dahlia", "ember", "fjord", "granite", "harbor", "indigo", "juniper", "kestrel",
    "lantern", "meadow", "nectar", "orchid", "pewter", "quartz", "raven", "saffron", "thistle", "umber", "velvet",
)  # fmt: skip


def some(random: Random, alphabet: str, count: int) -> str:
    """``count`` characters, at least one of them a digit and one a letter where the alphabet has both."""
    while True:
        text = "".join(random.choice(alphabet) for _ in range(count))
        mixed = any(one.isdigit() for one in text) and any(one.isalpha() for one in text)
        if mixed or count < 6 or alphabet.isalpha() or alphabet.isdigit():
            return text


def password(random: Random) -> str:
    """One of the ways in which people and generators make passwords."""
    word = random.choice(WORDS)
    return random.choice(
        [
            f"{word}{random.randrange(10, 9999)}",
            f"{word.capitalize()}-{random.choice(WORDS)}-{random.randrange(10, 99)}",
            some(random, ALNUM, random.randrange(10, 24)),
            some(random, ALNUM, 8) + random.choice("!#$%^*") + some(random, ALNUM, 4),
            some(random, LOWER + DIGITS, 16),
            f"{word.capitalize()}{random.randrange(1950, 2030)}!",
        ]
    )


def awkward(random: Random) -> str:
    """A password with the characters that break naive rules."""
    return some(random, ALNUM, 4) + random.choice(SPECIAL) + some(random, ALNUM, 5) + random.choice("!@#$%*^~")


def jwt(random: Random) -> str:
    """Header and claims as JSON, and a signature."""
    head = {"alg": random.choice(["HS256", "RS256"]), "typ": "JWT"}
    claims = {"sub": random.choice(WORDS), "iat": random.randrange(1_600_000_000, 1_800_000_000)}
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (head, claims)]
    return ".".join([*parts, some(random, URLSAFE, 43)])


def pem(random: Random) -> str:
    """The lines inside a private key."""
    lines = [some(random, B64, 64) for _ in range(random.randrange(3, 8))]
    return "\n".join([*lines, some(random, B64, 30) + "=="])


def encoded(shape: str) -> Callable[[Random], str]:
    """A document with a password in it, base64 from end to end."""
    return lambda random: base64.b64encode(shape.replace("%", password(random)).encode()).decode()


def telegram(random: Random) -> str:
    """A bot's id and its key."""
    return f"{random.randrange(10**8, 10**9)}:AA{some(random, URLSAFE, 33)}"


def _fixed(prefix: str, alphabet: str, count: int, suffix: str = "") -> Callable[[Random], str]:
    return lambda random: prefix + some(random, alphabet, count) + suffix


def _slack(kind: str) -> Callable[[Random], str]:
    def made(random: Random) -> str:
        numbers = [str(random.randrange(10**10, 10**12)) for _ in range(2)]
        return "-".join([kind, *numbers, some(random, ALNUM, 24)])

    return made


SECRETS: dict[str, Callable[[Random], str]] = {
    "password": password,
    "awkward": awkward,
    "letters": lambda random: random.choice(WORDS) + random.choice(WORDS),
    "passphrase": lambda random: " ".join(random.sample(WORDS, 4)),
    "hex32": lambda random: some(random, HEX, 32),
    "hex40": lambda random: some(random, HEX, 40),
    "hex64": lambda random: some(random, HEX, 64),
    "random20": lambda random: some(random, ALNUM, 20),
    "random40": lambda random: some(random, ALNUM, 40),
    "uuid_key": lambda random: str(uuid.UUID(int=random.getrandbits(128), version=4)),
    "aws_id": _fixed("AKIA", UPPER + "234567", 16),
    "aws_sts_id": _fixed("ASIA", UPPER + "234567", 16),
    "aws_secret": lambda random: some(random, B64, 40),
    "aws_session": lambda random: "IQoJb3JpZ2luX2Vj" + some(random, B64, 260) + "==",
    "gcp_key": _fixed("AIza", URLSAFE, 35),
    "gcp_oauth": _fixed("ya29.", URLSAFE, 120),
    "gcp_refresh": _fixed("1//0", URLSAFE, 60),
    "gcp_client_secret": _fixed("GOCSPX-", URLSAFE, 28),
    "azure_key": lambda random: some(random, B64, 86) + "==",
    "azure_client": lambda random: some(random, ALNUM, 3) + "8Q~" + some(random, ALNUM + "_.~", 33) + "x",
    "azure_sig": lambda random: quote(some(random, B64, 43) + "=", safe=""),
    "github": _fixed("ghp_", ALNUM, 36),
    "github_app": _fixed("ghs_", ALNUM, 36),
    "github_oauth": _fixed("gho_", ALNUM, 36),
    "github_fine": lambda random: f"github_pat_{some(random, ALNUM, 22)}_{some(random, ALNUM, 59)}",
    "gitlab": _fixed("glpat-", URLSAFE, 20),
    "gitlab_runner": _fixed("glrt-", URLSAFE, 20),
    "gitlab_deploy": _fixed("gldt-", URLSAFE, 20),
    "gitlab_job": _fixed("glcbt-64_", URLSAFE, 20),
    "slack_bot": _slack("xoxb"),
    "slack_user": _slack("xoxp"),
    "slack_legacy": _slack("xoxs"),
    "slack_config": _slack("xoxe.xoxp-1"),
    "slack_refresh": _fixed("xoxe-1-", ALNUM, 100),
    "slack_cookie": lambda random: "xoxd-" + some(random, ALNUM, 40) + "%2B" + some(random, ALNUM, 40) + "%3D",
    "slack_client": _slack("xoxc"),
    "slack_app": lambda random: (
        f"xapp-1-A0{some(random, UPPER + DIGITS, 9)}-{random.randrange(10**12, 10**13)}-" + some(random, HEX, 64)
    ),
    "slack_hook": lambda random: (
        "https://hooks.slack.com/services/"
        + "/".join(["T0" + some(random, UPPER, 7), "B0" + some(random, UPPER, 8), some(random, ALNUM, 24)])
    ),
    "slack_workflow": lambda random: (
        "https://hooks.slack.com/workflows/"
        + "/".join(["T0" + some(random, UPPER, 7), "A0" + some(random, UPPER, 8), "1234567", some(random, ALNUM, 24)])
    ),
    "discord_hook": lambda random: (
        f"https://discord.com/api/webhooks/{random.randrange(10**17, 10**18)}/" + some(random, URLSAFE, 68)
    ),
    "teams_hook": lambda random: (
        f"https://corp.webhook.office.com/webhookb2/{uuid.UUID(int=random.getrandbits(128))}@"
        f"{uuid.UUID(int=random.getrandbits(128))}/IncomingWebhook/{some(random, HEX, 32)}/"
        f"{uuid.UUID(int=random.getrandbits(128))}"
    ),
    "stripe": _fixed("sk_live_", ALNUM, 24),
    "stripe_restricted": _fixed("rk_live_", ALNUM, 48),
    "stripe_hook": _fixed("whsec_", ALNUM, 32),
    "npm": _fixed("npm_", ALNUM, 36),
    "pypi": _fixed("pypi-AgEIcHlwaS5vcmc", URLSAFE, 150),
    "rubygems": _fixed("rubygems_", HEX, 48),
    "docker_pat": _fixed("dckr_pat_", URLSAFE, 27),
    "sendgrid": lambda random: f"SG.{some(random, URLSAFE, 22)}.{some(random, URLSAFE, 43)}",
    "twilio": _fixed("SK", HEX, 32),
    "mailgun": _fixed("key-", HEX, 32),
    "mailchimp": _fixed("", HEX, 32, "-us12"),
    "newrelic": _fixed("NRAK-", UPPER + DIGITS, 27),
    "openai": _fixed("sk-proj-", URLSAFE, 64),
    "anthropic": _fixed("sk-ant-api03-", URLSAFE, 90, "AA"),
    "huggingface": _fixed("hf_", ALNUM, 34),
    "digitalocean": _fixed("dop_v1_", HEX, 64),
    "vault": _fixed("hvs.", URLSAFE, 90),
    "vault_old": _fixed("s.", ALNUM, 24),
    "terraform": lambda random: f"{some(random, ALNUM, 14)}.atlasv1.{some(random, URLSAFE, 64)}",
    "telegram": telegram,
    "shopify": _fixed("shpat_", HEX, 32),
    "square": _fixed("sq0csp-", URLSAFE, 43),
    "grafana": lambda random: f"glsa_{some(random, ALNUM, 32)}_{some(random, HEX, 8)}",
    "grafana_cloud": lambda random: "glc_eyJ" + some(random, ALNUM, 80) + "==",
    "databricks": _fixed("dapi", HEX, 32),
    "age": _fixed("AGE-SECRET-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "linear": _fixed("lin_api_", ALNUM, 40),
    "postman": lambda random: f"PMAK-{some(random, HEX, 24)}-{some(random, HEX, 34)}",
    "doppler": _fixed("dp.pt.", ALNUM, 43),
    "planetscale": _fixed("pscale_pw_", URLSAFE, 43),
    "atlassian": lambda random: f"ATATT3xFfGF0{some(random, URLSAFE, 160)}={some(random, HEX.upper(), 8)}",
    "artifactory": _fixed("AKCp8", ALNUM, 68),
    "dynatrace": lambda random: f"dt0c01.{some(random, UPPER + '234567', 24)}.{some(random, UPPER + '234567', 64)}",
    "pagerduty_key": lambda random: some(random, HEX, 32),
    "bootstrap": lambda random: f"{some(random, LOWER + DIGITS, 6)}.{some(random, LOWER + DIGITS, 16)}",
    "jwt": jwt,
    "pem": pem,
    "session": lambda random: some(random, ALNUM, 32),
    "config_b64": encoded('{"db": {"host": "db", "password": "%"}, "port": 80}'),
    "docker_b64": encoded('{"auths":{"r.example":{"username":"ana","password":"%"}}}'),
    "env_b64": encoded("#!/bin/sh\nexport DB_PASSWORD=%\nexec api\n"),
    "url_b64": encoded("postgres://ana:%@db.shop.svc:5432/shop"),
    "yaml_b64": encoded("db:\n  host: db\n  password: %\n"),
    "auth_b64": encoded("Authorization: Bearer % and more"),
    "connect_sid": lambda random: "s%3A" + some(random, URLSAFE, 32) + "." + some(random, ALNUM, 43),
}
"""What must be hidden."""

HARMLESS: dict[str, Callable[[Random], str]] = {
    "sha256": lambda random: some(random, HEX, 64),
    "git_sha": lambda random: some(random, HEX, 40),
    "short_sha": lambda random: some(random, HEX, 7),
    "uuid": lambda random: str(uuid.UUID(int=random.getrandbits(128), version=4)),
    "trace_id": lambda random: some(random, HEX, 32),
    "span_id": lambda random: some(random, HEX, 16),
    "pod_hash": lambda random: some(random, "bcdfghjklmnpqrstvwxz2456789", 10),
    "pod_end": lambda random: some(random, "bcdfghjklmnpqrstvwxz2456789", 5),
    "version": lambda random: f"{random.randrange(9)}.{random.randrange(40)}.{random.randrange(20)}",
    "number": lambda random: str(random.randrange(2, 10**6)),
    "rv": lambda random: str(random.randrange(10**6, 10**9)),
    "ip": lambda random: f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}",
    "port": lambda random: str(random.randrange(1024, 65000)),
    "word": lambda random: random.choice(WORDS),
    "base64_words": lambda random: base64.b64encode(" ".join(random.sample(WORDS, 6)).encode()).decode(),
    "base64_json": lambda random: (
        base64.b64encode(json.dumps({"v": "meta.k8s.io/v1", "rv": 7, "start": "a\0"}).encode()).decode().rstrip("=")
        + some(random, ALNUM, 8)
    ),
    "ulid": lambda random: "01" + some(random, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24),
    "aws_arn_id": lambda random: str(random.randrange(10**11, 10**12)),
    "instance": lambda random: "i-0" + some(random, HEX, 16),
    "time": lambda random: (
        f"2026-11-{random.randrange(1, 29):02}T{random.randrange(24):02}:{random.randrange(60):02}:00Z"
    ),
}
"""What must be left as it is."""

WAYS: dict[str, Callable[[str], str]] = {
    "url": lambda text: quote(text, safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
    "b64": lambda text: base64.b64encode(text.encode()).decode(),
    "ansi": lambda text: f"{text[: len(text) // 2]}\x1b[0m\x1b[31m{text[len(text) // 2 :]}",
    "indent": lambda text: text.replace("\n", "\n    "),
    "escaped": lambda text: text.replace("\n", "\\n"),
    "shell": lambda text: text.replace("\n", "\\\n"),
    "user": lambda text: base64.b64encode(f"ana:{text}".encode()).decode(),
    "zero": lambda text: f"{text[:3]}\u200b{text[3:]}",
    "upper": str.upper,
}
"""How a value may be written where it stands."""
