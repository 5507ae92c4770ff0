"""``fettle alert send``: one delivery to a running Fettle, as Alertmanager would make it, and what came of it.

It is for trying a connection: the built-in alert says that it is a test. It refuses to follow redirects, because
Alertmanager would take one for a success, and it never prints a token.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import typer

from bot import clock
from bot.domain.errors import ConfigError
from bot.network import why
from bot.settings import load_webhook_only
from bot.settings_webhook import WebhookSettings, split

PATH = "/webhooks/alertmanager"
NAME = "FettleTest"
"""What the built-in alert is called; it says nothing about whether a real sender reaches Fettle."""
WITHIN = 15.0
"""Seconds until the answer must be there; the webhook answers after its commit, which takes milliseconds."""
MAX_BODY = 16 * 1024 * 1024
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def main(file: str, url: str, env_file: Path, *, as_json: bool) -> int:
    """Sends and prints; 0 taken, 1 not taken, 2 the connection, the address or the token has to be put right first."""
    settings = load_webhook_only(env_file=env_file)
    body = body_of(file) if file else json.dumps(test_delivery(clock.now())).encode()
    own = not url
    target = address(url) if url else own_address(settings)
    context = trust(settings) if own and settings.TLS_CERT else None
    try:
        status, text = asyncio.run(post(target, body, authorization(settings), context))
    except TimeoutError:
        typer.echo(f"{target} didn't answer within {WITHIN:g} s.", err=True)
        return 2
    except aiohttp.ClientError as error:
        said = f"{target} can't be reached ({why(error)}). Is fettle run running there? --url names another address."
        typer.echo(said, err=True)
        return 2
    code, sentence = told(status, text, target, given=bool(settings.WEBHOOK_TOKENS or settings.WEBHOOK_BASIC))
    if as_json:
        answer = {"status": status, "answer": _json(text), "sentence": sentence}
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        typer.echo(sentence, err=code != 0)
    return code


def test_delivery(now: datetime) -> dict[str, Any]:
    """One firing alert in Alertmanager's form; each call is a new episode of the same alert."""
    labels = {"alertname": NAME, "severity": "warning", "namespace": "default", "fettle_test": "true"}
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{NAME}"}}',
        "status": "firing",
        "receiver": "fettle",
        "groupLabels": {"alertname": NAME},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": {
                    "summary": "A test by fettle alert send; nothing is wrong.",
                    "description": "Alerts reach Fettle. Resolve this incident when you have seen it.",
                },
                "startsAt": now.isoformat(),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
            }
        ],
    }


def body_of(file: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``; raises ``ConfigError`` when there is nothing to send."""
    try:
        body = sys.stdin.buffer.read(MAX_BODY + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigError([f"{file} can't be read ({error.strerror}): name a file with an alert, or - ."]) from error
    if not body.strip():
        raise ConfigError([f"{'Standard input' if file == '-' else file} is empty: there is no alert in it."])
    return body


def own_address(settings: WebhookSettings) -> str:
    """Where a Fettle with these settings listens, as seen from this machine."""
    host = ANYWHERE.get(settings.LISTEN_HOST, settings.LISTEN_HOST)
    scheme = "https" if settings.TLS_CERT else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.LISTEN_PORT}{PATH}"


def address(url: str) -> str:
    """The address to post to: a bare host gets the webhook's path. Raises ``ConfigError`` for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ConfigError([f"--url is “{url}”: write an address such as http://127.0.0.1:8080."])
    return urlunsplit((parts.scheme, parts.netloc, PATH if parts.path in {"", "/"} else parts.path, parts.query, ""))


def authorization(settings: WebhookSettings) -> Mapping[str, str]:
    """The first configured bearer token, else the first pair, else nothing."""
    if settings.WEBHOOK_TOKENS:
        named = {binding.name for binding in settings.WEBHOOK_BINDINGS}
        tokens = [split(token.get_secret_value(), named) for token in settings.WEBHOOK_TOKENS]
        # One without a name speaks for everything.
        token = next((secret for name, secret in tokens if not name), tokens[0][1])
        return {"Authorization": f"Bearer {token}"}
    if settings.WEBHOOK_BASIC:
        pair = base64.b64encode(settings.WEBHOOK_BASIC[0].get_secret_value().encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}


def trust(settings: WebhookSettings) -> ssl.SSLContext:
    """Trusts the configured certificate itself, whatever name it bears: it is asked for by its address."""
    try:
        context = ssl.create_default_context(cafile=str(settings.TLS_CERT))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"TLS_CERT is “{settings.TLS_CERT}”, which can't be used: {error}."]) from error
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


async def post(url: str, body: bytes, headers: Mapping[str, str], context: ssl.SSLContext | None) -> tuple[int, str]:
    """Status and text of the answer. Raises ``aiohttp.ClientError`` and ``TimeoutError``."""
    timeout = aiohttp.ClientTimeout(total=WITHIN)
    sent = {"Content-Type": "application/json", **headers}
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(
            url, data=body, headers=sent, allow_redirects=False, ssl=True if context is None else context
        ) as answer,
    ):
        return answer.status, (await answer.content.read(65536)).decode("utf-8", "replace")


def told(status: int, text: str, url: str, *, given: bool) -> tuple[int, str]:
    """The exit code and the sentence for an answer."""
    answer = _json(text)
    if status == 200 and isinstance(answer, dict) and "accepted" in answer:
        return _taken(answer)
    problem = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    if status == 401:
        advice = "the token isn't one of its WEBHOOK_TOKENS" if given else "set WEBHOOK_TOKENS to one of its tokens"
        return 2, f"{url} didn't let the alert in (401): {advice}."
    if status in {400, 413}:
        return 1, f"The body was not taken ({status}): {problem or text[:200]}"
    if status == 503:
        return 1, f"Fettle runs, but its store takes no writes now (503); nothing was kept. {problem}".rstrip()
    if status in {404, 405} or 300 <= status < 400 or status == 200:
        return 2, f"{url} answered {status}, but not as Fettle's webhook does: check --url."
    return 1, f"{url} answered {status}: {problem or text[:200]}"


def _taken(answer: Mapping[str, Any]) -> tuple[int, str]:
    accepted, twice, poison = (int(answer.get(name, 0)) for name in ("accepted", "duplicates", "quarantined"))
    numbers = ", ".join(f"INC-{number}" for number in answer.get("incidents", ()))
    parts = [f"Taken: {accepted} alert{'' if accepted == 1 else 's'}"]
    parts += [f"{twice} seen before"] if twice else []
    parts += [f"{poison} quarantined, because they could not be used"] if poison else []
    sentence = f"{'; '.join(parts)}.{f' Incidents: {numbers}.' if numbers else ''}"
    return (1 if poison else 0), sentence


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
