"""Who may post alerts."""

import base64
from pathlib import Path

import pytest

from alerts.auth import Admitted, admitted, is_loopback
from bot.settings import Settings, load

BASE = {"SLACK_BOT_TOKEN": "xoxb-1-a", "SLACK_APP_TOKEN": "xapp-1-a", "KUBECONFIG": "k"}
FAR = "203.0.113.7"


def made(**changes: str) -> Settings:
    return load({**BASE, **changes}, env_file=Path("no.env"), yaml_file=Path("no.yaml"))


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


GUARDED = made(WEBHOOK_TOKENS="token-one,token-two", WEBHOOK_BASIC="ana:password-1,bo:pass:word-2")


@pytest.mark.parametrize(
    ("header", "let_in"),
    [
        ("Bearer token-one", True),
        ("bearer  token-two ", True),
        (basic("ana:password-1"), True),
        (basic("bo:pass:word-2"), True),
        (basic("anybody:token-two"), True),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        ("Bearer token-three", False),
        ("Bearer token-one,token-two", False),
        ("Bearer tokén", False),
        ("token-one", False),
        ("Digest token-one", False),
        ("Bearer ana:password-1", False),
        (basic("ana:password-2"), False),
        (basic("token-one:"), False),
        (basic(":"), False),
        (basic("password-1"), False),
        ("Basic !!!", False),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), False),
    ],
)
def test_only_a_live_secret_opens_wherever_one_stands(header: str, *, let_in: bool) -> None:
    assert (admitted(GUARDED, header, FAR) is not None) is let_in
    assert (admitted(GUARDED, header, "127.0.0.1") is not None) is let_in, "loopback is no secret"


@pytest.mark.parametrize(
    ("client", "let_in"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), (FAR, False), ("", False), ("testclient", False)],
)
def test_without_a_secret_only_this_machine_is_let_in(client: str, *, let_in: bool) -> None:
    assert (admitted(made(), "Bearer whatever", client) is not None) is let_in
    assert is_loopback(client) is let_in


def test_pairs_alone_accept_no_bearer() -> None:
    only = made(WEBHOOK_BASIC="ana:password-1")
    assert not admitted(only, "Bearer password-1", FAR)
    assert admitted(only, basic("ana:password-1"), FAR)


BOUND = made(
    WEBHOOK_TOKENS="token-whole,shop:token-shop,shop:token-next,eu:token-eu-1,http:token-old",
    WEBHOOK_BINDINGS="shop namespaces=shop|shop-staging, eu clusters=eu-1",
)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("token-whole", ""), ("token-shop", "shop"), ("token-next", "shop"), ("token-eu-1", "eu"),
        ("http:token-old", ""),
    ],
)  # fmt: skip
def test_a_token_with_a_bound_name_is_given_without_it_and_known_by_it(given: str, name: str) -> None:
    for header in (f"Bearer {given}", basic(f"anything:{given}")):
        found = admitted(BOUND, header, FAR)
        assert isinstance(found, Admitted)
        assert (found.binding.name if found.binding else "") == name


@pytest.mark.parametrize("given", ["shop:token-shop", "shop", "token-old", "", ":token-shop"])
def test_nothing_else_is_let_in(given: str) -> None:
    assert admitted(BOUND, f"Bearer {given}", FAR) is None
