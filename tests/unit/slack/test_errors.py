from __future__ import annotations

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain import errors
from bot.domain.decision import ALLOWED, Rule, deny
from bot.slack.errors import sentence, translated

KINDS = {
    errors.RequestError("“x” is not a severity."): "“x” is not a severity.",
    errors.NotFoundError("There is no incident INC-7."): "There is no incident INC-7.",
    errors.StoreUnavailableError("disk full"): "nothing was done. Try again in a minute",
    errors.ClusterUnavailableError("dial tcp"): "The cluster didn't answer",
    errors.SlackUnavailableError("reset"): "Slack didn't answer in time",
    errors.ForbiddenError("I may not patch deployments in shop."): "I may not patch deployments in shop.",
    errors.WorldChangedError("The target changed."): "The target changed.",
    errors.OutcomeUnknownError("No answer came."): "No answer came.",
    errors.IllegalTransitionError("a -> b"): "contradict this step",
    errors.ConfigError(["One.", "Two."]): "One. Two.",
    RuntimeError("secret"): "Something failed inside Fettle",
}


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
def test_every_error_has_a_sentence(error: Exception) -> None:
    told = sentence(error, error_id="ab12")
    assert KINDS[error] in told
    assert "ab12" in told
    assert "secret" not in told


def test_a_decision_tells_its_reasons() -> None:
    refused = deny(Rule.APPROVER, "Only @sre may approve.") + deny(Rule.FROZEN, "Writes are frozen.")
    assert sentence(refused) == "Only @sre may approve. Writes are frozen."
    assert sentence(ALLOWED) == "Policy allows it."


def answered(code: str, status: int = 200, **headers: str) -> SlackApiError:
    response = AsyncSlackResponse(
        client=None,  # type: ignore[arg-type]
        http_verb="POST",
        api_url="x",
        req_args={},
        data={"ok": False, "error": code, "needed": "chat:write"},
        headers=headers,
        status_code=status,
    )
    return SlackApiError("refused", response)


@pytest.mark.parametrize(
    ("error", "writes", "kind"),
    [
        (answered("ratelimited", 429, **{"Retry-After": "17"}), True, errors.SlackUnavailableError),
        (answered("", 503), True, errors.OutcomeUnknownError),
        (answered("", 503), False, errors.SlackUnavailableError),
        (answered("fatal_error"), True, errors.OutcomeUnknownError),
        (answered("missing_scope"), True, errors.ForbiddenError),
        (answered("token_revoked"), False, errors.ForbiddenError),
        (answered("is_archived"), True, errors.RejectedError),
        (answered("", 200), True, errors.OutcomeUnknownError),
        (answered("", 407), True, errors.SlackUnavailableError),
        (answered("", 404), False, errors.SlackUnavailableError),
        (answered("", 413), True, errors.RejectedError),
        (TimeoutError(), True, errors.OutcomeUnknownError),
        (TimeoutError(), False, errors.SlackUnavailableError),
        (aiohttp.ServerDisconnectedError(), True, errors.OutcomeUnknownError),
        (aiohttp.ConnectionTimeoutError(), True, errors.SlackUnavailableError),
        (aiohttp.SocketTimeoutError(), True, errors.OutcomeUnknownError),
        (ConnectionResetError(), True, errors.OutcomeUnknownError),
        (AttributeError("a bug"), True, errors.RejectedError),
    ],
)
def test_slacks_errors_answer_whether_it_may_have_happened(
    error: Exception, writes: bool, kind: type[errors.FettleError]
) -> None:
    made = translated(error, "chat.postMessage", writes=writes)
    assert type(made) is kind
    assert "chat.postMessage" in str(made)


def test_the_wait_that_slack_names_is_kept() -> None:
    made = translated(answered("ratelimited", 429, **{"Retry-After": "17"}), "x", writes=True)
    assert isinstance(made, errors.SlackUnavailableError)
    assert made.retry_after == 17.0


def test_a_missing_permission_is_named() -> None:
    assert "chat:write" in str(translated(answered("missing_scope"), "x", writes=True))


def test_an_app_level_token_is_not_told_to_be_installed_again() -> None:
    made = translated(answered("missing_scope"), "apps.connections.open", writes=False)
    assert "make a new app-level token" in str(made)
    assert "manifest" not in str(made)
