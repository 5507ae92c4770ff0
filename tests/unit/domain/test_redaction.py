"""What looks like a secret is hidden before it is stored or shown; what doesn't is left as it is."""

import base64
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.redaction import HIDDEN, know, names_secret, redact, redact_name, redact_values

SECRETS = [
    ("xoxb-123456-abcdef", HIDDEN),
    ("started with xapp-1-A0-99-abcd", f"started with {HIDDEN}"),
    ("password=hunter2 user=ana", f"password={HIDDEN} user=ana"),
    ('{"api_key": "s3cr3t", "n": 1}', f'{{"api_key": {HIDDEN}, "n": 1}}'),
    ("postgres://ana:hunter2@db/shop", f"postgres://ana:{HIDDEN}@db/shop"),
    ("Authorization: Bearer abcDEF123456", None),
    ("sent Bearer abcDEF123456 to it", f"sent Bearer {HIDDEN} to it"),
    ("ghp_abcdefghijklmnopqrstuvwx", HIDDEN),
    ("AKIAABCDEFGHIJKLMNOP", HIDDEN),
    ("eyJhbGciOi.eyJzdWIiOi.c2ln", HIDDEN),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", HIDDEN),
    ("-----BEGIN PRIVATE KEY-----\ncut off", HIDDEN),
    ("https://hooks.slack.com/services/T0/B0/xyz", HIDDEN),
]
PLAIN = [
    "",
    "Back-off restarting failed container api",
    "basic health check failed",
    "the bearer of this message",
    "ask @ana about https://example.org/path",
    "deployment api scaled to 3",
    "make one under Basic Information, App-Level Tokens",
]


@pytest.mark.parametrize(("text", "shown"), SECRETS, ids=[text[:20].strip() for text, _ in SECRETS])
def test_a_secret_is_hidden(text: str, shown: str | None) -> None:
    found = redact(text)
    assert HIDDEN in found
    assert "abcDEF123456" not in found
    if shown is not None:
        assert found == shown


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_a_value_under_a_secrets_name_is_hidden_whole() -> None:
    assert redact_values({"db_password": "plain words", "pod": "api-1", "token": ""}) == {
        "db_password": HIDDEN,
        "pod": "api-1",
        "token": "",
    }


@pytest.mark.parametrize("text", [text for text, _ in SECRETS], ids=[text[:20].strip() for text, _ in SECRETS])
def test_hiding_twice_is_hiding_once(text: str) -> None:
    """What was hidden before it was stored passes here again before it is logged or shown."""
    assert redact(redact(text)) == redact(text)


OWN = "Zq7-own/secret+value"


@pytest.fixture
def known() -> Iterator[None]:
    know([OWN, f"fettle:{OWN}", "short"])
    yield
    know([])


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    "form",
    [
        OWN,
        quote(OWN, safe=""),
        base64.b64encode(OWN.encode()).decode(),
        base64.b64encode(f"fettle:{OWN}".encode()).decode(),
    ],
    ids=["plain", "url", "base64", "pair"],
)
def test_our_own_secrets_are_hidden_without_a_name_or_a_shape(form: str) -> None:
    shown = redact(f"it said {form} to us")
    assert form.rstrip("=") not in shown
    assert shown.startswith(f"it said {HIDDEN}")


@pytest.mark.usefixtures("known")
def test_own_secrets_that_are_short_words_hide_nothing() -> None:
    assert redact("a short word") == "a short word"


def test_what_was_remembered_before_own_secrets_were_known_is_not_given_again() -> None:
    assert redact(f"now {OWN}") == f"now {OWN}"
    know([OWN])
    assert redact(f"now {OWN}") == f"now {HIDDEN}"
    know([])


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True), ("dbPassword", True), ("DB-PASSWORD", True), ("db.password", True), ("x-api-key", True),
        ("AWS_SECRET_ACCESS_KEY", True), ("secret_id", True), ("token_ttl", False), ("secretName", False),
        ("max_tokens", False), ("primary_key", False), ("keyspace", False), ("monkey", False), ("author", False),
        ("tokenizer", False), ("password_policy", False), ("topologyKey", False), ("bypass", False), ("pod", False),
    ],
)  # fmt: skip
def test_a_name_is_a_secrets_by_its_words(name: str, secret: bool) -> None:
    assert names_secret(name) is secret


def test_of_a_name_only_what_has_a_shape_is_hidden() -> None:
    assert redact_name("registry.example/secret:1.4") == "registry.example/secret:1.4"
    assert redact_name("ghp_abcdefghijklmnopqrstuvwx") == HIDDEN


def test_the_name_of_a_secret_object_is_no_secret() -> None:
    """kube-state-metrics labels alerts about certificates with ``secret="api-tls"``."""
    assert redact_values({"secret": "api-tls"}) == {"secret": "api-tls"}


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from([text for text, _ in SECRETS]), st.text(max_size=60))
def test_whatever_stands_around_it_nothing_raises(before: str, secret: str, after: str) -> None:
    assert isinstance(redact(f"{before} {secret} {after}"), str)
