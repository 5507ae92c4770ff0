"""The door of the page's routes: who may come in, in which headers answers go out, how a failure reads.

Everything answers on loopback to the page itself only: the Host must be a loopback name and a request of another
origin is refused, so that a web site open in the same browser can't press buttons here. A failing act is answered with
a sentence, never with a stack trace. What looks like a real token is refused: it has no business here.
"""

import ipaddress
import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.page import acts
from bot.sandbox.slack.errors import NotThere

log = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    # Pictures from elsewhere are not fetched: opening the page calls nobody.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REAL_TOKEN = re.compile(r"\b(?:xox[abeoprs](?:\.xox[abp])?-\d{6,}|xoxe-\d|xapp-\d-A\w{6,}-\d)")


def _is_loopback(host: str) -> bool:
    """Whether a Host header (with or without port) names this machine's loopback."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def refusal(request: web.Request) -> str | None:
    """Why a request is not from this page, as a sentence; None if it is."""
    host = request.headers.get("Host", "")
    if not _is_loopback(host):
        return "The sandbox answers on loopback addresses only."
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{host}":
        return "The sandbox's page takes no requests from other sites."
    # "none" is a person opening the address; pages of other sites say cross-site or same-site.
    fetched = request.headers.get("Sec-Fetch-Site", "none")
    if fetched not in {"none", "same-origin"}:
        return "The sandbox's page takes no requests from other sites."
    if request.method == "POST" and request.content_type != "application/json":
        return "The sandbox's page takes JSON only."
    return None


def answer_json(answer: dict[str, Any], status: int = 200) -> web.Response:
    """An answer that the page's script reads."""
    body = json.dumps(answer, ensure_ascii=False)
    return web.Response(text=body, status=status, content_type="application/json", headers=HEADERS)


def answer_html(html: str, status: int = 200) -> web.Response:
    """A whole page."""
    return web.Response(text=html, status=status, content_type="text/html", headers=HEADERS)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of a POST; ``BadActError`` for anything else, ``NotThere`` where a real token stands in it."""
    text = await request.text()
    if _REAL_TOKEN.search(text):
        raise NotThere("This looks like a real Slack token. The sandbox takes none: revoke it where it was shown.")
    body = json.loads(text)
    if not isinstance(body, dict):
        raise acts.BadActError("an object is wanted.")
    return body


def guarded(handler: Handler) -> Handler:
    """The handler behind the check of origin; errors of a person's act become sentences."""

    async def run(request: web.Request) -> web.StreamResponse:
        why = refusal(request)
        if why is not None:
            return answer_json({"ok": False, "message": why}, 403)
        try:
            return await handler(request)
        except NotThere as error:
            return answer_json({"ok": False, "message": str(error)})
        except (acts.BadActError, json.JSONDecodeError) as error:
            return answer_json({"ok": False, "message": f"The page sent a wrong request: {error}"}, 400)
        except web.HTTPException:
            raise
        except Exception as error:
            # The edge of the page: whatever failed, a person reads a sentence and the log the rest.
            log.exception("the sandbox's page failed at %s", request.path)
            sentence = f"The sandbox failed at this ({type(error).__name__}: {error}); see its log."
            return answer_json({"ok": False, "message": sentence}, 500)

    return run
