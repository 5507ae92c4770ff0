"""How arguments travel, who is let in, and what the door refuses."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import SlackServer

SAID = {"channel": "C0ONCALL", "text": "hello"}


@pytest.mark.parametrize("how", ["params", "data", "json", "multipart"])
async def test_arguments_are_read_wherever_they_stand(
    server: SlackServer, session: aiohttp.ClientSession, how: str
) -> None:
    headers = {"Authorization": f"Bearer {server.bot_token}"}
    body: dict[str, object] = {how: SAID}
    if how == "multipart":
        with aiohttp.MultipartWriter("form-data") as form:
            for name, value in SAID.items():
                form.append(value).set_content_disposition("form-data", name=name)
        body = {"data": form}
    async with session.post(server.api_url + "chat.postMessage", headers=headers, **body) as answer:  # type: ignore[arg-type]
        assert answer.status == 200
        assert (await answer.json())["ok"] is True
    assert server.workspace.messages("C0ONCALL")[0].text == "hello"


async def test_the_token_may_stand_in_the_body_and_is_not_kept_in_the_log(
    server: SlackServer, session: aiohttp.ClientSession
) -> None:
    data = {"token": server.bot_token, "channel": "C0ONCALL"}
    async with session.post(server.api_url + "conversations.info", data=data) as answer:
        assert (await answer.json())["ok"] is True
    assert server.calls[-1].args == {"channel": "C0ONCALL"}


async def test_blocks_may_be_a_string_of_json_in_a_form(server: SlackServer, session: aiohttp.ClientSession) -> None:
    data = {"token": server.bot_token, "channel": "C0ONCALL", "blocks": '[{"type": "divider"}]'}
    async with session.post(server.api_url + "chat.postMessage", data=data) as answer:
        assert (await answer.json())["message"]["blocks"][0]["type"] == "divider"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ("{", "application/json", "invalid_json"),
        ("[]", "application/json", "json_not_object"),
        ("x", "text/plain", "invalid_post_type"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_logical_error(
    server: SlackServer, session: aiohttp.ClientSession, body: str, kind: str, code: str
) -> None:
    headers = {"Authorization": f"Bearer {server.bot_token}", "Content-Type": kind}
    async with session.post(server.api_url + "auth.test", data=body, headers=headers) as answer:
        assert answer.status == 200
        assert await answer.json() == {"ok": False, "error": code}


async def test_an_unknown_method_is_said_to_be_unknown(client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="unknown_method"):
        await client.api_call("chat.fly")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "not_authed"),
        ("xoxb-sandbox-other", "invalid_auth"),
        ("xoxb-made-up-token", "invalid_auth"),
    ],
)
async def test_only_the_sandbox_tokens_are_taken(
    server: SlackServer, session: aiohttp.ClientSession, token: str, code: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with session.post(server.api_url + "auth.test", headers=headers) as answer:
        assert await answer.json() == {"ok": False, "error": code}


async def test_a_token_that_looks_real_is_told_in_the_log_without_the_token(
    client: AsyncWebClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.token = "xoxb-made-up-token"
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await client.auth_test()
    assert "looks real" in caplog.text
    assert "made-up" not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("bot"))


async def test_each_kind_of_token_has_its_methods(server: SlackServer, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.apps_connections_open(app_token=server.bot_token)
    client.token = server.app_token
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.auth_test()


async def test_auth_test_says_who_the_bot_is(server: SlackServer, client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert answer["user_id"] == "U0FETTLE"
    assert answer["bot_id"] == "B0FETTLE"
    assert answer["team_id"] == "T0SANDBOX"
    assert answer["url"] == f"{server.url}/"


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.test"}, {"Origin": "http://evil.test"}, {"Origin": "null"}],
    ids=["rebound name", "foreign page", "opaque origin"],
)
async def test_other_pages_and_rebound_names_are_refused(
    server: SlackServer, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    async with session.get(server.api_url + "api.test", headers=headers) as answer:
        assert answer.status == 403
    async with session.get(f"{server.url}/link?ticket=x", headers=headers) as answer:
        assert answer.status == 403


async def test_the_server_listens_on_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        await SlackServer().start(host="0.0.0.0")


@pytest.fixture
async def scoped(session: aiohttp.ClientSession) -> AsyncIterator[AsyncWebClient]:
    """A client of an app whose manifest grants little."""
    server = SlackServer({"oauth_config": {"scopes": {"bot": ["chat:write", "channels:read"]}}})
    await server.start()
    yield AsyncWebClient(server.bot_token, base_url=server.api_url, session=session)
    await server.stop()


async def test_a_scope_the_manifest_does_not_ask_for_is_missing(scoped: AsyncWebClient) -> None:
    await scoped.chat_postMessage(channel="C0ONCALL", text="fine")
    await scoped.conversations_info(channel="C0ONCALL")
    for call in (
        scoped.users_info(user="U0ANA"),
        scoped.conversations_history(channel="C0ONCALL"),
        scoped.usergroups_list(),
        scoped.conversations_list(types="private_channel"),
        scoped.conversations_create(name="new"),
    ):
        with pytest.raises(SlackApiError) as caught:
            await call
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["provided"] == "channels:read,chat:write"
        assert caught.value.response["needed"]
