"""What looks like a secret is hidden before it is stored or shown; what doesn't is left as it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.redaction import HIDDEN, redact, redact_values

SECRETS = [
    ("xoxb-123456-abcdef", HIDDEN),
    ("started with xapp-1-A0-99-abcd", f"started with {HIDDEN}"),
    ("password=hunter2 user=ana", f"password={HIDDEN} user=ana"),
    ('{"api_key": "s3cr3t", "n": 1}', f'{{"api_key": {HIDDEN}, "n": 1}}'),
    ("postgres://ana:hunter2@db/shop", f"postgres://ana:{HIDDEN}@db/shop"),
    ("Authorization: Bearer abcDEF123456", None),
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


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from([text for text, _ in SECRETS]), st.text(max_size=60))
def test_whatever_stands_around_it_nothing_raises(before: str, secret: str, after: str) -> None:
    assert isinstance(redact(f"{before} {secret} {after}"), str)
