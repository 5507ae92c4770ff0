"""From what went wrong to one sentence for a person: what happened, what it means, what to do next.

``sentence`` is the only place that turns errors and decisions into words for Slack; ``translated`` is the door at
which Slack's own errors become errors of the domain. It refuses to log and to decide about a retry.
"""

from __future__ import annotations

import json

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.domain.decision import Decision
from bot.domain.errors import (
    ClusterUnavailableError,
    FettleError,
    ForbiddenError,
    IllegalTransitionError,
    IntegrityError,
    OutcomeUnknownError,
    RejectedError,
    RequestError,
    SlackUnavailableError,
    StoreUnavailableError,
    WorldChangedError,
)
from bot.domain.redaction import redact
from bot.network import why

FOREIGN = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""What the SDK and its HTTP client raise; ValueError is JSON that isn't."""

MAYBE_DONE = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"})
"""Answers of Slack after which parts may have succeeded (its documentation says so of ``fatal_error``)."""
OUR_RIGHTS = frozenset(
    {
        "access_denied", "account_inactive", "invalid_auth", "missing_scope", "no_permission", "not_allowed_token_type",
        "not_authed", "org_login_required", "plan_upgrade_required", "team_access_not_granted", "token_expired",
        "token_revoked",
    }
)  # fmt: skip
WORDS = {
    "account_inactive": "the app was removed from the workspace; install it again",
    "cant_update_message": "the message is not ours to edit",
    "channel_not_found": "the channel doesn't exist, or the bot isn't in it; invite it with /invite",
    "invalid_auth": "the token is wrong or was revoked; copy it anew from the app's settings",
    "is_archived": "the channel is archived; unarchive it or set another one",
    "message_not_found": "the message was deleted",
    "missing_scope": "the app lacks a permission; reinstall it from manifest.yml",
    "no_such_subteam": "there is no such user group; copy its id (S...) from the address of its page in Slack",
    "not_allowed_token_type": "this is a token of another kind",
    "not_in_channel": "the bot isn't in the channel; invite it with /invite",
    "plan_upgrade_required": "user groups need a paid Slack plan; set APPROVERS to user ids instead",
    "restricted_action": "a setting of the workspace keeps the bot from posting there",
    "team_access_not_granted": "the app isn't installed in this workspace; install it there",
    "token_expired": "the token has run out; switch token rotation off as in manifest.yml, and install the app again",
    "token_revoked": "the token was revoked; install the app again",
}
"""Slack's error codes as people read them; a code that isn't here is shown as it is."""
APP_LEVEL = {
    "missing_scope": "the token lacks connections:write; make a new app-level token with it",
    "invalid_auth": "the token is wrong or was revoked; make a new one under Basic Information, App-Level Tokens",
}
"""The same where the app-level token was shown: it isn't installed and knows no manifest."""


def sentence(problem: BaseException | Decision, *, error_id: str = "") -> str:
    """What to tell the person who pressed or typed; ``error_id`` is the one that the log knows."""
    if isinstance(problem, Decision):
        return problem.sentence or "Policy allows it."
    known = f" (error {error_id})" if error_id else ""
    if isinstance(problem, RequestError | ForbiddenError | WorldChangedError | OutcomeUnknownError | RejectedError):
        return f"{problem}{known}" if problem.args else f"That can't be done{known}."
    if isinstance(problem, StoreUnavailableError):
        return f"Fettle's database takes no write at the moment, so nothing was done. Try again in a minute{known}."
    if isinstance(problem, ClusterUnavailableError):
        return f"The cluster didn't answer, so nothing was done. Try again in a minute{known}."
    if isinstance(problem, SlackUnavailableError):
        return f"Slack didn't answer in time. What was decided is kept and will be shown{known}."
    if isinstance(problem, IllegalTransitionError | IntegrityError):
        return f"Fettle's own records contradict this step, so nothing was done. Please report it{known}."
    if isinstance(problem, FettleError):
        return f"{problem}{known}"
    return f"Something failed inside Fettle; look at the incident's card before trying again{known}."


def explained(code: str, method: str = "") -> str:
    """``the channel doesn't exist, … (channel_not_found)``; a log would take "token_revoked:" for a secret's name."""
    words = {**WORDS, **(APP_LEVEL if method == "apps.connections.open" else {})}
    return f"{words[code]} ({code})" if code in words else code


def translated(error: BaseException, method: str, *, writes: bool) -> FettleError:
    """Slack's error as ours. ``writes``: the call may have been carried out if no clear answer came."""
    if isinstance(error, SlackApiError):
        return _answered(error, method, writes=writes)
    refused = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError) and not isinstance(
        error, aiohttp.SocketTimeoutError
    )
    if isinstance(error, FOREIGN):
        told = f"Slack didn't answer {method}: {why(error)}."
        return OutcomeUnknownError(told) if writes and not refused else SlackUnavailableError(told)
    return RejectedError(f"Slack's client refused {method}: {redact(str(error))}", "client")


def not_taken(status: int, body: str, wait: str = "") -> FettleError | None:
    """What a response address said against an answer: a status, or an error in a 200; None where it took it.

    ``wait`` is its Retry-After.
    """
    try:
        data = json.loads(body)
    except ValueError:
        data = None  # "ok", as a word
    code = str(data.get("error", "")) if isinstance(data, dict) and data.get("ok") is False else ""
    if status == 200 and not code:
        return None
    if status == 429 or status >= 500 or code in MAYBE_DONE | {"ratelimited", "rate_limited"}:
        return SlackUnavailableError(f"Slack takes no answer at the moment ({code[:40] or status}).", _seconds(wait))
    return RejectedError(f"Slack took no answer ({code[:40] or status}).", code[:40] or f"http_{status}")


def _seconds(wait: str) -> float | None:
    """A Retry-After in seconds; None without one, or for a date."""
    return float(wait) if wait.isascii() and wait.replace(".", "", 1).isdigit() else None


def _answered(error: SlackApiError, method: str, *, writes: bool) -> FettleError:
    response = error.response
    status = int(getattr(response, "status_code", 200) or 200)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        headers = getattr(response, "headers", {}) or {}
        seconds = _seconds(str(headers.get("Retry-After") or headers.get("retry-after") or "1")) or 1.0
        return SlackUnavailableError(f"Slack limits the rate of {method} for {seconds:g} s.", seconds, method)
    if not code and status < 500 and status != 413:
        # A portal or a proxy in between, or an address that isn't Slack's; with a status of 400 it went no further.
        told = f"What answered {method} isn't Slack (HTTP {status}): a proxy in between, or a wrong SLACK_API_URL."
        return OutcomeUnknownError(told) if writes and status < 400 else SlackUnavailableError(told)
    if status >= 500 or code in MAYBE_DONE:
        told = f"Slack failed at {method} ({code[:40] if status < 500 else status})."
        return OutcomeUnknownError(told) if writes else SlackUnavailableError(told)
    if code in OUR_RIGHTS:
        needed = str(data.get("needed", "")) if isinstance(data, dict) else ""
        more = f" (needed: {needed})" if needed else ""
        return ForbiddenError(f"Slack refuses {method}: {explained(code, method)}{more}.")
    return RejectedError(f"Slack refuses {method}: {explained(code, method)}.", code or f"http_{status}")
